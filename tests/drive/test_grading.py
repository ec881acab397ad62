"""Answers are judged side by side where a task takes that, with the same grades, and cleanly given up."""

import asyncio
import json
import threading
import time
from contextlib import suppress

import pytest

from outlay import tasks
from outlay.drive.asynchronous import solve_over_protocols
from outlay.drive.batching import BatchingDriver
from outlay.drive.concurrently import ConcurrentDriver
from outlay.drive.serving import Unit
from outlay.errors import OutlayError, UserError
from outlay.models.model import Completion
from outlay.strategies import Greedy, MajorityVote
from outlay.tasks import sandbox
from outlay.types import Budget, Question
from toy import DigitModel, Digits


class Judged(Digits):
    """Digits whose judge is looked at while it works; each grade is passed through `wait`."""

    def __init__(self, wait=lambda answer: None, at_once=1):
        self.grades_at_once, self.wait = at_once, wait
        self.begun, self.open, self.most = [], 0, 0
        self.lock = threading.Lock()

    def grade(self, question, answer):
        with self.lock:
            self.begun.append(answer)
            self.open += 1
            self.most = max(self.most, self.open)
        try:
            self.wait(answer)
            return super().grade(question, answer)
        finally:
            with self.lock:
                self.open -= 1


class Says:
    """A model whose samples of a question are these texts, in order."""

    name, parameters = "says", 10

    def __init__(self, texts):
        self.texts = texts

    async def sample(self, prompt, *, n, max_tokens, temperature, stop, seed, prefix=""):
        return [Completion(self.texts[i % len(self.texts)], "end", 4, 0, 2) for i in range(n)]


def unit(reference="3", n=6, strategy=None):
    question = Question(f"q{reference}", "q", reference=reference, task="digits")
    return Unit(question, strategy or MajorityVote(), Budget(generations=n))


def met(count):
    """A wait that ends when so many grades are under way at once, and fails where that never happens."""
    barrier = threading.Barrier(count)
    return lambda answer: barrier.wait(5)


def test_answers_of_one_run_are_judged_side_by_side_and_graded_as_alone():
    model = Says([f" {digit}" for digit in range(6)])
    side_by_side = asyncio.run(solve_over_protocols(unit(), Judged(met(2), at_once=2), model, None))
    alone = asyncio.run(solve_over_protocols(unit(), Judged(), model, None))
    assert side_by_side.solution_correct == alone.solution_correct == (False, False, False, True, False, False)
    assert side_by_side.correct == alone.correct and side_by_side.answer == alone.answer


def test_runs_that_have_ended_share_the_threads():
    task = Judged(met(2), at_once=2)
    units = [unit(str(digit), 1, Greedy()) for digit in range(4)]
    traces = list(ConcurrentDriver(task, Says([" 2"])).solve(units))
    assert sorted(trace.question.id for trace in traces if trace.correct) == ["q2"] and len(traces) == 4


def test_a_judge_that_does_not_say_so_is_asked_one_at_a_time():
    task = Judged(lambda answer: time.sleep(0.002))
    list(ConcurrentDriver(task, Says([f" {digit}" for digit in range(6)])).solve([unit(str(d)) for d in range(4)]))
    assert task.most == 1 and len(task.begun) == 24


def test_no_more_are_judged_at_once_than_the_task_takes():
    task = Judged(lambda answer: time.sleep(0.002), at_once=3)
    list(ConcurrentDriver(task, Says([f" {digit}" for digit in range(6)])).solve([unit(str(d)) for d in range(4)]))
    assert 1 < task.most <= 3 and len(task.begun) == 24


def test_an_engine_of_this_process_judges_side_by_side_too():
    def traces(task):
        model = DigitModel()
        units = [unit(str(digit), 8) for digit in range(3)]
        return {t.question.id: t.solution_correct for t in BatchingDriver(task, model).solve(units)}

    task = Judged(lambda answer: time.sleep(0.002), at_once=2)
    assert traces(task) == traces(Judged()) and task.most == 2


def test_what_has_not_begun_when_a_run_is_given_up_is_not_begun():
    go_on = threading.Event()
    task = Judged(lambda answer: go_on.wait(5), at_once=2)

    async def given_up():
        run = asyncio.create_task(solve_over_protocols(unit(), task, Says([f" {d}" for d in range(6)]), None))
        while len(task.begun) < 2:
            await asyncio.sleep(0.001)
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run
        go_on.set()

    asyncio.run(given_up())
    asyncio.run(solve_over_protocols(unit(n=1), task, Says([" 9"]), None))  # behind whatever would still wait
    assert task.begun == [*task.begun[:2], "9"]


def test_what_a_judge_raises_is_raised_and_the_rest_is_not_begun():
    go_on = threading.Event()

    def broken(answer):
        if answer == "0":
            raise OutlayError("the judge is broken")
        go_on.wait(5)

    task = Judged(broken, at_once=2)
    with pytest.raises(OutlayError, match="the judge is broken"):
        asyncio.run(solve_over_protocols(unit(), task, Says([f" {d}" for d in range(6)]), None))
    go_on.set()
    asyncio.run(solve_over_protocols(unit(n=1), task, Says([" 9"]), None))  # behind whatever would still wait
    assert len(task.begun) <= 4 and task.begun[-1] == "9"


def test_processes_that_work_side_by_side_share_the_cores(monkeypatch):
    monkeypatch.setattr(sandbox.running, "_cores", lambda: 8)
    for processes, each in ((1, 8), (3, 2), (8, 1), (20, 1)):
        sandbox.share_cores(processes)
        assert sandbox.at_once() == each
    sandbox.share_cores(1)


PROGRAM = {
    "task_id": "HumanEval/0",
    "prompt": "def twice(x):\n",
    "entry_point": "twice",
    "canonical_solution": "    return 2 * x\n",
    "test": "\n\ndef check(candidate):\n    assert candidate(3) == 6\n",
}


def test_programs_are_run_side_by_side_with_the_verdicts_that_they_have_alone(tmp_path, monkeypatch):
    (tmp_path / "q.jsonl").write_text(json.dumps(PROGRAM))
    try:
        task = tasks.load(f"humaneval:{tmp_path / 'q.jsonl'}")
    except UserError as error:
        pytest.skip(str(error))
    monkeypatch.setattr(sandbox.running, "_cores", lambda: 4)
    assert task.grades_at_once == 4
    bodies = ["return 2 * x", "return x", "return x + x", "raise ValueError", "import sys; sys.exit()", "return 6"]
    model = Says([f"```python\ndef twice(x):\n    {body}\n```" for body in bodies])
    (question,) = task.questions("all")
    (trace,) = ConcurrentDriver(task, model).solve([Unit(question, MajorityVote(), Budget(generations=6))])
    assert trace.solution_correct == (True, False, True, False, False, True)
