"""A pool scored again by another verifier: the samples stay, the scores change, and what that verifier reads is its own cost.

The run has the pool's strategy and seed, which give the same samples, remembered (`outlay.study.remembering`) or drawn again;
that they are the same is checked. So a weak verifier is compared with a good one on the very same samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from outlay.curves import auc_within_question, interval
from outlay.study.deciding import Realised, keyed
from outlay.study.figures import as_bin_curves, as_curve, as_estimate, binned, listed
from outlay.study.flops import UNSCORED, PoolFlops
from outlay.study.measure import budgets_up_to, expected, with_probabilities
from outlay.study.pools import Ints, Pool
from outlay.study.settings import Settings


@dataclass(frozen=True)
class Rescored:
    """The pool with the scores of `verifier`, what drawing and scoring it so costs, and the searches that it led."""

    verifier: str
    pool: Pool
    flops: PoolFlops | None = None
    runs: tuple[Realised, ...] = ()


def same_samples(pool: Pool, again: Pool) -> bool:
    """Whether both hold the same samples of the same questions, scores aside."""
    if pool.questions != again.questions or pool.correct.shape != again.correct.shape:
        return False
    both = ((pool.answers, again.answers), (pool.tokens, again.tokens))
    known = [(a, b) for a, b in both if a is not None and b is not None]
    return np.array_equal(pool.correct, again.correct) and all(np.array_equal(a, b) for a, b in known)


def rescored_part(rescored: Sequence[Rescored], bins: Mapping[str, Ints], settings: Settings) -> list[dict[str, Any]]:
    """For each other verifier its quality within a question, and the curves of whatever looks at its scores; bin by bin too.

    `bins` are the pool's own, by each kind of difficulty: the same questions for every verifier.
    """
    return [_part(one, bins, settings) for one in rescored]


def _part(one: Rescored, bins: Mapping[str, Ints], settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {"resamples": settings.resamples, "seed": settings.seed}
    pool = with_probabilities(one.pool, settings.seed)
    assert pool.scores is not None
    ks = budgets_up_to(pool.size)
    tables = {name: table for name, table in expected(pool, ks, settings.seed)[0].items() if name not in UNSCORED}
    budgets: dict[str, Sequence[int]] = dict.fromkeys(tables, ks)
    runs = keyed(one.runs, list(tables))
    budgets |= {key: run.budgets for key, run in runs.items()}
    tables |= {key: run.correct for key, run in runs.items()}
    curves: dict[str, Any] = {
        name: {"n": list(budgets[name]), **as_curve(interval(table, **options))} for name, table in tables.items()
    }
    for name, curve in curves.items():
        if name in runs and (spent := runs[name].flops) is not None:
            curve["flops"] = listed(spent.mean(axis=0))
        elif name not in runs and one.flops is not None:
            curve["flops"] = listed(one.flops.of(name, ks).mean(axis=0))
    within = auc_within_question(pool.correct, pool.scores, valid=np.isfinite(pool.scores), **options)
    found: dict[str, Any] = {
        "name": one.verifier,
        "auc_within_question": as_estimate(within),
        "curves": curves,
        "bins": {},
    }
    for kind, places in bins.items():
        count = int(places.max()) + 1
        found["bins"][kind] = {
            name: {
                "n": list(budgets[name]),
                **as_bin_curves(binned([table], [places], count, settings.resamples, settings.seed)),
            }
            for name, table in tables.items()
        }
    return found
