"""Pools: the samples of one model on one task, as rectangles that estimators take.

A `Pool` holds independent samples `[Q, n]`, `Chains` holds revisions `[Q, C, P]` (C chains of P attempts a question).
Questions are sorted by identifier and samples stand in the order of asking, so that the same samples give the same
arrays however their file was sorted. Where questions have pools of different sizes, the largest common size is taken
that keeps nine questions in ten; what was left out is said in `warnings`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from outlay.errors import UserError
from outlay.study.aggregating import aggregated
from outlay.tasks import equivalence
from outlay.traces import read_samples
from outlay.traces.lines import raised

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Row = Mapping[str, Any]

KEPT_QUESTIONS = 0.9
"""The share of questions that the common pool size must keep."""

DISTINCT_ANSWERS = 0.4
"""Mean share of distinct answers among a question's answers from which on equal answers are rare accidents."""


@dataclass(frozen=True, eq=False)
class Probed:
    """What the probe at `address` says of each question: `values` `[Q]`, higher = easier, at `flops` `[Q]` operations each.

    `cost` is the mean of these in generations of the pool's model: operations as a share of those of a sample that is drawn, and
    scored where it is. It counts in every cost that is reported, not towards caps in whole generations.
    """

    address: str
    values: Floats
    flops: Floats
    cost: float = 0.0

    def on(self, rows: Ints) -> Probed:
        """Of these questions."""
        return replace(self, values=self.values[rows], flops=self.flops[rows])


@dataclass(frozen=True)
class Pool:
    """`n` independent samples of one model on each of Q questions.

    `answers` numbers the classes of equivalent answers of each question, -1 for none; None when nothing is known of
    them. `scores` are a verifier's, higher is better, minus infinity where there is no answer, or none could be given
    (`partly_rated`: a judge's rating could not be read, which is no zero); None without a verifier. `tokens`
    are generated tokens. `levels` are a human difficulty, one text a question. `can_vote` says whether counting equal
    answers means anything. `probabilities` are the scores as P(right), 0 without an answer. `probed` is what a probe says of
    each question's difficulty, where one was asked.
    """

    task: str
    model: str
    questions: tuple[str, ...]
    correct: Bools
    answers: Ints | None = None
    scores: Floats | None = None
    tokens: Ints | None = None
    levels: tuple[str, ...] | None = None
    can_vote: bool = False
    probabilities: Floats | None = None
    warnings: tuple[str, ...] = ()
    partly_rated: bool = False
    probed: Probed | None = None

    @property
    def rated(self) -> Bools | None:
        """`[Q, n]`, false where a sample with an answer has no score; None where all have one."""
        if not self.partly_rated or self.scores is None:
            return None
        rated: Bools = np.isfinite(self.scores)
        return rated if self.answers is None else rated | (self.answers < 0)

    @property
    def counts_tests(self) -> bool:
        """Whether the scores look like numbers of tests passed, so that class size x score means something."""
        if not self.can_vote or self.scores is None:
            return False
        finite = self.scores[np.isfinite(self.scores)]
        return bool(finite.min() >= 0 and finite.max() > 1 and (finite == np.rint(finite)).all())

    @property
    def size(self) -> int:
        """Samples a question."""
        return int(self.correct.shape[1])

    def columns(self, chosen: Ints | slice) -> Pool:
        """The same questions with only these of their samples."""

        def kept(array: NDArray[Any] | None) -> Any:
            return None if array is None else array[:, chosen]

        return replace(
            self,
            correct=self.correct[:, chosen],
            answers=kept(self.answers),
            scores=kept(self.scores),
            tokens=kept(self.tokens),
            probabilities=kept(self.probabilities),
        )


@dataclass(frozen=True)
class Chains:
    """C chains of P attempts for each of Q questions; attempt p + 1 was made with attempt p in view."""

    task: str
    model: str
    questions: tuple[str, ...]
    correct: Bools
    answers: Ints | None = None
    levels: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()


def read_pools(
    paths: Sequence[str | Path], bad: Callable[[UserError], None] = raised, aggregation: str | None = None
) -> list[Pool | Chains]:
    """The pools in these files, one for each task and model, sorted by task and model.

    What is wrong with a row goes to `bad`, as with `outlay.traces.read_samples`, which raises it unless another is given. With an
    `aggregation` scores are made anew from the step scores.
    """
    return pools_of(aggregated(read_samples(paths, bad), aggregation)) if paths else []


