"""From a pool to its group of the summary: curves, difficulty, policies, the verifier, and what can be said in words.

Promises: every figure has an interval by bootstrap over questions; nothing chosen on a question is measured on it;
difficulty is estimated from samples other than those measured; what the pool cannot support is absent, and `warnings`
says why. Costs are in generations, the difficulty estimate included; in FLOPs beside them where the runs tell those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from outlay import difficulty
from outlay.curves import interval
from outlay.study import telling
from outlay.study.binning import difficulty_values
from outlay.study.chains import analyse_chains
from outlay.study.comparing import Measured, compare
from outlay.study.deciding import Realised, keyed
from outlay.study.figures import as_bin_curves, as_curve, as_points, binned, in_bin, listed, plain
from outlay.study.flops import PoolFlops
from outlay.study.levels import level_names
from outlay.study.measure import COVERAGE, budgets_up_to, expected, with_probabilities
from outlay.study.over_greedy import gain_over, greedy_of, greedy_sentence
from outlay.study.peaks import peak_of
from outlay.study.pools import Chains, Floats, Ints, Pool
from outlay.study.settings import Settings
from outlay.study.verifying import verifier_quality

FEWEST_QUESTIONS = 20
"""Below this many questions neither bins nor policies are tried."""

FEWEST_SAMPLES = 4
"""Below this many samples a question a pool is not halved into samples for difficulty and samples that measure."""


def analyse(
    pool: Pool | Chains,
    *,
    difficulty_pool: Pool | None = None,
    runs: Sequence[Realised] = (),
    flops: PoolFlops | None = None,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """The group of `summary.json` that this pool gives.

    Args:
        pool: independent samples, or chains of revisions.
        difficulty_pool: further samples of the same questions, in the same order, for difficulty alone; without them
            each half of the pool gives the difficulty for the other.
        runs: strategies that were run on their own on the same questions, in the same order.
        flops: floating-point operations of drawing and scoring the pool's samples.
        settings: seed, bins, pilot and the budget of the headline, fixed before the questions were looked at.
    """
    settings = settings or Settings()
    if isinstance(pool, Chains):
        return analyse_chains(pool, settings)
    pool = with_probabilities(pool, settings.seed)
    ks = budgets_up_to(pool.size)
    halved = difficulty_pool is None and pool.size >= FEWEST_SAMPLES
    view_ks = budgets_up_to(pool.size // 2) if halved else ks
    every_k = tuple(sorted({*ks, *view_ks}))
    wide, errors = expected(pool, every_k, settings.seed)
    tables = {method: table[:, np.isin(every_k, ks)] for method, table in wide.items()}
    named = keyed(runs, list(tables))
    group: dict[str, Any] = {
        "task": pool.task,
        "model": pool.model,
        "questions": len(pool.questions),
        "samples": pool.size,
        "pass_at_1": as_points(_interval(pool.correct.mean(axis=1), settings))[0],
        "curves": _curves(pool, tables, errors, ks, named, flops, settings),
    }
    warnings = [*pool.warnings, *telling.size_warnings(pool)]
    sentences = telling.curve_sentences(pool, tables, ks, group["curves"], settings)
    if pool.size > 1 and telling.told_apart(pool) and len(pool.questions) >= FEWEST_QUESTIONS:
        views = _views(pool, difficulty_pool, wide, view_ks, settings)
        if views:
            group["bins"] = _bins(views, view_ks, named, settings)
            found = compare(pool, wide, every_k, views, view_ks, runs, flops, settings)
            if found is None:
                warnings.append(
                    "Nothing here can choose among samples (no scores, no votes), so there is no policy to compare."
                )
            else:
                told, warned = telling.policy_sentences(found.entries, found.method, settings)
                group["policies"], group["difficulty"] = found.entries, found.difficulty
                group["headline"] = telling.in_short(found.entries, found.method, settings)
                if going := telling.as_one_goes(found.entries, found.method):
                    group["as_one_goes"] = going
                if above := greedy_sentence(found.entries, found.method, greedy_of(runs), settings):
                    group["over_greedy"] = above
                sentences += told
                warnings += [*found.warnings, *warned]
        else:
            warnings.append(
                f"{pool.size} samples a question are too few for difficulty bins and policies: difficulty is told by samples "
                f"other than those measured, so at least {FEWEST_SAMPLES} are needed, or a pool for difficulty alone."
            )
        if pool.scores is not None:
            group["verifier"] = verifier_quality(
                pool, [(v.pool, _bin_of(v, "oracle", settings)) for v in views], settings
            )
            sentences += telling.verifier_sentences(group["verifier"])
    elif pool.size > 1 and telling.told_apart(pool):
        few = "1 question is" if len(pool.questions) == 1 else f"{len(pool.questions)} questions are"
        warnings.append(f"{few} too few for difficulty bins and policies; at least {FEWEST_QUESTIONS} are needed.")
    return {**group, "sentences": sentences, "warnings": warnings}


def _interval(values: Floats, settings: Settings) -> Any:
    return interval(values, resamples=settings.resamples, seed=settings.seed)


def _curves(
    pool: Pool,
    tables: Mapping[str, Floats],
    errors: Mapping[str, float],
    ks: Sequence[int],
    runs: Mapping[str, Realised],
    flops: PoolFlops | None,
    settings: Settings,
) -> dict[str, Any]:
    curves: dict[str, Any] = {}
    greedy = greedy_of(list(runs.values()))
    tokens = None if pool.tokens is None else float(pool.tokens.mean())
    for method, table in tables.items():
        curve = {"n": list(ks), **as_curve(_interval(table, settings)), "cost": [float(k) for k in ks]}
        if tokens is not None:
            curve["tokens"] = [plain(k * tokens) for k in ks]
        if flops is not None and method != COVERAGE:
            curve["flops"] = listed(flops.of(method, ks).mean(axis=0))
        if method in errors:
            curve["monte_carlo_error"] = plain(errors[method])
        if method != COVERAGE:
            curve |= gain_over(greedy, table, settings)
        curves[method] = curve | _peak(method, table, ks, settings)
    for key, run in runs.items():
        curves[key] = {
            "n": list(run.budgets),
            **as_curve(_interval(run.correct, settings)),
            "cost": listed(run.cost.mean(axis=0)),
            **_peak(key, run.correct, run.budgets, settings),
        }
        if run.candidate and run.spec["name"] != "greedy":
            curves[key] |= gain_over(greedy, run.correct, settings)
        if run.flops is not None:
            curves[key]["flops"] = [float(f) for f in run.flops.mean(axis=0)]
    return curves


def _peak(key: str, table: Floats, ks: Sequence[int], settings: Settings) -> dict[str, Any]:
    """The curve's peak, where it ends below it; coverage is no method and cannot fall."""
    found = None if key == COVERAGE else peak_of(table, ks, settings)
    return {} if found is None else {"peak": found}


