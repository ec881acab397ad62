"""What a study asks to be done: its units, grouped by what serves them and cut into packages for workers.

A package is a slice of one entry's questions with everything that is to be run on them by one model and verifier. Packages share
nothing, so they run in any order, in any number of processes, now or after a restart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

from outlay.cost import Prices
from outlay.drive.counting import Profile, estimate
from outlay.drive.serving import Unit
from outlay.strategies import BestOfN, Greedy, MajorityVote, Strategy, from_spec
from outlay.study.study import Entry, Study, is_scored
from outlay.tasks import Task
from outlay.tasks import load as load_task
from outlay.traces.rows import RunKey, run_key
from outlay.types import Budget, Cost, Question

QUESTIONS_PER_PACKAGE = 50


@dataclass(frozen=True, slots=True)
class Job:
    """One strategy at one budget and seed, by one model and verifier, for the questions of an entry."""

    model: str
    verifier: str | None
    strategy: Strategy
    budget: int
    seed: int
    purpose: Literal["answer", "difficulty"] = "answer"
    first: int | None = None
    """How many of the entry's questions it is for, the first ones; None for all."""


@dataclass(frozen=True, slots=True)
class Package:
    """What one worker does in one go: a slice of an entry's questions from `start` on, all jobs of one model and verifier."""

    entry: int
    start: int
    task: str
    model: str
    verifier: str | None
    units: tuple[Unit, ...]


def pool_strategy(entry: Entry, temperature: float | None = None) -> Strategy:
    """The strategy whose candidates are the pool, or one at another temperature: best-of-N where they can be scored, else
    majority.
    """
    at = entry.temperature if temperature is None else temperature
    if entry.verifier is None:
        return MajorityVote(at, entry.top_p, prompt=entry.prompt)
    return BestOfN(at, entry.top_p, prompt=entry.prompt)


def difficulty_seed(seed: int) -> int:
    """The seed of the samples that estimate difficulty: not the pool's, so the two are independent."""
    return seed + 1_000_003


def jobs(entry: Entry, seed: int) -> list[Job]:
    """Everything that is to be run for an entry, the pool first."""
    pool, greedy = pool_strategy(entry), Greedy(entry.prompt)
    wanted = [
        Job(entry.model, entry.verifier, pool, entry.pool, seed),
        Job(entry.model, entry.verifier, pool, entry.difficulty_samples, difficulty_seed(seed), "difficulty"),
        Job(entry.model, None, greedy, 1, seed),
    ]
    for search in entry.searches:
        strategy = from_spec(search.strategy)
        verifier = (search.verifier or entry.verifier) if is_scored(strategy) else None
        wanted += [Job(entry.model, verifier, strategy, budget, seed) for budget in search.budgets]
    wanted += [rescoring_job(entry, weak, seed) for weak in entry.weak_verifiers]
    wanted += other_pool_jobs(entry, seed)
    if entry.deep_pool:
        wanted.append(deep_job(entry, seed))
    if entry.large is not None:
        wanted.append(Job(entry.large, None, greedy, 1, seed))
    if entry.large is not None and entry.large_pool:
        wanted.append(large_pool_job(entry, seed))
    return wanted


def deep_job(entry: Entry, seed: int) -> Job:
    """The deeper pool on some of the questions; it begins with the samples of the pool itself."""
    return Job(entry.model, entry.verifier, pool_strategy(entry), entry.deep_pool, seed, first=entry.deep_questions)


def other_pool_jobs(entry: Entry, seed: int) -> list[Job]:
    """The pools at other temperatures."""
    return [
        Job(entry.model, entry.verifier, pool_strategy(entry, other.temperature), other.samples, seed)
        for other in entry.other_pools
    ]


def large_pool_job(entry: Entry, seed: int) -> Job:
    """The larger model's own pool."""
    assert entry.large is not None
    return Job(entry.large, entry.verifier, pool_strategy(entry), entry.large_pool, seed)


def rescoring_job(entry: Entry, weak: str, seed: int) -> Job:
    """The pool scored by another verifier: the same strategy and seed, so the samples are those of the pool itself."""
    return Job(entry.model, weak, pool_strategy(entry), entry.pool, seed)


def questions(entry: Entry, seed: int) -> list[Question]:
    """The questions of an entry."""
    return load_task(entry.task).questions(entry.split, entry.questions, seed)


def packages(study: Study, done: set[RunKey]) -> Iterator[Package]:
    """The packages that are still to be run, leaving out every unit whose trace is in `done`.

    All packages of one model and verifier stand together, so that a worker seldom has to load another. What several entries
    ask for (the greedy answer of a larger model that two are compared with) is run once.
    """
    done = set(done)
    for number, entry in enumerate(study.entries):
        asked = questions(entry, study.seed)
        wanted = jobs(entry, study.seed)
        for model, verifier in dict.fromkeys((job.model, job.verifier) for job in wanted):
            mine = [job for job in wanted if (job.model, job.verifier) == (model, verifier)]
            for start in range(0, len(asked), QUESTIONS_PER_PACKAGE):
                units = tuple(_fresh(mine, asked, start, done))
                if units:
                    yield Package(number, start, entry.task, model, verifier, units)


def _fresh(wanted: Sequence[Job], asked: Sequence[Question], start: int, done: set[RunKey]) -> Iterator[Unit]:
    """The units of these jobs on one slice of the questions whose keys are not in `done`; their keys are added to it."""
    for job in wanted:
        for question in asked[: job.first][start : start + QUESTIONS_PER_PACKAGE]:
            key = _key(question, job)
            if key not in done:
                done.add(key)
                yield Unit(question, job.strategy, Budget(generations=job.budget), job.seed, job.purpose)


def sharing(left: Sequence[Package]) -> list[list[Package]]:
    """Packages in groups: those that have the same samples scored, each by another verifier, stand together."""
    groups: dict[tuple[Any, ...], list[Package]] = {}
    for place, package in enumerate(left):
        alone = (place,) if package.verifier is None else ()
        groups.setdefault((package.entry, package.model, package.start, *alone), []).append(package)
    return list(groups.values())


def _key(question: Question, job: Job) -> RunKey:
    budget = Budget(generations=job.budget)
    return run_key(question, job.strategy.spec(), budget, job.seed, job.model, job.verifier)


def profile(task: Task, asked: Sequence[Question]) -> Profile:
    """Typical lengths for a price estimate: the questions' own number of steps where the task knows it."""
    steps = [int(question.metadata.get("steps", 4)) for question in asked] or [4]
    per_step = ceil(task.max_solution_tokens / max(steps))
    words = [len(question.text.split()) for question in asked] or [1]
    return Profile(
        steps=ceil(sum(steps) / len(steps)), step_tokens=per_step, question_tokens=ceil(sum(words) / len(words))
    )


def forecast(units: Sequence[Unit], typical: Profile, prices: Prices) -> Cost:
    """What these units will cost, by the counting driver; units of equal strategy and budget cost the same."""
    total = Cost()
    known: dict[tuple[Strategy, Budget], Cost] = {}
    for unit in units:
        what = (unit.strategy, unit.budget)
        if what not in known:
            known[what] = estimate(unit.strategy, unit.budget, typical, prices)
        total += known[what]
    return total
