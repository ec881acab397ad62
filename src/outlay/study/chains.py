"""Chains of revisions: accuracy at every position, what revising turns right and wrong, and whether it pays.

A chain's answer at length L can be its last attempt or the majority of its first L; both are measured on the chains as
they are (never on reordered attempts, since each saw the ones before it).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from outlay.curves import interval, majority_at_k, paired_difference
from outlay.policies.candidates import Candidates
from outlay.policies.crossfit import best_fixed, per_bin, uniform
from outlay.study.figures import as_curve, as_points, as_ratios, listed, percent
from outlay.study.levels import level_names, level_values
from outlay.study.pools import Chains, Floats
from outlay.study.settings import Settings


def analyse_chains(chains: Chains, settings: Settings) -> dict[str, Any]:
    """The group of a pool of chains; `samples` is the number of attempts a question."""
    questions, count, length = chains.correct.shape
    lengths = list(range(1, length + 1))
    options: dict[str, Any] = {"resamples": settings.resamples, "seed": settings.seed}
    by_position = chains.correct.mean(axis=1)
    methods: dict[str, Floats] = {"last_attempt": by_position}
    votes = _majority_of_prefixes(chains)
    if votes is not None:
        methods["majority_of_chain"] = votes
    accuracy = interval(by_position, **options)
    warnings = list(chains.warnings)
    if count == 1:
        warnings.append(
            "One chain a question: how hard a question is cannot be estimated from samples other than those measured, so "
            "bins by oracle or predicted difficulty are absent."
        )
    group: dict[str, Any] = {
        "task": chains.task,
        "model": chains.model,
        "questions": questions,
        "samples": count * length,
        "pass_at_1": as_points(accuracy)[0],
        "curves": {
            name: {"n": lengths, **as_curve(interval(values, **options)), "cost": [float(n) for n in lengths]}
            for name, values in methods.items()
        },
        "chains": {
            "position": list(range(length)),
            "accuracy": as_points(accuracy),
            "transitions": {
                "right_to_wrong": _changes(chains, True),
                "wrong_to_right": _changes(chains, False),
            },
            "sentences": _sentences(chains, by_position, settings),
        },
    }
    any_right = np.maximum.accumulate(chains.correct, axis=2).mean(axis=1)
    group["curves"] = {
        "pass": {"n": lengths, **as_curve(interval(any_right, **options)), "cost": [float(n) for n in lengths]},
        **group["curves"],
    }
    levels = level_values(chains.levels)
    if levels is not None:
        group["bins"] = {"level": _level_bins(chains, levels, methods, settings)}
    told: list[str] = []
    if questions > 1:
        group["policies"], told = _policies(chains, methods, levels, settings)
    else:
        warnings.append(
            "One question: every figure is about this question alone, and how long a chain should be cannot be chosen on "
            "others, so policies are absent."
        )
    return {**group, "sentences": [*group["chains"]["sentences"], *told], "warnings": warnings}


def _majority_of_prefixes(chains: Chains) -> Floats | None:
    """The majority answer of the first L attempts of a chain, ties shared, averaged over a question's chains."""
    if chains.answers is None:
        return None
    questions, count, length = chains.correct.shape
    right = chains.correct.reshape(questions * count, length)
    answers = chains.answers.reshape(questions * count, length)
    prefixes = [majority_at_k(right[:, :n], answers[:, :n], n)[:, 0] for n in range(1, length + 1)]
    credit: Floats = np.stack(prefixes, axis=1).reshape(questions, count, length).mean(axis=1)
    return credit


def _changes(chains: Chains, from_right: bool) -> list[int]:
    before, after = chains.correct[:, :, :-1], chains.correct[:, :, 1:]
    changed = (before & ~after) if from_right else (~before & after)
    return [int(n) for n in changed.sum(axis=(0, 1))]


