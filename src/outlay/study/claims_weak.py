"""Claims about verifiers of every quality: what weak ones are worth, what training buys, and whether only weak models gain.

Every verifier scores the very same samples. Where answers cannot vote there is no majority to compare with, and one sample stands
in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from outlay.curves import interval
from outlay.strategies.names import method_name
from outlay.study.claim import Claim, Finding
from outlay.study.claims_exchange import alike
from outlay.study.claims_ladder import ladders, sizes_of_ladder
from outlay.study.claims_search import pool_table
from outlay.study.drawn import Drawn, bought
from outlay.study.evidence import Evidence
from outlay.study.exchanging import RATIOS
from outlay.study.figures import as_points
from outlay.study.measure import with_probabilities
from outlay.study.pools import Bools, Floats
from outlay.study.rescoring import Rescored
from outlay.study.runs import Larger
from outlay.study.training import Training, training_of
from outlay.study.ways import Spent, Way, drawn_of, greedy_of, pair_of, solution_tokens

WEAK = "Snell et al., replies to reviewers: weak verifiers"

OVER_NOTHING = Finding(
    38,
    "verifier_over_majority",
    "choosing by the verifier is ahead of the majority (where answers cannot vote: of one sample)",
    WEAK,
    "The rebuttal repeats its comparison with verifiers of graded quality; no figure of it is quoted here.",
)
GOOD_OVER_WEAK = Finding(
    38,
    "good_verifier_over_weak",
    "choosing by the study's own verifier is ahead of choosing by a weaker one among the same samples",
    WEAK,
    "The rebuttal repeats its comparison with verifiers of graded quality; no figure of it is quoted here.",
)
STILL_AHEAD = Finding(
    38,
    "small_ahead_with_any_verifier",
    "a small model with test-time compute beats the larger one at equal FLOPs, by whatever verifier chooses",
    WEAK,
    "The rebuttal repeats its comparison with verifiers of graded quality; no figure of it is quoted here.",
)
MORE_TRAINING = Finding(
    39,
    "more_training_chooses_better",
    "of two verifiers, or revisers, of one kind the one with more training is ahead",
    "asked by the paper's reviewers",
    "The paper trains one verifier and one reviser.",
)
GAIN_OF_WEAK = Finding(
    40,
    "gain_is_the_weak_models",
    "the verifier's gain is smaller for the largest model than for the smallest",
    "asked by the paper's reviewers",
    "The paper has one base model.",
)
LARGE_GAINS = Finding(
    40,
    "large_model_gains_too",
    "the largest model gains from the verifier as well",
    "asked by the paper's reviewers",
    "The paper has one base model.",
)


def weakly(evidence: Evidence) -> list[Claim]:
    """What each verifier of one task and model is worth, its own first."""
    claims: list[Claim] = []
    for name, table, _ in by_verifier(evidence):
        claims += _over_nothing(evidence, name, table)
    own = next(iter(by_verifier(evidence)), None)
    if own is not None:
        for name, table, _ in by_verifier(evidence)[1:]:
            sides, values = (own[0], name), (own[1][:, -1], table[:, -1])
            told = f"{method_name(str(evidence.baseline))}, {name}"
            claims.append(evidence.asked.paired(GOOD_OVER_WEAK, sides, values, told, f"all, N = {evidence.ks[-1]}"))
    for larger in evidence.found.larger:
        claims += _exchanged(evidence, larger)
    return claims


def by_verifier(evidence: Evidence) -> list[tuple[str, Floats, Rescored | None]]:
    """Each verifier's name, accuracy `[Q, len(ks)]` by the pool's method with its scores, and its rescored pool; the own first."""
    method = evidence.baseline
    if method is None or evidence.pool.scores is None:
        return []
    found: list[tuple[str, Floats, Rescored | None]] = [
        (_short(evidence.found.verifier), evidence.tables[method], None)
    ]
    for other in evidence.found.rescored:
        found.append((_short(other.verifier), pool_table(evidence, other.pool, method), other))
    return found


def without(evidence: Evidence) -> tuple[str, Floats]:
    """What there is without a verifier: `[Q, len(ks)]` of the majority, or of one sample where answers cannot vote."""
    if "majority" in evidence.tables:
        return "majority", evidence.tables["majority"]
    single = evidence.tables["pass"][:, :1]
    return "one sample", np.repeat(single, len(evidence.ks), axis=1)


def _over_nothing(evidence: Evidence, name: str, table: Floats) -> Iterator[Claim]:
    other, alone = without(evidence)
    n = evidence.ks[-1]
    for says, bins, inside in (
        ("all", None, np.ones(len(table), dtype=bool)),
        *((part.says, part.bins, part.inside) for where in ("easy", "hard") for part in evidence.part(where)),
    ):
        if bins in (None, "oracle"):
            values = table[inside, -1], alone[inside, -1]
            yield evidence.asked.paired(
                OVER_NOTHING,
                (f"{method_name(str(evidence.baseline))} by {name}", other),
                values,
                name,
                f"{says}, N = {n}",
                bins=bins,
            )


def _exchanged(evidence: Evidence, larger: Larger) -> Iterator[Claim]:
    """The small model with each verifier, and with none, against the larger one's greedy answer; each verifier pays for itself."""
    pair, drawn = pair_of(evidence, larger), drawn_of(evidence)[0]
    method, against = evidence.baseline, greedy_of(larger)
    if pair is None or drawn is None or method is None or not evidence.found.rescored:
        return
    seed, bigger = evidence.settings.seed, _short(larger.model)
    spending: dict[str, Way] = {}
    for other in evidence.found.rescored:
        if other.flops is not None:
            pool = Drawn(with_probabilities(other.pool, seed), other.flops, drawn.rows)
            spending[_short(other.verifier)] = _way(method, pool, seed)
    if "majority" in evidence.tables:
        spending["majority, no verifier"] = _way("majority", drawn, seed)
    for name, way in spending.items():
        for at, spent in alike(way, {ratio: pair.budget(ratio) for ratio in RATIOS}):
            sides = f"{name}, N = {spent.n}", f"{bigger}, greedy"
            values = spent.accuracy.astype(np.float64), against[spent.rows]
            yield evidence.asked.paired(
                STILL_AHEAD, sides, values, f"{name} against {bigger}", f"all, {at}", note=spent.note
            )


