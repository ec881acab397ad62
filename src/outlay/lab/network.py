"""A small Llama in torch, as functions over a dictionary of tensors with Hugging Face names.

Only training uses it; what runs at the user's is the NumPy engine. Importing this module needs torch (extra `lab`).
Shapes: B sequences, T positions, D hidden size, V words. Dictionary keys are those of `LlamaForCausalLM`
(`model.layers.0.self_attn.q_proj.weight`, ...), so exporting is writing the dictionary down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

Weights = dict[str, Tensor]
EPSILON = 1e-6
ROPE_THETA = 10_000.0


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a Llama."""

    vocabulary: int
    hidden: int
    layers: int
    heads: int
    intermediate: int
    positions: int

    @property
    def head_size(self) -> int:
        """Channels of one attention head."""
        return self.hidden // self.heads


class Cache:
    """Keys and values of the positions read so far, one pair a layer, each [B, heads, capacity, head size]."""

    def __init__(self, shape: Shape, rows: int, capacity: int) -> None:
        size = (rows, shape.heads, capacity, shape.head_size)
        self.keys = [torch.zeros(size) for _ in range(shape.layers)]
        self.values = [torch.zeros(size) for _ in range(shape.layers)]
        self.length = 0

    def rows(self, index: Tensor) -> Cache:
        """A copy that holds the given rows, repeats allowed."""
        chosen = object.__new__(Cache)
        chosen.length = self.length
        chosen.keys = [key[index] for key in self.keys]
        chosen.values = [value[index] for value in self.values]
        return chosen


def seeded(seed: int) -> torch.Generator:
    """A source of random numbers on the device in use (`outlay.lab.train.use_device`)."""
    return torch.Generator(device=torch.get_default_device()).manual_seed(seed)


def initial_weights(shape: Shape, generator: torch.Generator) -> Weights:
    """Fresh weights: variance-preserving inputs, residual outputs scaled down by depth, gains of one."""
    weights = {"model.embed_tokens.weight": torch.randn(shape.vocabulary, shape.hidden, generator=generator) * 0.05}
    weights |= initial_blocks("model.layers", shape, generator)
    weights["model.norm.weight"] = torch.ones(shape.hidden)
    weights["lm_head.weight"] = torch.randn(shape.vocabulary, shape.hidden, generator=generator) * shape.hidden**-0.5
    return weights


def initial_blocks(prefix: str, shape: Shape, generator: torch.Generator) -> Weights:
    """Fresh weights of `shape.layers` blocks under names `prefix.N.*`."""
    hidden, intermediate = shape.hidden, shape.intermediate
    depth = math.sqrt(2 * shape.layers)

    def normal(rows: int, columns: int, scale: float) -> Tensor:
        return torch.randn(rows, columns, generator=generator) * scale

    weights: Weights = {}
    for layer in range(shape.layers):
        name = f"{prefix}.{layer}"
        for projection in ("q_proj", "k_proj", "v_proj"):
            weights[f"{name}.self_attn.{projection}.weight"] = normal(hidden, hidden, hidden**-0.5)
        weights[f"{name}.self_attn.o_proj.weight"] = normal(hidden, hidden, hidden**-0.5 / depth)
        for projection in ("gate_proj", "up_proj"):
            weights[f"{name}.mlp.{projection}.weight"] = normal(intermediate, hidden, hidden**-0.5)
        weights[f"{name}.mlp.down_proj.weight"] = normal(hidden, intermediate, intermediate**-0.5 / depth)
        weights[f"{name}.input_layernorm.weight"] = torch.ones(hidden)
        weights[f"{name}.post_attention_layernorm.weight"] = torch.ones(hidden)
    return weights


def final_states(weights: Weights, shape: Shape, tokens: Tensor, cache: Cache | None = None) -> Tensor:
    """The last block's output [B, T, D], before the final norm; with a cache, `tokens` continue what it holds."""
    return run_blocks(weights, "model.layers", shape, weights["model.embed_tokens.weight"][tokens], cache)


def run_blocks(weights: Weights, prefix: str, shape: Shape, states: Tensor, cache: Cache | None = None) -> Tensor:
    """`shape.layers` causal Llama blocks over states [B, T, D]."""
    start = 0 if cache is None else cache.length
    length = states.shape[1]
    cosine, sine = _rotary(shape.head_size, start, length)
    for layer in range(shape.layers):
        name = f"{prefix}.{layer}"
        states = states + _attention(weights, name, layer, shape, states, cosine, sine, cache)
        normed = rms_norm(states, weights[f"{name}.post_attention_layernorm.weight"])
        both = torch.cat([weights[f"{name}.mlp.gate_proj.weight"], weights[f"{name}.mlp.up_proj.weight"]])
        gate, up = functional.linear(normed, both).chunk(2, -1)
        states = states + functional.linear(functional.silu(gate) * up, weights[f"{name}.mlp.down_proj.weight"])
    if cache is not None:
        cache.length = start + length
    return states


def logits(weights: Weights, states: Tensor) -> Tensor:
    """Next-word logits [..., V] of final states [..., D]."""
    return functional.linear(rms_norm(states, weights["model.norm.weight"]), weights["lm_head.weight"])


def rms_norm(states: Tensor, gain: Tensor | None = None) -> Tensor:
    """Root-mean-square norm over the last axis."""
    return functional.rms_norm(states, (states.shape[-1],), gain, EPSILON)


def _attention(
    weights: Weights,
    name: str,
    layer: int,
    shape: Shape,
    states: Tensor,
    cosine: Tensor,
    sine: Tensor,
    cache: Cache | None,
) -> Tensor:
    rows, length, hidden = states.shape
    fused = torch.cat([weights[f"{name}.self_attn.{kind}_proj.weight"] for kind in "qkv"])
    normed = rms_norm(states, weights[f"{name}.input_layernorm.weight"])
    projected = functional.linear(normed, fused).view(rows, length, 3, shape.heads, shape.head_size)
    query, key, value = projected.permute(2, 0, 3, 1, 4)
    query, key = _rotated(query, cosine, sine), _rotated(key, cosine, sine)
    if cache is not None:
        end = cache.length + length
        cache.keys[layer][:, :, cache.length : end] = key
        cache.values[layer][:, :, cache.length : end] = value
        key, value = cache.keys[layer][:, :, :end], cache.values[layer][:, :, :end]
    if length == 1:
        mixed = torch.softmax((query @ key.transpose(-1, -2)) * shape.head_size**-0.5, -1) @ value
    else:
        assert key.shape[2] == length, "a cache is filled once with a prompt, then word by word"
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    joined = mixed.transpose(1, 2).reshape(rows, length, hidden)
    return functional.linear(joined, weights[f"{name}.self_attn.o_proj.weight"])


def _rotary(head_size: int, start: int, length: int) -> tuple[Tensor, Tensor]:
    frequencies = ROPE_THETA ** (-torch.arange(0, head_size, 2).float() / head_size)
    angles = torch.arange(start, start + length).float()[:, None] * frequencies
    return angles.cos(), angles.sin()


def _rotated(states: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    first, second = states.chunk(2, -1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], -1)