def pools_of(samples: pa.Table) -> list[Pool | Chains]:
    """Pools from a table of samples (schema `outlay.traces.SAMPLES`)."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in samples.to_pylist():
        groups.setdefault((row["task"], row["model"]), []).append(row)
    pools: list[Pool | Chains] = []
    for (task, model), rows in sorted(groups.items()):
        chained = [row["position"] is not None for row in rows]
        if any(chained) and not all(chained):
            raise UserError(
                f"The samples of {model} on {task} are partly chains (with `position`) and partly not; put them into "
                "two files, or name two models."
            )
        pools.append(_chains(task, model, rows) if any(chained) else _pool(task, model, rows))
    return pools


def on_questions(pool: Pool, questions: Sequence[str]) -> Pool:
    """The pool on these questions, in this order."""
    place = {name: index for index, name in enumerate(pool.questions)}
    rows = np.array([place[name] for name in questions])

    def kept(array: Any) -> Any:
        return None if array is None else array[rows]

    return replace(
        pool,
        questions=tuple(questions),
        correct=pool.correct[rows],
        answers=kept(pool.answers),
        scores=kept(pool.scores),
        tokens=kept(pool.tokens),
        levels=None if pool.levels is None else tuple(pool.levels[row] for row in rows),
        probabilities=kept(pool.probabilities),
        probed=None if pool.probed is None else pool.probed.on(rows),
    )


def pool_of_runs(
    solutions: pa.Table,
    *,
    can_vote: bool | None = None,
    grouping: Callable[[str], Hashable] = equivalence.canonical,
) -> Pool:
    """The pool in the solutions of one best-of-N run a question (rows of one task, model, strategy and budget).

    `can_vote` says whether counting equal answers means anything (None: judged from the answers). `grouping` maps an
    answer to what equivalent answers share; `str` where a task already writes them canonically.
    """
    names = ("task", "model", "question_id", "sample", "answer", "correct", "score", "tokens", "seed")
    rows = solutions.select(names).to_pylist()
    if not rows:
        raise UserError("There are no solutions to analyse; run the study first.")
    places = [{**row, "sample": (row["seed"], row["sample"]), "has_answer": True, "level": None} for row in rows]
    return _pool(rows[0]["task"], rows[0]["model"], places, can_vote, grouping)


def _by_question(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["question_id"], []).append(row)
    return dict(sorted(found.items()))


def _pool(
    task: str,
    model: str,
    rows: Sequence[Row],
    can_vote: bool | None = None,
    grouping: Callable[[str], Hashable] = equivalence.canonical,
) -> Pool:
    questions = {name: sorted(group, key=lambda row: row["sample"]) for name, group in _by_question(rows).items()}
    n, warnings = _common_size({name: len(group) for name, group in questions.items()}, "samples")
    questions = {name: group[:n] for name, group in questions.items() if len(group) >= n}
    kept = list(questions.values())
    texts, known = _answer_texts(kept)
    answers = np.array([_classes(question, grouping) for question in texts]) if known else None
    scores, scoring = _scores(kept, answers)
    warnings = [*warnings, *scoring]
    if can_vote is None:
        can_vote, voting = _vote(answers, n)
        warnings += voting
    return Pool(
        task=task,
        model=model,
        questions=tuple(questions),
        correct=np.array([[_is_right(row, text) for row, text in zip(group, t)] for group, t in zip(kept, texts)]),
        answers=answers,
        scores=scores,
        tokens=_whole([[row["tokens"] for row in group] for group in kept]),
        levels=_levels(kept),
        can_vote=can_vote and answers is not None,
        warnings=tuple(warnings),
        partly_rated=scores is not None and bool(scoring),
    )


def _chains(task: str, model: str, rows: Sequence[Row]) -> Chains:
    chains = {
        name: {
            chain: sorted((row for row in group if row["chain"] == chain), key=lambda row: row["position"])
            for chain in sorted({row["chain"] for row in group})
        }
        for name, group in _by_question(rows).items()
    }
    for name, of_question in chains.items():
        for chain, attempts in of_question.items():
            if [row["position"] for row in attempts] != list(range(len(attempts))):
                raise UserError(
                    f"Chain {chain} of question {name!r} ({model} on {task}) has positions "
                    f"{[row['position'] for row in attempts]}; they must be 0, 1, 2, ... without a gap."
                )
    length, shorter = _common_size(
        {name: min(map(len, of_question.values())) for name, of_question in chains.items()}, "attempts a chain"
    )
    chains = {name: found for name, found in chains.items() if min(map(len, found.values())) >= length}
    count, fewer = _common_size({name: len(found) for name, found in chains.items()}, "chains")
    chains = {name: found for name, found in chains.items() if len(found) >= count}
    kept = [[row for chain in list(found.values())[:count] for row in chain[:length]] for found in chains.values()]
    texts, known = _answer_texts(kept)
    shape = (len(kept), count, length)
    right = [[_is_right(row, text) for row, text in zip(group, t)] for group, t in zip(kept, texts)]
    return Chains(
        task=task,
        model=model,
        questions=tuple(chains),
        correct=np.array(right).reshape(shape),
        answers=np.array([_classes(t, equivalence.canonical) for t in texts]).reshape(shape) if known else None,
        levels=_levels(kept),
        warnings=(*shorter, *fewer),
    )


def _common_size(sizes: Mapping[str, int], what: str) -> tuple[int, list[str]]:
    """The largest size that nine questions in ten reach, and what is left out by it, in words."""
    counts = np.array(sorted(sizes.values(), reverse=True))
    size = int(counts[int(np.ceil(KEPT_QUESTIONS * len(counts))) - 1])
    if counts[0] == counts[-1]:
        return size, []
    dropped = int((counts < size).sum())
    cut = int((counts > size).sum())
    parts = [f"{dropped} with fewer are left out"] if dropped else []
    parts += [f"of {cut} with more only the first {size} are used"] if cut else []
    return size, [
        f"Questions have between {counts[-1]} and {counts[0]} {what}; {size} are used for all: {', '.join(parts)}."
    ]


def _answer_texts(groups: Sequence[Sequence[Row]]) -> tuple[list[list[str | None]], bool]:
    """Each sample's answer, and whether answers are known at all: given, or stated plainly in most of the texts."""
    given = any(row["has_answer"] for group in groups for row in group)
    if given:
        return [[row["answer"] for row in group] for group in groups], True
    texts = [[equivalence.extract_answer(row.get("text") or "") for row in group] for group in groups]
    found = sum(text is not None for group in texts for text in group)
    return texts, found > 0.5 * sum(map(len, texts))


