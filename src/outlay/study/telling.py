"""What the figures of a group say, in sentences: findings, and warnings about what they cannot say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from outlay.curves import Interval, paired_difference
from outlay.study.measure import COVERAGE
from outlay.study.pools import Floats, Pool
from outlay.study.settings import Settings

NAMES = {
    "pass": "coverage",
    "majority": "majority voting",
    "best_of_n": "best-of-N",
    "weighted": "weighted best-of-N",
    "consensus": "consensus (class size x score)",
}
FALL = 0.01
"""Over-optimisation is named from one percentage point on, if its interval excludes zero."""

FEW_QUESTIONS = 300
FEW_SAMPLES = 16
EASY = 0.85


def percent(value: float) -> str:
    """`0.3021` as `30.2%`."""
    return f"{100 * value:.1f}%"


def size_warnings(pool: Pool) -> list[str]:
    """What is too few, too easy or too hard here to say much."""
    questions, warnings = len(pool.questions), []
    rate = pool.correct.mean(axis=1)
    spread = 1.96 * float(rate.std()) / max(questions, 1) ** 0.5
    if questions < FEW_QUESTIONS and pool.size > 1:
        warnings.append(
            f"{questions} questions: accuracies are known to about plus or minus {100 * max(spread, 0.005):.1f} points, and "
            f"a difficulty bin of a fifth has about {questions // 5} questions, so most differences are too small to see."
        )
    if pool.size == 1:
        return ["One sample a question: accuracy is all that can be said; curves, difficulty and policies need more."]
    if pool.size < FEW_SAMPLES:
        warnings.append(
            f"{pool.size} samples a question: curves end there, and difficulty can be estimated from {pool.size // 2} only."
        )
    if rate.mean() > EASY:
        hopeless = float((rate == 0).mean())
        warnings.append(
            f"The questions are easy for this model: one sample is right {percent(float(rate.mean()))} of the time, so at "
            f"most {100 * (1 - float(rate.mean())):.1f} points can be gained, {100 * hopeless:.1f} of them on questions "
            "that no sample solves."
        )
    elif (rate == 0).mean() > 0.25:
        warnings.append(
            f"{int((rate == 0).sum())} of {questions} questions have no right sample among {pool.size}: no way of choosing "
            "can answer them, and their intervals rest at zero."
        )
    return warnings


def curve_sentences(pool: Pool, tables: Mapping[str, Floats], ks: Sequence[int], settings: Settings) -> list[str]:
    """Coverage against selection, over-optimisation, and whether the methods can be told apart."""
    if pool.size == 1:
        return []
    last = len(ks) - 1
    coverage = tables[COVERAGE].mean(axis=0)
    sentences = [
        f"One sample is right in {percent(coverage[0])} of cases; any of {ks[last]} in {percent(coverage[last])} of questions."
    ]
    methods = {name: table for name, table in tables.items() if name != COVERAGE}
    if methods:
        ends = ", ".join(f"{NAMES[name]} {percent(table.mean(axis=0)[last])}" for name, table in methods.items())
        sentences.append(f"Choosing among {ks[last]} samples gives {ends}.")
    for name, table in methods.items():
        sentences += _over_optimised(name, table, ks, settings)
    if len(methods) > 1:
        sentences += _apart(methods, ks[last], settings)
    return sentences


def _over_optimised(name: str, table: Floats, ks: Sequence[int], settings: Settings) -> list[str]:
    means = table.mean(axis=0)
    peak = int(means.argmax())
    if means[peak] - means[-1] < FALL:
        return []
    fall = _difference(table[:, peak], table[:, -1], settings)
    sure = "" if fall.low[0] > 0 else ", though chance could explain that"
    label = NAMES[name][:1].upper() + NAMES[name][1:]
    return [
        f"{label} peaks at N={ks[peak]} ({percent(means[peak])}) and falls to {percent(means[-1])} at "
        f"N={ks[-1]}: over-optimisation of an imperfect score by {_points(fall)}{sure} (N is read off the same questions)."
    ]


def _apart(methods: Mapping[str, Floats], n: int, settings: Settings) -> list[str]:
    at_end = {name: table[:, -1] for name, table in methods.items()}
    best = max(at_end, key=lambda name: float(at_end[name].mean()))
    beaten = []
    for name, values in at_end.items():
        if name != best and _difference(at_end[best], values, settings).low[0] > 0:
            beaten.append(NAMES[name])
    if not beaten:
        return [f"At N={n} these methods cannot be told apart: every paired difference from the best includes zero."]
    return [f"At N={n} {NAMES[best]} is reliably ahead of {' and '.join(beaten)}."]


def verifier_sentences(quality: Mapping[str, Any]) -> list[str]:
    """Whether the scores tell right from wrong within a question, and what the overall figure adds to that."""
    within, overall = quality.get("auc_within_question"), quality.get("auc")
    if within is None:
        return []
    told = (
        f"Within a question the score ranks a right solution above a wrong one {percent(within['mean'])} of the time "
        f"({percent(within['low'])} to {percent(within['high'])}, {within['questions']} questions that have both)"
    )
    if overall is not None:
        told += f"; over all solutions the figure is {percent(overall['mean'])}"
    return [told + "."]


def in_short(policies: Mapping[str, Mapping[str, Any]], method: str, settings: Settings) -> str:
    """What it comes to, in one sentence: the usual way, the best that is the same for all, and deciding per question."""
    uniform = policies[f"uniform_{method}"]
    budget = _headline(uniform, settings)
    parts = [
        f"At {budget:g} generations a question, {NAMES[method]} for all is right in {_accuracy(uniform, settings)}"
    ]
    for name, label in (
        ("best_fixed", "the best strategy that is the same for all"),
        ("per_bin_pilot", f"deciding per question from a pilot of {settings.pilot}, its cost included,"),
        ("per_bin_oracle", "deciding with difficulty known for nothing"),
    ):
        policy = policies.get(name)
        if policy is None:
            continue
        gain = _at_headline(policy, policy["gain"], settings)
        sure = "reliably more" if gain["low"] > 0 else "reliably less" if gain["high"] < 0 else "no reliable difference"
        ratios = policy.get("compute_ratio_without_difficulty", policy["compute_ratio"])
        ratio = _at_headline(policy, ratios, settings)
        least = "at least " if ratio["censored"] else ""
        saved = (
            f", {least}{ratio['value']:.1f} times less compute" if ratio["low"] is not None and ratio["low"] > 1 else ""
        )
        parts.append(f"{label} in {_accuracy(policy, settings)} ({sure}{saved})")
    return "; ".join(parts) + "."


def _accuracy(policy: Mapping[str, Any], settings: Settings) -> str:
    return percent(_at_headline(policy, policy["accuracy"], settings)["mean"])


def policy_sentences(
    policies: Mapping[str, Mapping[str, Any]], method: str, settings: Settings
) -> tuple[list[str], list[str]]:
    """What deciding per bin is worth at the headline budget, with the control beside it; and warnings."""
    sentences = [
        told
        for name in ("per_bin_pilot", "per_bin_oracle", "per_bin_predicted", "best_fixed")
        if name in policies
        for told in _policy_sentence(name, policies[name], method, settings)
    ]
    control = policies.get("per_bin_shuffled")
    if control is not None:
        given = _at_headline(control, control["accuracy"], settings)
        sentences.append(
            f"The control, bins that know nothing of difficulty (shuffled), gives {percent(given['mean'])} at "
            f"{_headline(control, settings):g} generations."
        )
    warnings = []
    per_bin = [
        policy for name, policy in policies.items() if name.startswith("per_bin_") and name != "per_bin_shuffled"
    ]
    gains = [_at_headline(policy, policy["gain_over_best_fixed"], settings) for policy in per_bin]
    if gains and not any(gain["low"] > 0 for gain in gains):
        budget = _headline(per_bin[0], settings)
        warnings.append(
            f"Deciding per difficulty bin cannot be told apart from the best fixed method at {budget:g} generations: every "
            "paired difference includes zero or is negative."
        )
    return sentences, warnings


def _policy_sentence(name: str, policy: Mapping[str, Any], method: str, settings: Settings) -> list[str]:
    label = {
        "per_bin_pilot": f"Deciding per bin from a pilot of {settings.pilot} samples, its cost included,",
        "per_bin_oracle": "Deciding per bin by true (oracle) difficulty, what that costs to know left aside,",
        "per_bin_predicted": "Deciding per bin by predicted difficulty, what that costs to know left aside,",
        "best_fixed": "The best fixed method, chosen on other questions,",
    }[name]
    accuracy = _at_headline(policy, policy["accuracy"], settings)
    gain = _at_headline(policy, policy["gain"], settings)
    pilot = name == "per_bin_pilot"
    ratios = (
        policy.get("compute_ratio_without_difficulty", policy["compute_ratio"])
        if not pilot
        else policy["compute_ratio"]
    )
    ratio = _at_headline(policy, ratios, settings)
    sure = "" if gain["low"] > 0 or gain["high"] < 0 else ", which cannot be told from nothing"
    sign = "+" if gain["mean"] >= 0 else ""
    return [
        f"{label} gives {percent(accuracy['mean'])} at {_headline(policy, settings):g} generations: "
        f"{sign}{100 * gain['mean']:.1f} points ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f}) against "
        f"{NAMES[method]} for all{sure}; at equal accuracy {_ratio(ratio)}."
    ]


def _headline(policy: Mapping[str, Any], settings: Settings) -> float:
    fitting = [budget for budget in policy["budget"] if budget <= settings.headline_budget]
    return float(max(fitting, default=min(policy["budget"])))


def _at_headline(policy: Mapping[str, Any], values: Sequence[Any], settings: Settings) -> Any:
    return values[policy["budget"].index(_headline(policy, settings))]


def _ratio(ratio: Mapping[str, Any]) -> str:
    """A ratio of the baseline's cost to the policy's, in words."""
    value, low, high = ratio["value"], ratio["low"], ratio["high"]
    if value < 1:
        least = "0" if high is None else f"{1 / high:.2f}"
        return f"{1 / value:.2f} times more compute ({least} to {1 / low:.2f})"
    spread = f"({low:.2f} to {'infinity' if high is None else f'{high:.2f}'})"
    bound = ", a lower bound, since the other never gets there" if ratio["censored"] else ""
    return f"{value:.2f} times less compute {spread}{bound}"


def _difference(a: Floats, b: Floats, settings: Settings) -> Interval:
    return paired_difference(a, b, resamples=settings.resamples, seed=settings.seed)


def _points(found: Interval) -> str:
    low, high = (float(np.round(100 * end[0], 1)) for end in (found.low, found.high))
    return f"{100 * found.mean[0]:.1f} points ({low:.1f} to {high:.1f})"
