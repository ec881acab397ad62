"""The memory of lanes: what was stored is what is read, wherever a sequence stands and however the memory changes."""

import random

import numpy as np
import pytest

from outlay.models.embedded import Weights
from outlay.models.embedded.lane_memory import LaneMemory, Rows
from outlay.models.embedded.prefix_cache import Prefix

POSITIONS = 48


class Written:
    """A memory and, beside it, every lane's keys and values [layer, feature] in a plain list."""

    def __init__(self, weights: Weights, width: int, seed: int) -> None:
        self.memory = LaneMemory(weights, width)
        self.layers, self.features = weights.cached_layers, 2 * weights.shape.attention_width
        self.lists: dict[int, list[np.ndarray]] = {}
        self.random, self.numbers = random.Random(seed), np.random.default_rng(seed)

    def place(self, lane: int, length: int) -> None:
        prefix = self.numbers.standard_normal((self.layers, length, self.features)).astype(np.float32)
        self.memory.place(np.array([lane]), np.array([length]))
        self.memory.restore([lane], Prefix(length, prefix, None, None))
        self.lists[lane] = [prefix[:, at] for at in range(length)]

    def release(self, lane: int) -> None:
        self.memory.release(np.array([lane]))
        del self.lists[lane]

    def write(self, counts: dict[int, int], *, in_order: bool) -> None:
        lane = np.array([each for each, count in sorted(counts.items()) for _ in range(count)])
        if in_order:
            lane = np.arange(self.memory.width)
        position = self.memory.length[lane]
        if not in_order:
            position = position + np.concatenate([np.arange(count) for _, count in sorted(counts.items())])
        window = self.memory.window(Rows(lane, position, np.zeros(len(lane), int), in_order))
        new = self.numbers.standard_normal((self.layers, self.features, len(lane))).astype(np.float32)
        for layer in range(self.layers):
            window.write(layer, new[layer])
        for row, each in enumerate(lane.tolist()):
            if each in self.lists:
                self.lists[each].append(new[:, :, row])
                self.memory.length[each] += 1
        self.check_what_is_seen(window, lane, position, in_order)

    def check_what_is_seen(self, window, lane, position, in_order: bool) -> None:
        stretch, wrapped = window.read(0)
        rows = stretch if wrapped is None else np.concatenate([stretch, wrapped[1:]])
        for column, each in enumerate(lane.tolist()):
            if each in self.lists:
                seen = rows[window.hidden[:, 0, column] == 0.0, :, column]
                expected = [keys_values[0] for keys_values in self.lists[each][: position[column] + 1]]
                np.testing.assert_array_equal(seen, expected)

    def check(self) -> None:
        for lane, expected in self.lists.items():
            found = self.memory.snapshot(lane, 0, len(expected))
            np.testing.assert_array_equal(found, np.stack(expected, axis=1))

    def resize(self, width: int) -> None:
        keep = sorted(self.lists)
        self.memory.resize(np.array(keep, np.intp), width)
        self.lists = {new: self.lists[old] for new, old in enumerate(keep)}


@pytest.mark.parametrize("seed", range(12))
def test_every_lane_reads_what_was_written_to_it(models: dict[str, Weights], seed: int) -> None:
    written = Written(models["policy"], 16, seed)
    chance = written.random
    for _ in range(120):
        written.lists and chance.random() < 0.1 and written.release(chance.choice(sorted(written.lists)))
        for lane in [lane for lane, stored in written.lists.items() if len(stored) > POSITIONS - 9]:
            written.release(lane)
        free = [lane for lane in range(written.memory.width) if lane not in written.lists]
        if free and chance.random() < 0.4:
            written.place(chance.choice(free), chance.randrange(1, 12))
        if chance.random() < 0.05 and len(written.lists) <= 16:
            written.resize(chance.choice([16, 32]))
        if written.lists and chance.random() < 0.15:
            written.write({lane: chance.randrange(1, 9) for lane in written.lists}, in_order=False)
        elif written.lists:
            written.write({}, in_order=True)
        written.check()


def test_sequences_of_any_age_are_written_to_one_row(models: dict[str, Weights]) -> None:
    written = Written(models["policy"], 16, 0)
    for length in range(1, 12):
        written.place(length, length)
        written.write({}, in_order=True)
    lanes = np.arange(16)
    window = written.memory.window(Rows(lanes, written.memory.length.copy(), lanes, in_order=True))
    assert len(window.target) == 1


def test_a_memory_is_as_long_as_the_longest_stretch_that_was_needed(models: dict[str, Weights]) -> None:
    written = Written(models["policy"], 16, 0)
    for step in range(200):
        if step % 20 == 0:
            for lane in list(written.lists):
                written.release(lane)
            written.place(step % 16, 4)
        written.write({}, in_order=True)
    assert written.memory.capacity <= 32
