"""Claims between models of one task under one verifier: other sizes, more pretraining, and fine-tuning on own right solutions.

The rungs are entries of a study with the same questions. What each read in pretraining and fine-tuning is in its record, so that
"at equal FLOPs" has these in it: R is tokens of inference over the tokens of the plain small model's pretraining.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from outlay.strategies.names import method_name
from outlay.study.claim import Claim, Finding
from outlay.study.claims_exchange import REVIEWERS
from outlay.study.claims_revising import optimum
from outlay.study.drawn import Drawn
from outlay.study.evidence import Evidence, chosen_elsewhere
from outlay.study.exchanging import RATIOS
from outlay.study.figures import percent, plain
from outlay.study.pools import Floats
from outlay.study.training import Training, training_of
from outlay.study.ways import drawn_of, solution_tokens, ways

OVER_TUNED = Finding(
    34,
    "samples_over_fine_tuning",
    "test-time compute on a small model beats the same model fine-tuned on its own right solutions, at equal FLOPs",
    REVIEWERS,
    "The paper has no such baseline.",
)
TUNED_GAINS_TOO = Finding(
    34,
    "fine_tuned_gains_too",
    "a small model that was fine-tuned on its own right solutions still gains from test-time compute",
    REVIEWERS,
    "The paper has no such baseline.",
)
OVER_OVERTRAINED = Finding(
    35,
    "samples_over_more_pretraining",
    "test-time compute on a small model beats the same model pretrained for longer, at equal FLOPs",
    REVIEWERS,
    "The paper scales parameters at a fixed number of pretraining tokens.",
)
OVERTRAINED_GAINS_TOO = Finding(
    35,
    "overtrained_ahead_with_samples",
    "a small model that was pretrained for longer stays ahead of the plain one when both have the same number of samples",
    REVIEWERS,
    "The paper scales parameters at a fixed number of pretraining tokens.",
)
SMALLEST_IS_BEST = Finding(
    36,
    "smallest_is_joint_optimum",
    "of all sizes and budgets at one total of FLOPs the smallest model with the most samples is best (R = 0.16)",
    REVIEWERS,
    "At small R test-time compute with a small model is preferred; the paper has two sizes and no joint optimum.",
)
LARGEST_IS_BEST = Finding(
    36,
    "largest_is_joint_optimum",
    "of all sizes and budgets at one total of FLOPs the largest model with the fewest samples is best (R = 22)",
    REVIEWERS,
    "At large R pretraining is preferred; the paper has two sizes and no joint optimum.",
)

LONGER = 1.5
"""More than so many times the tokens of the plain model is pretraining for longer."""

TOTALS = (1, 4, 16)
"""Totals of FLOPs at which sizes are compared: what the largest model costs in all with so many samples."""


@dataclass(frozen=True)
class Rung:
    """One model of the ladder: its evidence, its pool with its price, and its training record."""

    evidence: Evidence
    drawn: Drawn
    training: Training

    @property
    def name(self) -> str:
        """The model without its scheme."""
        return self.evidence.pool.model.removeprefix("embedded:")

    def greedy(self) -> tuple[Floats, float] | None:
        """Whether its greedy answer is right `[Q]`, and what one costs; None where it was not run or tells no FLOPs."""
        run = next((run for run in self.evidence.found.runs if run.spec["name"] == "greedy" and run.candidate), None)
        if run is None or run.flops is None:
            return None
        return run.correct[:, 0].astype(np.float64), float(run.flops[:, 0].mean())


def ladders(evidences: Sequence[Evidence]) -> list[list[Rung]]:
    """The models of each task that have the same questions, verifier and method; those with a record and a price."""
    found: dict[Any, list[Rung]] = {}
    for evidence in evidences:
        drawn = drawn_of(evidence)[0]
        details = evidence.found.details
        steps = 1.0 if details is None else details.steps
        record = training_of(evidence.pool.model, solution_tokens(evidence), steps)
        if drawn is not None and record is not None and not record.revises and evidence.baseline is not None:
            key = evidence.pool.task, evidence.pool.questions, evidence.found.verifier, evidence.baseline
            found.setdefault(key, []).append(Rung(evidence, drawn, record))
    return [rungs for rungs in found.values() if len(rungs) > 1]


def climbing(evidences: Sequence[Evidence]) -> list[Claim]:
    """Everything that is claimed of the ladders."""
    claims: list[Claim] = []
    for rungs in ladders(evidences):
        for plain_one in rungs:
            for other in rungs:
                claims += _against_training(plain_one, other)
        claims += _joint(sizes_of_ladder(rungs))
    return claims


def sizes_of_ladder(rungs: Sequence[Rung]) -> list[Rung]:
    """One rung a size, the smallest first: those from scratch that read least."""
    scratch = [rung for rung in rungs if not rung.training.base]
    sizes: dict[int, Rung] = {}
    for rung in sorted(scratch, key=lambda rung: rung.training.tokens):
        sizes.setdefault(rung.training.parameters, rung)
    return [sizes[size] for size in sorted(sizes)]


def _against_training(rung: Rung, other: Rung) -> Iterator[Claim]:
    """Samples of a plain model against the greedy answer of the same one after more training."""
    own, more = rung.training, other.training
    if own.base or own.parameters != more.parameters or own is more:
        return
    if more.base == own.name:
        extra, findings = more.flops, (OVER_TUNED, TUNED_GAINS_TOO)
    elif not more.base and more.tokens > LONGER * own.tokens:
        extra, findings = more.flops - own.flops, (OVER_OVERTRAINED, OVERTRAINED_GAINS_TOO)
    else:
        return
    yield from _at_equal_flops(rung, other, extra, findings[0])
    method = str(rung.evidence.baseline)
    n = max(k for k in rung.evidence.ks if k in other.evidence.ks)
    with_samples = other.evidence.at(method, n)
    if findings[1] is TUNED_GAINS_TOO:
        sides = f"{other.name}, {method_name(method)}, N = {n}", "N = 1"
        values = with_samples, other.evidence.at(method, 1)
    else:
        sides = f"{other.name}, N = {n}", f"{rung.name}, N = {n}"
        values = with_samples, rung.evidence.at(method, n)
    yield other.evidence.asked.paired(findings[1], sides, values, "", f"all, N = {n}")


def _at_equal_flops(rung: Rung, other: Rung, extra: float, finding: Finding) -> Iterator[Claim]:
    """The plain model gets the other's greedy answer and, spread over all answers, its further training."""
    answer = other.greedy()
    way = next(iter(ways(rung.evidence).values()), None)
    if answer is None or way is None:
        return
    right, cost = answer
    share = extra / (6.0 * rung.training.parameters * rung.training.tokens)  # of the plain model's pretraining
    tokens = cost / (2.0 * rung.training.parameters)
    alone = rung.greedy()
    for ratio in RATIOS:
        spent = way(cost + share * 6.0 * rung.training.parameters * tokens / ratio)
        told, note = f"its further training is {share:.2g} of pretraining", "" if spent is None else spent.note
        if spent is not None:
            name, values = f"N = {spent.n}", (spent.accuracy.astype(np.float64), right[spent.rows])
        elif alone is not None:  # not even one sample and its scoring: what is left is one greedy answer each
            name, values = "greedy", (alone[0], right)
        else:
            continue
        yield rung.evidence.asked.paired(
            finding,
            (f"{rung.name}, {name}", f"{other.name}, greedy"),
            values,
            f"against {other.name}",
            f"all, R = {ratio:g}",
            note="; ".join(part for part in (told, note) if part),
        )


