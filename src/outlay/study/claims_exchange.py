"""Claims about pretraining against test-time compute beyond the first two: every way to spend, and what reviewers asked.

Budgets are equal FLOPs in all. What training the verifier cost is read from its record; the larger model may have test-time compute
of its own; and one budget for inference may be shared by tasks while pretraining is paid once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from outlay.exchange import Pair
from outlay.strategies.names import method_name
from outlay.study.claim import Claim, Finding
from outlay.study.claims_between import LARGE_AHEAD, SIZES, SMALL_AHEAD
from outlay.study.drawn import Drawn
from outlay.study.evidence import Evidence
from outlay.study.exchanging import RATIOS
from outlay.study.measure import budgets_up_to
from outlay.study.pools import Floats
from outlay.study.runs import Larger
from outlay.study.training import SCHEME, training_of
from outlay.study.ways import (
    Spent,
    Way,
    drawn_of,
    greedy_of,
    larger_pool,
    pair_of,
    solution_tokens,
    ways,
)

REVIEWERS = "asked by the paper's reviewers"

EASY_AHEAD = Finding(
    30,
    "small_ahead_on_easy",
    "a small model with test-time compute beats the larger one on easy questions",
    SIZES,
    "On easy questions test-time compute is often better than about 14 times the parameters, at R = 0.16 most of all.",
)
WORTH_FALLS = Finding(
    31,
    "worth_falls_with_use",
    "the more a model is going to be used (R = 22 against 0.16), the less the matched test-time compute gives",
    SIZES,
    "At small R test-time compute is preferred on most questions, at large R pretraining on more of them.",
)
TUNING_PAID = Finding(
    32,
    "small_ahead_verifier_training_paid",
    "a small model with test-time compute beats the larger one with fine-tuning and the verifier's training paid for too",
    REVIEWERS,
    "The paper leaves the cost of training verifier and reviser out of its comparison.",
)
LARGER_SEARCHES = Finding(
    33,
    "small_ahead_of_larger_with_samples",
    "a small model with test-time compute beats the larger one that has test-time compute of its own, at equal FLOPs",
    REVIEWERS,
    "The paper compares with the larger model's greedy answer only.",
)
SHARED_BUDGET = Finding(
    37,
    "shared_budget_ahead",
    "one budget of inference shared by several tasks is better than an equal one for each",
    REVIEWERS,
    "The paper treats one task; a model that is pretrained once serves many.",
)
SHARED_SMALL_AHEAD = Finding(
    37,
    "small_ahead_over_tasks",
    "a small model with test-time compute beats the larger one over several tasks, with pretraining paid once for all",
    REVIEWERS,
    "The paper treats one task; a model that is pretrained once serves many.",
)

LARGER_SAMPLES = (4, 16)
"""Samples of the larger model's own with which it is compared, where it drew as many."""


def exchanging(evidence: Evidence) -> list[Claim]:
    """Everything that is claimed of one small model and the larger ones beside it."""
    claims: list[Claim] = []
    for larger in evidence.found.larger:
        pair = pair_of(evidence, larger)
        spending = ways(evidence)
        if pair is None or not spending:
            continue
        first = next(iter(spending))
        for name, way in spending.items():
            claims += _by_bin(evidence, larger, pair, name, way, own=name == first)
        claims += _worth(evidence, larger, pair, first, spending[first])
        claims += _tuning_paid(evidence, larger, first, spending[first])
        claims += _larger_searches(evidence, larger, pair, first, spending[first])
    return claims


def alike(way: Way, budgets: dict[float, float]) -> list[tuple[str, Spent]]:
    """What each ratio's budget buys, ratios that buy the same together: `(R = ..., what was bought)`."""
    found: dict[tuple[int, int], tuple[list[float], Spent]] = {}
    for ratio, budget in budgets.items():
        spent = way(budget) if budget > 0 else None
        if spent is not None:
            found.setdefault((spent.n, len(spent.rows)), ([], spent))[0].append(ratio)
    return [(f"R = {' and '.join(f'{ratio:g}' for ratio in ratios)}", spent) for ratios, spent in found.values()]


