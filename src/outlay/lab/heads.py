"""The two value heads of the lab's process reward models, in torch.

`token_classification` is the plain one: one linear map on the normed final state. `self_channel` adds one Llama block over
the final states and, as an extra input, the model's **own** log-probability of each word that it reads (f_t below);
gradients flow through both. The plain head learned difficulty but not verification on nested arithmetic; the channel is
what made the difference there. It sees no reference answer and nothing of the sampler.

    f_t = [clip(log p, -10, 0) / 3, p, clip(log p - max log p, -10, 0) / 3],  p = P(x_t | x_<t) by this model, f_0 = 0
    u_t = rmsnorm(h_t) + channel f_t;   value_t = sigmoid(score . norm(block(u))_t)

Importing this module needs torch (extra `lab`).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from outlay.lab.network import Shape, Weights, final_states, initial_blocks, logits, rms_norm, run_blocks

LINEAR_HEAD = ("score.weight", "score.bias")
"""The tensors of a plain head."""
CHANNELS = 3
FLOOR = -10.0
SCALE = 3.0


def initial_linear_head(shape: Shape, generator: torch.Generator) -> Weights:
    """A fresh plain head."""
    weight = torch.randn(1, shape.hidden, generator=generator) * shape.hidden**-0.5
    return {"score.weight": weight, "score.bias": torch.zeros(1)}


def linear_head_scores(weights: Weights, shape: Shape, tokens: Tensor) -> Tensor:
    """Scores before the sigmoid [B, T] of a plain PRM, whose weights hold both the Llama and the head."""
    states = rms_norm(final_states(weights, shape, tokens), weights["model.norm.weight"])
    return functional.linear(states, weights["score.weight"], weights["score.bias"]).squeeze(-1)


def initial_self_channel_head(shape: Shape, generator: torch.Generator, layers: int = 1) -> Weights:
    """A fresh self-channel head of `layers` blocks."""
    hidden = shape.hidden
    head: Weights = {
        "channel.weight": torch.randn(hidden, CHANNELS, generator=generator) * CHANNELS**-0.5 / 2,
        "channel.bias": torch.zeros(hidden),
    }
    head |= initial_blocks("layers", replace(shape, layers=layers), generator)
    head["norm.weight"] = torch.ones(hidden)
    return head | initial_linear_head(shape, generator)


def self_channel_scores(
    weights: Weights, head: Weights, shape: Shape, tokens: Tensor, layers: int = 1
) -> tuple[Tensor, Tensor]:
    """Scores before the sigmoid [B, T], and the model's log-probabilities [B, T - 1] of `tokens[:, 1:]`."""
    states = final_states(weights, shape, tokens)
    predicted = torch.log_softmax(logits(weights, states[:, :-1]), -1)
    read = predicted.gather(2, tokens[:, 1:, None]).squeeze(-1)
    behind_best = read - predicted.max(-1).values
    channel = torch.stack([read.clamp(FLOOR, 0) / SCALE, read.exp(), behind_best.clamp(FLOOR, 0) / SCALE], -1)
    channel = functional.pad(channel, (0, 0, 1, 0))
    inputs = rms_norm(states) + functional.linear(channel, head["channel.weight"], head["channel.bias"])
    outputs = rms_norm(run_blocks(head, "layers", replace(shape, layers=layers), inputs), head["norm.weight"])
    return functional.linear(outputs, head["score.weight"], head["score.bias"]).squeeze(-1), read
