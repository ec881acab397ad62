"""What the figures of a group say, in sentences: findings, and warnings about what they cannot say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from outlay.curves import Interval, paired_difference
from outlay.curves.intervals import clopper_pearson_all
from outlay.strategies.names import METHODS, short_names
from outlay.study.figures import percent
from outlay.study.flops import UNSCORED
from outlay.study.measure import COVERAGE
from outlay.study.pools import Floats, Pool
from outlay.study.settings import Settings

FEW_QUESTIONS = 300
FEW_SAMPLES = 16
EASY = 0.85


def size_warnings(pool: Pool) -> list[str]:
    """What is too few, too easy or too hard here to say much."""
    questions, warnings = len(pool.questions), []
    rate = pool.correct.mean(axis=1)
    spread = 1.96 * float(rate.std()) / questions**0.5 or 1 - clopper_pearson_all(questions)[0]
    warnings += one_sided(pool)
    if questions == 1:
        warnings.append("One question: every figure is about this question alone, and says nothing of others.")
    elif questions < FEW_QUESTIONS and pool.size > 1:
        warnings.append(
            f"{questions} questions: accuracies are known to about plus or minus {100 * max(spread, 0.005):.1f} points, and "
            f"a difficulty bin of a fifth has about {questions // 5} questions, so most differences are too small to see."
        )
    if pool.size == 1:
        alone = "One sample a question: accuracy is all that can be said; curves, difficulty and policies need more."
        return [*warnings, alone]
    if pool.size < FEW_SAMPLES:
        warnings.append(
            f"{pool.size} samples a question: curves end there, and difficulty can be estimated from {pool.size // 2} only."
        )
    if told_apart(pool) and rate.mean() > EASY:
        hopeless = float((rate == 0).mean())
        warnings.append(
            f"The questions are easy for this model: one sample is right {percent(float(rate.mean()))} of the time, so at "
            f"most {100 * (1 - float(rate.mean())):.1f} points can be gained, {100 * hopeless:.1f} of them on questions "
            "that no sample solves."
        )
    elif told_apart(pool) and (rate == 0).mean() > 0.25:
        warnings.append(
            f"{int((rate == 0).sum())} of {questions} questions have no right sample among {pool.size}: no way of choosing "
            "can answer them, and their intervals rest at zero."
        )
    return warnings


def told_apart(pool: Pool) -> bool:
    """Whether there are right samples and wrong ones, without which no way of choosing differs from another."""
    return bool(0 < pool.correct.mean() < 1)


def one_sided(pool: Pool) -> list[str]:
    """What cannot be told where every sample is right, or none is."""
    if told_apart(pool):
        return []
    absent = "so ways of choosing, difficulty bins, policies and the verifier cannot be judged and are absent"
    if pool.correct.any():
        return [f"Every sample of every question is right, {absent}; ask harder questions."]
    return [
        f"No sample of any question is right, {absent}; ask easier questions or a better model, draw more samples, or check "
        "how answers are graded."
    ]


def curve_sentences(
    pool: Pool, tables: Mapping[str, Floats], ks: Sequence[int], curves: Mapping[str, Any], settings: Settings
) -> list[str]:
    """Coverage against selection, over-optimisation, and whether the methods can be told apart.

    `curves` are the group's, searches among them, with their peaks.
    """
    if pool.size == 1:
        return []
    last = len(ks) - 1
    coverage = tables[COVERAGE].mean(axis=0)
    sentences = [
        f"One sample is right in {percent(coverage[0])} of cases; any of {ks[last]} in {percent(coverage[last])} of questions."
    ]
    methods = {name: table for name, table in tables.items() if name != COVERAGE}
    if methods:
        ends = ", ".join(f"{METHODS[name]} {percent(table.mean(axis=0)[last])}" for name, table in methods.items())
        sentences.append(f"Choosing among {ks[last]} samples gives {ends}.")
    labels = short_names(list(curves))
    for name, curve in curves.items():
        if "peak" in curve:
            sentences.append(peak_sentence(METHODS.get(name, labels[name]), curve["peak"], name))
    if len(methods) > 1:
        sentences += _apart(methods, ks[last], settings)
    return sentences


VOTES = ("weighted", "consensus")
"""Methods in which scores and the number of equal answers both count."""


def peak_sentence(label: str, peak: Mapping[str, Any], method: str = "") -> str:
    """That a method peaks and falls, by how much, and why: a vote falls where a wrong answer is common, whatever its scores.

    >>> peak = {"n": 4, "n_low": 2, "n_high": 8, "mean": 0.303, "last_n": 100, "last": 0.218, "surely": True}
    >>> peak["fall"] = {"mean": 0.081, "low": 0.035, "high": 0.13}
    >>> peak_sentence("best-of-N", peak, "best_of_n")                                # doctest: +NORMALIZE_WHITESPACE
    'Best-of-N peaks at N=4 (30.3%; of resamples 95% peak at N=2 to 8) and falls to 21.8% at N=100: over-optimisation of an
    imperfect score, by 8.1 points (3.5 to 13.0; N chosen on other questions than those measured).'
    """
    fall, named = peak["fall"], label[:1].upper() + label[1:]
    span = f"N={peak['n_low']}" + (f" to {peak['n_high']}" if peak["n_high"] != peak["n_low"] else "")
    elsewhere = "N chosen on other questions than those measured"
    size = f"{100 * fall['mean']:.1f} points ({100 * fall['low']:.1f} to {100 * fall['high']:.1f}; {elsewhere})"
    if not peak["surely"]:
        return (
            f"{named} is highest at N={peak['n']} ({percent(peak['mean'])}) and has {percent(peak['last'])} at N={peak['last_n']}, "
            f"but chance could explain that: a fall by {size}."
        )
    cause = "over-optimisation of an imperfect score"
    if method in UNSCORED:
        cause = "with more votes a common wrong answer wins more often"
    elif method in VOTES:
        cause += ", or a common wrong answer that more votes favour"
    return (
        f"{named} peaks at N={peak['n']} ({percent(peak['mean'])}; of resamples 95% peak at {span}) and falls to "
        f"{percent(peak['last'])} at N={peak['last_n']}: {cause}, by {size}."
    )


def _apart(methods: Mapping[str, Floats], n: int, settings: Settings) -> list[str]:
    at_end = {name: table[:, -1] for name, table in methods.items()}
    best = max(at_end, key=lambda name: float(at_end[name].mean()))
    beaten = []
    for name, values in at_end.items():
        if name != best and _difference(at_end[best], values, settings).low[0] > 0:
            beaten.append(METHODS[name])
    if not beaten:
        return [f"At N={n} these methods cannot be told apart: every paired difference from the best includes zero."]
    return [f"At N={n} {METHODS[best]} is reliably ahead of {' and '.join(beaten)}."]


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


QUOTED = {
    "best_fixed": "the best strategy that is the same for all",
    "per_bin_pilot": "deciding per question from a pilot of {pilot}, its cost included,",
    "per_bin_probe": "deciding per question by a probe that reads it, its cost included,",
    "per_bin_oracle": "deciding with difficulty known for nothing",
}
"""What the one sentence compares with the usual way."""

PAID = ("per_bin_pilot", "per_bin_probe")
"""Policies whose difficulty a server could know, and pays for."""


def in_short(policies: Mapping[str, Mapping[str, Any]], method: str, settings: Settings) -> str:
    """What it comes to, in one sentence: the usual way, the best that is the same for all, and deciding per question.

    All are read at the largest budget that all have, up to the headline's; where there is none, each says its own.
    """
    first = f"uniform_{method}"
    quoted = [name for name in QUOTED if name in policies]
    at = budgets_of({name: policies[name] for name in (first, *quoted)}, settings)
    parts = [
        f"At {at[first]:g} generations a question, {METHODS[method]} for all is right in {_accuracy(policies, first, at)}"
    ]
    for name in quoted:
        policy = policies[name]
        gain = _read(policy, "gain", at[name])
        sure = "reliably more" if gain["low"] > 0 else "reliably less" if gain["high"] < 0 else "no reliable difference"
        ratio, unit = _saving(name, policy, method, at[name])
        saved = f", {_briefly(ratio, unit)}" if ratio["low"] is not None and ratio["low"] > 1 else ""
        own = "" if at[name] == at[first] else f" at {at[name]:g} generations"
        label = QUOTED[name].format(pilot=settings.pilot)
        parts.append(f"{label} in {_accuracy(policies, name, at)}{own} ({sure}{saved})")
    return "; ".join([*parts, *_control(policies, at, settings)]) + "."


def as_one_goes(policies: Mapping[str, Mapping[str, Any]], method: str) -> str:
    """What looking before one decides comes to, at a quarter of the headline's budget on average; nothing where it was not tried.

    The sequential policy against the usual way and the best fixed strategy with as many generations for every question, and what
    a tuned threshold does with them.
    """
    policy = policies.get("sequential")
    if policy is None:
        return ""
    at = policy["read_at"]
    cost, right = _read(policy, "cost", at), _read(policy, "accuracy", at)
    ratio, unit = _saving("sequential", policy, method, at)
    told = (
        f"Deciding as one goes (stop, or draw on), {at:g} generations on average{_really(cost, at)} are right in "
        f"{percent(right['mean'])} ({_span(right)}): {_lead(_read(policy, 'gain', at))} against {METHODS[method]} with {at:g} "
        f"for all, {_lead(_read(policy, 'gain_over_best_fixed', at))} against the best strategy that is the same for all"
    )
    if ratio["value"] is not None:
        told += f"; at equal accuracy {_ratio(ratio, unit)} than {METHODS[method]}"
    if "threshold" in policies:
        rule = policies["threshold"]
        told += (
            f". A simple threshold on what is seen, tuned, has {percent(_read(rule, 'accuracy', at)['mean'])}"
            f"{_really(_read(rule, 'cost', at), at)}"
        )
    return f"{told}."


def _really(cost: float, budget: float) -> str:
    return "" if abs(cost - budget) < 0.05 else f" (really {cost:.1f})"


def _span(point: Mapping[str, float]) -> str:
    return f"{100 * point['low']:.1f} to {100 * point['high']:.1f}"


def _lead(gain: Mapping[str, float]) -> str:
    sure = "" if gain["low"] > 0 or gain["high"] < 0 else ", which cannot be told from nothing,"
    return f"{100 * gain['mean']:+z.1f} points ({100 * gain['low']:+z.1f} to {100 * gain['high']:+z.1f}){sure}"


def budgets_of(policies: Mapping[str, Mapping[str, Any]], settings: Settings) -> dict[str, float]:
    """Where each policy is read: the largest budget that all have, up to the headline's; else the largest of its own."""
    shared = set.intersection(*(set(policy["budget"]) for policy in policies.values()))
    fitting = [budget for budget in shared if budget <= settings.headline_budget]
    if fitting:
        return dict.fromkeys(policies, float(max(fitting)))
    return {name: _headline(policy, settings) for name, policy in policies.items()}


