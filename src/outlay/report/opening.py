"""The opening: what was asked, what was found, and the words that the rest uses, for somebody with one minute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from outlay.report.deciding import ratio_text
from outlay.report.exchanging import EVERYWHERE, matches, principal
from outlay.report.names import UNIFORM
from outlay.report.parts import Chapter, GroupPart, Table, listed, number
from outlay.report.reading import estimates, finite, mapping, numbers, sequence, texts

WORDS = (
    ("generation", "one complete solution's worth of sampling; N is a budget of that many for each question"),
    ("verifier", "a model that scores a solution, or its steps, without seeing the right answer"),
    ("best-of-N", "draw N solutions, answer with the one that the verifier scores highest"),
    ("majority vote", "draw N solutions, answer with the most frequent answer; needs no verifier"),
    ("weighted best-of-N", "the same vote, where each solution counts as much as its score"),
    (
        "beam search",
        "build solutions step by step, keep the steps that the verifier likes; M next steps are tried from each",
    ),
    (
        "coverage, pass@N",
        "the share of questions with a right answer somewhere among N samples: the most that choosing can give",
    ),
    (
        "difficulty bin",
        "questions of about the same difficulty; bin 0 is the easiest. True (oracle) bins need right answers",
    ),
    ("pilot", "the first few samples of a question, used to guess its difficulty and then used again"),
    (
        "deciding as one goes, sequential",
        "look at the samples so far, then stop or draw on; what a question costs differs, and N is the mean over questions",
    ),
    ("best fixed", "the one method, the same for all questions, that did best on other questions"),
    ("95% interval", "where the figure would be expected to lie for other questions of the same kind"),
)

_GLANCE = (
    (UNIFORM, "Usual way, the same for all"),
    ("best_fixed", "Best fixed method"),
    ("per_bin_pilot", "Decided per question, by pilot"),
    ("per_bin_oracle", "Decided, difficulty known for free"),
)


_GOING = (
    (UNIFORM, "Usual way, N for all"),
    ("sequential", "Sequential: stop or draw on"),
    ("best_fixed", "Best fixed method, N for all"),
    ("threshold", "Stop at a tuned threshold"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a part of the report comes to, with the anchor where the part stands."""

    id: str
    name: str
    text: str


def asked(summary: Mapping[str, Any], groups: tuple[GroupPart, ...], exchange: Chapter | None) -> str:
    """What this report is about, in three sentences."""
    questions = [
        finite(mapping(group, f"groups[{i}]").get("questions"), f"groups[{i}].questions")
        for i, group in enumerate(sequence(summary.get("groups"), "groups"))
    ]
    tasks = list(dict.fromkeys(group.title for group in groups))
    known = [count for count in questions if count is not None]
    size = ""
    if tasks and len(known) == len(groups):
        each = sorted({f"{count:,.0f}" for count in known}, key=lambda text: float(text.replace(",", "")))
        kinds = listed(tasks) if len(tasks) <= 4 else f"{len(tasks)} tasks"
        range_ = listed(each) if len(each) < 4 else f"{each[0]} to {each[-1]}"
        size = f" Here: {kinds}, with {range_} questions{' each' if len(tasks) > 1 else ''}."
    more = ", and whether a small model that thinks longer can stand in for a larger one" if exchange else ""
    return (
        "A language model can answer a question once, or spend more compute on it: draw many solutions and choose one, search "
        "step by step, revise. This report asks how much that buys, which way of spending is best, whether it pays to decide "
        f"question by question{more}.{size}"
    )


def findings(groups: tuple[GroupPart, ...], exchange: Chapter | None) -> tuple[Finding, ...]:
    """The headline of each group in the summary's own words; of an exchange too, where it has no comparison to show."""
    found = []
    for group in groups:
        said = (group.headline or next(iter(group.sentences), ""), group.as_one_goes)
        if any(said):
            found.append(Finding(group.id, group.name, " ".join(text for text in said if text)))
    if exchange is not None:
        found += [
            Finding(section.id, f"Small or large, {section.title}", section.findings[0])
            for section in exchange.sections
            if section.findings and not section.blocks
        ]
    return tuple(found)


