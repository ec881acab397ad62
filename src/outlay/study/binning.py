"""How much a policy depends on the number of bins, and on how well difficulty is told: pilots of different sizes.

Both are read at the headline's budget, with the control beside them: the same with difficulty handed to other questions.
A pilot's bins are also compared with true (oracle) bins, which come from samples that are not in the pilot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from outlay import difficulty
from outlay.curves import paired_difference
from outlay.policies.crossfit import PolicyCurve
from outlay.study.claim import APART
from outlay.study.deciding import ORDERS, Pilot, View, mean_score, per_bin_policies, pilot_values
from outlay.study.figures import as_points, listed, plain
from outlay.study.levels import level_values
from outlay.study.measure import in_order
from outlay.study.pools import Floats, Pool, Probed
from outlay.study.settings import Settings

BINS = (1, 2, 3, 5, 8)
"""Numbers of bins that are tried beside the settings' own."""

PILOTS = (1, 2, 4, 8, 16)
"""Sizes of pilots that are tried beside the settings' own."""


def bins_part(views: Sequence[View], budget: int, settings: Settings) -> dict[str, Any]:
    """Accuracy of deciding per bin against the number of bins, at one budget; what difficulty costs is left aside.

    Returns:
        `count`, `budget`, and points for each count: `accuracy` by true bins, `predicted` where that can be told, and
        `shuffled`, the control.
    """
    counts = sorted({*BINS, settings.bins})
    told = [replace(view, values={k: v for k, v in view.values.items() if k != "level"}) for view in views]
    curves = [per_bin_policies(told, [budget], replace(settings, bins=count)) for count in counts]
    found: dict[str, Any] = {"count": counts, "budget": float(budget)}
    for kind, name in (("oracle", "accuracy"), ("predicted", "predicted"), ("shuffled", "shuffled")):
        if f"per_bin_{kind}" in curves[0]:
            found[name] = [as_points(_interval(curve[f"per_bin_{kind}"], settings))[0] for curve in curves]
    return found


def pilot_part(
    pool: Pool,
    oracle: Floats | None,
    replays: Sequence[tuple[Pilot, PolicyCurve]],
    budget: float,
    settings: Settings,
) -> dict[str, Any]:
    """What pilots of different sizes are worth at one budget, their own samples counted, and how well they tell difficulty.

    Args:
        pool: the pool that the pilots were drawn from.
        oracle: true difficulty of each question from further samples; None: from the pool's samples beyond the pilot.
        replays: every pilot and its policy, each with a shuffled one of the same size.
        budget: the generations at which they are read.
        settings: bins, seed and the pilot whose confusion with true bins is kept.

    Returns:
        `m`, `budget`, and for each m points `accuracy`, `shuffled` and `gain_over_shuffled` (paired; on `differing` questions
        the two are a point or more apart), `agreement` with
        true bins (a share, averaged over random orders) and `chance`; `bins` has the whole comparison for the settings'
        own pilot.
    """
    at = {
        (pilot.samples, pilot.shuffled): _column(curve, budget) for pilot, curve in replays if budget in curve.budgets
    }
    sizes = sorted(m for m, shuffled in at if shuffled)
    agreed = {m: _agreement(pool, m, oracle, settings) for m in sizes}
    told = [(_interval(at[m, False], settings), _interval(at[m, True], settings)) for m in sizes]
    gains = [
        paired_difference(at[m, False].accuracy, at[m, True].accuracy, resamples=settings.resamples, seed=settings.seed)
        for m in sizes
    ]
    found: dict[str, Any] = {
        "m": sizes,
        "budget": budget,
        "accuracy": [as_points(own)[0] for own, _ in told],
        "shuffled": [as_points(control)[0] for _, control in told],
        "gain_over_shuffled": [as_points(gain)[0] for gain in gains],
        "differing": [_differing(at[m, False], at[m, True]) for m in sizes],
        "agreement": [agreed[m]["accuracy"] for m in sizes],
        "chance": [agreed[m]["chance"] for m in sizes],
    }
    own = agreed.get(settings.pilot) or _agreement(pool, settings.pilot, oracle, settings)
    return found | {"bins": {"m": settings.pilot, **own}}


def _agreement(pool: Pool, m: int, oracle: Floats | None, settings: Settings) -> dict[str, Any]:
    """The bins of a pilot of m against true bins, averaged over random orders of the pool."""
    generator = np.random.default_rng([settings.seed, 0xA63E])
    confusion = np.zeros((settings.bins, settings.bins))
    for _ in range(ORDERS):
        drawn = in_order(pool, np.argsort(generator.random(pool.correct.shape), axis=1))
        values = pilot_values(drawn, m)
        true = difficulty.oracle(drawn.correct[:, m:]) if oracle is None else oracle
        assert values is not None
        placed, belonging = (difficulty.Bins.fit(v, settings.bins).assign(v) for v in (values, true))
        confusion += difficulty.agreement(placed, belonging, settings.bins).confusion / ORDERS
    right, in_bin = np.diag(confusion), confusion.sum(axis=0)
    questions = confusion.sum()
    return {
        "confusion": [listed(row) for row in confusion.T],  # rows: the bin in which the pilot placed them
        "accuracy": plain(right.sum() / questions),
        "precision": listed(np.where(in_bin > 0, right / np.maximum(in_bin, 1e-12), np.nan)),
        "chance": plain((in_bin * confusion.sum(axis=1)).sum() / questions**2),
    }


def _column(curve: PolicyCurve, budget: float) -> PolicyCurve:
    at = curve.budgets == budget
    return replace(curve, budgets=curve.budgets[at], accuracy=curve.accuracy[:, at], cost=curve.cost[:, at])


def _differing(first: PolicyCurve, second: PolicyCurve) -> int:
    return int((np.abs(first.accuracy[:, 0] - second.accuracy[:, 0]) >= APART).sum())


def _interval(curve: PolicyCurve, settings: Settings) -> Any:
    return curve.accuracy_interval(resamples=settings.resamples, seed=settings.seed)


def difficulty_values(
    judging: Pool, levels: Sequence[str] | None = None, probed: Probed | None = None
) -> dict[str, Floats]:
    """Every kind of difficulty that these samples give, a probe's and people's levels: `{kind: [Q]}`, higher = easier.

    `oracle` looks at the reference answers, `predicted` at a verifier's scores or at how far the answers agree.
    """
    values = {"oracle": difficulty.oracle(judging.correct)}
    if judging.scores is not None:
        usable = judging.scores if judging.probabilities is None else judging.probabilities
        values["predicted"] = mean_score(usable, judging.rated)
    elif judging.can_vote and judging.answers is not None:
        values["predicted"] = difficulty.consensus(judging.answers)
    if probed is not None:
        values["probe"] = probed.values
    given = level_values(levels)
    return values if given is None else {**values, "level": given}
