"""Claims about deciding per difficulty bin (compute-optimal scaling): what it gains and saves, and what knowing difficulty adds.

Difficulty comes from samples that measure nothing, and what it costs to know is left aside (as the paper does), except where a
pilot is said to be paid for. Choices are always made on other questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from outlay import difficulty
from outlay.policies.candidates import Candidates
from outlay.policies.crossfit import PolicyCurve
from outlay.strategies.names import method_name
from outlay.study.claim import APART, NEARLY, Claim, Finding
from outlay.study.comparing import headline
from outlay.study.deciding import FLOPS, View, baselines, candidates_of, per_bin_policies
from outlay.study.evidence import Evidence
from outlay.study.levels import level_values
from outlay.study.measure import budgets_up_to, expected, with_probabilities
from outlay.study.pools import Floats
from outlay.study.rescoring import Rescored

OPTIMAL = "Snell et al., sections 5.3 and 6.2, figures 4 and 8"
REPLIES = "Snell et al., section 3.2 and replies to reviewers"

OPTIMAL_AHEAD = Finding(
    16,
    "compute_optimal_ahead",
    "deciding per difficulty bin is ahead of best-of-N for all at the same budget",
    OPTIMAL,
    "Compute-optimal search and revisions are ahead of best-of-N at the same budget.",
)
OPTIMAL_OVER_FIXED = Finding(
    16,
    "compute_optimal_over_best_fixed",
    "deciding per difficulty bin is ahead of the best strategy that is the same for all",
    OPTIMAL,
    "The paper compares with best-of-N only; the best single strategy is the harder comparison.",
)
OPTIMAL_SAVES = Finding(
    17,
    "compute_optimal_saves",
    "deciding per difficulty bin needs less compute than best-of-N for the same accuracy",
    OPTIMAL,
    "Up to 4 times less: 16 generations against 64 for search, 64 against 256 for revisions.",
)
OPTIMAL_SAVES_FOUR = Finding(
    17,
    "compute_optimal_saves_four_times",
    "deciding per difficulty bin needs at least four times less compute than best-of-N for the same accuracy",
    OPTIMAL,
    "Up to 4 times less: 16 generations against 64 for search, 64 against 256 for revisions.",
)
PILOT_PAYS = Finding(
    18,
    "pilot_ahead_with_its_cost",
    "deciding per bin from a pilot is ahead of best-of-N with the pilot's samples paid for",
    REPLIES,
    "The paper leaves the cost of telling difficulty out, and names it as an open question.",
)
BINS_PAY = Finding(
    19,
    "five_bins_over_one",
    "five difficulty bins are ahead of one",
    REPLIES,
    "The paper uses five bins throughout.",
)
FEWER_BINS = Finding(
    19,
    "fewer_bins_nearly_as_good",
    "two or three difficulty bins are nearly as good (within 2 points) as five",
    REPLIES,
    "The paper uses five bins throughout.",
)
EIGHT_BINS = Finding(
    19,
    "eight_bins_add_nothing",
    "eight difficulty bins are nearly the same (within 2 points) as five",
    REPLIES,
    "The paper uses five bins throughout.",
)
KNOWING_PAYS = Finding(
    20,
    "knowing_difficulty_pays",
    "deciding by an estimate of difficulty is ahead of deciding by the same estimate given to other questions",
    REPLIES,
    "Oracle and predicted bins do about equally well; the paper has no control by shuffled bins.",
)

COUNTS: Mapping[int, Finding] = {1: BINS_PAY, 2: FEWER_BINS, 3: FEWER_BINS, 8: EIGHT_BINS}


def deciding(evidence: Evidence, group: Mapping[str, Any]) -> list[Claim]:
    """Everything that is claimed of policies of one task and model; `group` is its part of the summary (pilots are read there)."""
    choosing = _Choosing(evidence)
    if choosing.table is None or "oracle" not in evidence.values:
        return []
    return [
        *_optimal(choosing),
        *_numbers_of_bins(choosing),
        *_knowing(choosing),
        *_weak_estimates(choosing),
        *_pilots(evidence, group),
    ]


class _Choosing:
    """The candidates of one task and model, and the policies that choose among them."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.at = headline(evidence.ks, evidence.settings)

    @cached_property
    def table(self) -> Candidates | None:
        one = self.evidence
        return candidates_of(one.pool, one.tables, one.ks, one.found.runs, one.ks[-1], flops=one.found.flops)

    @cached_property
    def fixed(self) -> dict[str, PolicyCurve]:
        """`uniform` (the pool's method for all) and `best_fixed`."""
        assert self.table is not None and self.evidence.baseline is not None
        settings = self.evidence.settings
        found = baselines(self.table, self.evidence.baseline, self.evidence.ks, settings.splits, settings.seed)
        return {"uniform": found[f"uniform_{self.evidence.baseline}"], "best_fixed": found["best_fixed"]}

    @cached_property
    def values(self) -> dict[str, Floats]:
        """Difficulty by every kind of estimate, people's levels too."""
        levels = level_values(self.evidence.pool.levels)
        return {**self.evidence.values, **({} if levels is None else {"level": levels})}

    @cached_property
    def policies(self) -> dict[str, PolicyCurve]:
        """Deciding by every kind of estimate at the headline's budget, and the control."""
        assert self.table is not None
        return per_bin_policies([View(self.table, self.values, {})], [self.at], self.evidence.settings)


