import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.study.claim import APART, FEWEST_DIFFERING, NEARLY, VERDICTS, Asked, Claim, Finding, counted, verdict_of
from outlay.study.settings import Settings

FAST = Settings(resamples=200)
ASKED = Asked("sums", "small", FAST)
AHEAD = Finding(1, "ahead", "the first is ahead", "somewhere")


def claim(first: np.ndarray, second: np.ndarray, margin: float | None = None) -> Claim:
    return ASKED.paired(AHEAD, ("a", "b"), (first, second), "what", "all", margin=margin)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.001, 0.2, "holds"),
        (-0.2, -0.001, "does not hold"),
        (-0.1, 0.1, "cannot be told"),
        (0.0, 0.2, "cannot be told"),
        (-0.0009, 0.0009, "cannot be told"),
        (0.0001, 0.0009, "cannot be told"),
    ],
)
def test_a_claim_of_being_ahead(low: float, high: float, verdict: str) -> None:
    assert verdict_of(low, high, 50) == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.02, 0.02, "holds"),
        (0.001, 0.019, "holds"),
        (0.021, 0.05, "does not hold"),
        (-0.05, -0.021, "does not hold"),
        (-0.05, -0.01, "cannot be told"),
        (-0.05, 0.05, "cannot be told"),
    ],
)
def test_a_claim_of_being_nearly_as_good(low: float, high: float, verdict: str) -> None:
    assert verdict_of(low, high, 50, margin=NEARLY) == verdict


@pytest.mark.parametrize("margin", [None, NEARLY])
def test_on_few_questions_that_differ_nothing_is_told(margin: float | None) -> None:
    assert verdict_of(0.005, 0.01, FEWEST_DIFFERING - 1, margin) == "cannot be told"
    assert verdict_of(0.005, 0.01, FEWEST_DIFFERING, margin) == "holds"


def test_questions_differ_from_a_point_on() -> None:
    second = np.zeros(20)
    assert claim(second + APART, second).differing == 20
    assert claim(second + APART / 2, second).differing == 0


def test_the_interval_is_over_questions_in_pairs() -> None:
    base = np.linspace(0.0, 0.5, 40)
    told = claim(base + 0.1, base)  # the questions vary, their differences do not
    assert (told.mean, told.low, told.high) == pytest.approx((0.1, 0.1, 0.1))
    assert told.verdict == "holds"


def test_what_is_the_same_is_said_to_be() -> None:
    first = np.zeros(4000)
    second = np.where(np.arange(4000) < 20, np.where(np.arange(4000) % 2, 0.02, -0.02), 0.0)
    told = claim(first, second).as_dict()
    assert told["verdict"] == "cannot be told"
    assert told["note"] == "the same, to within 0.1 point"


def test_too_few_that_differ_are_said() -> None:
    told = claim(np.array([1.0] * 3 + [0.0] * 17), np.zeros(20)).as_dict()
    assert told["verdict"] == "cannot be told"
    assert told["note"] == "they differ on 3 questions only"


def test_swapping_the_sides_turns_what_holds_into_what_does_not() -> None:
    generator = np.random.default_rng(1)
    better, worse = generator.random(60) < 0.8, generator.random(60) < 0.4
    first, second = better.astype(float), worse.astype(float)
    assert claim(first, second).verdict == "holds"
    assert claim(second, first).verdict == "does not hold"


MIRRORED = {"holds": "does not hold", "does not hold": "holds", "cannot be told": "cannot be told"}


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.floats(-0.4, 0.4), st.sampled_from([None, NEARLY]))
def test_swapping_mirrors_every_claim(seed: int, lead: float, margin: float | None) -> None:
    generator = np.random.default_rng(seed)
    second = generator.random(30) * 0.6
    first = np.clip(second + lead + generator.normal(0, 0.1, 30), 0, 1)
    one, other = claim(first, second, margin), claim(second, first, margin)
    assert (other.mean, other.low, other.high) == pytest.approx((-one.mean, -one.high, -one.low), abs=1e-12)
    assert other.verdict == (one.verdict if margin else MIRRORED[one.verdict])


@settings(deadline=None, max_examples=40)
@given(st.floats(-1, 1), st.floats(0, 1), st.integers(0, 100), st.sampled_from([None, NEARLY]))
def test_every_interval_has_one_of_three_verdicts(
    low: float, width: float, differing: int, margin: float | None
) -> None:
    assert verdict_of(low, low + width, differing, margin) in VERDICTS


def test_families_with_other_questions_are_resampled_on_their_own() -> None:
    generator = np.random.default_rng(2)
    much, little = (generator.random(80) < 0.6).astype(float), (generator.random(50) < 0.1).astype(float)
    told = ASKED.unpaired(AHEAD, ("a", "b"), (much, little), "what", "all")
    assert told.verdict == "holds"
    assert ASKED.unpaired(AHEAD, ("b", "a"), (little, much), "what", "all").verdict == "does not hold"
    assert ASKED.unpaired(AHEAD, ("a", "a"), (much, much[::-1]), "what", "all").verdict == "cannot be told"
    spread = (much.var() / 80 + little.var() / 50) ** 0.5
    assert told.high - told.low == pytest.approx(2 * 1.96 * spread, rel=0.25)


def test_verdicts_are_counted() -> None:
    verdicts = ["holds", "does not hold", "does not hold", "cannot be told"]
    assert counted([{"verdict": verdict} for verdict in verdicts]) == "1 holds, 2 do not, 1 cannot be told"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (4.1, float("inf"), "holds"),
        (0.5, 3.9, "does not hold"),
        (1.2, float("inf"), "cannot be told"),
        (3.0, 5.0, "cannot be told"),
    ],
)
def test_a_ratio_is_held_against_its_level(low: float, high: float, verdict: str) -> None:
    told = ASKED.read(AHEAD, ("a", "b"), (low + 0.05, low, high), (50, 40), "", "all", unit="times", level=4.0)
    assert told.verdict == verdict
    assert told.as_dict()["difference"]["high"] == (None if high == float("inf") else high)
    assert not told.same


def test_a_ratio_on_few_questions_tells_nothing() -> None:
    told = ASKED.read(
        AHEAD, ("a", "b"), (5.0, 4.5, 6.0), (50, FEWEST_DIFFERING - 1), "", "all", unit="times", level=1.0
    )
    assert told.verdict == "cannot be told"