def _joint(rungs: Sequence[Rung]) -> Iterator[Claim]:
    for ratio, finding, end in ((min(RATIOS), SMALLEST_IS_BEST, 0), (max(RATIOS), LARGEST_IS_BEST, -1)):
        for total in joint_totals(rungs, ratio):
            columns = [column for column in total.columns if column is not None]
            if len(columns) < 2 or total.columns[end] is None:
                continue
            best = len(columns) - 1 if end else 0
            table = np.stack([column.accuracy for column in columns], axis=1)
            others = [place for place in range(len(columns)) if place != best]
            evidence = rungs[end].evidence
            values = table[:, best], chosen_elsewhere(table, others, evidence.settings)
            yield evidence.asked.paired(
                finding,
                (f"{rungs[end].name}, N = {columns[best].n}", "the best other size, chosen on other questions"),
                values,
                f"the price of {rungs[-1].name} with N = {total.large_n}",
                f"all, R = {ratio:g}",
                note="; ".join(dict.fromkeys(column.note for column in columns if column.note)),
            )


@dataclass(frozen=True)
class Column:
    """One size at one total: `n` samples, accuracy `[Q]`; `beyond` what was drawn, or not."""

    n: int
    accuracy: Floats
    beyond: bool

    @property
    def note(self) -> str:
        """What has to be said beside it."""
        return "a size could pay for more samples than were drawn" if self.beyond else ""


