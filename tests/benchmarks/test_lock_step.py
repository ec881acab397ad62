import importlib.util

import pytest

from benchmarks import lock_step, peers
from outlay import models, tasks, verifiers
from outlay.strategies import BestOfN


@pytest.mark.parametrize("name", ["beam_search", "dvts", "lookahead"])
def test_every_way_to_drive_does_the_same_work(name):
    found = [lock_step.search("countdown", {"name": name}, 8, 6, way) for way in range(len(lock_step.WAYS))]
    for what in ("digest", "tokens", "accuracy"):
        assert len({one[what] for one in found}) == 1
    assert found[0]["tokens"] > 0
    assert all(0 < one["occupancy"]["model"] <= 1 for one in found)


def test_programs_that_ask_alike_get_the_same_texts_and_scores():
    task = tasks.load("countdown")
    (question,) = task.questions("validation", 1)
    world = peers.Recorded(
        models.load("embedded:countdown-small"), verifiers.load("embedded:countdown-prm"), task, question
    )
    first = [world.whole() for _ in range(4)]
    drawn = world.drawn
    world.forget()
    assert [world.whole() for _ in range(4)] == first
    assert world.drawn == drawn == sum(len(solution.steps) for solution in first)
    world.forget()
    chosen = peers.ours(world, BestOfN(), 4)
    finished = [solution for solution in first if solution.answer is not None]
    assert world.score(chosen.text)[-1] == max(world.score(solution.text)[-1] for solution in finished)


def test_without_its_hub_there_is_nothing_to_compare_with():
    if importlib.util.find_spec("its_hub") is None:
        assert peers.compare(1) == {"missing": "its_hub"}
    else:
        assert len(peers.compare(1)["rows"]) == 4 * len(peers.BUDGETS)