def _by_bin(evidence: Evidence, larger: Larger, pair: Pair, name: str, way: Way, *, own: bool) -> Iterator[Claim]:
    """On easy questions by every way; on middle and hardest ones by the searches (the pool is claims 6 and 7)."""
    against, bigger = greedy_of(larger), larger.model.removeprefix("embedded:")
    asked = [(EASY_AHEAD, "easy")] if own else [(EASY_AHEAD, "easy"), (SMALL_AHEAD, "middle"), (LARGE_AHEAD, "hardest")]
    for at, spent in alike(way, {ratio: pair.budget(ratio) for ratio in RATIOS}):
        for finding, where in asked:
            for part in (part for part in evidence.part(where) if part.bins == "oracle"):
                inside = part.inside[spent.rows]
                if not inside.any():
                    continue
                small = f"{name}, N = {spent.n}", spent.accuracy[inside].astype(np.float64)
                large = f"{bigger}, greedy", against[spent.rows][inside]
                (ahead, a), (behind, b) = (large, small) if finding is LARGE_AHEAD else (small, large)
                yield evidence.asked.paired(
                    finding,
                    (ahead, behind),
                    (a, b),
                    f"N = {spent.n} against {bigger}",
                    f"{part.says}, {at}",
                    bins="oracle",
                    note=spent.note,
                )


def _worth(evidence: Evidence, larger: Larger, pair: Pair, name: str, way: Way) -> Iterator[Claim]:
    seldom, often = way(pair.budget(min(RATIOS))), way(pair.budget(max(RATIOS)))
    if seldom is None or often is None or seldom.n == often.n:
        return
    often = _on(often, seldom) or often
    if len(often.rows) == len(seldom.rows):
        sides = f"{name} at R = {min(RATIOS):g} (N = {seldom.n})", f"at R = {max(RATIOS):g} (N = {often.n})"
        subject = f"against {larger.model.removeprefix('embedded:')}"
        values = seldom.accuracy.astype(np.float64), often.accuracy.astype(np.float64)
        yield evidence.asked.paired(WORTH_FALLS, sides, values, subject, "all", note=seldom.note)


def _on(spent: Spent, other: Spent) -> Spent | None:
    """The first on the questions of the other, where it holds them all."""
    place = {int(row): index for index, row in enumerate(spent.rows)}
    if not all(int(row) in place for row in other.rows):
        return None
    return Spent(spent.n, other.rows, spent.accuracy[[place[int(row)] for row in other.rows]], spent.beyond)


def tuning_of(evidence: Evidence, verifier: str | None) -> float | None:
    """What training the verifier, and fine-tuning the model, cost over pretraining a model of the verifier's size; None if unknown.

    It is in the unit of `Pair.verifier_tuning`, tokens over the tokens of pretraining: the FLOPs of both trainings, with the
    drawing of what they learned from, as tokens that a model of the verifier's size could have been trained on.
    """
    details, long = evidence.found.details, solution_tokens(evidence)
    steps = 1.0 if details is None else details.steps
    trained, small = (training_of(address, long, steps) for address in (verifier, evidence.pool.model))
    if trained is None or small is None:
        return None
    pretrained = training_of(f"{SCHEME}{small.base}") if small.base else small
    if pretrained is None or not pretrained.tokens:
        return None
    spent = trained.flops + (small.flops if small.base else 0.0)
    return spent / (6.0 * trained.parameters) / pretrained.tokens


def _tuning_paid(evidence: Evidence, larger: Larger, name: str, way: Way) -> Iterator[Claim]:
    tuning = tuning_of(evidence, evidence.found.verifier)
    pair = None if tuning is None else pair_of(evidence, larger, tuning)
    if pair is None:
        return
    against, bigger = greedy_of(larger), larger.model.removeprefix("embedded:")
    for at, spent in alike(way, {ratio: pair.budget(ratio) for ratio in RATIOS}):
        for says, bins, inside in (
            ("all", None, np.ones(len(spent.rows), dtype=bool)),
            *((part.says, part.bins, part.inside[spent.rows]) for part in evidence.part("middle")),
        ):
            if inside.any() and bins in (None, "oracle"):
                note = f"fine-tuning and the verifier's training cost {tuning:.2g} times pretraining, a parameter"
                yield evidence.asked.paired(
                    TUNING_PAID,
                    (f"{name}, N = {spent.n}", f"{bigger}, greedy"),
                    (spent.accuracy[inside].astype(np.float64), against[spent.rows][inside]),
                    f"N = {spent.n} against {bigger}",
                    f"{says}, {at}",
                    bins=bins,
                    note="; ".join(part for part in (note, spent.note) if part),
                )


def _larger_searches(evidence: Evidence, larger: Larger, pair: Pair, name: str, way: Way) -> Iterator[Claim]:
    pool, method = larger_pool(evidence, larger), evidence.baseline
    if pool is None or method is None:
        return
    bigger = larger.model.removeprefix("embedded:")
    for k in (k for k in LARGER_SAMPLES if k <= pool.pool.size):
        theirs = pool.spending(method, [k], evidence.settings.seed)
        extra = float(theirs.mean_flops[0]) - pair.answer_flops
        for at, spent in alike(way, {ratio: pair.budget(ratio) + extra for ratio in RATIOS}):
            sides = f"{name}, N = {spent.n}", f"{bigger}, {method_name(method)}, N = {k}"
            values = spent.accuracy.astype(np.float64), theirs.accuracy[spent.rows, 0]
            yield evidence.asked.paired(
                LARGER_SEARCHES, sides, values, f"against {bigger} with N = {k}", f"all, {at}", note=spent.note
            )