def _control(policies: Mapping[str, Mapping[str, Any]], at: Mapping[str, float], settings: Settings) -> list[str]:
    """The shuffled bins' accuracy, wherever a quoted policy per bin is not reliably above the best fixed strategy."""
    per_bin = [name for name in at if name.startswith("per_bin_")]
    control = policies.get("per_bin_shuffled")
    if control is None or all(_read(policies[name], "gain_over_best_fixed", at[name])["low"] > 0 for name in per_bin):
        return []
    lead = next(iter(at.values()))
    own = lead if lead in control["budget"] else _headline(control, settings)
    place = "" if own == lead else f" at {own:g} generations"
    return [
        f"bins that know nothing of difficulty (the control) in {percent(_read(control, 'accuracy', own)['mean'])}{place}, so "
        "knowing difficulty is not shown to add to the best fixed strategy"
    ]


def policy_sentences(
    policies: Mapping[str, Mapping[str, Any]], method: str, settings: Settings
) -> tuple[list[str], list[str]]:
    """What deciding per bin is worth near the headline's budget, with the control beside it; and warnings."""
    told = [
        name
        for name in (*PAID, "per_bin_oracle", "per_bin_predicted", "best_fixed", "per_bin_shuffled")
        if name in policies
    ]
    at = budgets_of({name: policies[name] for name in told}, settings)
    sentences = [
        _policy_sentence(name, policies[name], method, at[name], settings)
        for name in told
        if name != "per_bin_shuffled"
    ]
    if "per_bin_shuffled" in at:
        sentences.append(
            f"The control, bins that know nothing of difficulty (shuffled), gives {_accuracy(policies, 'per_bin_shuffled', at)} "
            f"at {at['per_bin_shuffled']:g} generations."
        )
    warnings = []
    per_bin = [name for name in policies if name.startswith("per_bin_") and name != "per_bin_shuffled"]
    places = budgets_of({name: policies[name] for name in per_bin}, settings) if per_bin else {}
    if per_bin and not any(_read(policies[name], "gain_over_best_fixed", places[name])["low"] > 0 for name in per_bin):
        budgets = " or ".join(f"{budget:g}" for budget in sorted(set(places.values())))
        warnings.append(
            f"Deciding per difficulty bin cannot be told apart from the best fixed method at {budgets} generations: every "
            "paired difference includes zero or is negative."
        )
    return sentences, warnings