def _way(method: str, pool: Drawn, seed: int) -> Way:
    def way(budget: float) -> Spent | None:
        got = bought(method, budget, pool, None, seed)
        return None if got is None else Spent(got.n, pool.rows, got.accuracy, got.wanted > got.n)

    return way


def between_strengths(evidences: Sequence[Evidence]) -> list[Claim]:
    """On each ladder of sizes: the verifier's gain for the largest model, and how it compares with the smallest's."""
    claims: list[Claim] = []
    for ladder in ladders(evidences):
        rungs = sizes_of_ladder(ladder)
        if len(rungs) < 2:
            continue
        small, large = rungs[0].evidence, rungs[-1].evidence
        n = max(k for k in small.ks if k in large.ks)
        gains = []
        for one in (small, large):
            other, alone = without(one)
            gains.append(one.at(str(one.baseline), n) - alone[:, one.ks.index(n)])
        parts: list[tuple[str, str | None, Bools]] = [("all", None, np.ones(len(gains[0]), dtype=np.bool_))]
        parts += [
            (part.says, part.bins, part.inside) for where in ("easy", "middle", "hard") for part in small.part(where)
        ]
        names = [rung.name for rung in (rungs[0], rungs[-1])]
        for says, bins, inside in (part for part in parts if part[2].any() and part[1] in (None, "oracle")):
            on = f"{says}{' for the smallest' if bins else ''}, N = {n}"
            told = f"over {other}"
            sides = f"gain of {names[0]}", f"gain of {names[1]}"
            claims.append(
                small.asked.paired(GAIN_OF_WEAK, sides, (gains[0][inside], gains[1][inside]), told, on, bins=bins)
            )
            sides = f"{names[1]} by its verifier", other
            zeros = np.zeros(int(inside.sum()))
            claims.append(large.asked.paired(LARGE_GAINS, sides, (gains[1][inside], zeros), told, on, bins=bins))
    return claims


def trained(evidences: Sequence[Evidence]) -> list[Claim]:
    """Verifiers of one role and size on the same samples, and revisers of one base on the same questions, by their training."""
    claims = [claim for one in evidences for claim in _trained_verifiers(one)]
    revisers = [one for one in evidences if _revises(one)]
    for less in revisers:
        for more in revisers:
            claims += _trained_revisers(less, more)
    return claims


def _trained_verifiers(evidence: Evidence) -> Iterator[Claim]:
    """Each verifier against the next cheaper one of its kind."""
    n = evidence.ks[-1]
    kinds: dict[tuple[str, int], list[tuple[float, str, Floats]]] = {}
    for name, table, other in by_verifier(evidence):
        cost = _cost(evidence, other)
        if cost is not None:
            kinds.setdefault(cost[0], []).append((cost[1], name, table[:, -1]))
    for of_kind in kinds.values():
        for less, more in pairwise(sorted(of_kind, key=lambda one: one[0])):
            if less[0] < more[0]:
                note = f"{more[0]:.2g} FLOPs of training against {less[0]:.2g}"
                sides, values = (more[1], less[1]), (more[2], less[2])
                yield evidence.asked.paired(MORE_TRAINING, sides, values, more[1], f"all, N = {n}", note=note)


def _cost(evidence: Evidence, other: Rescored | None) -> tuple[tuple[str, int], float] | None:
    """Kind (role and parameters) and training FLOPs of a verifier; None without a record."""
    details = evidence.found.details
    steps = 1.0 if details is None else details.steps
    address = evidence.found.verifier if other is None else other.verifier
    record = training_of(address, solution_tokens(evidence), steps)
    return None if record is None else ((record.role, record.parameters), record.flops)