def _sentences(chains: Chains, by_position: Floats, settings: Settings) -> list[str]:
    length = by_position.shape[1]
    if length < 2:
        return []
    options: dict[str, Any] = {"resamples": settings.resamples, "seed": settings.seed}
    values, attempts = _chosen_elsewhere(by_position, settings.seed)
    change = paired_difference(values, by_position[:, 0], **options)
    first = percent(float(by_position[:, 0].mean()))
    if change.low[0] > 0:
        which = " or ".join(str(attempt + 1) for attempt in attempts)
        verdict = (
            f"revising pays: attempt {which}, chosen on other questions, is right {100 * change.mean[0]:.1f} points more "
            "often than the first"
        )
    else:
        change = paired_difference(by_position[:, -1], by_position[:, 0], **options)
        worse = change.high[0] < 0
        moved = f"{'loses' if change.mean[0] < 0 else 'gains'} {abs(100 * change.mean[0]):.1f} points"
        verdict = (
            f"revising does not pay: the last attempt {moved}" if worse else "whether revising pays cannot be told"
        )
    spread = f"({100 * change.low[0]:+z.1f} to {100 * change.high[0]:+z.1f})"
    spoilt, mended = sum(_changes(chains, True)), sum(_changes(chains, False))
    return [
        f"The first attempt is right in {first} of cases, the last in {percent(float(by_position[:, -1].mean()))}; "
        f"{verdict} {spread}.",
        f"Over all revisions {spoilt} right answers were turned wrong and {mended} wrong ones right.",
    ]


def _chosen_elsewhere(by_position: Floats, seed: int) -> tuple[Floats, list[int]]:
    """Each question's accuracy at the later attempt that was best on the other half of the questions, and the choices."""
    fold = np.random.default_rng([seed, 0xC4A1]).permutation(len(by_position)) % 2
    values, chosen = by_position[:, -1].copy(), set()
    for side in range(2):
        fitting, measured = by_position[fold != side], np.flatnonzero(fold == side)
        if len(fitting):
            best = 1 + int(fitting[:, 1:].mean(axis=0).argmax())
            values[measured] = by_position[measured, best]
            chosen.add(best)
    return values, sorted(chosen)


def _level_bins(chains: Chains, levels: Floats, methods: dict[str, Floats], settings: Settings) -> dict[str, Any]:
    """Each human level is a bin, the easiest first."""
    groups = [levels == value for value in np.unique(levels)[::-1]]
    lengths = list(range(1, chains.correct.shape[2] + 1))
    options: dict[str, Any] = {"resamples": settings.resamples, "seed": settings.seed}
    curves = {}
    for name, values in methods.items():
        found = [as_curve(interval(values[group], **options)) for group in groups]
        curves[name] = {"n": lengths, **{part: [one[part] for one in found] for part in ("mean", "low", "high")}}
    return {
        "names": level_names(chains.levels),
        "count": [int(group.sum()) for group in groups],
        "pass_at_1": [as_points(interval(methods["last_attempt"][group, 0], **options))[0] for group in groups],
        "curves": curves,
    }


def _policies(
    chains: Chains, methods: dict[str, Floats], levels: Floats | None, settings: Settings
) -> tuple[dict[str, Any], list[str]]:
    """How long a chain should be: fixed lengths, the best of them, and one a level; chosen on other questions.

    Of two choices that one standard error cannot tell apart the cheaper is taken.
    """
    questions, _, length = chains.correct.shape
    budgets = [float(n) for n in range(1, length + 1)]
    names = [f"{name}@{n}" for name in methods for n in range(1, length + 1)]
    table = Candidates(
        names=tuple(names),
        specs=tuple({"name": name} for name in methods for _ in range(length)),
        budget=np.array(budgets * len(methods)),
        accuracy=np.concatenate(list(methods.values()), axis=1),
        cost=np.broadcast_to(np.array(budgets * len(methods)), (questions, len(names))),
        task=chains.task,
        model=chains.model,
    )
    base = uniform(table, {"name": "last_attempt"}, budgets)
    cheaper: dict[str, Any] = {"splits": settings.splits, "seed": settings.seed, "one_standard_error": True}
    curves = {"uniform_last_attempt": base, "best_fixed": best_fixed(table, budgets, **cheaper)}
    if levels is not None:
        count = len(np.unique(levels))
        curves["per_bin_level"] = per_bin(table, levels, count, budgets, **cheaper)
    options: dict[str, Any] = {"resamples": settings.resamples, "seed": settings.seed}
    entries = {
        name: {
            "budget": budgets,
            "accuracy": as_points(curve.accuracy_interval(**options)),
            "cost": listed(curve.cost.mean(axis=0)),
            "compute_ratio": as_ratios(curve.savings(base, **options)),
            **({} if curve is base else {"gain": as_points(curve.gain(base, **options))}),
            "choices": curve.most_chosen(),
        }
        for name, curve in curves.items()
    }
    spent = float(curves["best_fixed"].cost[:, -1].mean())
    right = percent(float(curves["best_fixed"].accuracy[:, -1].mean()))
    told = [
        f"Allowed {length} attempts, the best fixed choice made on other questions (the cheaper of two that cannot be told "
        f"apart) spends {spent:.1f} of them and is right in {right} of cases."
    ]
    return entries, told