def _classes(answers: Sequence[str | None], grouping: Callable[[str], Hashable]) -> list[int]:
    """Equivalent answers of one question share a number, in the order of their first appearance; -1 for none."""
    numbers: dict[Hashable, int] = {}
    return [-1 if answer is None else numbers.setdefault(grouping(answer), len(numbers)) for answer in answers]


def _is_right(row: Row, answer: str | None) -> bool:
    if row["correct"] is not None:
        return bool(row["correct"])
    reference = row.get("reference")
    return answer is not None and reference is not None and equivalence.right(answer, reference)


def _scores(groups: Sequence[Sequence[Row]], answers: Ints | None) -> tuple[Floats | None, list[str]]:
    scores = np.array([[np.nan if row["score"] is None else row["score"] for row in group] for group in groups])
    if answers is not None:
        scores = np.where(answers < 0, -np.inf, scores)
    missing = np.isnan(scores)
    if not missing.any():
        return (scores, []) if np.isfinite(scores).any() else (None, [])
    if (missing | np.isinf(scores)).all():
        if scores.shape[1] == 1:
            return None, []
        return None, ["No verifier scores: best-of-N, weighted votes and the verifier's quality are absent."]
    return np.where(missing, -np.inf, scores), [
        f"{int(missing.sum())} of {missing.size} samples have no score although they have an answer (missing, not 0): they take "
        "no part in a choice by scores, unless no other was drawn, nor in what is said of the verifier."
    ]


def _vote(answers: Ints | None, n: int) -> tuple[bool, list[str]]:
    if n == 1:
        return False, []
    if answers is None:
        return False, ["No answers are given (only whether they are right), so majority and weighted votes are absent."]
    shares = [len(np.unique(row[row >= 0])) / (row >= 0).sum() for row in answers if (row >= 0).sum() > 1]
    if not shares:
        return False, ["Hardly any sample has an answer, so majority and weighted votes are absent."]
    distinct = float(np.mean(shares))
    if distinct > DISTINCT_ANSWERS:
        return False, [
            f"Answers cannot vote: {distinct:.0%} of a question's answers are distinct on average (they are "
            "expressions or programs rather than values), so majority and weighted votes are absent."
        ]
    return True, []


def _whole(values: list[list[int | None]]) -> Ints | None:
    if any(value is None for row in values for value in row):
        return None
    return np.array(values, dtype=np.int64)


def _levels(groups: Sequence[Sequence[Row]]) -> tuple[str, ...] | None:
    levels = [group[0]["level"] for group in groups]
    return None if any(level is None for level in levels) else tuple(levels)
