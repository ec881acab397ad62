from dataclasses import replace

import numpy as np
import pytest
from claim_worlds import QUESTIONS, SAMPLES, evidence, pool

from outlay.study.rising import rising_sentence, stops_rising


def test_a_curve_that_rises_to_its_end() -> None:
    told = stops_rising(evidence(pool=pool(2)))
    assert told is not None
    assert (told["method"], told["n"], told["still"]) == ("best_of_n", SAMPLES, True)
    assert [(step["from"], step["to"]) for step in told["doublings"]] == [(1, 2), (2, 4), (4, 8), (8, 16)]


def test_a_curve_that_falls_at_its_end_stops_before() -> None:
    everywhere = np.ones(QUESTIONS, dtype=bool)
    told = stops_rising(evidence(pool=pool(8, misled=everywhere)))
    assert told is not None
    assert not told["still"]
    gains = {step["to"]: step["gain"] for step in told["doublings"]}
    assert gains[told["n"]]["low"] > 0
    assert all(gain["high"] < 0 for n, gain in gains.items() if n > told["n"])


def test_a_doubling_that_may_gain_or_lose_is_no_gain() -> None:
    told = stops_rising(evidence(pool=pool(16)))
    assert told is not None
    assert (told["n"], told["still"]) == (1, False)  # every sample is right


def test_where_nothing_chooses_there_is_no_curve() -> None:
    assert stops_rising(evidence(pool=replace(pool(), scores=None))) is None


@pytest.mark.parametrize(("still", "says"), [(True, "still gains"), (False, "after N = 16 no doubling")])
def test_it_is_told_in_a_sentence(still: bool, says: str) -> None:
    found = {"n": 16, "still": still, "doublings": [{"to": 16}]}
    assert rising_sentence(found, "toy", "best-of-N").startswith("toy: ")
    assert says in rising_sentence(found, "toy", "best-of-N")
