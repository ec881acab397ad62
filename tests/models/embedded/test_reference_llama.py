"""The engine against other implementations of the same folder: transformers' Llama, and the self channel's formula."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import outlay
from outlay.models.embedded import Engine, LogprobJob, ScoreJob, load_weights

torch = pytest.importorskip("torch", reason="the reference implementations are in torch")

TOLERANCE = 1e-4
SHIPPED = Path(outlay.__file__).parent / "lab" / "weights"


def token_lists(vocabulary: int, longest: int, count: int = 12) -> list[tuple[int, ...]]:
    generator = np.random.default_rng(5)
    return [tuple(generator.integers(0, vocabulary, generator.integers(2, longest + 1)).tolist()) for _ in range(count)]


def reference_logprobs(folder: Path, tokens: tuple[int, ...]) -> np.ndarray:
    transformers = pytest.importorskip("transformers", reason="the reference Llama is transformers'")
    model = transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        return torch.log_softmax(model(torch.tensor([tokens])).logits[0].double(), -1).numpy()


def assert_engine_matches_transformers(folder: Path) -> None:
    weights = load_weights(folder)
    lists = token_lists(weights.shape.vocabulary, weights.shape.positions)
    for result in Engine(weights).run(LogprobJob(tokens, 1, index) for index, tokens in enumerate(lists)):
        tokens = lists[result.tag]
        expected = reference_logprobs(folder, tokens)[np.arange(len(tokens) - 1), list(tokens[1:])]
        np.testing.assert_allclose(result.logprobs, expected, atol=TOLERANCE)


@pytest.mark.parametrize("kind", ["policy", "shared-heads", "lab-sized", "self-channel"])
def test_log_probabilities_equal_transformers(folders: dict[str, Path], kind: str) -> None:
    assert_engine_matches_transformers(folders[kind])


@pytest.mark.parametrize("name", ["countdown-small", "countdown-large", "arithmetic-small"])
def test_shipped_models_equal_transformers(name: str) -> None:
    if not (SHIPPED / name / "model.safetensors").exists():
        pytest.skip(f"{name} is not among the shipped weights")
    assert_engine_matches_transformers(SHIPPED / name)


def test_values_equal_transformers_token_classification(folders: dict[str, Path]) -> None:
    transformers = pytest.importorskip("transformers", reason="the reference Llama is transformers'")
    weights = load_weights(folders["prm"])
    model = transformers.LlamaForTokenClassification.from_pretrained(folders["prm"], dtype=torch.float32)
    lists = token_lists(weights.shape.vocabulary, weights.shape.positions)
    jobs = [ScoreJob(tokens, tuple(range(len(tokens))), index) for index, tokens in enumerate(lists)]
    for result in Engine(weights).run(jobs):
        with torch.no_grad():
            expected = torch.sigmoid(model(torch.tensor([lists[result.tag]])).logits[0, :, 0]).numpy()
        np.testing.assert_allclose(result.values, expected, atol=TOLERANCE)


def test_values_equal_the_self_channel_s_formula(folders: dict[str, Path]) -> None:
    weights = load_weights(folders["self-channel"])
    lists = token_lists(weights.shape.vocabulary, weights.shape.positions)
    jobs = [ScoreJob(tokens, tuple(range(len(tokens))), index) for index, tokens in enumerate(lists)]
    for result in Engine(weights).run(jobs):
        expected = self_channel_values(
            folders["self-channel"], weights.shape.layers, weights.shape.heads, lists[result.tag]
        )
        np.testing.assert_allclose(result.values, expected, atol=TOLERANCE)


def self_channel_values(folder: Path, layers: int, heads: int, tokens: tuple[int, ...]) -> np.ndarray:
    """The self-channel process reward model over a whole sequence at once, in float64 torch."""

    def read(name: str) -> dict:
        return {key: torch.tensor(value.astype(np.float64)) for key, value in load_file(folder / name).items()}

    base, head = read("model.safetensors"), read("value_head.safetensors")
    length = len(tokens)

    def rms(state, gain=1.0):
        return state * torch.rsqrt(state.pow(2).mean(-1, keepdim=True) + 1e-6) * gain

    def rotated(x):
        half = x.shape[-1] // 2
        frequencies = 10000.0 ** (-torch.arange(half, dtype=torch.float64) * 2 / x.shape[-1])
        angles = torch.outer(torch.arange(length, dtype=torch.float64), frequencies)
        first, second = x[..., :half], x[..., half:]
        return torch.cat(
            [first * angles.cos() - second * angles.sin(), second * angles.cos() + first * angles.sin()], -1
        )

    def block(state, tensors, prefix):
        def weight(name):
            return tensors[f"{prefix}.{name}.weight"]

        x = rms(state, weight("input_layernorm"))
        query, key, value = (
            (x @ weight(f"self_attn.{name}_proj").T).reshape(length, heads, -1).transpose(0, 1) for name in "qkv"
        )
        scores = rotated(query) @ rotated(key).transpose(-1, -2) / query.shape[-1] ** 0.5
        scores = scores.masked_fill(torch.triu(torch.ones(length, length, dtype=torch.bool), 1), -torch.inf)
        mixed = (scores.softmax(-1) @ value).transpose(0, 1).reshape(length, -1)
        state = state + mixed @ weight("self_attn.o_proj").T
        x = rms(state, weight("post_attention_layernorm"))
        gated = torch.nn.functional.silu(x @ weight("mlp.gate_proj").T) * (x @ weight("mlp.up_proj").T)
        return state + gated @ weight("mlp.down_proj").T

    state = base["model.embed_tokens.weight"][list(tokens)]
    for layer in range(layers):
        state = block(state, base, f"model.layers.{layer}")
    logprobs = (rms(state, base["model.norm.weight"]) @ base["lm_head.weight"].T).log_softmax(-1)
    features = torch.zeros(length, 3, dtype=torch.float64)
    for position in range(1, length):
        logprob = logprobs[position - 1, tokens[position]]
        below = logprob - logprobs[position - 1].max()
        features[position] = torch.stack([logprob.clamp(-10, 0) / 3, logprob.exp(), below.clamp(-10, 0) / 3])
    state = block(rms(state) + features @ head["channel.weight"].T + head["channel.bias"], head, "layers.0")
    score = rms(state, head["norm.weight"]) @ head["score.weight"][0] + head["score.bias"]
    return torch.sigmoid(score).numpy()
