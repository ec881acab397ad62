"""A small world for strategies: a model that counts, a task that judges, and a way to run them and watch the requests.

A solution is a row of digits, one a step; its answer is their sum modulo ten, and right where that equals the reference.
"""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Any

from outlay.drive.batching import BatchingDriver
from outlay.drive.serving import Unit
from outlay.types import Budget, Choice, Draw, Question, Sample, Score, Solution, Step, Together, Trace


class Digits:
    """The task."""

    name = "digits"
    answers_can_vote = True
    max_solution_tokens = 12

    def questions(self, split: str, count: int, seed: int = 0) -> list[Question]:
        return [Question(f"q{i}", f"q{i}", reference=str(i % 10), task=self.name) for i in range(count)]

    def extract(self, text: str) -> str | None:
        digits = [int(word) for word in text.split() if word.isdigit()]
        return str(sum(digits) % 10) if digits else None

    def grade(self, question: Question, answer: str) -> bool:
        return answer == question.reference

    def equivalent(self, a: str, b: str) -> bool:
        return a == b


class DigitModel:
    """An in-process model: digits from its keys, three to five steps of two tokens (or `depth` steps where given)."""

    name = "toy:digits"
    parameters = 100
    max_tokens = 12

    def __init__(self, capacity: int = 8, depth: int | None = None) -> None:
        self.capacity = capacity
        self.depth = depth
        self.requests: list[Sample] = []
        self._queue: deque[tuple[Any, list[Solution]]] = deque()

    def question_tokens(self, question: Question) -> int:
        return 3

    def begin(self, request: Sample, keys: Sequence[int], tag: Any) -> None:
        self.requests.append(request)
        self._queue.append((tag, [self._draw(request, key) for key in keys]))

    def advance(self) -> list[tuple[Any, list[Solution]]]:
        return [self._queue.pop() for _ in range(min(3, len(self._queue)))]  # newest first: arrival is not asking order

    @property
    def idle(self) -> bool:
        return not self._queue

    @property
    def backlog(self) -> int:
        return len(self._queue)

    def _draw(self, request: Sample, key: int) -> Solution:
        before = request.prefix or Solution()
        depth = before.state or self.depth or 3 + key % 3
        if request.append:
            depth = len(before.steps) + (self.depth or 3 + key % 3)
        end = depth if request.until == "end" else min(len(before.steps) + request.steps, depth)
        greedy = request.temperature == 0
        steps = [Step(f" {1 if greedy else (key >> (4 * i + 8) % 60) % 10}", 2) for i in range(len(before.steps), end)]
        if request.append and steps:
            steps[0] = Step(f" {request.append.strip()}{steps[0].text}", 2)
        return Solution((*before.steps, *steps), finished=end == depth, step_scores=before.step_scores, state=depth)


def solve(
    strategy: Any, *, n: int, verifier: Any = None, questions: int = 1, seed: int = 0, model: DigitModel | None = None
) -> list[Trace]:
    """Run a strategy with a budget of n generations over the toy world; traces in question order."""
    task = Digits()
    driver = BatchingDriver(task, model or DigitModel(), verifier)
    units = [Unit(question, strategy, Budget(generations=n), seed) for question in task.questions("test", questions)]
    return sorted(driver.solve(units), key=lambda trace: int(trace.question.id[1:]))


Answer = Callable[[Any], Any]


def by_hand(work: Generator[Any, Any, Choice], answer: Answer, uniform: float = 0.0) -> tuple[Choice, list[Any]]:
    """Run a strategy's generator with `answer` serving each single request; the choice and every request it made.

    Every number drawn is `uniform`.
    """
    asked: list[Any] = []

    def serve(wanted: Any) -> Any:
        if isinstance(wanted, Together):
            results = []
            for part in wanted.parts:
                result, more = by_hand(part, answer, uniform)
                asked.extend(more)
                results.append(result)
            return results
        if isinstance(wanted, list):
            return [serve(request) for request in wanted]
        asked.append(wanted)
        return [uniform] * wanted.n if isinstance(wanted, Draw) else answer(wanted)

    try:
        wanted = next(work)
        while True:
            wanted = work.send(serve(wanted))
    except StopIteration as stop:
        return stop.value, asked


def samples(asked: list[Any]) -> list[Sample]:
    """The Sample requests among what was asked."""
    return [request for request in asked if isinstance(request, Sample)]


def scores(asked: list[Any]) -> list[Score]:
    """The Score requests among what was asked."""
    return [request for request in asked if isinstance(request, Score)]
