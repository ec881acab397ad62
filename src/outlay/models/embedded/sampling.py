"""Drawing tokens: counter-based uniforms, temperature, nucleus (top-p), inverse-CDF sampling.

A uniform is a pure function of a 64-bit key and an absolute position, so what a sequence draws does not depend on
when, where or beside what it is computed. Arrays are lane-last ([V, B]: a column a sequence), and every operation here
treats each column by itself.

The uniforms are SplitMix64's (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014),
its seed mixed once more so that neighbouring keys give unrelated streams. They have 23 bits: an event rarer than 1e-7
is not resolved.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from outlay.models.embedded.weights import Float32

UInt64 = npt.NDArray[np.uint64]
Tokens = npt.NDArray[np.intp]

_WEYL_INCREMENT = np.uint64(0x9E3779B97F4A7C15)
_FIRST_MULTIPLIER = np.uint64(0xBF58476D1CE4E5B9)
_SECOND_MULTIPLIER = np.uint64(0x94D049BB133111EB)
_GROUP = 16


def mix(values: UInt64) -> UInt64:
    """SplitMix64's finalizer: a bijection of 64-bit numbers in which every input bit moves every output bit."""
    mixed = values ^ (values >> np.uint64(30))
    mixed *= _FIRST_MULTIPLIER
    mixed ^= mixed >> np.uint64(27)
    mixed *= _SECOND_MULTIPLIER
    mixed ^= mixed >> np.uint64(31)
    return mixed


def uniforms(keys: UInt64, positions: npt.NDArray[np.integer]) -> Float32:
    """One uniform in the open interval (0, 1) for each (key, position), both [B].

    >>> bool(0 < uniforms(np.array([7], np.uint64), np.array([3]))[0] < 1)
    True
    """
    return uniforms_of_streams(streams(keys), positions)


def streams(keys: UInt64) -> UInt64:
    """The part of a uniform that depends on the key alone."""
    return mix(keys + _WEYL_INCREMENT)


def uniforms_of_streams(streams: UInt64, positions: npt.NDArray[np.integer]) -> Float32:
    """`uniforms` of the keys of these streams."""
    counters = positions.astype(np.uint64)
    counters *= _WEYL_INCREMENT
    counters += streams
    bits = mix(counters) >> np.uint64(41)
    return (bits.astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-23)


def log_softmax(logits: Float32) -> Float32:
    """Log-probabilities over the first axis of [V, B]; overwrites and returns `logits`."""
    logits -= logits.max(axis=0)
    normaliser = np.add.reduce(np.exp(logits), axis=0)
    np.log(normaliser, out=normaliser)
    logits -= normaliser
    return logits


def sample(logprobs: Float32, uniform: Float32, temperature: Float32, top_p: Float32) -> Tokens:
    """A token for each column of log-probabilities [V, B]; the other arguments are [B].

    Temperature 0 takes the most probable token, the lowest id on ties. Top-p keeps the smallest set of most probable
    tokens (after temperature) whose probability reaches it.
    """
    vocabulary, columns = logprobs.shape
    padded = np.empty((-(-vocabulary // _GROUP) * _GROUP, columns), np.float32)
    padded[vocabulary:] = 0.0
    weights = np.subtract(logprobs, logprobs.max(axis=0), out=padded[:vocabulary])
    if (temperature != 1.0).any():
        weights /= np.where(temperature > 0, temperature, np.float32(1.0))
    np.exp(weights, out=weights)
    if (top_p < 1.0).any():
        weights *= _nucleus(weights, top_p)
    tokens = _inverse_cdf(padded, uniform)
    greedy = temperature <= 0
    if greedy.any():
        tokens[greedy] = logprobs[:, greedy].argmax(axis=0)
    return tokens


def _nucleus(weights: Float32, top_p: Float32) -> npt.NDArray[np.bool_]:
    """Which tokens top-p keeps, [V, B]; a token is kept while the mass of those before it is below top-p."""
    order = np.argsort(-weights, axis=0, kind="stable")
    ranked = np.take_along_axis(weights, order, axis=0)
    cumulative = np.cumsum(ranked, axis=0)
    before = cumulative - ranked
    kept = (before < top_p * cumulative[-1]) | (top_p >= 1.0)
    kept[0] = True
    nucleus: npt.NDArray[np.bool_] = np.empty_like(kept)
    np.put_along_axis(nucleus, order, kept, axis=0)
    return nucleus


def _inverse_cdf(weights: Float32, uniform: Float32) -> Tokens:
    """The first token whose cumulative weight exceeds `uniform` of the whole, in two stages: group, then member.

    `weights` is padded with zeros to whole groups.

    A running sum over the vocabulary is the slowest thing a sampler does in NumPy; over group sums it is 16 times
    shorter.
    """
    columns = weights.shape[1]
    grouped = weights.reshape(-1, _GROUP, columns)
    cumulative = _running_sum(np.add.reduce(grouped, axis=1))
    target = _below(uniform * cumulative[-1], cumulative[-1])
    group = (cumulative <= target).sum(axis=0)
    column = np.arange(columns)
    start = np.where(group > 0, cumulative[group - 1, column], np.float32(0.0))
    first = group * (_GROUP * columns) + column
    members = _running_sum(weights.reshape(-1)[first + (np.arange(_GROUP) * columns)[:, None]])
    within = _below(target - start, members[-1])
    tokens: Tokens = group * _GROUP + (members <= within).sum(axis=0)
    return tokens


def _running_sum(terms: Float32) -> Float32:
    """Cumulative sums over the first axis, in place: for few long rows, adding row to row is faster than np.cumsum."""
    for row in range(1, len(terms)):
        terms[row] += terms[row - 1]
    return terms


def _below(target: Float32, total: Float32) -> Float32:
    """`target`, kept under `total` where rounding took it there, so that a token of weight zero is never drawn."""
    return np.minimum(target, np.nextafter(total, np.float32(0.0)))