def _optimal(choosing: _Choosing) -> Iterator[Claim]:
    evidence, at = choosing.evidence, choosing.at
    place = list(evidence.ks).index(at)
    method = method_name(str(evidence.baseline))
    for kind in choosing.values:
        curve = choosing.policies[f"per_bin_{kind}"]
        mine, on, name = curve.accuracy[:, 0], f"all, N = {at}", f"per bin ({kind})"
        uniform, fixed = (choosing.fixed[one] for one in ("uniform", "best_fixed"))
        note = "what knowing difficulty costs is left aside"
        told: dict[str, Any] = {"bins": kind, "note": "" if kind == "level" else note}
        yield evidence.asked.paired(OPTIMAL_AHEAD, (name, method), (mine, uniform.accuracy[:, place]), "", on, **told)
        sides = (name, "the best that is the same for all")
        yield evidence.asked.paired(OPTIMAL_OVER_FIXED, sides, (mine, fixed.accuracy[:, place]), "", on, **told)
        yield from _saved(evidence, curve, uniform, (name, method), (on, kind, note))


def _saved(
    evidence: Evidence, curve: PolicyCurve, uniform: PolicyCurve, sides: tuple[str, str], where: tuple[str, str, str]
) -> Iterator[Claim]:
    """The ratio of what best-of-N needs for the policy's accuracy to what the policy needs, in generations and in FLOPs."""
    on, kind, note = where
    place = list(evidence.ks).index(int(curve.budgets[0]))
    differing = int((np.abs(curve.accuracy[:, 0] - uniform.accuracy[:, place]) >= APART).sum())
    units = [("in generations", curve, uniform)]
    if FLOPS in curve.other_costs and FLOPS in uniform.other_costs:
        mine, theirs = (replace(one, cost=one.other_costs[FLOPS]) for one in (curve, uniform))
        units.append(("in FLOPs, the verifier's included", mine, theirs))
    for unit, policy, base in units:
        ratio = policy.savings(base, resamples=evidence.settings.resamples, seed=evidence.settings.seed)
        found = float(ratio.value[0]), float(ratio.low[0]), float(ratio.high[0])
        notes = f"{note}; read at the other's largest budget" if ratio.censored[0] else note
        for finding, level in ((OPTIMAL_SAVES, 1.0), (OPTIMAL_SAVES_FOUR, 4.0)):
            counts = len(curve.accuracy), differing
            yield evidence.asked.read(
                finding, sides, found, counts, unit, on, bins=kind, note=notes, unit="times", level=level
            )


def _numbers_of_bins(choosing: _Choosing) -> Iterator[Claim]:
    assert choosing.table is not None
    evidence, at = choosing.evidence, choosing.at
    view = View(choosing.table, {"oracle": choosing.values["oracle"]}, {})
    curves = {
        count: per_bin_policies([view], [at], replace(evidence.settings, bins=count))["per_bin_oracle"].accuracy[:, 0]
        for count in {5, *COUNTS}
    }
    for count, finding in COUNTS.items():
        sides, values = (f"{count} bins", "5 bins"), (curves[count], curves[5])
        if count == 1:
            sides, values = ("5 bins", "1 bin"), (curves[5], curves[1])
        margin = None if count == 1 else NEARLY
        yield evidence.asked.paired(finding, sides, values, "", f"all, N = {at}", bins="oracle", margin=margin)