def _bin_peaks(
    tables: Sequence[Floats], bins: Sequence[Ints], count: int, ks: Sequence[int], settings: Settings
) -> dict[str, Any]:
    """The peak of a curve in each bin, None where it has none; nothing where no bin has one."""
    found = []
    for number in range(count):
        inside = in_bin(tables, bins, number)
        found.append(peak_of(inside, ks, settings) if len(inside) > 1 else None)
    return {"peak": found} if any(found) else {}


def _views(
    pool: Pool, difficulty_pool: Pool | None, tables: Mapping[str, Floats], ks: Sequence[int], settings: Settings
) -> list[Measured]:
    """What measures, with difficulty from other samples: the whole pool by a difficulty pool, or each half by the other.

    `tables` are the whole pool's; what comes back has its own tables at `ks`. Empty where the pool cannot be halved.
    """
    if difficulty_pool is not None:
        judging = with_probabilities(difficulty_pool, settings.seed)
        return [Measured(pool, tables, difficulty_values(judging, pool.levels, pool.probed), judging.size)]
    if pool.size < FEWEST_SAMPLES:
        return []
    first, second = difficulty.halves(pool.size)
    views = []
    for judging_half, measuring in ((first, second), (second, first)):
        measured = pool.columns(measuring)
        values = difficulty_values(pool.columns(judging_half), pool.levels, pool.probed)
        views.append(Measured(measured, expected(measured, ks, settings.seed)[0], values, len(first)))
    return views


def _bin_of(view: Measured, kind: str, settings: Settings) -> Ints:
    values = view.values[kind]
    count = len(np.unique(values)) if kind == "level" else settings.bins
    return difficulty.Bins.fit(values, count).assign(values)


def _bins(
    views: Sequence[Measured], ks: Sequence[int], runs: Mapping[str, Realised], settings: Settings
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    oracle = [_bin_of(view, "oracle", settings) for view in views]
    for kind in views[0].values:
        bins = [_bin_of(view, kind, settings) for view in views]
        count = int(max(b.max() for b in bins)) + 1
        single = binned(
            [view.pool.correct.mean(axis=1, keepdims=True) for view in views],
            bins,
            count,
            settings.resamples,
            settings.seed,
        )
        entry: dict[str, Any] = {
            "count": [round(float(np.mean([(b == number).sum() for b in bins]))) for number in range(count)],
            "pass_at_1": [as_points(one)[0] for one in single],
            "curves": {
                method: {
                    "n": list(ks),
                    **as_bin_curves(
                        binned([v.tables[method] for v in views], bins, count, settings.resamples, settings.seed)
                    ),
                    **(
                        {}
                        if method == COVERAGE
                        else _bin_peaks([v.tables[method] for v in views], bins, count, ks, settings)
                    ),
                }
                for method in views[0].tables
            },
        }
        for key, run in runs.items():
            correct = [run.correct.astype(np.float64)] * len(views)
            entry["curves"][key] = {
                "n": list(run.budgets),
                **as_bin_curves(binned(correct, bins, count, settings.resamples, settings.seed)),
                **_bin_peaks(correct, bins, count, run.budgets, settings),
            }
        if kind == "level":
            entry["names"] = level_names(views[0].pool.levels)
        elif kind != "oracle":
            total = max(count, int(max(o.max() for o in oracle)) + 1)
            agreed = difficulty.agreement(np.concatenate(bins), np.concatenate(oracle), total)
            entry["agreement"] = {
                "confusion": agreed.confusion.T.tolist(),  # rows: the bin that was predicted
                "accuracy": plain(agreed.accuracy),
                "precision": listed(agreed.precision),
                "chance": plain(agreed.chance),
            }
        found[kind] = entry
    return found