def _policy_sentence(name: str, policy: Mapping[str, Any], method: str, budget: float, settings: Settings) -> str:
    label = {
        "per_bin_pilot": f"Deciding per bin from a pilot of {settings.pilot} samples, its cost included,",
        "per_bin_probe": "Deciding per bin by a probe that reads the question alone, its cost included,",
        "per_bin_oracle": "Deciding per bin by true (oracle) difficulty, what that costs to know left aside,",
        "per_bin_predicted": "Deciding per bin by predicted difficulty, what that costs to know left aside,",
        "best_fixed": "The best fixed method, chosen on other questions,",
    }[name]
    gain = _read(policy, "gain", budget)
    ratio, unit = _saving(name, policy, method, budget)
    sure = "" if gain["low"] > 0 or gain["high"] < 0 else ", which cannot be told from nothing"
    return (
        f"{label} gives {percent(_read(policy, 'accuracy', budget)['mean'])} at {budget:g} generations: "
        f"{100 * gain['mean']:+z.1f} points ({100 * gain['low']:+z.1f} to {100 * gain['high']:+z.1f}) against "
        f"{METHODS[method]} for all{sure}; at equal accuracy {_ratio(ratio, unit)}."
    )


def _saving(name: str, policy: Mapping[str, Any], method: str, budget: float) -> tuple[Mapping[str, Any], str]:
    """The ratio to quote, and its unit: FLOPs where they are known; the cost of a pilot and of a probe is in it, other difficulty's
    is not."""
    without = "" if name in PAID else "_without_difficulty"
    uncounted = "" if method in UNSCORED else ", the verifier not counted"
    measure, unit = "compute_ratio", f"in generations{uncounted}"
    if "compute_ratio_flops" in policy:
        measure, unit = "compute_ratio_flops", "in FLOPs"
    measure = f"{measure}{without}" if f"{measure}{without}" in policy else measure
    return _read(policy, measure, budget), unit


