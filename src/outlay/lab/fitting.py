"""Fitting weights: batches of equal length, AdamW, a schedule in steps.

Sequences are batched by exact length, so nothing is padded; batches hold about the same number of tokens, so every
step costs and weighs the same. Importing this module needs torch (extra `lab`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from outlay.errors import OutlayError
from outlay.lab.network import Weights

WARM_UP_STEPS = 100
LAST_RATE = 0.02
"""The schedule is a short warm-up, then a straight line down to this share of the peak learning rate."""


def equal_length_batches(
    lengths: Sequence[int], tokens: int, generator: np.random.Generator, rows: int | None = None
) -> Iterator[NDArray[np.int64]]:
    """Endless batches of row indices, each of one length and about `tokens` tokens, in random order, epoch by epoch.

    With `rows`, a batch is that many rows of whatever length instead. What does not fill a batch waits for another
    epoch's shuffle; lengths too rare to ever fill one are left out.
    """
    by_length = np.asarray(lengths)
    groups = {length: np.flatnonzero(by_length == length) for length in np.unique(by_length).tolist()}
    while True:
        epoch = []
        for length, members in groups.items():
            size = rows or max(1, tokens // length)
            order = generator.permutation(members)
            epoch += [order[start : start + size] for start in range(0, len(order) - size + 1, size)]
        if not epoch:
            raise OutlayError(
                f"no batch of {rows or tokens} {'rows' if rows else 'tokens'} fits in {len(lengths)} sequences."
            )
        for index in generator.permutation(len(epoch)):
            yield epoch[index]


def fit(
    groups: Sequence[tuple[Weights, float]],
    loss_of_step: Callable[[int], Tensor],
    steps: int,
    log: Callable[[str], None],
    after: Callable[[int], None] = lambda step: None,
    log_every: int = 250,
) -> None:
    """Minimise `loss_of_step` in place over groups of (weights, peak learning rate) for `steps` steps.

    `after` is called with the number of steps done, for evaluations and checkpoints.
    """
    for weights, _ in groups:
        for tensor in weights.values():
            tensor.requires_grad_(True)
    parameters = [{"params": list(weights.values()), "lr": rate, "peak": rate} for weights, rate in groups]
    optimiser = torch.optim.AdamW(parameters, weight_decay=0.05, betas=(0.9, 0.98), fused=True)
    started, running = time.perf_counter(), torch.zeros(())
    for step in range(steps):
        rate = min(1.0, (step + 1) / WARM_UP_STEPS) * max(LAST_RATE, 1 - step / steps)
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * rate
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of_step(step)
        loss.backward()
        for weights, _ in groups:
            torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
        optimiser.step()
        running = loss.detach() if step == 0 else 0.98 * running + 0.02 * loss.detach()
        if (step + 1) % log_every == 0:
            log(f"step {step + 1} of {steps}, loss {float(running):.4f}, {time.perf_counter() - started:.0f} s")
        after(step + 1)
    for weights, _ in groups:
        for tensor in weights.values():
            tensor.requires_grad_(False)