def _knowing(choosing: _Choosing) -> Iterator[Claim]:
    """Each kind of estimate against the same values given to other questions."""
    assert choosing.table is not None
    evidence, at = choosing.evidence, choosing.at
    for kind in choosing.values:
        yield _against_shuffled(evidence, choosing.table, choosing.values[kind], at, f"{kind} difficulty", kind)


def _against_shuffled(
    evidence: Evidence, table: Candidates, values: Floats, at: int, called: str, kind: str | None
) -> Claim:
    settings = evidence.settings
    view = View(table, {"oracle": values}, {})  # the control of per_bin_policies is of what is called oracle
    curves = per_bin_policies([view], [at], settings)
    sides = (f"bins by {called}", "the same, given to other questions")
    own, control = curves["per_bin_oracle"].accuracy[:, 0], curves["per_bin_shuffled"].accuracy[:, 0]
    return evidence.asked.paired(KNOWING_PAYS, sides, (own, control), called, f"all, N = {at}", bins=kind)


def _weak_estimates(choosing: _Choosing) -> Iterator[Claim]:
    """Difficulty by the scores of each other verifier, on one half of the pool's samples; the other half measures."""
    evidence = choosing.evidence
    for weak in evidence.found.rescored:
        told = _weak_table(evidence, weak)
        if told is not None:
            table, values, at = told
            called = f"the scores of {weak.verifier.removeprefix('embedded:')}"
            yield _against_shuffled(evidence, table, values, at, called, None)


def _weak_table(evidence: Evidence, weak: Rescored) -> tuple[Candidates, Floats, int] | None:
    first, second = difficulty.halves(evidence.pool.size)
    if evidence.pool.size < 4:
        return None
    again = with_probabilities(weak.pool, evidence.settings.seed)
    scores = again.scores if again.probabilities is None else again.probabilities
    measured = evidence.pool.columns(second)
    ks = budgets_up_to(len(second))
    tables = expected(measured, ks, evidence.settings.seed)[0]
    table = candidates_of(measured, tables, ks, evidence.found.runs, ks[-1])
    if scores is None or table is None or not np.isfinite(scores).all():
        return None
    return table, difficulty.predicted(scores[:, first]), headline(ks, evidence.settings)


def _pilots(evidence: Evidence, group: Mapping[str, Any]) -> Iterator[Claim]:
    """Pilots as the summary's group tells them: each size against its control, and the study's own against best-of-N for all."""
    pilot = group.get("difficulty", {}).get("pilot")
    if pilot is not None:
        for m, gain, differing in zip(pilot["m"], pilot["gain_over_shuffled"], pilot["differing"], strict=True):
            found = gain["mean"], gain["low"], gain["high"]
            sides = (f"bins by a pilot of {m}", "the same, given to other questions")
            counts, on = (len(evidence.pool.questions), differing), f"all, N = {pilot['budget']:g}"
            yield evidence.asked.read(KNOWING_PAYS, sides, found, counts, f"a pilot of {m}, paid for", on)
    policy = group.get("policies", {}).get("per_bin_pilot")
    at = float(headline(evidence.ks, evidence.settings))
    if policy is None or at not in policy["budget"]:
        return
    place = policy["budget"].index(at)
    gain, counts = policy["gain"][place], (len(evidence.pool.questions), policy["gain_differing"][place])
    sides = f"per bin (a pilot of {evidence.settings.pilot})", method_name(str(evidence.baseline))
    found = gain["mean"], gain["low"], gain["high"]
    yield evidence.asked.read(PILOT_PAYS, sides, found, counts, "", f"all, N = {at:g}")
    for key, unit in (
        ("compute_ratio", "in generations"),
        ("compute_ratio_flops", "in FLOPs, the verifier's included"),
    ):
        if key in policy:
            ratio = policy[key][place]
            ends = (np.inf if ratio[end] is None else ratio[end] for end in ("value", "low", "high"))
            value, low, high = map(float, ends)
            for finding, level in ((OPTIMAL_SAVES, 1.0), (OPTIMAL_SAVES_FOUR, 4.0)):
                yield evidence.asked.read(
                    finding,
                    sides,
                    (value, low, high),
                    counts,
                    unit,
                    f"all, N = {at:g}",
                    note="the pilot's samples are paid for",
                    unit="times",
                    level=level,
                )
