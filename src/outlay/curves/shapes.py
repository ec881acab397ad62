"""The arrays that estimators take, and the checks that they are what they claim to be.

A *pool* is a rectangle `[Q, n]`: one row a question, one column a sample, in the order the samples were asked for.
Questions whose pools differ in size are a rectangle too, with `valid` (bool `[Q, n]`) false where there is no sample:
`over_pools` runs a rectangular estimator on the questions of each pool size and writes NaN where a question has fewer
than k samples. Nothing here computes a statistic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from outlay.errors import UserError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Kernel = Callable[..., Floats]
"""A rectangular estimator: arrays `[Q, n]` and k (int array) to values `[Q, len(k)]`."""


def as_correct(correct: ArrayLike) -> Bools:
    """`correct` as bool `[Q, n]`; refuses other shapes, empty pools and values other than 0 and 1."""
    array = np.asarray(correct)
    if array.ndim != 2 or 0 in array.shape:
        raise UserError(
            f"`correct` must be a filled rectangle [questions, samples], but its shape is {array.shape}; "
            "reshape one question to [1, n]."
        )
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise UserError("`correct` must hold only true and false (or 1 and 0); it holds other values.")
    return array.astype(np.bool_, copy=False)


def as_scores(scores: ArrayLike, shape: tuple[int, ...], ignored: Bools | None = None) -> Floats:
    """`scores` as float of the given shape; refuses NaN except where `ignored`."""
    array = np.asarray(scores, dtype=np.float64)
    _same_shape("scores", array, shape)
    missing = np.isnan(array) if ignored is None else np.isnan(array) & ~ignored
    if missing.any():
        raise UserError(
            f"`scores` is NaN at {_where(missing)}; give minus infinity to a solution that could not be scored or parsed, "
            "or mark it as absent with `valid`."
        )
    return array


def as_answers(answers: ArrayLike, shape: tuple[int, ...]) -> Ints:
    """`answers` as int of the given shape: class numbers from 0, and -1 for no answer."""
    array = np.asarray(answers)
    _same_shape("answers", array, shape)
    if array.dtype.kind not in "iu":
        raise UserError(
            f"`answers` must be integers (a number for each class of equal answers, -1 for none), not {array.dtype}."
        )
    array = array.astype(np.int64, copy=False)
    if (array < -1).any():
        raise UserError(
            f"`answers` must be -1 (no answer) or a class number from 0; at {_where(array < -1)} it is lower."
        )
    return array


def as_ks(k: int | Sequence[int] | Ints, largest: int) -> Ints:
    """`k` as an int array `[K]`, each in 1..largest."""
    ks = np.atleast_1d(np.asarray(k))
    if ks.ndim != 1 or ks.size == 0 or ks.dtype.kind not in "iu":
        raise UserError(f"`k` must be a whole number or a list of them, not {k!r}.")
    if ks.min() < 1 or ks.max() > largest:
        raise UserError(f"`k` must lie between 1 and the pool's {largest} samples; it spans {ks.min()} to {ks.max()}.")
    return ks.astype(np.int64)


def over_pools(kernel: Kernel, k: Any, valid: ArrayLike | None, *arrays: NDArray[Any]) -> Floats:
    """Run `kernel` on the questions of each pool size; NaN where a question has fewer than k samples."""
    shape = arrays[0].shape
    if valid is None:
        return kernel(*arrays, as_ks(k, shape[1]))
    present = np.asarray(valid)
    _same_shape("valid", present, shape)
    if present.dtype != np.bool_:
        raise UserError(f"`valid` must be true or false for each sample, not {present.dtype}.")
    sizes = present.sum(axis=1)
    ks = as_ks(k, int(sizes.max()))
    first = np.argsort(~present, axis=1, kind="stable")
    values: Floats | None = None
    for size in np.unique(sizes[sizes >= ks.min()]):
        rows, possible = np.flatnonzero(sizes == size), np.flatnonzero(ks <= size)
        pools = [np.take_along_axis(array[rows], first[rows, :size], axis=1) for array in arrays]
        part = kernel(*pools, ks[possible])
        if values is None:
            values = np.full((shape[0], ks.size, *part.shape[2:]), np.nan)
        values[np.ix_(rows, possible)] = part
    assert values is not None  # as_ks keeps k within the largest pool
    return values


def _same_shape(name: str, array: NDArray[Any], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise UserError(f"`{name}` must have the shape of `correct`, {shape}; it has {array.shape}.")


def _where(mask: Bools) -> str:
    question, sample = np.argwhere(mask)[0]
    return f"question {question}, sample {sample}"
