"""A small model with test-time compute against a larger model: figure 9 of Snell et al. (arXiv 2408.03314), re-made.

Matched means: as many floating-point operations in all, pretraining included. Which side is ahead is read off the
interval of the paired difference alone; where the budget would buy more samples than were drawn, the figure says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outlay.report.names import bin_name, policy_name, styled
from outlay.report.parts import Chapter, Column, Figure, Row, Section, Series, Table, flops, listed, number
from outlay.report.reading import Estimate, estimate, finite, mapping, sequence, texts
from outlay.report.spending import joint_figure, spending_figure

EVERYWHERE = "all questions"

_PREFERRED = ("weighted", "best_of_n", "majority", "best_fixed")
_BEYOND_LABEL = "beyond the pool: the budget would buy more than was drawn"
_POLICIES = ("best_fixed", "per_bin_oracle", "per_bin_predicted")
_MOST_SERIES = 4
_FACTOR = "m\u00a0+\u00a03\u00a0(m\u00a0−\u00a01)\u00a0/\u00a0R"
_LEDE = (
    "The same number of floating-point operations can train and run a larger model, or run a small one many times over. "
    "R is the number of tokens that will ever be generated over the number of tokens of pretraining. A model with m times "
    "the parameters costs m times as much for each token, in training (6 FLOPs a parameter) and in use (2). Put what the "
    f"small model saves on both into its answers, and it may spend {_FACTOR} times the inference: the 3 is 6 over 2. "
    "So where little will be generated (R well below 1), not training a large model pays for very many samples; where "
    "much will be (R well above 1), hardly more than m. Matched means equal in all: the two sides below have cost the same, "
    "pretraining included. What the verifier reads is paid out of the small model's share."
)


@dataclass(frozen=True, slots=True)
class Match:
    """One matched comparison: a method of the small model, at one R, in one place (all questions, or a bin)."""

    ratio: str
    method: str
    place: str
    small: Estimate
    large: Estimate | None
    difference: Estimate | None
    questions: float | None
    n: float | None
    bought: float | None
    spent: float | None
    beyond: bool
    latency: float | None

    @property
    def verdict(self) -> str:
        """Who is ahead by the paired difference: `small`, `large`, or `neither` where its interval holds zero."""
        if self.difference is None or self.difference.low is None or self.difference.high is None:
            return "unknown"
        return "small" if self.difference.low > 0 else "large" if self.difference.high < 0 else "neither"


def exchange_chapter(summary: Mapping[str, Any]) -> Chapter | None:
    """The exchange, a section for each task and pair of models; None where the summary has none."""
    entries = [mapping(item, f"exchange[{i}]") for i, item in enumerate(sequence(summary.get("exchange"), "exchange"))]
    sections = [_section(entry, index) for index, entry in enumerate(entries)]
    known = tuple(section for section in sections if section is not None)
    if not known:
        return None
    return Chapter("exchange", "A small model that thinks longer, or a larger model?", _LEDE, known)


def matches(entry: Mapping[str, Any], where: str) -> list[Match]:
    """Every comparison of an entry that has an accuracy, over all questions and in each bin."""
    found = []
    names = texts(mapping(entry.get("bins"), f"{where}.bins").get("names"), f"{where}.bins.names")
    for i, item in enumerate(sequence(entry.get("ratios"), f"{where}.ratios")):
        at = f"{where}.ratios[{i}]"
        ratio = mapping(item, at)
        for j, row in enumerate(sequence(ratio.get("rows"), f"{at}.rows")):
            spot = f"{at}.rows[{j}]"
            row = mapping(row, spot)
            per_bin = sequence(row.get("bins"), f"{spot}.bins")
            placed = [(EVERYWHERE, row)]
            placed += [
                (
                    names[k] if len(names) == len(per_bin) else bin_name(k, len(per_bin)),
                    mapping(part, f"{spot}.bins[{k}]"),
                )
                for k, part in enumerate(per_bin)
            ]
            found += [match for place, part in placed if (match := _match(ratio, row, place, part, spot)) is not None]
    return found


def _match(
    ratio: Mapping[str, Any], row: Mapping[str, Any], place: str, part: Mapping[str, Any], where: str
) -> Match | None:
    small = estimate(part.get("accuracy"), f"{where}.accuracy")
    if small is None:
        return None
    return Match(
        ratio=_label(ratio, where),
        method=str(row.get("method", "unnamed")),
        place=place,
        small=small,
        large=estimate(part.get("large"), f"{where}.large"),
        difference=estimate(part.get("difference"), f"{where}.difference"),
        questions=finite(part.get("questions"), f"{where}.questions"),
        n=finite(row.get("n"), f"{where}.n"),
        bought=finite(row.get("bought"), f"{where}.bought"),
        spent=finite(row.get("flops"), f"{where}.flops"),
        beyond=bool(row.get("beyond")),
        latency=finite(row.get("latency"), f"{where}.latency"),
    )


def _section(entry: Mapping[str, Any], index: int) -> Section | None:
    where, id = f"exchange[{index}]", f"exchange-{index}"
    found = matches(entry, where)
    methods = list(dict.fromkeys(match.method for match in found))
    blocks = (
        _budgets(entry, where),
        _accuracy_figure(found, methods, id),
        _difference_figure(found, methods, id),
        joint_figure(entry, where, id),
        spending_figure(entry, where, id),
        _table(found, entry, where),
    )
    shown = tuple(block for block in blocks if block is not None)
    sentences = texts(entry.get("sentences"), f"{where}.sentences")
    warnings = texts(entry.get("warnings"), f"{where}.warnings")
    if not shown and not sentences and not warnings:
        return None
    task, models = str(entry.get("task") or f"pair {index + 1}"), [entry.get("small"), entry.get("large")]
    named = " against ".join(str(model) for model in models if model)
    return Section(
        title=f"{task}: {named}" if named else task,
        lede="",
        blocks=shown,
        findings=sentences,
        id=id,
        warnings=warnings,
        facts=_facts(entry, where),
    )


def _facts(entry: Mapping[str, Any], where: str) -> tuple[tuple[str, str], ...]:
    parameters = mapping(entry.get("parameters"), f"{where}.parameters")
    answer = mapping(entry.get("answer_flops"), f"{where}.answer_flops")
    questions, scale = finite(entry.get("questions"), where), finite(entry.get("scale"), where)
    tuning = finite(entry.get("verifier_tuning"), where)
    told = [("questions", None if questions is None else f"{questions:,.0f}")]
    for key in ("small", "large", "verifier"):
        value = finite(parameters.get(key), f"{where}.parameters.{key}")
        told.append((f"parameters, {key}", None if not value else f"{value:,.0f}"))
    told.append(("m, large over small", None if scale is None else f"{scale:.1f}"))
    for key in ("small", "large"):
        value = finite(answer.get(key), f"{where}.answer_flops.{key}")
        told.append((f"FLOPs of a greedy answer, {key}", None if value is None else flops(value)))
    if tuning is not None:
        told.append(("verifier's training", f"{number(tuning)} × pretraining's tokens" if tuning else "left out"))
    return tuple((name, value) for name, value in told if value is not None)


def _accuracy_figure(found: Sequence[Match], methods: Sequence[str], id: str) -> Figure | None:
    if not methods:
        return None
    method = principal(methods)
    chosen = [match for match in found if match.method == method]
    rows: list[Row] = []
    for match in chosen:
        sides = (("small", "small, matched", match.small), ("large", "large, one greedy answer", match.large))
        for key, label, value in sides:
            if value is not None:
                open_ = match.beyond and key == "small"
                rows.append({**_place(match), "series": key, "label": label, **_values(value), **_bought(match, open_)})
    name = _told(method)
    return Figure(
        id=f"{id}-matched",
        kind="matched",
        title=f"The small model ({name}) and the large one's greedy answer, at equal FLOPs in all",
        finding=_accuracy_finding([match for match in chosen if match.place == EVERYWHERE]),
        columns=(
            Column("panel", "Questions"),
            Column("group", "R"),
            Column("label", "Model"),
            Column("y", "Accuracy", "percent"),
            Column("low", "95% low", "percent"),
            Column("high", "95% high", "percent"),
            *_BOUGHT,
        ),
        rows=tuple(rows),
        series=(
            Series("small", f"small model, {name}", "blue"),
            Series("large", "large model, one greedy answer", "vermillion", symbol="square"),
        ),
        options={**_panels(chosen), "x": "Questions answered correctly", "domain": [0, 1]},
    )


def _difference_figure(found: Sequence[Match], methods: Sequence[str], id: str) -> Figure | None:
    chosen = [match for match in found if match.method in _compared(methods) and match.difference is not None]
    if not chosen:
        return None
    styles = styled(_compared(methods), policy_name)
    rows = [
        {
            **_place(match),
            "series": match.method,
            "label": styles[match.method].label,
            **_values(match.difference),
            **_bought(match, match.beyond),
        }
        for match in chosen
        if match.difference is not None
    ]
    first = principal(methods)
    return Figure(
        id=f"{id}-differences",
        kind="matched",
        title="Small less large, question by question, at equal FLOPs in all",
        finding=_verdicts([match for match in chosen if match.method == first], _told(first)),
        columns=(
            Column("panel", "Questions"),
            Column("group", "R"),
            Column("label", "Method of the small model"),
            Column("y", "Difference", "percent"),
            Column("low", "95% low", "percent"),
            Column("high", "95% high", "percent"),
            *_BOUGHT,
        ),
        rows=tuple(rows),
        series=tuple(styles[key] for key in _compared(methods) if any(match.method == key for match in chosen)),
        options={**_panels(chosen), "x": "Small less large, in points", "difference": True},
    )


_BOUGHT = (
    Column("n", "N bought", "number"),
    Column("questions", "Questions measured", "count"),
    Column("flops", "FLOPs spent", "flops"),
    Column("beyond", "Beyond the pool"),
)


def _place(match: Match) -> Row:
    return {"panel": match.place, "group": match.ratio}


def _values(value: Estimate | None) -> Row:
    return {} if value is None else {"y": value.mean, "low": value.low, "high": value.high}


def _bought(match: Match, open_: bool) -> Row:
    measured = {"n": match.n, "questions": match.questions, "flops": match.spent}
    return {**measured, "beyond": "yes" if match.beyond else "no", "open": open_}


def _panels(found: Sequence[Match]) -> dict[str, Any]:
    """The options that all figures of matches share: a panel for each place, a row in it for each R."""
    options: dict[str, Any] = {
        "panels": [{"key": place} for place in dict.fromkeys(match.place for match in found)],
        "groups": list(dict.fromkeys(match.ratio for match in found)),
    }
    key = {"label": "value and its 95% interval", "color": "muted", "dash": "", "symbol": "circle"}
    options["legend"] = (key,)
    if any(match.beyond for match in found):
        options["legend"] += ({"label": _BEYOND_LABEL, "color": "muted", "dash": "", "symbol": "circle", "open": True},)
    return options


def principal(methods: Sequence[str]) -> str:
    """The method to tell the story by: one that is fixed beforehand and knows nothing of difficulty."""
    return next((method for method in _PREFERRED if method in methods), methods[0])


def _told(method: str) -> str:
    """A method's name inside a sentence.

    >>> _told("best_fixed"), _told("weighted")
    ('best fixed method', 'weighted best-of-N')
    """
    return policy_name(method).removeprefix("same for all: ")


def _compared(methods: Sequence[str]) -> list[str]:
    """The methods to draw side by side, the principal one first."""
    first = principal(methods)
    known = [key for key in (*_POLICIES, *_PREFERRED) if key in methods and key != first]
    rest = [key for key in methods if key != first and key not in known]
    return [first, *known, *rest][:_MOST_SERIES]


def _accuracy_finding(everywhere: Sequence[Match]) -> str:
    told = []
    for match in everywhere:
        against = f" against {match.large.as_percent()}" if match.large is not None else ""
        bought = f" with N = {number(match.n)}" if match.n is not None else ""
        beyond = " (beyond the pool)" if match.beyond else ""
        told.append(f"{match.ratio}: {match.small.as_percent()}{bought}{beyond}{against}")
    return f"Over all questions, small against large. {'; '.join(told)}." if told else ""


def _verdicts(found: Sequence[Match], name: str) -> str:
    """For each R, where the small model is reliably ahead, where the large one, and where neither."""
    words = {
        "small": "the small model is ahead in",
        "large": "the large one is ahead in",
        "neither": "they cannot be told apart in",
    }
    told = []
    for ratio in dict.fromkeys(match.ratio for match in found):
        here = [match for match in found if match.ratio == ratio]
        parts = []
        for verdict, said in words.items():
            places = [match.place for match in here if match.verdict == verdict]
            if places:
                parts.append(f"{said} {listed(places)}")
        if parts:
            told.append(f"{ratio}: {'; '.join(parts)}.")
    return f"With {name}, judged by the 95% interval of the difference. {' '.join(told)}" if told else ""


def _table(found: Sequence[Match], entry: Mapping[str, Any], where: str) -> Table | None:
    everywhere = [match for match in found if match.place == EVERYWHERE]
    if not everywhere:
        return None
    header = (
        "R",
        "Method of the small model",
        "N bought",
        "FLOPs spent",
        "Small right (95%)",
        "Difference in points (95%)",
        "Latency",
    )
    note = (
        "FLOPs are a question's; 'differs': the policy buys other numbers for other questions. "
        "Difference: small less large, paired by question. Latency: the small model's longest sample against the large "
        "one's greedy answer, in serial compute, all samples side by side; not given for searches."
    )
    if any(match.beyond for match in everywhere):
        note += (
            " Beyond: the budget would buy more than was drawn ('32 of 115': 32 drawn, 115 paid for); the figure is then "
            "that of the largest N there is."
        )
    return Table(
        title="What was bought and what it gave, over all questions",
        header=header,
        rows=tuple(
            (
                match.ratio,
                policy_name(match.method),
                _n(match),
                "–" if match.spent is None else flops(match.spent),
                match.small.as_percent(),
                match.difference.as_points() if match.difference else "–",
                "–" if match.latency is None else f"{number(match.latency)}×",
            )
            for match in everywhere
        ),
        note=note,
    )


def _n(match: Match) -> str:
    shown = "differs" if match.n is None else number(match.n)
    if not match.beyond:
        return shown
    return f"{shown} of {number(match.bought)}, beyond" if match.bought is not None else f"{shown}, beyond"


def _budgets(entry: Mapping[str, Any], where: str) -> Table | None:
    """What each R lets the small model spend, as a multiple and in FLOPs."""
    rows = []
    for i, item in enumerate(sequence(entry.get("ratios"), f"{where}.ratios")):
        ratio = mapping(item, f"{where}.ratios[{i}]")
        factor, budget = (finite(ratio.get(key), f"{where}.ratios[{i}].{key}") for key in ("factor", "budget"))
        if factor is not None or budget is not None:
            shown = ("–" if factor is None else f"{factor:,.1f}×", "–" if budget is None else flops(budget))
            rows.append((_label(ratio, f"{where}.ratios[{i}]"), *shown))
    if not rows:
        return None
    return Table(
        title="What each R pays for",
        header=("R", f"Times the inference, {_FACTOR}", "FLOPs a question for the small model"),
        rows=tuple(rows),
        note="Both sides then cost the same in all. Where the verifier's training is counted, its share is taken off these FLOPs.",
    )


def _label(ratio: Mapping[str, Any], where: str) -> str:
    value = finite(ratio.get("ratio"), f"{where}.ratio")
    return str(ratio.get("label") or ("R unknown" if value is None else f"R = {number(value)}"))
