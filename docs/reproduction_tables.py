"""The figures of docs/reproduction.md as tables, read off the summaries of studies: what the claims beside them rest on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from outlay.report.parts import flops
from outlay.report.training import whose_gain
from outlay.strategies.names import method_name, short_names

Summary = Mapping[str, Any]
Group = Mapping[str, Any]

SHOWN = (1, 4, 16, 64, 256)
"""Budgets that a table of curves shows."""


def tables_of(topic: str, summaries: Sequence[Summary]) -> list[str]:
    """The tables of a topic, as lines of Markdown; none where the summaries hold nothing of it."""
    lines: list[str] = []
    for summary in summaries:
        for table in _TABLES.get(topic, ()):
            lines += list(table(summary))
    return lines


def search_by_bin(summary: Summary) -> Iterator[str]:
    """Figure 3: search methods against budget, for all questions and bin by bin."""
    for group in summary["groups"]:
        if not any("beam_search" in key for key in group["curves"]):
            continue
        bins = group.get("bins", {}).get("oracle")
        keys = [key for key in group["curves"] if key not in ("pass", "greedy", "large_greedy")]
        names = short_names(keys)
        count = len(bins["count"]) if bins else 0
        yield f"\n**Search methods against budget**, {_of(group)}: right, all questions and by oracle bin, the easiest first.\n"
        yield _header("method", "N", "all (95%)", *(f"bin {number + 1}" for number in range(count)))
        for key in keys:
            curve = group["curves"][key]
            of_bins = bins["curves"].get(key) if bins else None
            for place, n in enumerate(curve["n"]):
                if n in SHOWN:
                    cells = [_share(of_bins["mean"][b][place]) for b in range(count)] if of_bins else [""] * count
                    yield _row(names[key], f"{n:g}", _interval(curve, place), *cells)


def verifier_by_bin(summary: Summary) -> Iterator[str]:
    """The verifier's accuracy and AUC within a question, overall and by bin."""
    groups = [group for group in summary["groups"] if "per_bin" in group.get("verifier", {})]
    if groups:
        yield (
            "\n**How good the verifier is**, all questions and by oracle bin, the easiest first "
            "(the paper: 91.4%; 99.7, 97.8, 94.1, 86.3, 82.4%).\n"
        )
        yield _header("family, model, verifier", "accuracy", "by bin", "AUC within a question", "by bin")
    for group in groups:
        told, by_bin = group["verifier"], group["verifier"]["per_bin"]
        name = str(told.get("name", "the recorded score")).removeprefix("embedded:")
        accuracy = _one(told["accuracy"]) if "accuracy" in told else ""
        yield _row(
            f"{_of(group)}, {name}",
            accuracy,
            " ".join(_share(value) for value in by_bin.get("accuracy", {}).get("mean", ())),
            "–" if told.get("auc_within_question") is None else f"{told['auc_within_question']['mean']:.3f}",
            " ".join("–" if value is None else f"{value:.2f}" for value in by_bin["auc_within_question"]["mean"]),
        )


def agreement(summary: Summary) -> Iterator[str]:
    """Agreement and precision of predicted bins."""
    groups = [group for group in summary["groups"] if "agreement" in group.get("bins", {}).get("predicted", {})]
    if groups:
        yield "\n**Predicted bins against oracle bins** (the paper: 52.8% against 20%; precision 0.77, 0.48, 0.41, 0.38, 0.60).\n"
        yield _header("family, model", "agreement", "by chance", "precision, the easiest bin first")
    for group in groups:
        found = group["bins"]["predicted"]["agreement"]
        precision = " ".join("–" if value is None else f"{value:.2f}" for value in found["precision"])
        yield _row(_of(group), _share(found["accuracy"]), _share(found["chance"]), precision)


def bins_and_pilots(summary: Summary) -> Iterator[str]:
    """Accuracy of deciding against the number of bins, and against the size of a pilot; shuffled bins beside both."""
    groups = [group for group in summary["groups"] if "bins" in group.get("difficulty", {})]
    if groups:
        yield "\n**The number of bins**: right when deciding by that many oracle bins (by shuffled ones in brackets).\n"
        counts = groups[0]["difficulty"]["bins"]["count"]
        yield _header("family, model", "N", *(f"{count} bin{'s' if count > 1 else ''}" for count in counts))
        for group in groups:
            part = group["difficulty"]["bins"]
            cells = [
                f"{_share(own['mean'])} ({_share(control['mean'])})"
                for own, control in zip(part["accuracy"], part["shuffled"], strict=True)
            ]
            yield _row(_of(group), f"{part['budget']:g}", *cells)
    piloted = [group for group in groups if "pilot" in group["difficulty"]]
    if piloted:
        yield (
            "\n**A pilot of m samples**, which are paid for: right when deciding by it (by the same bins shuffled); "
            "agreement with oracle bins.\n"
        )
        sizes = sorted({m for group in piloted for m in group["difficulty"]["pilot"]["m"]})
        yield _header("family, model", "N", *(f"m = {m}" for m in sizes))
        for group in piloted:
            part = group["difficulty"]["pilot"]
            found = {
                m: f"{_share(own['mean'])} ({_share(control['mean'])}); {_share(agreed)}"
                for m, own, control, agreed in zip(
                    part["m"], part["accuracy"], part["shuffled"], part["agreement"], strict=True
                )
            }
            yield _row(_of(group), f"{part['budget']:g}", *(found.get(m, "") for m in sizes))


