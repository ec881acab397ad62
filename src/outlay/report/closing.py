"""The closing: what cannot be said. Every warning in one place, and what is missing, with what it would have needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from outlay.report.parts import Chapter, GroupPart
from outlay.report.reading import texts

GENERAL = (
    "All intervals are about other questions of the same kind. They say nothing about other tasks, models, verifiers or "
    "training runs.",
    "Two bands that overlap do not show that two methods are alike. Only the paired comparisons (gains, savings, differences) "
    "tell, and of many such comparisons a few look real by chance.",
    "A right answer is what the task's grader calls right.",
)

NEEDS = {
    "accuracy against budget": "several samples of each question, or runs of a search",
    "accuracy by difficulty": "enough samples to tell a question's difficulty apart from what is measured on it",
    "what deciding per question gains": "several budgets, and enough questions to choose on one half and measure on the other",
    "how well difficulty can be told beforehand": "right answers and scores, from samples enough for both",
    "where spending more makes it worse": "a method with at least three budgets",
    "what the verifier is worth": "scores",
    "what revising is worth": "chains of attempts, in which the model sees its earlier ones, or revisions that split a budget in "
    "several ways",
}
"""What each part of a group needs, by the part's name."""

EXCHANGE_NEEDS = (
    "There is no part on a small model against a larger one at equal FLOPs: it needs both on the same questions, with "
    "their parameters."
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What cannot be said about one part of the report: its warnings, and what it lacks."""

    id: str
    name: str
    items: tuple[str, ...]


def general_limits(summary: Mapping[str, Any], exchange: Chapter | None) -> tuple[str, ...]:
    """What holds for the whole report."""
    absent = () if exchange is not None else (EXCHANGE_NEEDS,)
    return (*texts(summary.get("warnings"), "warnings"), *GENERAL, *absent)


def limits_of(groups: tuple[GroupPart, ...], exchange: Chapter | None) -> tuple[Limits, ...]:
    """What holds for each part that has something to confess."""
    found = []
    for group in groups:
        absent = tuple(f"There is no part on {name}: it needs {needs}." for name, needs in group.absent)
        found.append(Limits(group.id, group.name, (*group.warnings, *absent)))
    if exchange is not None:
        found += [Limits(part.id, f"Small or large, {part.title}", part.warnings) for part in exchange.sections]
    return tuple(part for part in found if part.items)