@dataclass(frozen=True)
class Total:
    """One total of FLOPs a question, pretraining in it: what the largest size costs with `large_n` samples."""

    ratio: float
    large_n: int
    columns: tuple[Column | None, ...]


def joint_totals(rungs: Sequence[Rung], ratio: float) -> list[Total]:
    """What every size can do at every total (None where not even one sample is paid for)."""
    if len(rungs) < 2:
        return []
    largest, method = rungs[-1], str(rungs[-1].evidence.baseline)
    greedy = largest.greedy()
    if greedy is None:
        return []
    tokens = greedy[1] / (2.0 * largest.training.parameters)
    shares = [
        6.0 * rung.training.parameters * tokens / ratio * rung.training.tokens / rungs[0].training.tokens
        for rung in rungs
    ]
    found = []
    for k in (k for k in TOTALS if k <= largest.drawn.pool.size):
        total = float(largest.drawn.flops.of(method, [k]).mean()) + shares[-1]
        columns: list[Column | None] = []
        for rung, share in zip(rungs, shares, strict=True):
            wanted = rung.drawn.affordable(method, total - share)
            n = min(wanted, rung.drawn.pool.size)
            accuracy = rung.drawn.spending(method, [n], 0).accuracy[:, 0] if n else None
            columns.append(None if accuracy is None else Column(n, accuracy, wanted > n))
        found.append(Total(ratio, k, tuple(columns)))
    return found


def joint_part(evidences: Sequence[Evidence]) -> list[dict[str, Any]]:
    """For every ladder, ratio and total: accuracy of every size with what it can pay for, and which size is best.

    Returns:
        Entries of `task`, `models` (the smallest first), `ratio`, `large_n`, `n` and `accuracy` of each model (null where it
        cannot pay for a sample), `beyond`, and `best`: the model with the highest mean, `low` and `high` the range in which
        95% of resampled sets of questions have theirs; and `sentence`.
    """
    found = []
    for ladder in ladders(evidences):
        rungs = sizes_of_ladder(ladder)
        for total in (total for ratio in RATIOS for total in joint_totals(rungs, ratio)):
            places = [place for place, column in enumerate(total.columns) if column is not None]
            columns = [column for column in total.columns if column is not None]
            if len(places) > 1:
                table = np.stack([column.accuracy for column in columns], axis=1)
                best = optimum(table, places, rungs[0].evidence.settings)
                names = [rung.name for rung in rungs]
                at = columns[places.index(best["chains"])]
                found.append(
                    {
                        "task": rungs[0].evidence.pool.task,
                        "models": names,
                        "ratio": total.ratio,
                        "large_n": total.large_n,
                        "n": [None if column is None else column.n for column in total.columns],
                        "accuracy": [None if c is None else plain(c.accuracy.mean()) for c in total.columns],
                        "beyond": [c is not None and c.beyond for c in total.columns],
                        "best": names[best["chains"]],
                        "low": names[best["low"]],
                        "high": names[best["high"]],
                        "sentence": f"R = {total.ratio:g}, the price of {names[-1]} with N = {total.large_n}: "
                        f"{names[best['chains']]} with N = {at.n} is best ({percent(float(at.accuracy.mean()))})",
                    }
                )
    return found
