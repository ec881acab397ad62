"""Drawing solutions with the torch network: what training labels and validation figures are made of.

A row is a list of token numbers. Rows of equal length are read together, each is continued `repeats` times, and rows
that have ended leave the batch. Importing this module needs torch (extra `lab`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from outlay.lab.network import Cache, Shape, Weights, final_states, logits

COMPACT_SHARE = 0.9
"""Ended rows are dropped once fewer than this share of the batch is alive."""


def continuations(
    weights: Weights,
    shape: Shape,
    prefixes: Sequence[Sequence[int]],
    repeats: int,
    end: int,
    limit: Sequence[int],
    generator: torch.Generator,
    temperature: float = 1.0,
    rows_at_once: int = 2048,
) -> list[list[list[int]]]:
    """`repeats` continuations of every prefix (the new tokens only), each up to its end token or `limit[i]` tokens."""
    result: list[list[list[int]]] = [[] for _ in prefixes]
    by_size: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, prefix in enumerate(prefixes):
        by_size[len(prefix), limit[index]].append(index)
    per_batch = max(1, rows_at_once // repeats)
    for (_, allowed), indices in sorted(by_size.items()):
        for start in range(0, len(indices), per_batch):
            chosen = indices[start : start + per_batch]
            tokens = torch.tensor([list(prefixes[index]) for index in chosen])
            with torch.no_grad():
                drawn = _continue(weights, shape, tokens, repeats, end, allowed, generator, temperature)
            for position, index in enumerate(chosen):
                result[index] = drawn[position * repeats : (position + 1) * repeats]
    return result


def _continue(
    weights: Weights,
    shape: Shape,
    tokens: Tensor,
    repeats: int,
    end: int,
    allowed: int,
    generator: torch.Generator,
    temperature: float,
) -> list[list[int]]:
    """Continue a rectangle of prefixes [B, T]; returns B x repeats token lists, a prefix's own next to each other."""
    rows, length = tokens.shape
    cache = Cache(shape, rows, length + allowed)
    states = final_states(weights, shape, tokens, cache)[:, -1]
    index = torch.arange(rows).repeat_interleave(repeats)
    if repeats > 1:
        cache, states = cache.rows(index), states[index]
    written = torch.full((rows * repeats, allowed), -1)
    owners = torch.arange(rows * repeats)
    alive = torch.ones(rows * repeats, dtype=torch.bool)
    for position in range(allowed):
        chosen = _draw(logits(weights, states), temperature, generator)
        written[owners[alive], position] = chosen[alive]
        alive &= chosen != end
        count = int(alive.sum())
        if count == 0 or position + 1 == allowed:
            break
        if count < COMPACT_SHARE * len(alive):
            kept = alive.nonzero().squeeze(1)
            cache, chosen, owners = cache.rows(kept), chosen[kept], owners[kept]
            alive = torch.ones(count, dtype=torch.bool)
        states = final_states(weights, shape, chosen[:, None], cache)[:, -1]
    return [[token for token in row if token >= 0] for row in written.tolist()]


def _draw(scores: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    if temperature == 0:
        return scores.argmax(-1)
    cumulative = torch.softmax(scores / temperature, -1).cumsum(-1)
    threshold = torch.rand(len(scores), 1, generator=generator) * cumulative[:, -1:]
    return (cumulative < threshold).sum(-1).clamp_max(scores.shape[-1] - 1)
