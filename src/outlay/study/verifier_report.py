"""What each verifier is worth on the same samples: its quality, what a score costs, and what choosing by it gains.

Quality is told overall, within questions (the one that choosing depends on), and in each difficulty bin, whose samples are others
than those measured. Usefulness is the accuracy of best-of-N by it against N, with the peak where it surely falls. Everything has an
interval over questions; verifiers of one group have scored the same samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from outlay import difficulty
from outlay.curves import interval, paired_difference
from outlay.curves.calibration import IsotonicMap
from outlay.errors import UserError
from outlay.registry import nearest
from outlay.study.analysis import FEWEST_QUESTIONS, FEWEST_SAMPLES
from outlay.study.figures import as_curve, as_points, percent, plain
from outlay.study.flops import PoolFlops
from outlay.study.machine import versions
from outlay.study.measure import COVERAGE, budgets_up_to, expected, with_probabilities
from outlay.study.peaks import peak_of
from outlay.study.pools import Chains, Ints, Pool, read_pools
from outlay.study.roles import PLAIN_SAMPLING
from outlay.study.runs import recorded_in
from outlay.study.settings import Settings
from outlay.study.telling import peak_sentence, size_warnings, told_apart, verifier_sentences
from outlay.study.verifying import verifier_quality
from outlay.traces import Store
from outlay.traces.lines import json_rows

USEFUL = ("best_of_n", "weighted", "consensus")
"""The ways of choosing that look at scores."""


UNNAMED = "score"
"""What the verifier is called whose scores a file has without saying whose they are."""


@dataclass(frozen=True)
class Judged:
    """A pool as one verifier scored it; `tokens` is what a score took it to read and write, `flops` the operations, where known."""

    verifier: str
    pool: Pool
    difficulty_pool: Pool | None = None
    tokens: float | None = None
    flops: float | None = None


def judged_in(paths: Sequence[Path], aggregation: str | None = None) -> list[Judged]:
    """Every pool in these folders of traces and files of samples, once for each verifier that scored it.

    Raises UserError for a path that is neither, for damage, and where nothing is scored.
    """
    found: list[Judged] = []
    for path in paths:
        found += _in_folder(path, aggregation) if path.is_dir() else _in_file(path, aggregation)
    if not found:
        raise UserError(
            f"{', '.join(map(str, paths))}: no sample there has a verifier's score; score them with outlay verify first"
        )
    return found


def _in_folder(path: Path, aggregation: str | None) -> Iterator[Judged]:
    store = Store(path, create=False)
    for damage in store.damage():
        raise UserError(damage)
    runs = [
        row for row in store.runs().to_pylist() if any(f'"name":"{name}"' in row["strategy"] for name in PLAIN_SAMPLING)
    ]
    for one in recorded_in(store, aggregation):
        every = [(one.verifier, one.pool, one.flops), *((r.verifier, r.pool, r.flops) for r in one.rescored)]
        for verifier, pool, flops in every:
            if verifier is not None and pool.scores is not None:
                yield Judged(verifier, pool, one.difficulty_pool, _tokens(runs, pool, verifier), _flops(flops, pool))


def _in_file(path: Path, aggregation: str | None) -> Iterator[Judged]:
    pools = read_pools([path], aggregation=aggregation)
    first = next((row for _, row in json_rows(path)), {}) if not path.name.endswith(".parquet") else {}
    for pool in pools:
        if isinstance(pool, Chains):
            raise UserError(f"{path} holds chains of revisions: a verifier's quality is told on independent samples.")
        if pool.scores is not None:
            yield Judged(str(first.get("verifier") or UNNAMED), pool)


def _tokens(runs: Sequence[Mapping[str, Any]], pool: Pool, verifier: str) -> float | None:
    mine = [row for row in runs if (row["task"], row["model"], row["verifier"]) == (pool.task, pool.model, verifier)]
    solutions = sum(row["solutions"] for row in mine)
    read = sum(
        row["cost_verifier_prompt_tokens"] - row["cost_verifier_cached_tokens"] + row["cost_verifier_generated_tokens"]
        for row in mine
    )
    return read / solutions if solutions else None


def _flops(flops: PoolFlops | None, pool: Pool) -> float | None:
    return None if flops is None else float(flops.scoring([pool.size]).mean()) / pool.size


def selected(found: Sequence[Judged], verifiers: Sequence[str]) -> list[Judged]:
    """Those by these verifiers, in the order in which they were named; all where none is named.

    Raises UserError for one that has scored nothing.
    """
    known = list(dict.fromkeys(one.verifier for one in found))
    for name in verifiers:
        if name not in known:
            raise UserError(
                f"no sample is scored by {name}: {nearest(name, known)}; outlay verify --verifier {name} scores them"
            )
    return [one for name in verifiers or known for one in found if one.verifier == name]


def verifier_report(found: Sequence[Judged], settings: Settings | None = None) -> dict[str, Any]:
    """The report: a group for each task, model and set of questions, with an entry for each verifier.

    Returns:
        `groups` with `task`, `model`, `questions`, `samples`, `pass_at_1`, `majority` where answers can vote, `warnings`, and
        `verifiers`: `name`, `quality`, `missing` (samples with an answer and no score), `cost` a score, `usefulness` (a curve a
        way of choosing, with its `peak`), `gains` at the largest N, `calibration` (points) and `sentences`; `seed`, `versions`.
    """
    settings = settings or Settings()
    groups: dict[tuple[str, str, tuple[str, ...]], list[Judged]] = {}
    for one in found:
        groups.setdefault((one.pool.task, one.pool.model, one.pool.questions), []).append(one)
    return {
        "groups": [_group(same, settings) for same in groups.values()],
        "seed": settings.seed,
        "versions": versions(),
    }


def _group(same: Sequence[Judged], settings: Settings) -> dict[str, Any]:
    pool = same[0].pool
    options: dict[str, Any] = {"resamples": settings.resamples, "seed": settings.seed}
    ks = budgets_up_to(pool.size)
    group: dict[str, Any] = {
        "task": pool.task,
        "model": pool.model,
        "questions": len(pool.questions),
        "samples": pool.size,
        "pass_at_1": as_points(interval(pool.correct.mean(axis=1), **options))[0],
        "warnings": size_warnings(pool),
        "verifiers": [],
    }
    if not told_apart(pool) or pool.size < 2:
        return group
    entries = [_entry(one, ks, settings) for one in same]
    majority = next((entry["majority"] for entry in entries if "majority" in entry), None)
    coverage = entries[0]["pass"]
    votes = {} if majority is None else {"majority": majority}
    told = [{key: value for key, value in entry.items() if key not in ("majority", "pass")} for entry in entries]
    return {**group, "pass": coverage, **votes, "verifiers": told}


def _entry(one: Judged, ks: Sequence[int], settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {"resamples": settings.resamples, "seed": settings.seed}
    pool = with_probabilities(one.pool, settings.seed)
    tables = expected(pool, ks, settings.seed)[0]
    curves: dict[str, dict[str, Any]] = {
        name: {"n": list(ks), **as_curve(interval(table, **options))} for name, table in tables.items()
    }
    useful = {name: curve for name, curve in curves.items() if name in USEFUL}
    for name, curve in useful.items():
        if (peak := peak_of(tables[name], ks, settings)) is not None:
            curve["peak"] = peak
    quality = verifier_quality(pool, [(pool.columns(c), bins) for c, bins in _bins(one, settings)], settings)
    gains = {"pass": paired_difference(tables["best_of_n"][:, -1], tables[COVERAGE][:, 0], **options)}
    if "majority" in tables:
        gains["majority"] = paired_difference(tables["best_of_n"][:, -1], tables["majority"][:, -1], **options)
    told_gains = {name: as_points(gain)[0] for name, gain in gains.items()}
    cost = {"tokens": one.tokens, "flops": one.flops}
    return {
        **{name: curves[name] for name in ("majority", "pass") if name in curves},
        "name": one.verifier,
        "missing": 0 if pool.rated is None else int((~pool.rated).sum()),
        "quality": quality,
        "cost": {name: plain(value) for name, value in cost.items() if value is not None},
        "usefulness": useful,
        "gains": told_gains,
        "calibration": calibration(pool),
        "sentences": [*verifier_sentences(quality), *_useful(useful, told_gains, ks[-1])],
        "warnings": list(pool.warnings),
    }


def _bins(one: Judged, settings: Settings) -> Iterator[tuple[Ints | slice, Ints]]:
    """Samples that measure, with the true difficulty of the questions told by others; nothing where there are too few."""
    pool = one.pool
    if len(pool.questions) < FEWEST_QUESTIONS:
        return
    if one.difficulty_pool is not None:
        yield slice(None), _assigned(difficulty.oracle(one.difficulty_pool.correct), settings)
    elif pool.size >= FEWEST_SAMPLES:
        first, second = difficulty.halves(pool.size)
        for judging, measuring in ((first, second), (second, first)):
            yield measuring, _assigned(difficulty.oracle(pool.correct[:, judging]), settings)


def _assigned(values: np.ndarray, settings: Settings) -> Ints:
    return difficulty.Bins.fit(values, settings.bins).assign(values)


def _useful(useful: Mapping[str, Any], gains: Mapping[str, Any], n: int) -> Iterator[str]:
    """What choosing by it gains at the largest N, and the peaks that are sure."""
    ends = {"pass": "one sample", "majority": f"majority of {n}"}
    parts = [f"{_signed(gain)} over {ends[name]}{_sure(gain)}" for name, gain in gains.items()]
    yield f"Best-of-{n} by it is right in {percent(useful['best_of_n']['mean'][-1])}: {', '.join(parts)}."
    labels = {"best_of_n": "best-of-N", "weighted": "weighted best-of-N", "consensus": "consensus"}
    for name, curve in useful.items():
        if curve.get("peak", {}).get("surely"):
            yield peak_sentence(f"{labels[name]} by it", curve["peak"], name)


def _signed(gain: Mapping[str, float]) -> str:
    return f"{100 * gain['mean']:+z.1f} points ({100 * gain['low']:+z.1f} to {100 * gain['high']:+z.1f})"


def _sure(gain: Mapping[str, float]) -> str:
    return "" if gain["low"] > 0 or gain["high"] < 0 else ", which cannot be told from nothing"


def calibration(pool: Pool) -> list[list[float]]:
    """The isotonic map from its scores to P(right) on all samples, as points that `rescaled:FILE.json` reads.

    It is fitted on these questions: what it improves has to be measured on others.
    """
    assert pool.scores is not None
    finite = np.isfinite(pool.scores)
    fitted = IsotonicMap.fit(pool.scores[finite], pool.correct[finite])
    return [
        [float(end), float(value)]
        for low, high, value in zip(fitted.lower, fitted.upper, fitted.value, strict=True)
        for end in ((low, high) if high > low else (low,))
    ]


def as_summary(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report in the shape of a summary, for the HTML page: the first verifier is the group's own, others stand beside it."""
    return {**report, "groups": [_as_group(group) for group in report["groups"]], "exchange": [], "warnings": []}


def _as_group(group: Mapping[str, Any]) -> dict[str, Any]:
    plain_part = {key: value for key, value in group.items() if key not in ("verifiers", "pass", "majority")}
    if not group["verifiers"]:
        return plain_part
    first, *others = group["verifiers"]
    curves = {name: group[name] for name in ("pass", "majority") if name in group}
    sentences = [f"{entry['name']}: {text}" for entry in group["verifiers"] for text in entry["sentences"]]
    return {
        **plain_part,
        "curves": curves | first["usefulness"],
        "verifier": {"name": first["name"], **first["quality"]},
        "verifiers": [
            {
                "name": other["name"],
                "auc_within_question": other["quality"].get("auc_within_question"),
                "curves": other["usefulness"],
            }
            for other in others
        ],
        "sentences": sentences,
        "warnings": [*group["warnings"], *(f"{e['name']}: {w}" for e in group["verifiers"] for w in e["warnings"])],
    }
