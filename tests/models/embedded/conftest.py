"""Model folders with random weights, in the format of the shipped ones."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from threadpoolctl import threadpool_limits

from outlay.models.embedded import Weights, load_weights

FolderMaker = Callable[..., Path]
KINDS: dict[str, dict[str, Any]] = {
    "policy": {},
    "shared-heads": {"key_value_heads": 2},
    "prm": {"architecture": "LlamaForTokenClassification"},
    "self-channel": {"head_layers": 1},
    "lab-sized": {"hidden": 64, "layers": 3, "intermediate": 172, "vocabulary": 112},
}


def write_folder(
    folder: Path,
    *,
    architecture: str = "LlamaForCausalLM",
    hidden: int = 32,
    layers: int = 2,
    heads: int = 4,
    key_value_heads: int = 4,
    intermediate: int = 48,
    vocabulary: int = 37,
    positions: int = 48,
    head_layers: int = 0,
    seed: int = 0,
) -> Path:
    generator = np.random.default_rng(seed)
    head_size = hidden // heads

    def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (generator.standard_normal(shape) * scale).astype(np.float16)

    def gain() -> np.ndarray:
        return (1 + 0.2 * generator.standard_normal(hidden)).astype(np.float16)

    def block(prefix: str) -> dict[str, np.ndarray]:
        narrow = hidden**-0.5
        return {
            f"{prefix}.self_attn.q_proj.weight": normal(hidden, hidden, scale=2 * narrow),
            f"{prefix}.self_attn.k_proj.weight": normal(key_value_heads * head_size, hidden, scale=2 * narrow),
            f"{prefix}.self_attn.v_proj.weight": normal(key_value_heads * head_size, hidden, scale=narrow),
            f"{prefix}.self_attn.o_proj.weight": normal(hidden, hidden, scale=narrow),
            f"{prefix}.mlp.gate_proj.weight": normal(intermediate, hidden, scale=narrow),
            f"{prefix}.mlp.up_proj.weight": normal(intermediate, hidden, scale=narrow),
            f"{prefix}.mlp.down_proj.weight": normal(hidden, intermediate, scale=intermediate**-0.5),
            f"{prefix}.input_layernorm.weight": gain(),
            f"{prefix}.post_attention_layernorm.weight": gain(),
        }

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {"model.embed_tokens.weight": normal(vocabulary, hidden, scale=0.5), "model.norm.weight": gain()}
    for layer in range(layers):
        tensors |= block(f"model.layers.{layer}")
    scores = architecture == "LlamaForTokenClassification"
    if scores:
        tensors |= {"score.weight": normal(1, hidden, scale=hidden**-0.5), "score.bias": normal(1)}
    else:
        tensors["lm_head.weight"] = normal(vocabulary, hidden, scale=2 * hidden**-0.5)
    save_file(tensors, folder / "model.safetensors")
    if head_layers:
        head = {
            "channel.weight": normal(hidden, 3),
            "channel.bias": normal(hidden),
            "norm.weight": gain(),
            "score.weight": normal(1, hidden, scale=hidden**-0.5),
            "score.bias": normal(1),
        }
        for layer in range(head_layers):
            head |= block(f"layers.{layer}")
        save_file(head, folder / "value_head.safetensors")
    config = {
        "architectures": [architecture],
        "model_type": "llama",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": key_value_heads,
        "intermediate_size": intermediate,
        "vocab_size": vocabulary,
        "max_position_embeddings": positions,
        "rope_theta": 10000.0,
        "rms_norm_eps": 1e-6,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": 1,
        "pad_token_id": 0,
        **({"num_labels": 1, "id2label": {"0": "right"}} if scores else {}),
    }
    (folder / "config.json").write_text(json.dumps(config))
    words = ["<pad>", "<end>", ";", *(str(number) for number in range(vocabulary - 3))]
    tokenizer = {
        "version": "1.0",
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "added_tokens": [{"id": 1, "content": "<end>", "special": True}],
        "model": {"type": "WordLevel", "vocab": {word: i for i, word in enumerate(words)}, "unk_token": "<unk>"},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    return folder


@pytest.fixture(scope="module", autouse=True)
def one_blas_thread() -> Iterator[None]:
    """As inside the engine."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of each kind."""
    root = tmp_path_factory.mktemp("models")
    return {kind: write_folder(root / kind, **options) for kind, options in KINDS.items()}


@pytest.fixture(scope="session")
def models(folders: dict[str, Path]) -> dict[str, Weights]:
    """The loaded weights of each kind."""
    return {kind: load_weights(folder) for kind, folder in folders.items()}


@pytest.fixture
def make_folder(tmp_path: Path) -> FolderMaker:
    """Writes a folder of chosen sizes."""
    return lambda **options: write_folder(tmp_path / "model", **options)
