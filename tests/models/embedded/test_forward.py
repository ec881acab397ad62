"""One block: a row's numbers depend on its own prefix only, to the last bit."""

import numpy as np
import pytest

from outlay.models.embedded import LANES, Weights
from outlay.models.embedded.forward import Forward, Outcome, Rows, empty_cache, rms_normalised

EVERY_LANE = np.arange(LANES)


def outcomes(weights: Weights, tokens: np.ndarray, lanes: np.ndarray) -> list[Outcome]:
    """Read `tokens` [length, LANES] a position a block, column c in lane `lanes[c]`; outcomes in column order."""
    forward, cache, previous = Forward(weights), empty_cache(weights), None
    results = []
    inverse = np.argsort(lanes)
    for position, column in enumerate(tokens):
        rows = Rows(EVERY_LANE, np.full(LANES, position), column[inverse], in_order=True)
        outcome = forward(rows, cache, previous)
        previous = outcome.logprobs
        results.append(
            Outcome(
                None if outcome.logprobs is None else outcome.logprobs[:, lanes],
                None if outcome.values is None else outcome.values[lanes],
            )
        )
    return results


def assert_same_bits(first: np.ndarray | None, second: np.ndarray | None) -> None:
    assert (first is None) == (second is None)
    if first is not None and second is not None:
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("kind", ["policy", "prm", "self-channel", "lab-sized"])
def test_a_row_is_the_same_in_every_lane(models: dict[str, Weights], kind: str) -> None:
    weights = models[kind]
    generator = np.random.default_rng(0)
    tokens = generator.integers(0, weights.shape.vocabulary, (5, LANES))
    in_place = outcomes(weights, tokens, EVERY_LANE)
    moved = outcomes(weights, tokens, generator.permutation(LANES))
    for one, other in zip(in_place, moved, strict=True):
        assert_same_bits(one.logprobs, other.logprobs)
        assert_same_bits(one.values, other.values)


@pytest.mark.parametrize("kind", ["policy", "prm", "self-channel", "lab-sized"])
def test_a_row_is_the_same_beside_other_neighbours(models: dict[str, Weights], kind: str) -> None:
    weights = models[kind]
    generator = np.random.default_rng(1)
    tokens = generator.integers(0, weights.shape.vocabulary, (5, LANES))
    changed = generator.integers(0, weights.shape.vocabulary, (5, LANES))
    changed[:, 17] = tokens[:, 17]
    for one, other in zip(outcomes(weights, tokens, EVERY_LANE), outcomes(weights, changed, EVERY_LANE), strict=True):
        assert_same_bits(
            None if one.logprobs is None else one.logprobs[:, 17],
            None if other.logprobs is None else other.logprobs[:, 17],
        )
        assert_same_bits(
            None if one.values is None else one.values[17], None if other.values is None else other.values[17]
        )


@pytest.mark.parametrize("kind", ["policy", "prm", "self-channel", "lab-sized"])
def test_reading_many_positions_in_one_block_gives_the_bits_of_one_at_a_time(
    models: dict[str, Weights], kind: str
) -> None:
    weights = models[kind]
    generator = np.random.default_rng(2)
    tokens = generator.integers(0, weights.shape.vocabulary, (32, LANES))
    one_at_a_time = outcomes(weights, tokens, EVERY_LANE)
    lane, position = np.repeat(np.arange(4), 32), np.tile(np.arange(32), 4)
    rows = Rows(lane, position, tokens[position, lane], in_order=False)
    at_once = Forward(weights)(rows, empty_cache(weights), None)
    for row in range(LANES):
        expected = one_at_a_time[position[row]]
        if at_once.logprobs is not None and expected.logprobs is not None:
            np.testing.assert_array_equal(at_once.logprobs[:, row], expected.logprobs[:, lane[row]])
        if at_once.values is not None and expected.values is not None:
            assert at_once.values[row] == expected.values[lane[row]]


def test_positions_not_reached_do_not_matter(models: dict[str, Weights]) -> None:
    weights = models["lab-sized"]
    rows = Rows(EVERY_LANE, np.zeros(LANES, np.intp), np.arange(LANES) % 100, in_order=True)
    short = Forward(weights)(rows, empty_cache(weights), None)
    dirty = empty_cache(weights)
    dirty[:] = 3.0
    longer = Rows(EVERY_LANE, np.where(EVERY_LANE == 5, 40, 0), rows.token, in_order=True)
    long = Forward(weights)(longer, dirty, None)
    assert short.logprobs is not None and long.logprobs is not None
    np.testing.assert_array_equal(np.delete(short.logprobs, 5, 1), np.delete(long.logprobs, 5, 1))


def test_rms_normalised_columns_have_unit_mean_square() -> None:
    hidden = np.random.default_rng(3).standard_normal((64, LANES)).astype(np.float32) * 10
    np.testing.assert_allclose((rms_normalised(hidden, 1e-6) ** 2).mean(axis=0), 1.0, rtol=1e-5)
