"""Whether each finding of the literature holds here: every claim that was asked, with its verdict and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from outlay.report.names import method_name
from outlay.report.opening import Finding
from outlay.report.parts import Section, Table, capital, number
from outlay.report.reading import estimate, mapping, sequence
from outlay.study.claim import counted
from outlay.study.rising import rising_sentence

TITLE = "Does each finding hold here?"

LEDE = (
    "Each claim is a finding of others, asked of these runs. It holds where the 95% interval of the difference lies wholly on "
    "the claimed side, does not hold where it lies wholly on the other side, and cannot be told otherwise, or where the two "
    "sides differ on fewer than six questions. What is compared is fixed in the program, none of the claims is left out, and each "
    "interval is at 95% by itself: among many claims a few come out by chance. Easy and hard are the two easiest and the two "
    "hardest of five bins, middle is the third."
)

HEADER = ("On what", "Verdict", "Difference in points, or ratio (95%)", "Compared", "Differ / questions", "Note")


def claims_section(summary: Mapping[str, Any]) -> Section | None:
    """A table for each finding, a row a claim, and where best-of-N stops rising; None where nothing was asked."""
    claims = [mapping(claim, f"claims[{i}]") for i, claim in enumerate(sequence(summary.get("claims"), "claims"))]
    if not claims:
        return None
    tables = []
    for says, of_finding in groupby(claims, key=lambda claim: str(claim.get("claim", ""))):
        found = list(of_finding)
        title = f"{found[0].get('finding', '')}. {capital(says)}"
        tables.append(Table(title, HEADER, tuple(_row(claim) for claim in found), note=str(found[0].get("source", ""))))
    rising = _rising(summary)
    return Section(
        title=TITLE,
        lede=LEDE,
        blocks=(*tables, *([rising] if rising else [])),
        findings=(f"{len(claims)} claims: {counted(claims)}.",),
        id="claims",
    )


def claims_in_short(section: Section | None) -> tuple[Finding, ...]:
    """The count of verdicts, for the opening."""
    return () if section is None else (Finding(section.id, section.title, section.findings[0]),)


def _row(claim: Mapping[str, Any]) -> tuple[str, ...]:
    model = str(claim.get("model", "")).removeprefix("embedded:")
    parts = [str(claim.get("task", "")), model, str(claim.get("subject", "")), str(claim.get("on", ""))]
    return (
        ", ".join(part for part in parts if part),
        str(claim.get("verdict", "–")),
        _figure(claim),
        f"{claim.get('ahead', '')}, less {claim.get('behind', '')}",
        f"{claim.get('differing', '–')} / {claim.get('questions', '–')}",
        str(claim.get("note") or ""),
    )


def _figure(claim: Mapping[str, Any]) -> str:
    if claim.get("unit") == "times":
        found = mapping(claim.get("difference"), "claims.difference")
        high = "infinity" if found.get("high") is None else f"{found['high']:.1f}"
        return f"{found['mean']:.1f} times ({found['low']:.1f} to {high})"
    difference = estimate(claim.get("difference"), "claims.difference")
    return "–" if difference is None else difference.as_points()


def _rising(summary: Mapping[str, Any]) -> Table | None:
    found = [mapping(one, f"rising[{i}]") for i, one in enumerate(sequence(summary.get("rising"), "rising"))]
    rows = [
        (
            f"{one.get('task', '–')}, {str(one.get('model', '')).removeprefix('embedded:')}",
            f"{'at least ' if one.get('still') else ''}{number(one['n'])}",
            rising_sentence(one, str(one.get("task", "–")), method_name(str(one["method"]))) + ".",
            _doublings(sequence(one.get("doublings"), "rising.doublings")),
        )
        for one in found
    ]
    header = ("Family", "Rises up to N =", "In words", "What each doubling adds, in points (95%)")
    return Table("10. Where best-of-N stops rising", header, tuple(rows)) if rows else None


def _doublings(doublings: Sequence[Any]) -> str:
    told = []
    for doubling in doublings:
        gain = estimate(doubling.get("gain"), "rising.gain")
        if gain is not None:
            told.append(f"to {doubling['to']}: {gain.as_points()}")
    return "; ".join(told)
