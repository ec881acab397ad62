"""A synthetic world whose accuracies have closed forms: solutions are Markov chains of right and wrong steps.

A step after right steps is right with probability `right` (the first one too), after a wrong one with probability `recovers`; a
solution has `depth` steps and is right if its last step is. Drawn greedily, a step is as right as the one before. A revision is
right with probability `stays` after a right attempt and with probability `repairs` after a wrong one. The verifier takes a step
for what it is with probability `accuracy`, independently for each, and gives `high` for right and `low` for wrong (both exact in
binary, so that sums of them are equal where they should be).
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from outlay.drive.batching import BatchingDriver
from outlay.drive.running import uniform
from outlay.drive.serving import Unit
from outlay.types import Budget, Question, Sample, Solution, Step, StepScores, Trace
from outlay.verifiers.baselines import Immediate


@dataclass(frozen=True)
class World:
    right: float = 0.7
    recovers: float = 0.1
    depth: int = 3
    stays: float = 0.8
    repairs: float = 0.3
    accuracy: float = 0.8
    high: float = 0.875
    low: float = 0.25

    def after(self, before: bool) -> float:
        """P(next step is right)."""
        return self.right if before else self.recovers


class Signs:
    """The task: the last sign is the answer."""

    name = "signs"
    answers_can_vote = True
    max_solution_tokens = 100

    def questions(self, split: str, count: int, seed: int = 0) -> list[Question]:
        return [Question(f"q{i}", f"q{i}", reference="+", task=self.name) for i in range(count)]

    def extract(self, text: str) -> str | None:
        return text[-1]

    def grade(self, question: Question, answer: str) -> bool:
        return answer == "+"

    def equivalent(self, a: str, b: str) -> bool:
        return a == b


class MarkovModel:
    """The model. A solution's `state` holds, for each step, whether it is right and the key that it was drawn with."""

    name, parameters, max_tokens, capacity = "markov", 1, 100, 10_000

    def __init__(self, world: World) -> None:
        self.world = world
        self._queue: deque[tuple[Any, list[Solution]]] = deque()

    def question_tokens(self, question: Question) -> int:
        return 1

    def begin(self, request: Sample, keys: Sequence[int], tag: Any) -> None:
        draw = self._revised if request.attempts else self._grown
        self._queue.append((tag, [draw(request, key) for key in keys]))

    def advance(self) -> list[tuple[Any, list[Solution]]]:
        return [self._queue.popleft()]

    @property
    def idle(self) -> bool:
        return not self._queue

    @property
    def backlog(self) -> int:
        return len(self._queue)

    def _grown(self, request: Sample, key: int) -> Solution:
        state: tuple[tuple[bool, int], ...] = request.prefix.state if request.prefix else ()
        end = self.world.depth if request.until == "end" else min(len(state) + request.steps, self.world.depth)
        while len(state) < end:
            before = state[-1][0] if state else True
            right = before if request.temperature == 0 else uniform(key, len(state)) < self.world.after(before)
            state = (*state, (right, key))
        return self._solution(state, request.prefix)

    def _revised(self, request: Sample, key: int) -> Solution:
        chance = self.world.stays if request.attempts[-1].answer == "+" else self.world.repairs
        return self._solution(((uniform(key, 0) < chance, key),), None)

    def _solution(self, state: tuple[tuple[bool, int], ...], prefix: Solution | None) -> Solution:
        steps = tuple(Step("+" if right else "-", 1) for right, _ in state)
        ended = len(steps) == self.world.depth
        return Solution(steps, finished=ended, step_scores=prefix.step_scores if prefix else (), state=state)


def verifier(world: World) -> Immediate:
    """The verifier: each step of each sample is taken for what it is, or not, once and for all."""

    def score(question: Question, solution: Solution) -> StepScores:
        taken = [
            right == (uniform(key, depth, "taken") < world.accuracy)
            for depth, (right, key) in enumerate(solution.state)
        ]
        return tuple(world.high if one else world.low for one in taken)

    return Immediate("markov", score)


def simulated(world: World, strategy: Any, n: int, questions: int = 800) -> list[Trace]:
    """Traces of the strategy with a budget of n generations, through the real driver."""
    task = Signs()
    driver = BatchingDriver(task, MarkovModel(world), verifier(world))
    return list(driver.solve([Unit(q, strategy, Budget(generations=n)) for q in task.questions("test", questions)]))


# ---- the exact side, which knows nothing of strategies or drivers

Candidate = tuple[bool, bool]
"""Whether a candidate's last step is right, and whether the verifier takes it for right."""
Chances = Mapping[tuple[Candidate, ...], float]
"""Probabilities of ordered rows of candidates."""


def drawn(world: World, parents: Sequence[bool], so_far: float = 1.0) -> dict[tuple[Candidate, ...], float]:
    """The rows of next steps, one for each parent (whose last step is right or not), with their probabilities."""
    rows: dict[tuple[Candidate, ...], float] = {}
    for row in product(product((True, False), repeat=2), repeat=len(parents)):
        chance = so_far
        for parent, (right, taken) in zip(parents, row, strict=True):
            chance *= world.after(parent) if right else 1 - world.after(parent)
            chance *= world.accuracy if taken == right else 1 - world.accuracy
        rows[row] = rows.get(row, 0.0) + chance
    return rows


def searched(
    world: World, places: int, deal: Callable[[tuple[Candidate, ...]], Iterable[tuple[Sequence[int], float]]]
) -> Chances:
    """The last rows of a step-wise search: `deal` gives the ways to choose each place's parent, with their probabilities."""
    rows: Chances = drawn(world, [True] * places)
    for _ in range(world.depth - 1):
        following: dict[tuple[Candidate, ...], float] = {}
        for row, chance in rows.items():
            for parents, share in deal(row):
                for children, probability in drawn(world, [row[i][0] for i in parents], chance * share).items():
                    following[children] = following.get(children, 0.0) + probability
        rows = following
    return rows


def weighted_accuracy(world: World, rows: Chances) -> float:
    """P(the answer with the larger sum of scores is right), ties shared."""
    total = 0.0
    for row, chance in rows.items():
        mass = {True: 0.0, False: 0.0}
        for right, taken in row:
            mass[right] += world.high if taken else world.low
        tie = abs(mass[True] - mass[False]) < 1e-9
        total += chance * (0.5 if tie and mass[True] else float(mass[True] > mass[False]))
    return total


def whole_solution(world: World) -> float:
    """P(one sample is right)."""
    chance = 1.0
    for _ in range(world.depth):
        chance = chance * world.right + (1 - chance) * world.recovers
    return chance
