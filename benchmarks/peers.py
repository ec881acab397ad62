"""its_hub's algorithms beside ours on one recorded model: the same candidate texts and the same scores for both.

The i-th time that a program asks for the next step after a text, it gets the i-th recorded one. A step is recorded the first
time that anybody asks for it, from the lab's model, and its score from the lab's verifier: programs that ask alike get alike.
`its_hub` is optional: where it is not installed there is nothing to compare with.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections import Counter, deque
from collections.abc import Callable
from functools import cache
from typing import Any

from outlay import models, tasks, verifiers
from outlay.drive.running import Pending, Running, key, uniform
from outlay.strategies import BeamSearch, BestOfN, MajorityVote, ParticleFilter
from outlay.types import Budget, Draw, Question, Sample, Score, Solution

FAMILY, END = "countdown", "<end>"
BUDGETS = (4, 16)


class Recorded:
    """One question's recorded steps and scores, and how often the program under test has asked for what follows each text."""

    def __init__(self, model: Any, verifier: Any, task: Any, question: Question) -> None:
        self.model, self.verifier, self.task, self.question = model, verifier, task, question
        self.asked: Counter[str] = Counter()
        self.drawn = 0
        self.solutions: dict[str, Solution] = {"": Solution()}
        self.next_step = cache(self._next_step)
        self.score = cache(self._score)

    def forget(self) -> None:
        """Another program begins."""
        self.asked.clear()
        self.drawn = 0

    def step(self, text: str) -> Solution:
        """What is recorded for this asking, the text before it included."""
        self.asked[text] += 1
        self.drawn += 1
        return self.next_step(text, self.asked[text])

    def whole(self, text: str = "") -> Solution:
        """The same to the end of the solution."""
        solution = self.step(text)
        while not solution.ended:
            solution = self.step(solution.text)
        return solution

    def _next_step(self, text: str, ordinal: int) -> Solution:
        request = Sample(self.question, self.solutions[text] if text else None, until="step")
        self.model.begin(request, [key(self.question.id, text, ordinal)], None)
        ((_, (solution,)),) = _all(self.model)
        answer = self.task.extract(solution.text) if solution.finished else None
        return self.solutions.setdefault(solution.text, solution.numbered(0, answer))

    def _score(self, text: str) -> tuple[float, ...]:
        self.verifier.begin(Score(self.question, (self.solutions[text],)), None)
        ((_, (scores,)),) = _all(self.verifier)
        return tuple(scores)


def _all(engine: Any) -> list[Any]:
    found: list[Any] = []
    while not engine.idle:
        found += engine.advance()
    return found


def ours(recorded: Recorded, strategy: Any, n: int) -> Solution | None:
    """The solution that our strategy chooses."""
    queue: deque[Pending] = deque()
    running = Running(strategy.solve(recorded.question, Budget(generations=n)), queue.append)
    running.start()
    while queue:
        pending = queue.popleft()
        request = pending.request
        if isinstance(request, Draw):
            pending.done([uniform(recorded.question.id, pending.address, i) for i in range(request.n)])
        elif isinstance(request, Score):
            pending.done([recorded.score(solution.text) for solution in request.solutions])
        else:
            draw = recorded.step if request.until == "step" else recorded.whole
            pending.done([draw(request.prefix.text if request.prefix else "") for _ in range(request.n)])
    solution: Solution | None = running.result.solution
    return solution


def theirs(recorded: Recorded, algorithm: Callable[[Any, Any], Any], n: int) -> Solution | None:
    """The solution that an algorithm of its_hub chooses; `algorithm` is made from a step generator and a reward model."""
    from its_hub.api import AbstractLanguageModel
    from its_hub.core.lms.step_generation import StepGeneration

    class Model(AbstractLanguageModel):  # type: ignore[misc,unused-ignore]
        async def agenerate(self, messages: Any, stop: Any = None, **_: Any) -> Any:
            return [self._answer(one, stop) for one in messages]

        async def agenerate_single(self, messages: Any, stop: Any = None, **_: Any) -> Any:
            return self._answer(messages, stop)

        def _answer(self, messages: Any, stop: Any) -> dict[str, str]:
            before = messages[-1].content if messages[-1].role == "assistant" else ""
            solution = recorded.step(before) if stop else recorded.whole(before)
            text = solution.text[len(before) :] + (END if stop and solution.ended else "")
            return {"role": "assistant", "content": text}

    class Reward:
        async def ascore(self, asked: Any, texts: Any = None, **_: Any) -> list[float]:
            texts = texts if texts is not None else [conversation[-1].content for conversation in asked]
            return [recorded.score(text)[-1] for text in texts]

    steps = StepGeneration(40, [";"], END, 1.0, include_stop_str_in_output=True)
    chosen = asyncio.run(algorithm(steps, Reward()).ainfer(Model(), recorded.question.text, n))
    return recorded.solutions.get(chosen["content"])


def compare(questions: int) -> dict[str, Any]:
    """For each algorithm and budget: both accuracies, how often both chose the same answer, and the steps that each drew."""
    if importlib.util.find_spec("its_hub") is None:
        return {"missing": "its_hub"}
    from its_hub.core.algorithms.beam_search import BeamSearch as TheirBeams
    from its_hub.core.algorithms.bon import BestOfN as TheirBest
    from its_hub.core.algorithms.particle_gibbs import ParticleFiltering
    from its_hub.core.algorithms.self_consistency import SelfConsistency
    from its_hub.core.orchestrator import LMOrchestrator

    task = tasks.load(FAMILY)
    model, verifier = models.load(f"embedded:{FAMILY}-small"), verifiers.load(f"embedded:{FAMILY}-prm")

    def answer(text: str) -> str:
        return str(task.extract(text))

    one_by_one = LMOrchestrator(1)
    rivals: dict[str, tuple[Any, Callable[[Any, Any], Any]]] = {
        "best-of-N": (BestOfN(), lambda steps, reward: TheirBest(reward, one_by_one)),
        "self-consistency": (MajorityVote(), lambda steps, reward: SelfConsistency(answer, orchestrator=one_by_one)),
        "beam search": (
            BeamSearch(width=4, selection="best_of_n"),
            lambda steps, reward: TheirBeams(steps, reward, beam_width=4),
        ),
        "particle filtering": (
            ParticleFilter(resampling="multinomial", selection="best_of_n"),
            lambda steps, reward: ParticleFiltering(steps, reward),
        ),
    }
    rows = []
    worlds = [Recorded(model, verifier, task, question) for question in task.questions("validation", questions)]
    for name, (strategy, algorithm) in rivals.items():
        for n in BUDGETS:
            same = drawn_here = drawn_there = right_here = right_there = 0
            for world in worlds:
                world.forget()
                here, steps = ours(world, strategy, n), world.drawn
                drawn_here += steps
                world.forget()
                there = theirs(world, algorithm, n)
                drawn_there += world.drawn
                given = [one.answer if one is not None else None for one in (here, there)]
                same += given[0] == given[1]
                right_here += given[0] is not None and task.grade(world.question, given[0])
                right_there += given[1] is not None and task.grade(world.question, given[1])
            share = [count / questions for count in (right_here, right_there, same, drawn_here, drawn_there)]
            rows.append([name, n, *share])
    return {"rows": rows}


if __name__ == "__main__":
    for row in compare(int(sys.argv[1])).get("rows", ["its_hub is not installed: nothing to compare with"]):
        print(row)