def _revises(evidence: Evidence) -> bool:
    record = training_of(evidence.pool.model)
    return record is not None and record.revises


def _trained_revisers(less: Evidence, more: Evidence) -> Iterator[Claim]:
    few, many = (training_of(one.pool.model, solution_tokens(one)) for one in (less, more))
    if few is None or many is None or few.base != many.base or few.tokens >= many.tokens:
        return
    if less.pool.questions != more.pool.questions:
        return
    runs = {run.key: run for run in less.runs.values() if run.spec["name"] == "revisions"}
    for run in (run for run in more.runs.values() if run.key in runs):
        n = max((n for n in run.budgets if n in runs[run.key].budgets), default=None)
        if n is not None:
            mine, theirs = (one.correct[:, one.budgets.index(n)].astype(np.float64) for one in (run, runs[run.key]))
            note = f"{many.tokens:.2g} tokens read against {few.tokens:.2g}"
            sides = _short(more.pool.model), _short(less.pool.model)
            yield more.asked.paired(
                MORE_TRAINING, sides, (mine, theirs), more.names[run.key], f"all, N = {n}", note=note
            )


def training_part(evidences: Sequence[Evidence]) -> list[dict[str, Any]]:
    """Accuracy against the FLOPs of training the verifier, or the reviser: a curve for each task, model and N.

    Returns:
        Entries of `task`, `model`, what was `trained` (`verifier` or `reviser`), `method`, `n`, `without` (what none gives), and
        `points`, each with `name`, `role`, `flops` (training and the drawing of what was learned from; null where there is no
        record) and `accuracy`, the cheapest first.
    """
    found = []
    for evidence in evidences:
        told = by_verifier(evidence)
        if len(told) < 2:
            continue
        options: dict[str, Any] = {"resamples": evidence.settings.resamples, "seed": evidence.settings.seed}
        points = []
        for name, table, other in told:
            cost = _cost(evidence, other)
            role, flops = ("", None) if cost is None else (cost[0][0], cost[1])
            points.append(
                {
                    "name": name,
                    "role": role,
                    "flops": flops,
                    "accuracy": as_points(interval(table[:, -1:], **options))[0],
                }
            )
        points.sort(key=lambda point: (point["flops"] is None, point["flops"] or 0.0))
        name, alone = without(evidence)
        found.append(
            {
                "task": evidence.pool.task,
                "model": evidence.pool.model,
                "trained": "verifier",
                "method": str(evidence.baseline),
                "n": evidence.ks[-1],
                "without": {"name": name, **as_points(interval(alone[:, -1:], **options))[0]},
                "points": points,
            }
        )
    return [*found, *_reviser_part(evidences)]


def _reviser_part(evidences: Sequence[Evidence]) -> list[dict[str, Any]]:
    """Revisers of one base on the same questions: the longest single chain that all of them wrote, chosen alike."""
    groups: dict[Any, list[tuple[Evidence, Training]]] = {}
    for evidence in evidences:
        record = training_of(evidence.pool.model, solution_tokens(evidence))
        if record is not None and record.revises:
            key = evidence.pool.task, evidence.pool.questions, evidence.found.verifier, record.base
            groups.setdefault(key, []).append((evidence, record))
    found = []
    for (task, *_, base), group in groups.items():
        revisers = sorted(group, key=lambda one: one[1].flops)
        chains = [_single_chains(evidence) for evidence, _ in revisers]
        shared = set.intersection(*(set(one) for one in chains))
        if len(revisers) < 2 or not shared:
            continue
        at = max(shared, key=lambda place: (place[1], "verifier" in place[0]))
        settings = revisers[0][0].settings
        options: dict[str, Any] = {"resamples": settings.resamples, "seed": settings.seed}
        points = [
            {
                "name": record.name,
                "role": "policy",
                "flops": record.flops,
                "accuracy": as_points(interval(one[at], **options))[0],
            }
            for (_, record), one in zip(revisers, chains, strict=True)
        ]
        single = revisers[0][0].tables["pass"][:, :1]
        found.append(
            {
                "task": task,
                "model": f"revisers of {base}",
                "trained": "reviser",
                "method": "revisions",
                "n": at[1],
                "without": {"name": "one sample", **as_points(interval(single, **options))[0]},
                "points": points,
            }
        )
    return found


def _single_chains(evidence: Evidence) -> dict[tuple[str, int], Floats]:
    """Accuracy `[Q, 1]` of one chain, by strategy and N."""
    return {
        (run.key, n): run.correct[:, place : place + 1].astype(np.float64)
        for run in evidence.runs.values()
        if run.spec["name"] == "revisions" and run.spec.get("chains", 1) == 1
        for place, n in enumerate(run.budgets)
    }


def _short(address: str | None) -> str:
    return str(address).removeprefix("embedded:")
