"""One block: a row's numbers depend on its own prefix only, to the last bit."""

import numpy as np
import pytest

from outlay.models.embedded import LANES, Weights
from outlay.models.embedded.forward import Forward, Outcome, rms_normalised
from outlay.models.embedded.lane_memory import LaneMemory, Rows

EVERY_LANE = np.arange(LANES)


def memory_of(weights: Weights) -> LaneMemory:
    """An empty sequence in every lane."""
    memory = LaneMemory(weights, LANES)
    memory.place(EVERY_LANE, np.zeros(LANES, np.intp))
    return memory


def outcomes(weights: Weights, tokens: np.ndarray, lanes: np.ndarray) -> list[Outcome]:
    """Read `tokens` [length, LANES] a position a block, column c in lane `lanes[c]`; outcomes in column order."""
    forward, memory, previous = Forward(weights), memory_of(weights), None
    results = []
    inverse = np.argsort(lanes)
    for position, column in enumerate(tokens):
        rows = Rows(EVERY_LANE, np.full(LANES, position), column[inverse], in_order=True)
        outcome = forward(rows, memory, previous)
        memory.length += 1
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
    lane, position = np.repeat(np.arange(8), 32), np.tile(np.arange(32), 8)
    rows = Rows(lane, position, tokens[position, lane], in_order=False)
    at_once = Forward(weights)(rows, memory_of(weights), None)
    for row in range(LANES):
        expected = one_at_a_time[position[row]]
        if at_once.logprobs is not None and expected.logprobs is not None:
            np.testing.assert_array_equal(at_once.logprobs[:, row], expected.logprobs[:, lane[row]])
        if at_once.values is not None and expected.values is not None:
            assert at_once.values[row] == expected.values[lane[row]]


def test_what_other_lanes_have_read_does_not_matter(models: dict[str, Weights]) -> None:
    weights, forward = models["lab-sized"], Forward(models["lab-sized"])
    first = Rows(EVERY_LANE, np.zeros(LANES, np.intp), np.arange(LANES) % 100, in_order=True)
    alone = forward(first, memory_of(weights), None)
    memory = LaneMemory(weights, LANES)
    others = np.delete(EVERY_LANE, 5)
    memory.place(others, np.zeros(LANES - 1, np.intp))
    for position in range(40):  # long enough for the memory to grow and to wrap
        forward(Rows(EVERY_LANE, memory.length.copy(), first.token, in_order=True), memory, None)
        memory.length[others] += 1
        if position % 7 == 0:
            memory.place(np.array([position + 6]), np.zeros(1, np.intp))
    memory.place(np.array([5]), np.zeros(1, np.intp))
    beside = forward(Rows(EVERY_LANE, memory.length.copy(), first.token, in_order=True), memory, None)
    assert alone.logprobs is not None and beside.logprobs is not None
    np.testing.assert_array_equal(alone.logprobs[:, 5], beside.logprobs[:, 5])


@pytest.mark.parametrize("width", [16, 32, 64, 128, 192])
def test_a_row_is_the_same_in_a_narrower_block(models: dict[str, Weights], width: int) -> None:
    weights, forward = models["lab-sized"], Forward(models["lab-sized"])
    if width < forward.narrowest:
        pytest.skip("this BLAS gives other bits at this width, and the engine does not use it")
    wide = forward(
        Rows(EVERY_LANE, np.zeros(LANES, np.intp), np.arange(LANES) % 100, in_order=True), memory_of(weights), None
    )
    memory, lanes = LaneMemory(weights, width), np.arange(width)
    memory.place(lanes, np.zeros(width, np.intp))
    narrow = forward(Rows(lanes, np.zeros(width, np.intp), lanes % 100, in_order=True), memory, None)
    assert wide.logprobs is not None and narrow.logprobs is not None
    np.testing.assert_array_equal(wide.logprobs[:, :width], narrow.logprobs)


def test_rms_normalised_columns_have_unit_mean_square() -> None:
    hidden = np.random.default_rng(3).standard_normal((64, LANES)).astype(np.float32) * 10
    np.testing.assert_allclose((rms_normalised(hidden, 1e-6) ** 2).mean(axis=0), 1.0, rtol=1e-5)