def over_tasks(evidences: Sequence[Evidence]) -> list[Claim]:
    """Pairs of tasks whose small and large models have the same sizes apart: one budget for both, and pretraining paid once."""
    served = [(one, larger) for one in evidences for larger in one.found.larger if pair_of(one, larger) is not None]
    claims: list[Claim] = []
    for first, second in combinations(served, 2):
        if first[0].pool.task != second[0].pool.task and not (first[0].found.recall or second[0].found.recall):
            claims += _both(first, second)
    return claims


def _both(first: tuple[Evidence, Larger], second: tuple[Evidence, Larger]) -> Iterator[Claim]:
    """Two tasks, R for each: what both questions may cost together is split evenly, or where it gives most on other questions."""
    both = (first, second)
    evidence = first[0]
    pairs = [pair for one in both if (pair := pair_of(*one)) is not None]
    pools = [drawn_of(one)[0] for one, _ in both]
    methods = [one.baseline for one, _ in both]
    greedy = [greedy_of(larger) for _, larger in both]
    names = " and ".join(one.pool.task for one, _ in both)
    note = "as if one pretraining served both: the lab has a model for each"
    tables = [_table(pool, method) for pool, method in zip(pools, methods, strict=True)]
    for ratio in RATIOS:
        budgets = [pair.answer_flops + (pair.budget(ratio) - pair.answer_flops) / len(pairs) for pair in pairs]
        equal = [_at(table, budget) for table, budget in zip(tables, budgets, strict=True)]
        shared = np.concatenate(_shared(tables, sum(budgets), evidence))
        on, each = f"all, R = {ratio:g} for each", " and ".join(str(n) for n, _ in equal)
        sides = f"one budget for {names}", f"an equal one for each (N = {each})"
        values = shared, np.concatenate([accuracy for _, accuracy in equal])
        yield evidence.asked.paired(SHARED_BUDGET, sides, values, names, on, note=note)
        sides, values = (
            (f"small models on {names}, one budget", "larger models, greedy"),
            (shared, np.concatenate(greedy)),
        )
        yield evidence.asked.paired(SHARED_SMALL_AHEAD, sides, values, names, on, note=note)


@dataclass(frozen=True)
class Table:
    """Numbers of samples `n` `[K]`, what each costs on average (FLOPs `[K]`), and accuracy `[Q, K]`."""

    n: Sequence[int]
    flops: Floats
    accuracy: Floats


def _table(pool: Drawn | None, method: str | None) -> Table:
    assert pool is not None and method is not None
    ks = budgets_up_to(pool.pool.size)
    spending = pool.spending(method, ks, 0)
    return Table(ks, spending.mean_flops, spending.accuracy)


def _at(table: Table, budget: float) -> tuple[int, Floats]:
    """The most of these numbers of samples that are within the budget, and accuracy `[Q]` there; 0 where it buys none."""
    place = int(np.searchsorted(table.flops, budget * (1 + 1e-9), side="right")) - 1
    return (table.n[place], table.accuracy[:, place]) if place >= 0 else (0, np.zeros(len(table.accuracy)))


def _shared(tables: Sequence[Table], budget: float, evidence: Evidence) -> list[Floats]:
    """Accuracy on each of two tasks where the split of the budget is chosen on one half of the questions, measured on the other."""
    generator = np.random.default_rng([evidence.settings.seed, 0x5A4ED])
    found = [np.zeros(len(table.accuracy)) for table in tables]
    first, second = (table.flops for table in tables)
    within = first[:, None] + second[None, :] <= budget * (1 + 1e-9)
    splits = [(int(i), int(j)) for i, j in np.argwhere(within)]
    for _ in range(evidence.settings.splits if splits else 0):
        folds = [generator.permutation(len(table.accuracy)) % 2 for table in tables]
        for side in range(2):
            a, b = (table.accuracy[fold != side].mean(axis=0) for table, fold in zip(tables, folds, strict=True))
            best = max(splits, key=lambda split: a[split[0]] + b[split[1]])
            for place, (table, fold) in enumerate(zip(tables, folds, strict=True)):
                rows = fold == side
                found[place][rows] += table.accuracy[rows, best[place]] / evidence.settings.splits
    return found
