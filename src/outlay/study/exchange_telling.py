"""The exchange in words: who is ahead at equal cost, in which bins, and what cannot be said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from outlay.strategies.names import method_name
from outlay.study.figures import percent

Row = Mapping[str, Any]
Entry = Mapping[str, Any]


def sentences(entry: Entry, method: str | None) -> list[str]:
    """What a reader should take from an entry: a sentence a ratio, bin by bin, and what the large model does with samples.

    `method` is the way of choosing that is read: fixed beforehand, not the one that happens to be best.
    """
    told = [_levels(entry)]
    for at in entry["ratios"]:
        row = next((row for row in at["rows"] if row["method"] == method), None)
        if row is None:
            continue
        told.append(_at(entry, at, row))
        fixed = next((row for row in at["rows"] if row["method"] == "best_fixed"), None)
        if fixed is not None and not fixed["beyond"]:
            told.append(_fixed(at, fixed))
    labels: dict[str, list[str]] = {}
    for joint in entry["joint"]:
        labels.setdefault(_both(joint), []).append(joint["label"])
    return told + [f"{_and(at)}, {sentence}" for sentence, at in labels.items()]


def warnings(entry: Entry, method: str | None) -> list[str]:
    """What the entry cannot say."""
    found = []
    beyond = [
        f"{at['label']} ({_row_of(at, method)['bought']:,} samples)"
        for at in entry["ratios"]
        if method is not None and (_row_of(at, method) or {}).get("beyond")
    ]
    if beyond:
        found.append(
            f"{entry['task']}: beyond the pool at {_and(beyond)}: the matched budget buys more samples than were drawn, so "
            "the small model's figures there are what the largest pool gives; draw a deeper pool to see the rest."
        )
    if "bins" not in entry:
        found.append(
            f"{entry['task']}: no samples tell difficulty apart from those measured, so the exchange has no bins."
        )
    if not entry["joint"]:
        found.append(
            f"{entry['task']}: {entry['large']} has no pool of its own, so only its greedy answer is compared; give the study a "
            "large_pool."
        )
    return found


def _levels(entry: Entry) -> str:
    verifier = entry["parameters"]["verifier"]
    told = (
        f"{entry['large']} has {entry['scale']:.1f} times the parameters of {entry['small']}; its greedy answer is right in "
        f"{_interval(entry['large_greedy']['accuracy'])}"
    )
    if "small_greedy" in entry:
        told += f", the small model's in {_interval(entry['small_greedy']['accuracy'])}"
    if verifier:
        told += ". The verifier's reading is paid for out of the small model's budget"
    return told + "."


def _at(entry: Entry, at: Mapping[str, Any], row: Row) -> str:
    bought = f"{row['bought']:,} samples"
    where = "" if row["questions"] == entry["questions"] else f" (on {row['questions']} questions with a deeper pool)"
    beyond = f", of which {row['n']:,} were drawn (beyond the pool)" if row["beyond"] else ""
    told = (
        f"{at['label']}: what the large model costs in all buys the small one {bought}{beyond}; with "
        f"{method_name(row['method'])} it is right in {percent(row['accuracy']['mean'])} against "
        f"{percent(row['large']['mean'])}{where}: {_points(row['difference'])}"
    )
    return f"{told}{_by_bin(row.get('bins', ()))}."


def _by_bin(bins: Sequence[Row]) -> str:
    places: dict[str, list[str]] = {"ahead": [], "behind": [], "open": []}
    for number, one in enumerate(bins):
        difference = one["difference"]
        if difference is not None:
            verdict = "ahead" if difference["low"] > 0 else "behind" if difference["high"] < 0 else "open"
            places[verdict].append(str(number))
    told = [
        f"{words} in {'bins' if len(places[key]) > 1 else 'bin'} {_and(places[key])}"
        for key, words in (
            ("ahead", "the small model is ahead"),
            ("behind", "the large one is ahead"),
            ("open", "they cannot be told apart"),
        )
        if places[key]
    ]
    return f"; by difficulty (bin 0 the easiest), {'; '.join(told)}" if told else ""


def _fixed(at: Mapping[str, Any], row: Row) -> str:
    return (
        f"{at['label']}: with the best strategy that is the same for all ({method_name(row['choices'][0])}), chosen on other "
        f"questions, the small model is right in {percent(row['accuracy']['mean'])}: {_points(row['difference'])}."
    )


def _both(joint: Mapping[str, Any]) -> str:
    """Both models with test-time compute, at what the large one costs with its largest pool."""
    last = joint["best"][-1]
    method = method_name(joint["small"]["method"])
    large = f"{percent(joint['large']['mean'][-1])} with {method} of {last['large_n']}"
    if last["difference"] is None:
        return f"with test-time compute the large model is right in {large}; for the same the small one cannot draw a sample."
    small = percent(joint["large"]["mean"][-1] + last["difference"]["mean"])
    beyond = " (beyond the pool: the same cost would buy more)" if last["beyond"] else ""
    return (
        f"both with test-time compute and at the same cost in all: the large model is right in {large}, "
        f"the small one in {small} with {last['small_n']}{beyond}: {_points(last['difference'])}."
    )


def _row_of(at: Mapping[str, Any], method: str | None) -> Row:
    return next((row for row in at["rows"] if row["method"] == method), {})


def _points(difference: Mapping[str, float]) -> str:
    told = (
        f"{100 * difference['mean']:+z.1f} points ({100 * difference['low']:+z.1f} to {100 * difference['high']:+z.1f})"
    )
    return told if difference["low"] > 0 or difference["high"] < 0 else f"{told}, which cannot be told from nothing"


def _interval(point: Mapping[str, float]) -> str:
    return f"{percent(point['mean'])} ({100 * point['low']:.1f} to {100 * point['high']:.1f})"


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
