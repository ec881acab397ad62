"""Where a method's accuracy falls although it spends more: which peak it has, and whether that is more than chance.

What Snell et al. (arXiv 2408.03314, section 5.3) call over-optimisation: a search finds solutions that please the verifier and
are wrong. The fall's interval is of a peak that was chosen on other questions (`outlay.study.peaks`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from outlay.report.names import LEVELS, bin_name
from outlay.report.parts import Section, Series, Table, capital, number, percent
from outlay.report.reading import estimate, mapping

EVERYWHERE = "all questions"
_UPPER_BOUND = "pass"
_SHOWN = 12


@dataclass(frozen=True)
class Fall:
    """One curve that ends below its highest point."""

    key: str
    place: str
    peak: Mapping[str, Any]
    fall: Any

    @property
    def surely(self) -> bool:
        """Whether the interval of the fall lies above zero."""
        return bool(self.peak.get("surely"))


def falling_section(group: Mapping[str, Any], where: str, styles: Mapping[str, Series]) -> Section | None:
    """The curves that end a point or more below their best budget, sure falls first; says so too when nothing falls."""
    curves = mapping(group.get("curves"), f"{where}.curves")
    looked_at = [key for key, curve in curves.items() if _may_fall(key) and len(mapping(curve, where).get("n", ())) > 2]
    if not looked_at:
        return None
    falls = sorted(_falls(group, where), key=lambda one: (not one.surely, one.place != EVERYWHERE, -one.fall.mean))
    title = "Where spending more makes it worse"
    lede = (
        "A curve that peaks and then falls pays more for less. Where the method trusts an imperfect verifier this is "
        "called over-optimisation: the more it searches, the more it finds solutions that the verifier likes and that "
        "are wrong."
    )
    if not falls:
        return Section(title, lede, (), ("No method falls by a percentage point or more after its best budget.",))
    table = Table(
        title="Methods that end below their best budget",
        header=(
            "Method",
            "Where",
            "Peak at N",
            "Accuracy there",
            "Largest N",
            "Accuracy",
            "Fall (95%), points",
            "Is it a peak?",
        ),
        rows=tuple(_row(one, styles) for one in falls[:_SHOWN]),
        note=(
            "The accuracies are of the same questions on which N is the best. The fall is not: its N is chosen on one half of "
            "the questions and measured on the other, so that luck does not count as a peak. The range behind N is where "
            "resamples of the questions peak."
        ),
    )
    return Section(title, lede, (table,), (_worst(falls, styles), _counted(falls)))


def _falls(group: Mapping[str, Any], where: str) -> Iterator[Fall]:
    """Of the curves over all questions, and of one kind of difficulty's bins."""
    for key, curve in mapping(group.get("curves"), f"{where}.curves").items():
        if _may_fall(key) and (peak := mapping(curve, where).get("peak")):
            yield _fall(key, EVERYWHERE, peak, f"{where}.curves.{key}.peak")
    bins = mapping(group.get("bins"), f"{where}.bins")
    kind = next((kind for kind in ("oracle", "predicted") if mapping(bins.get(kind), where).get("curves")), None)
    if kind is None:
        return
    for key, curve in mapping(bins[kind]["curves"], f"{where}.bins.{kind}").items():
        peaks = curve.get("peak") or ()
        for index, peak in enumerate(peaks if _may_fall(key) else ()):
            if peak:
                yield _fall(key, bin_name(index, len(peaks)), peak, f"{where}.bins.{kind}.curves.{key}.peak")


def _fall(key: str, place: str, peak: Any, where: str) -> Fall:
    read = mapping(peak, where)
    return Fall(key, place, read, estimate(read.get("fall"), f"{where}.fall"))


def _may_fall(key: str) -> bool:
    return key != _UPPER_BOUND and key not in LEVELS


def _row(one: Fall, styles: Mapping[str, Series]) -> tuple[str, ...]:
    peak = one.peak
    span = "" if peak["n_low"] == peak["n_high"] else f" ({number(peak['n_low'])} to {number(peak['n_high'])})"
    return (
        styles[one.key].label,
        one.place,
        f"{number(peak['n'])}{span}",
        percent(peak["mean"]),
        number(peak["last_n"]),
        percent(peak["last"]),
        f"{100 * one.fall.mean:.1f} ({100 * one.fall.low:.1f} to {100 * one.fall.high:.1f})",
        "yes" if one.surely else "chance could explain it",
    )


def _worst(falls: list[Fall], styles: Mapping[str, Series]) -> str:
    one, peak = falls[0], falls[0].peak
    where = "over all questions" if one.place == EVERYWHERE else f"in {one.place}"
    label = capital(styles[one.key].label)
    if not one.surely:
        return f"No fall is sure. {label}, {where}, ends below its best budget, and that could be chance."
    return (
        f"{label}, {where}, peaks at N = {number(peak['n'])} with {percent(peak['mean'])} and falls to {percent(peak['last'])} at "
        f"N = {number(peak['last_n'])}: by {100 * one.fall.mean:.1f} points ({100 * one.fall.low:.1f} to "
        f"{100 * one.fall.high:.1f}), the peak chosen on other questions."
    )


def _counted(falls: list[Fall]) -> str:
    sure = sum(one.surely for one in falls)
    curves = "curve ends" if len(falls) == 1 else "curves end"
    return f"{len(falls)} {curves} a point or more below their best budget; of {sure or 'none'} is the fall sure."
