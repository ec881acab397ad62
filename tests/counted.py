"""A world whose model and verifier keep books of their own, over both seams, with every kind of model a strategy may meet.

What is written depends on the prompt, the text so far and the key of the draw alone, so that both drivers get the same texts. A
step is a digit and an empty line (two tokens), a solution's answer the sum of its digits modulo ten; tokens of prompts are words.
The books are kept from what really passed the seams, not from what a strategy says that it asked for.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from outlay.drive.running import key
from outlay.models.model import Completion
from outlay.types import Question, Sample, Score, Solution, Step, StepScores
from toy import Digits

KINDS = ("usual", "stops at once", "never stops", "unparsable", "mixed")
"""Of models: an unparsable one ends its solutions, but writes no answer; a mixed one does all of this, by its first word."""

SCORES: dict[str, Callable[[int], float]] = {
    "varied": lambda drawn: drawn % 101 / 100,
    "equal": lambda drawn: 0.5,
    "zeros": lambda drawn: 0.0,
    "ones": lambda drawn: 1.0,
    "0 or 1": lambda drawn: float(drawn % 2),
    "NaN": lambda drawn: float("nan"),
}
STEP_TOKENS, MOST_STEPS = 2, 5


def words(text: str) -> int:
    return len(text.split())


def written(kind: str, prompt: str, before: str, seed: int, *, steps: int, room: int) -> tuple[list[Step], str]:
    """Up to `steps` further steps within `room` tokens, and why they end: "end", "stop" or "length"."""
    opening = None
    if kind == "mixed":
        first = before.rpartition("Wait")[2].split()[:1]
        opening = first[0] if first else ("x", "0", "1", "2")[key(prompt, before, seed) % 4]
        kind = {"x": "unparsable", "0": "never stops"}.get(opening, "usual")
    if kind == "stops at once":
        return [Step("", 1)], "end"
    if "It is correct" in prompt and key(prompt, seed) % 3 == 0:
        return [Step(" It is correct.", STEP_TOKENS)], "end"
    found: list[Step] = []
    while True:
        text = before + "".join(step.text for step in found)
        drawn = key(prompt, text, seed)
        depth = text.rpartition("Wait")[2].count("\n\n") + 1
        ends = kind != "never stops" and (depth >= MOST_STEPS or (depth > 1 and drawn % 3 == 0))
        word = "x" if kind == "unparsable" else drawn // 7 % 10
        if opening is not None and depth == 1:
            word = opening
        found.append(Step(f" {word}" if ends else f" {word}\n\n", STEP_TOKENS))
        if ends:
            return found, "end"
        if len(found) * STEP_TOKENS >= room:
            return found, "length"
        if len(found) >= steps:
            return found, "stop"


@dataclass
class Books:
    """What model and verifier did: requests in the order in which they were begun, and the tokens that went through."""

    requests: list[Sample | Score] = field(default_factory=list)
    begun_at: list[float] = field(default_factory=list)
    spent: Counter[str] = field(default_factory=Counter)
    read: set[tuple[str, ...]] = field(default_factory=set)
    clock: Callable[[], float] = lambda: 0.0

    def note(self, request: Sample | Score) -> None:
        self.requests.append(request)
        self.begun_at.append(self.clock())
        self.spent["calls"] += 1

    def generations(self) -> int:
        """The most that was drawn at one depth: steps there, and runs to the end that had begun by then."""
        stepped, runs = Counter[int](), Counter[int]()
        for request in self.requests:
            if isinstance(request, Sample):
                depth = len(request.prefix.steps) if request.prefix else 0
                (runs if request.until == "end" else stepped)[depth] += request.n * (
                    request.steps if request.until == "step" else 1
                )
        return max(
            (stepped[depth] + sum(n for begun, n in runs.items() if begun <= depth) for depth in {*stepped, *runs}),
            default=0,
        )


class CountingModel:
    """In this process. `order` says which waiting request is served next: arrival has nothing to do with asking."""

    name = "counted:model"
    parameters = 100
    max_tokens = Digits.max_solution_tokens

    def __init__(self, kind: str = "usual", books: Books | None = None, capacity: int = 4, order: int = 0) -> None:
        self.kind, self.books, self.capacity = kind, books or Books(), capacity
        self._order = random.Random(order)
        self._queue: deque[tuple[Any, list[Solution]]] = deque()

    def question_tokens(self, question: Question) -> int:
        return words(question.text)

    def begin(self, request: Sample, keys: Sequence[int], tag: Any) -> None:
        spent, before = self.books.spent, request.prefix or Solution()
        context = sum(attempt.tokens for attempt in request.attempts)
        asked = words(request.question.text)
        prompt = asked + context + before.tokens + words(request.append)
        known = any(isinstance(r, Sample) and r.question.text == request.question.text for r in self.books.requests)
        self.books.note(request)
        drawn = [self._one(request, before, keys[0] + index) for index in range(len(keys))]
        spent["prompt_tokens"] += prompt * len(keys)
        spent["fresh"] += words(request.append) + context + (0 if known and not context else asked)
        spent["generated_tokens"] += sum(solution.tokens - before.tokens for solution in drawn)
        self._queue.append((tag, drawn))

    def _one(self, request: Sample, before: Solution, seed: int) -> Solution:
        seen = "".join(attempt.text for attempt in request.attempts)
        room = self.max_tokens - (0 if request.append else before.tokens)
        steps, end = written(
            self.kind,
            seen + request.question.text,
            before.text + request.append,
            0 if request.temperature == 0 else seed % 2**31,
            steps=request.steps if request.until == "step" else 99,
            room=room,
        )
        steps[0] = Step(request.append + steps[0].text, steps[0].tokens)
        full = end != "end" and sum(step.tokens for step in steps) >= room
        return Solution((*before.steps, *steps), finished=end == "end", truncated=full, step_scores=before.step_scores)

    def advance(self) -> list[tuple[Any, list[Solution]]]:
        self._queue.rotate(self._order.randrange(len(self._queue)))
        return [self._queue.popleft() for _ in range(self._order.randint(1, len(self._queue)))]

    @property
    def idle(self) -> bool:
        return not self._queue

    @property
    def backlog(self) -> int:
        return len(self._queue)


class CountingScores:
    """An in-process verifier that reads each step of a run once."""

    name = "counted:scores"
    parameters = 50
    capacity = 1

    def __init__(self, scores: str = "varied", books: Books | None = None) -> None:
        self.scores, self.books = SCORES[scores], books or Books()
        self._ready: list[tuple[Any, list[StepScores]]] = []

    def begin(self, request: Score, tag: Any) -> None:
        self.books.note(request)
        self._ready.append((tag, [self.values(request.question, solution) for solution in request.solutions]))
        for solution in request.solutions:
            if not self.books.read:
                self.books.read.add(())
                self.books.spent["verifier_prompt_tokens"] += words(request.question.text)
            for depth, step in enumerate(solution.steps, start=1):
                path = tuple(one.text for one in solution.steps[:depth])
                if path not in self.books.read:
                    self.books.read.add(path)
                    self.books.spent["verifier_prompt_tokens"] += step.tokens

    def values(self, question: Question, solution: Solution) -> StepScores:
        texts = [step.text for step in solution.steps]
        return tuple(self.scores(key(question.id, *texts[: depth + 1])) for depth in range(len(texts)))

    def advance(self) -> list[tuple[Any, list[StepScores]]]:
        ready, self._ready = self._ready, []
        return ready

    @property
    def idle(self) -> bool:
        return not self._ready

    @property
    def backlog(self) -> int:
        return len(self._ready)


class CountingServer:
    """The same model over the asynchronous seam; its calls come back in an order of their own."""

    name = "counted:model"
    parameters = 100

    def __init__(self, kind: str = "usual", books: Books | None = None, order: int = 0) -> None:
        self.kind, self.books, self.order = kind, books or Books(), order

    async def sample(
        self,
        prompt: str,
        *,
        n: int,
        max_tokens: int,
        temperature: float,
        stop: Sequence[str],
        seed: int,
        prefix: str = "",
    ) -> list[Completion]:
        self.books.spent["calls"] += 1
        self.books.begun_at.append(self.books.clock())
        for _ in range(key(self.order, prompt, prefix, seed) % 4):
            await asyncio.sleep(0)
        completions = []
        for index in range(n):
            drawn = 0 if temperature == 0 else (seed + index) % 2**31
            steps, end = written(self.kind, prompt, prefix, drawn, steps=1 if stop else 99, room=max_tokens)
            texts = [text for step in steps for text in step.text.partition("\n\n")[: step.tokens]]
            completions.append(
                Completion(
                    "".join(step.text for step in steps),
                    end,  # type: ignore[arg-type]
                    words(prompt + prefix),
                    0,
                    sum(step.tokens for step in steps),
                    (0.0,) * sum(step.tokens for step in steps),
                    token_texts=tuple(texts),
                )
            )
        self.books.spent["generated_tokens"] += sum(one.generated_tokens for one in completions)
        self.books.spent["prompt_tokens"] += sum(one.prompt_tokens for one in completions)
        return completions


class ServedScores:
    """The same verifier over the asynchronous seam."""

    name = "counted:scores"
    parameters = 50

    def __init__(self, scores: str = "varied", books: Books | None = None) -> None:
        self._scores, self.books = CountingScores(scores), books or Books()

    async def score(self, question: Question, solutions: Sequence[Solution]) -> list[StepScores]:
        self.books.spent["calls"] += 1
        self.books.begun_at.append(self.books.clock())
        return [self._scores.values(question, solution) for solution in solutions]