def at_a_glance(summary: Mapping[str, Any], groups: tuple[GroupPart, ...]) -> Table | None:
    """The policies of every group at one budget, a row a group, with intervals."""
    found, titles = [], [part.title for part in groups]
    for index, (group, part) in enumerate(zip(sequence(summary.get("groups"), "groups"), groups)):
        name = part.title if titles.count(part.title) == 1 else part.name
        row = _glance(mapping(group, f"groups[{index}]"), f"groups[{index}]")
        if row is not None:
            found.append((name, *row))
    if not found:
        return None
    budgets = {budget for _, budget, _ in found}
    one = f" with N = {number(min(budgets))} generations" if len(budgets) == 1 else ""
    rows = [(name if one else f"{name}, N = {number(budget)}", *cells) for name, budget, cells in found]
    headings = [heading for _, heading in _GLANCE]
    return Table(
        title=f"At a glance: questions answered correctly{one}",
        header=("Part", *headings[:3], "Gain by pilot, in points", *headings[3:]),
        rows=tuple(rows),
        note=(
            "95% intervals in brackets. The usual way is best-of-N, or weighted best-of-N where answers can vote. The gain is "
            "that of deciding by pilot over the usual way, compared question by question; it is real where its interval lies "
            "above zero. A pilot's cost is within N; difficulty known for free costs more than N to find out."
        ),
    )


def going_at_a_glance(summary: Mapping[str, Any], groups: tuple[GroupPart, ...]) -> Table | None:
    """Deciding as one goes against what is the same for all, a row a group, at the mean budget that the summary reads it at."""
    rows, titles = [], [part.title for part in groups]
    for index, (group, part) in enumerate(zip(sequence(summary.get("groups"), "groups"), groups)):
        where = f"groups[{index}]"
        present = _present(mapping(group, where), _GOING, where)
        policy = present.get("sequential", {})
        budget = finite(policy.get("read_at"), f"{where}.policies.sequential.read_at")
        if budget is None:
            continue
        name = part.title if titles.count(part.title) == 1 else part.name
        usual, going, *others = (_paid_at(present.get(wanted), budget, where) for wanted, _ in _GOING)
        gain = _at(policy, "gain", budget, where)
        unit = "compute_ratio_flops" if "compute_ratio_flops" in policy else "compute_ratio"
        ratios = dict(zip(numbers(policy.get("budget"), where), sequence(policy.get(unit), where)))
        less = f"{ratio_text(ratios.get(budget), where)}{'' if unit.endswith('flops') else ' in generations'}"
        won = gain.as_points() if gain else "–"
        rows.append((f"{name}, N = {number(budget)}", usual, going, won, less, *others))
    if not rows:
        return None
    first, second, *others = (heading for _, heading in _GOING)
    return Table(
        title="At a glance: deciding as one goes, with N generations on average",
        header=("Part", first, second, "Gain, in points", "Times less compute", *others),
        rows=tuple(rows),
        note=(
            "Sequential policies look at the samples so far and stop or draw on; @ marks a mean cost that is not N. Questions "
            "other than those measured fitted them, random orders of the samples were replayed, and N was fixed beforehand, a "
            "quarter of the budget above. Times less compute: in FLOPs, the verifier's reading included, at the policy's "
            "accuracy, than the usual way."
        ),
    )


def _paid_at(policy: Mapping[str, Any] | None, budget: float, where: str) -> str:
    """A policy's accuracy at a budget, with its interval, and its mean cost where that is not the budget."""
    right = _at(policy, "accuracy", budget, where)
    if policy is None or right is None:
        return "–"
    cost = dict(zip(numbers(policy.get("budget"), where), numbers(policy.get("cost"), where))).get(budget)
    paid = "" if cost is None or abs(cost - budget) < 0.05 else f" @ {cost:.1f}"
    return f"{right.as_percent()}{paid}"


