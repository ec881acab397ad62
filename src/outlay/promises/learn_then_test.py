"""Learn-then-test: candidates are ordered on some questions, and what is promised is tested on others.

Angelopoulos, Bates, Candes, Jordan & Lei, "Learn then test" (arXiv 2110.01052), with fixed-sequence testing: the learning
questions fix a path from the candidate most likely to keep the promise to ever better ones that are ever less likely to; along
it each is tested at the full level, and the first that fails ends it. The chance that any candidate is promised that does not
keep the promise is at most 1 - level, however many candidates there are and whatever the learning questions said; a bad path
only makes for fewer promises. The guarantee is for questions drawn from the same source as the tested ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from outlay.curves.shapes import Floats, Ints
from outlay.errors import OutlayError, UserError
from outlay.promises.goals import Goal, Outcomes
from outlay.promises.testing import Test, questions_needed

FEWEST_QUESTIONS = 20
"""Below this many questions on either side nothing is tried: not even 20 right of 20 shows much."""

CERTAIN = -1.0
"""Thresholds below 0 need no test: the candidate keeps the promise by construction."""


@dataclass(frozen=True)
class Tested:
    """One step of the path: the candidate, its p-value, and whether it was shown to keep the promise.

    `estimate` and `bound` are in the goal's units: what the tested questions measured, and what holds at the level.
    """

    candidate: int
    name: str
    p_value: float
    shown: bool
    test: Test
    estimate: float
    bound: float


@dataclass(frozen=True)
class Shown:
    """What learn-then-test found: the steps of the path that were taken, the last shown one being the promise."""

    steps: tuple[Tested, ...]
    level: float
    learned: int
    tested: int

    @property
    def chosen(self) -> Tested:
        """The step that is promised."""
        return [step for step in self.steps if step.shown][-1]


class NotPromised(OutlayError):
    """The questions do not support the promise; the message says what they support and how many more it would take.

    `best` is the candidate that came nearest, `best_bound` what it could be promised to reach, and `more_questions` about how
    many more questions (learning ones included) would show the target with 80% probability if it is as good as it was measured
    to be here; None where it was measured to miss the target, so that more questions would not help.
    """

    def __init__(
        self, sentence: str, best: str, best_bound: float, estimate: float, more_questions: int | None
    ) -> None:
        super().__init__(sentence)
        self.best, self.best_bound = best, best_bound
        self.estimate, self.more_questions = estimate, more_questions


def learn_then_test(goal: Goal, learned: Outcomes, tested: Outcomes, *, level: float = 0.95, seed: int = 0) -> Shown:
    """The best candidate that can be promised to keep the goal, with confidence `level`.

    Args:
        goal: `TargetAccuracy`, `MeanBudget` or `PriceOfError`.
        learned: outcomes on the questions that fitted the candidates; they order the path and choose its tests.
        tested: outcomes of the same candidates on questions that played no part in anything before.
        level: probability, over the draw of the tested questions, that the promise made (if any) is true.
        seed: of the binomial test's rounding.

    Raises:
        NotPromised: not even the likeliest candidate could be shown to keep it.
        UserError: different candidates, too few questions, or a level outside (0.5, 1).

    >>> from outlay.promises.goals import TargetAccuracy
    >>> right = np.ones((60, 1)); cost = np.full((60, 1), 4.0)
    >>> outcomes = Outcomes(("best_of_n x 4",), right, cost, np.array([4.0]))
    >>> learn_then_test(TargetAccuracy(0.9), outcomes, outcomes).chosen.bound
    0.95
    """
    _check(learned, tested, level)
    values, thresholds = goal.values(learned), goal.thresholds(learned)
    order = path(chances(values, thresholds), goal.worth(learned))
    fresh = goal.values(tested)
    steps: list[Tested] = []
    for candidate in order:
        step = _tested(goal, values, fresh, float(thresholds[candidate]), int(candidate), tested, level, seed)
        steps.append(step)
        if not step.shown:
            break
    if not steps[0].shown:
        raise _refusal(
            goal, steps[0], fresh[:, steps[0].candidate], float(thresholds[steps[0].candidate]), learned, tested, level
        )
    return Shown(tuple(steps), level, learned.questions, tested.questions)


def chances(values: Floats, thresholds: Floats) -> Floats:
    """How many standard errors each candidate's mean is above its threshold: `[C]`; infinite where it needs no test."""
    questions = values.shape[0]
    spread = np.maximum(values.std(axis=0), 1.0 / (2.0 * np.sqrt(questions)))
    chance: Floats = (values.mean(axis=0) - thresholds) / spread * np.sqrt(questions)
    return np.where(thresholds <= CERTAIN, np.inf, np.where(thresholds >= 1.0, -np.inf, chance))