def _read(policy: Mapping[str, Any], measure: str, budget: float) -> Any:
    return policy[measure][policy["budget"].index(budget)]


def _accuracy(policies: Mapping[str, Mapping[str, Any]], name: str, at: Mapping[str, float]) -> str:
    return percent(_read(policies[name], "accuracy", at[name])["mean"])


def _headline(policy: Mapping[str, Any], settings: Settings) -> float:
    fitting = [budget for budget in policy["budget"] if budget <= settings.headline_budget]
    return float(max(fitting, default=min(policy["budget"])))


def _briefly(ratio: Mapping[str, Any], unit: str) -> str:
    high = "infinity" if ratio["high"] is None else f"{ratio['high']:.1f}"
    return f"{ratio['value']:.1f} times less compute, {ratio['low']:.1f} to {high}, {unit}"


def _ratio(ratio: Mapping[str, Any], unit: str) -> str:
    """A ratio of the baseline's cost to the policy's, in words."""
    value, low, high = ratio["value"], ratio["low"], ratio["high"]
    if value < 1:
        least = "0" if high is None else f"{1 / high:.2f}"
        return f"{1 / value:.2f} times more compute ({least} to {1 / low:.2f}, {unit})"
    end = "infinity" if high is None else f"{high:.2f}"
    reached = "; read at the other's largest budget, since it never gets there" if ratio["censored"] else ""
    return f"{value:.2f} times less compute ({low:.2f} to {end}, {unit}{reached})"


def _difference(a: Floats, b: Floats, settings: Settings) -> Interval:
    return paired_difference(a, b, resamples=settings.resamples, seed=settings.seed)