def splits(summary: Summary) -> Iterator[str]:
    """Figure 7: N attempts split into chains, and the best number of chains of each bin."""
    for group in summary["groups"]:
        parts = group.get("splits", ())
        if parts:
            yield (
                f"\n**Sequential against parallel**, {_of(group)}: right by number of chains, and the best number by oracle bin "
                "(95% range).\n"
            )
            yield _header("choice", "N", "chains: right", "best, all", "best by bin, the easiest first")
        for part in parts:
            pairs = zip(part["chains"], part["accuracy"], strict=True)
            rates = ", ".join(f"{chains}: {_share(point['mean'])}" for chains, point in pairs)
            by_bin = "; ".join(_best(one["best"]) for one in part["bins"].get("oracle", ()))
            yield _row(part["name"], str(part["n"]), rates, _best(part["best"]), by_bin)


def exchange(summary: Summary) -> Iterator[str]:
    """Figure 9: small with test-time compute less large, in points, for each ratio and bin."""
    for entry in summary.get("exchange", ()):
        yield (
            f"\n**At equal FLOPs**, {entry['task']}: {_name(entry['small'])} less {_name(entry['large'])} "
            f"({entry['scale']:.1f} times the parameters, greedy), in points (95%), and by oracle bin; > is beyond what is drawn.\n"
        )
        bins = len(entry.get("bins", {}).get("count", ()))
        yield _header("R", "the small model with", "N", "all", *(f"bin {number + 1}" for number in range(bins)))
        for at in entry["ratios"]:
            labels = short_names([row["method"] for row in at["rows"]])
            for row in at["rows"]:
                size = "" if row["n"] is None else f"{'>' if row['beyond'] else ''}{row['n']}"
                cells = [_points(one["difference"]) for one in row.get("bins", ())]
                yield _row(f"{at['ratio']:g}", labels[row["method"]], size, _points(row["difference"]), *cells)


def joint(summary: Summary) -> Iterator[str]:
    """The joint optimum of size and budget."""
    told = summary.get("joint", ())
    if told:
        yield "\n**The joint optimum of size and budget**: what each size can do for one price (N samples of the largest).\n"
        yield _header("task", "R", "price: N of the largest", "each size: N, right", "best (95% range)")
    for one in told:
        sizes = zip(one["models"], one["n"], one["accuracy"], one["beyond"], strict=True)
        cells = "; ".join(f"{model}: {_bought(n, accuracy, beyond)}" for model, n, accuracy, beyond in sizes)
        span = one["best"] if one["low"] == one["high"] else f"{one['best']} ({one['low']} to {one['high']})"
        yield _row(one["task"], f"{one['ratio']:g}", str(one["large_n"]), cells, span)


def training(summary: Summary) -> Iterator[str]:
    """Accuracy by each verifier, and the FLOPs that its training took."""
    for sentence in whose_gain(summary):
        yield f"\n{sentence[:1].upper()}{sentence[1:]}\n"
    for one in summary.get("training", ()):
        what = f"{method_name(one['method'])} among {one['n']} samples"
        if one["trained"] == "reviser":
            what = f"one chain of {one['n']} attempts"
        yield f"\n**Accuracy against the FLOPs of training**, {one['task']}, {_name(one['model'])}: {what}.\n"
        yield _header("by", "FLOPs of training", "right (95%)")
        yield _row(f"nothing ({one['without']['name']})", "0", _one(one["without"]))
        for point in one["points"]:
            cost = "" if point["flops"] is None else flops(point["flops"]).replace("\xa0", " ")
            yield _row(point["name"], cost, _one(point["accuracy"]))


Table = Callable[[Summary], Iterator[str]]

_TABLES: Mapping[str, tuple[Table, ...]] = {
    "Search against a verifier": (search_by_bin,),
    "Deciding per difficulty bin": (bins_and_pilots,),
    "Difficulty": (verifier_by_bin, agreement),
    "Revisions": (splits,),
    "Pretraining against test-time compute": (exchange,),
    "What reviewers asked": (joint,),
    "Weak verifiers": (training,),
}


def _of(group: Group) -> str:
    return f"{group['task']}, {_name(group['model'])}"


def _name(model: str) -> str:
    return model.removeprefix("embedded:")


def _bought(n: int | None, accuracy: float | None, beyond: bool) -> str:
    return f"{'>' if beyond else ''}{n}, {_share(accuracy)}" if n else "none"


def _header(*cells: str) -> str:
    return f"{_row(*cells)}\n|{'---|' * len(cells)}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _interval(curve: Mapping[str, Sequence[float]], place: int) -> str:
    return f"{_share(curve['mean'][place])} ({_share(curve['low'][place])} to {_share(curve['high'][place])})"


def _one(point: Mapping[str, float]) -> str:
    return f"{_share(point['mean'])} ({_share(point['low'])} to {_share(point['high'])})"


def _points(point: Mapping[str, float] | None) -> str:
    if point is None:
        return "–"
    return f"{100 * point['mean']:+z.0f} ({100 * point['low']:+z.0f} to {100 * point['high']:+z.0f})"


def _best(best: Mapping[str, Any]) -> str:
    return f"{best['chains']} ({best['low']} to {best['high']})"