def path(chance: ArrayLike, worth: ArrayLike) -> Ints:
    """The candidate with the best chance, then ever better ones with ever less chance: no other candidate is both.

    Equal chances: the better one. Candidates whose chance is minus infinity are left out.

    >>> path([3.0, 2.0, 1.0, 2.5], [0.1, 0.3, 0.2, 0.2]).tolist()
    [0, 3, 1]
    """
    likely, good = np.asarray(chance, dtype=np.float64), np.asarray(worth, dtype=np.float64)
    order = np.lexsort((-good, -likely))
    found: list[int] = []
    for candidate in order:
        if np.isneginf(likely[candidate]):
            continue
        if not found or good[candidate] > good[found[-1]]:
            found.append(int(candidate))
    return np.array(found, dtype=np.int64)


def fixed_sequence(p_values: Sequence[float], level: float = 0.95) -> int:
    """How many hypotheses are rejected when they are tested in this order until the first that cannot be.

    >>> fixed_sequence([0.01, 0.04, 0.2, 0.001])
    2
    """
    passed = [p <= 1 - level for p in p_values]
    return passed.index(False) if False in passed else len(passed)


def holm(p_values: Sequence[float], level: float = 0.95) -> list[bool]:
    """Which hypotheses Holm's rule rejects, in no order that was fixed: what the path is compared with.

    >>> holm([0.01, 0.04, 0.2])
    [True, False, False]
    """
    order = np.argsort(p_values)
    rejected = [False] * len(p_values)
    for place, index in enumerate(order):
        if p_values[index] > (1 - level) / (len(p_values) - place):
            break
        rejected[int(index)] = True
    return rejected


def _tested(
    goal: Goal,
    learned: Floats,
    fresh: Floats,
    threshold: float,
    candidate: int,
    tested: Outcomes,
    level: float,
    seed: int,
) -> Tested:
    values = fresh[:, candidate]
    name = tested.names[candidate]
    estimate = goal.achieved(float(values.mean()), candidate, tested)
    if threshold <= CERTAIN:
        cap = goal.achieved(0.0, candidate, tested)
        return Tested(candidate, name, 0.0, True, Test("binomial"), estimate, cap)
    test = Test.choose(learned[:, candidate], threshold, tested.questions, level)
    p_value = test.p_value(values, threshold, seed)
    shown = p_value <= 1 - level
    bound = test.lower_bound(values, level, seed)
    bound = max(bound, threshold) if shown else min(bound, threshold)
    return Tested(candidate, name, p_value, shown, test, estimate, goal.achieved(bound, candidate, tested))


def _refusal(
    goal: Goal, first: Tested, values: Floats, threshold: float, learned: Outcomes, tested: Outcomes, level: float
) -> NotPromised:
    needed = None if values.mean() <= threshold else questions_needed(values, threshold, level)
    total = learned.questions + tested.questions
    more = None
    if needed is not None:
        more = max(1, round(needed * total / tested.questions) - total)
    sentence = goal.refused(first.name, first.estimate, first.bound, total, level)
    if more is None:
        sentence += (
            "; more questions would hardly help: allow more, or sample more of each question, or use a "
            "better model or verifier"
        )
    else:
        sentence += f"; if it is as good as it looks here, about {more:,} more questions would show it"
    return NotPromised(f"{sentence}.", first.name, first.bound, first.estimate, more)


def _check(learned: Outcomes, tested: Outcomes, level: float) -> None:
    if not 0.5 < level < 1.0:
        raise UserError(f"The level of a promise lies between 0.5 and 1 (0.95 is usual); it is {level:g}.")
    if learned.names != tested.names:
        raise UserError("The learning and the tested questions must have the same candidates, in the same order.")
    fewest = min(learned.questions, tested.questions)
    if fewest < FEWEST_QUESTIONS:
        raise UserError(
            f"A promise needs at least {FEWEST_QUESTIONS} questions to learn from and {FEWEST_QUESTIONS} others to test it on; "
            f"there are {learned.questions} and {tested.questions}: give more questions."
        )