def exchange_at_a_glance(summary: Mapping[str, Any]) -> Table | None:
    """Small less large at equal FLOPs in all, a row for each pair of models, a column for each R."""
    rows: dict[str, dict[str, str]] = {}
    for index, item in enumerate(sequence(summary.get("exchange"), "exchange")):
        entry = mapping(item, f"exchange[{index}]")
        found = [match for match in matches(entry, f"exchange[{index}]") if match.place == EVERYWHERE]
        method = principal([match.method for match in found]) if found else ""
        cells = {
            match.ratio: match.difference.as_points() + (" *" if match.beyond else "")
            for match in found
            if match.method == method and match.difference is not None
        }
        if cells:
            name = str(entry.get("task") or f"pair {index + 1}")
            taken = f"{name}, {entry.get('small')} against {entry.get('large')}"
            rows[taken if name in rows else name] = cells
    if not rows:
        return None
    ratios = list(dict.fromkeys(ratio for cells in rows.values() for ratio in cells))
    note = (
        "In percentage points, with 95% intervals, compared question by question: above zero the small model with test-time "
        "compute is ahead of the large one's greedy answer. R is inference tokens over pretraining tokens; the small model's "
        "method is the one that the first figure of its section names."
    )
    if any(cell.endswith("*") for cells in rows.values() for cell in cells.values()):
        note += " * The same FLOPs would buy more samples than were drawn."
    return Table(
        title="At a glance: small model less large model, at equal FLOPs in all",
        header=("Part", *ratios),
        rows=tuple((name, *(cells.get(ratio, "–") for ratio in ratios)) for name, cells in rows.items()),
        note=note,
    )


def _glance(group: Mapping[str, Any], where: str) -> tuple[float, tuple[str, ...]] | None:
    """The budget at which a group's policies are read, and a cell for each column of the table."""
    present = _present(group, _GLANCE, where)
    budget = _headline_budget(group, present, where)
    if budget is None:
        return None
    cells = [_at(present.get(wanted), "accuracy", budget, where) for wanted, _ in _GLANCE]
    gain = _at(present.get("per_bin_pilot"), "gain", budget, where)
    told = [cell.as_percent() if cell else "–" for cell in cells]
    return budget, (*told[:3], gain.as_points() if gain else "–", *told[3:])


def _present(
    group: Mapping[str, Any], columns: tuple[tuple[str, str], ...], where: str
) -> dict[str, Mapping[str, Any]]:
    """A group's policies for these columns, those that there are."""
    policies = mapping(group.get("policies"), f"{where}.policies")
    named = {
        wanted: next(
            (key for key in policies if key == wanted or (wanted == UNIFORM and key.startswith(UNIFORM))), None
        )
        for wanted, _ in columns
    }
    return {wanted: mapping(policies[key], f"{where}.policies.{key}") for wanted, key in named.items() if key}


def _at(policy: Mapping[str, Any] | None, measure: str, budget: float, where: str) -> Any:
    if policy is None:
        return None
    budgets = numbers(policy.get("budget"), f"{where}.budget")
    values = estimates(policy.get(measure), f"{where}.{measure}")
    return dict(zip(budgets, values)).get(budget)


def _headline_budget(group: Mapping[str, Any], policies: Mapping[str, Any], where: str) -> float | None:
    """The budget at which the summary itself reads its policies, else the middle one of those that all have."""
    difficulty = mapping(group.get("difficulty"), f"{where}.difficulty")
    for part in ("pilot", "bins"):
        budget = finite(mapping(difficulty.get(part), where).get("budget"), f"{where}.difficulty.{part}.budget")
        if budget is not None and policies:
            return budget
    known = [set(numbers(policy.get("budget"), f"{where}.budget")) - {None} for policy in policies.values()]
    shared = sorted(budget for budget in set.intersection(*known) if budget is not None) if known else []
    return shared[(len(shared) - 1) // 2] if shared else None


def warned(summary: Mapping[str, Any]) -> tuple[str, ...]:
    """Warnings that hold for the whole run."""
    return texts(summary.get("warnings"), "warnings")
