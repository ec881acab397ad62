"""Model folders in, weights out: a Llama in safetensors with its Hugging Face config, arranged for the engine.

A folder holds `config.json` (`LlamaForCausalLM`, or `LlamaForTokenClassification` with one label for a process reward
model), `model.safetensors`, `tokenizer.json`, and optionally `value_head.safetensors` (a self-channel process reward
model) and `outlay.json` (what the model is for). Everything becomes float32.

What changes on the way in, none of it the function that the model computes: norm gains are folded into the matrices
behind them, the attention scale into the query matrix, query, key and value (gate and up) become one matrix, shared
key-value heads are repeated, and attention features are ordered (feature, head) where the file has (head, feature).

Limits: plain rotary embeddings, SiLU, no biases in attention or feed-forward, weights that fit in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from outlay.errors import UserError
from outlay.models.embedded.tokenizer import WordTokenizer, read_tokenizer

Float32 = npt.NDArray[np.float32]
Tensors = Mapping[str, Float32]


@dataclass(frozen=True, slots=True)
class LlamaShape:
    """The sizes of a Llama. `attention_width` is heads x head_size; `intermediate` the feed-forward's inner width."""

    hidden: int
    layers: int
    heads: int
    key_value_heads: int
    head_size: int
    intermediate: int
    vocabulary: int
    positions: int
    rotary_base: float
    norm_epsilon: float

    @property
    def attention_width(self) -> int:
        """Heads times features a head."""
        return self.heads * self.head_size


@dataclass(frozen=True, slots=True, eq=False)
class LayerWeights:
    """One Llama block. With d hidden, a attention width, f inner width:

    `query_key_value` [3a, d] (rows ordered kind, feature, head), `attention_out` [d, a], `gate_up` [2f, d],
    `down` [d, f].
    """

    query_key_value: Float32
    attention_out: Float32
    gate_up: Float32
    down: Float32


@dataclass(frozen=True, slots=True, eq=False)
class SelfChannel:
    """How a process reward model listens to its own next-token distribution, and the blocks that read it.

    `channel` [d, 3] maps the three log-probability features of the token being read into the hidden space, `bias` is
    [d, 1]; `layers` are further Llama blocks over the sum.
    """

    channel: Float32
    bias: Float32
    layers: tuple[LayerWeights, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ValueHead:
    """P(right) after a token is sigmoid(`score` . normalised hidden state + `bias`); `score` is [d], gain folded in."""

    score: Float32
    bias: float
    self_channel: SelfChannel | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """A loaded model.

    `embedding` is [d, V] (a column a token), `unembedding` [V, d] or None (a model that only scores), `description`
    the content of `outlay.json`, `parameters` the number of numbers in the files.
    """

    shape: LlamaShape
    embedding: Float32
    layers: tuple[LayerWeights, ...]
    unembedding: Float32 | None
    head: ValueHead | None
    tokenizer: WordTokenizer
    end_token: int | None
    parameters: int
    name: str = ""
    description: Mapping[str, Any] = field(default_factory=dict)

    def matrices(self) -> Iterator[Float32]:
        """Every matrix that hidden states are multiplied by."""
        channel = self.head.self_channel if self.head else None
        for layer in self.layers + (channel.layers if channel else ()):
            yield from (layer.query_key_value, layer.attention_out, layer.gate_up, layer.down)
        if channel is not None:
            yield channel.channel
        if self.unembedding is not None:
            yield self.unembedding

    @property
    def cached_layers(self) -> int:
        """Blocks that keep keys and values: the base's, and the value head's own."""
        extra = self.head.self_channel.layers if self.head and self.head.self_channel else ()
        return len(self.layers) + len(extra)


def load_weights(folder: str | Path) -> Weights:
    """Read a model folder.

    Raises UserError, naming the file, where one is missing or holds a model that the engine cannot compute.

    >>> load_weights("weights/countdown-small").shape.hidden  # doctest: +SKIP
    64
    """
    folder = Path(folder)
    config = _read_json(folder / "config.json")
    description = _read_json(folder / "outlay.json") if (folder / "outlay.json").exists() else {}
    shape = _shape(config, folder / "config.json")
    tensors = _read_tensors(folder / "model.safetensors")
    parameters = sum(tensor.size for tensor in tensors.values())
    final_gain = _tensor(tensors, "model.norm.weight", folder)
    unembedding: Float32 | None = None
    head: ValueHead | None = None
    if config["architectures"][0] == "LlamaForTokenClassification":
        bias = tensors["score.bias"] if "score.bias" in tensors else np.zeros(1, np.float32)
        head = ValueHead(_tensor(tensors, "score.weight", folder)[0] * final_gain, float(bias[0]))
    else:
        tied = bool(config.get("tie_word_embeddings", False)) and "lm_head.weight" not in tensors
        name = "model.embed_tokens.weight" if tied else "lm_head.weight"
        unembedding = np.ascontiguousarray(_tensor(tensors, name, folder) * final_gain)
        if (folder / "value_head.safetensors").exists():
            extra = _read_tensors(folder / "value_head.safetensors")
            parameters += sum(tensor.size for tensor in extra.values())
            head = _self_channel_head(extra, shape, folder)
    tokenizer = read_tokenizer(folder)
    return Weights(
        shape=shape,
        embedding=np.ascontiguousarray(_tensor(tensors, "model.embed_tokens.weight", folder).T),
        layers=tuple(_layer(tensors, f"model.layers.{i}.", shape, folder) for i in range(shape.layers)),
        unembedding=unembedding,
        head=head,
        tokenizer=tokenizer,
        end_token=_end_token(config, description, tokenizer),
        parameters=parameters,
        name=str(description.get("name", folder.name)),
        description=description,
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{path} does not exist; give the folder of an embedded model (config.json and safetensors)."
        ) from None
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path} is not valid JSON ({error}); restore the file from where the model came from."
        ) from None
    if not isinstance(content, dict):
        raise UserError(f"{path} should hold one JSON object; restore the file from where the model came from.")
    return content


def _read_tensors(path: Path) -> Tensors:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return {name: np.asarray(tensor, dtype=np.float32) for name, tensor in load_file(path).items()}
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; an embedded model keeps its weights in that file.") from None
    except (SafetensorError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} cannot be read ({error}); it should be a safetensors file of float16 or float32."
        ) from None


def _tensor(tensors: Tensors, name: str, folder: Path) -> Float32:
    if name not in tensors:
        raise UserError(f"The weights in {folder} lack the tensor {name}; expected the names of a Hugging Face Llama.")
    return tensors[name]


def _shape(config: dict[str, Any], path: Path) -> LlamaShape:
    """The sizes in a Hugging Face Llama config, after a check that the engine computes every feature it asks for."""
    architecture = (config.get("architectures") or ["none"])[0]
    rotary = config.get("rope_parameters") or config.get("rope_scaling") or {}
    labels = config.get("num_labels", len(config.get("id2label") or "1"))
    refusals = {
        f"the architecture {architecture}": architecture not in ("LlamaForCausalLM", "LlamaForTokenClassification"),
        f"{labels} labels": architecture == "LlamaForTokenClassification" and labels != 1,
        "scaled rotary embeddings": rotary.get("rope_type", rotary.get("type", "default")) != "default",
        "biases": bool(config.get("attention_bias") or config.get("mlp_bias")),
        f"the activation {config.get('hidden_act')}": config.get("hidden_act", "silu") != "silu",
    }
    for what, refused in refusals.items():
        if refused:
            raise UserError(
                f"{path} asks for {what}, which the embedded engine does not compute (it does plain Llama, with one "
                "label where it scores); load this model through another backend."
            )
    try:
        heads = int(config["num_attention_heads"])
        hidden = int(config["hidden_size"])
        return LlamaShape(
            hidden=hidden,
            layers=int(config["num_hidden_layers"]),
            heads=heads,
            key_value_heads=int(config.get("num_key_value_heads") or heads),
            head_size=int(config.get("head_dim") or hidden // heads),
            intermediate=int(config["intermediate_size"]),
            vocabulary=int(config["vocab_size"]),
            positions=int(config["max_position_embeddings"]),
            rotary_base=float(rotary.get("rope_theta", config.get("rope_theta", 10000.0))),
            norm_epsilon=float(config.get("rms_norm_eps", 1e-6)),
        )
    except KeyError as missing:
        raise UserError(
            f"{path} lacks the field {missing}; expected the config.json of a Hugging Face Llama."
        ) from None


def _layer(tensors: Tensors, prefix: str, shape: LlamaShape, folder: Path) -> LayerWeights:
    def get(name: str) -> Float32:
        return _tensor(tensors, f"{prefix}{name}.weight", folder)

    def feature_major(matrix: Float32) -> Float32:
        """Rows ordered (head, feature) -> (feature, head), key-value heads repeated for the queries that share them."""
        by_head = matrix.reshape(-1, shape.head_size, shape.hidden)
        by_head = np.repeat(by_head, shape.heads // by_head.shape[0], axis=0)
        return by_head.transpose(1, 0, 2).reshape(shape.attention_width, shape.hidden)

    before_attention, before_feed_forward = get("input_layernorm"), get("post_attention_layernorm")
    query = feature_major(get("self_attn.q_proj")) * np.float32(shape.head_size**-0.5)
    key, value = feature_major(get("self_attn.k_proj")), feature_major(get("self_attn.v_proj"))
    out = get("self_attn.o_proj").reshape(shape.hidden, shape.heads, shape.head_size)
    return LayerWeights(
        query_key_value=np.concatenate([query, key, value]) * before_attention,
        attention_out=np.ascontiguousarray(out.transpose(0, 2, 1).reshape(shape.hidden, shape.attention_width)),
        gate_up=np.concatenate([get("mlp.gate_proj"), get("mlp.up_proj")]) * before_feed_forward,
        down=np.ascontiguousarray(get("mlp.down_proj")),
    )


def _self_channel_head(tensors: Tensors, shape: LlamaShape, folder: Path) -> ValueHead:
    count = len({name.split(".")[1] for name in tensors if name.startswith("layers.")})
    channel = SelfChannel(
        channel=np.ascontiguousarray(_tensor(tensors, "channel.weight", folder)),
        bias=_tensor(tensors, "channel.bias", folder)[:, None],
        layers=tuple(_layer(tensors, f"layers.{i}.", shape, folder) for i in range(count)),
    )
    score = _tensor(tensors, "score.weight", folder)[0] * _tensor(tensors, "norm.weight", folder)
    return ValueHead(score, float(_tensor(tensors, "score.bias", folder)[0]), channel)


def _end_token(config: dict[str, Any], description: Mapping[str, Any], tokenizer: WordTokenizer) -> int | None:
    """The token that ends a solution: the word in outlay.json, else the id in the config."""
    if "eos_token" in description:
        return tokenizer.id(str(description["eos_token"]))
    token = config.get("eos_token_id")
    return int(token) if isinstance(token, int) else None
