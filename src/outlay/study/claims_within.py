"""Claims about one model on one task: search against best-of-N, over-optimisation, and predicted against true difficulty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from outlay.curves import best_of_k
from outlay.strategies.names import method_name, short_names
from outlay.study.claim import NEARLY, Claim, Finding
from outlay.study.comparing import headline
from outlay.study.deciding import Realised, View, candidates_of, per_bin_policies
from outlay.study.evidence import Evidence, chosen_elsewhere
from outlay.study.pools import Floats
from outlay.study.rescoring import Rescored

SEARCH = "Snell et al., section 5.3, figure 3"

AHEAD_AT_SMALL_N = Finding(
    1,
    "beam_ahead_at_small_n",
    "beam search is ahead of best-of-N at small N",
    SEARCH,
    "At small budgets beam search is significantly ahead of best-of-N.",
)
BEHIND_AT_LARGE_N = Finding(
    2,
    "best_of_n_ahead_at_large_n",
    "best-of-N is ahead of beam search at large N",
    SEARCH,
    "As the budget grows the lead shrinks, and beam search often ends below best-of-N.",
)
LEAD_SHRINKS = Finding(
    2,
    "beam_lead_shrinks",
    "beam search's lead is smaller at large N than at small N",
    SEARCH,
    "As the budget grows the improvements of beam search diminish.",
)
AHEAD_ON_HARD = Finding(
    3,
    "beam_ahead_on_hard",
    "beam search is ahead of best-of-N on hard questions",
    SEARCH,
    "On levels 3 and 4 of 5 beam search is consistently ahead; on level 5 nothing makes much progress.",
)
OVER_OPTIMISED = Finding(
    4,
    "over_optimised_on_easy",
    "on easy questions accuracy falls from its best smaller N to the largest",
    SEARCH,
    "On levels 1 and 2 beam search gets worse as the budget grows: signs that it exploits the verifier.",
)
PREDICTED_BINS = Finding(
    8,
    "predicted_bins_nearly_as_good",
    "deciding by predicted bins is nearly as good (within 2 points) as by oracle bins",
    "Snell et al., sections 3.2 and 5.3, figures 4 and 8",
    "The curves of oracle and of predicted bins largely overlap.",
)


def within(evidence: Evidence) -> list[Claim]:
    """Everything that is claimed of one model by itself, revisions aside."""
    return [*_beams(evidence), *_over_optimisation(evidence), *_predicted_bins(evidence)]


def _beams(evidence: Evidence) -> list[Claim]:
    method = evidence.baseline
    if method is None:
        return []
    claims = []
    for name, run in evidence.beams().items():
        shared = [n for n in run.budgets if n in evidence.ks]
        if shared:
            claims += _beam(evidence, name, run, method, shared)
    return claims


def _beam(evidence: Evidence, name: str, run: Realised, method: str, shared: Sequence[int]) -> list[Claim]:
    """One beam search against the pool at the smallest and the largest budget that both have."""
    ask, other = evidence.asked, method_name(method)
    small, large = min(shared), max(shared)

    def search(n: int) -> Floats:
        return run.correct[:, run.budgets.index(n)].astype(np.float64)

    every = "all"
    claims = [
        ask.paired(
            AHEAD_AT_SMALL_N, (name, other), (search(small), evidence.at(method, small)), name, f"{every}, N = {small}"
        )
    ]
    if large > small:
        lead = {n: search(n) - evidence.at(method, n) for n in (small, large)}
        claims += [
            ask.paired(
                BEHIND_AT_LARGE_N,
                (other, name),
                (evidence.at(method, large), search(large)),
                name,
                f"{every}, N = {large}",
            ),
            ask.paired(
                LEAD_SHRINKS,
                (f"lead of {name} at N = {small}", f"at N = {large}"),
                (lead[small], lead[large]),
                name,
                f"{every}, N = {small} and {large}",
            ),
        ]
    for part in evidence.part("hard"):
        for n in sorted({small, large}):
            sides = search(n)[part.inside], evidence.at(method, n)[part.inside]
            claims.append(
                ask.paired(AHEAD_ON_HARD, (name, other), sides, name, f"{part.says}, N = {n}", bins=part.bins)
            )
    return claims


def _over_optimisation(evidence: Evidence) -> list[Claim]:
    """The entry's own verifier and every weak one, best-of-N by each and the beam searches that it led."""
    own = evidence.found.verifier
    if own is None or evidence.pool.scores is None:
        return []
    claims = _falls(evidence, "best-of-N", evidence.ks, evidence.tables["best_of_n"], own)
    for name, run in evidence.beams().items():
        claims += _falls(evidence, name, run.budgets, run.correct, own)
    for weak in evidence.found.rescored:
        claims += _falls_with(evidence, weak)
    return claims


def _falls_with(evidence: Evidence, weak: Rescored) -> list[Claim]:
    assert weak.pool.scores is not None
    best = best_of_k(weak.pool.correct, weak.pool.scores, list(evidence.ks))
    claims = _falls(evidence, "best-of-N", evidence.ks, best, weak.verifier)
    beams = [run for run in weak.runs if run.spec["name"] == "beam_search"]
    names = short_names([run.key for run in beams])
    for run in beams:
        claims += _falls(evidence, names[run.key], run.budgets, run.correct, weak.verifier)
    return claims


def _falls(evidence: Evidence, name: str, budgets: Sequence[int], table: Floats, verifier: str) -> list[Claim]:
    """From the smaller N that is best on other easy questions to the largest N; a curve that rises to its end is against it."""
    if len(budgets) < 2:
        return []
    rising = np.argsort(budgets)
    claims = []
    for part in evidence.part("easy"):
        inside = table[part.inside][:, rising].astype(np.float64)
        best = chosen_elsewhere(inside, range(len(budgets) - 1), evidence.settings)
        claims.append(
            evidence.asked.paired(
                OVER_OPTIMISED,
                (f"{name} at its best smaller N", f"at N = {max(budgets)}"),
                (best, inside[:, -1]),
                f"{name} by {verifier.removeprefix('embedded:')}",
                part.says,
                bins=part.bins,
            )
        )
    return claims


def _predicted_bins(evidence: Evidence) -> list[Claim]:
    """The policy by predicted bins against the one by oracle bins, at the headline's budget; both chosen on other questions."""
    if not {"oracle", "predicted"} <= set(evidence.values):
        return []
    table = candidates_of(
        evidence.pool, evidence.tables, evidence.ks, evidence.found.runs, evidence.ks[-1], flops=evidence.found.flops
    )
    if table is None:
        return []
    at = headline(evidence.ks, evidence.settings)
    values = {kind: evidence.values[kind] for kind in ("oracle", "predicted")}
    policies = per_bin_policies([View(table, values, {})], [at], evidence.settings)
    sides = policies["per_bin_predicted"].accuracy[:, 0], policies["per_bin_oracle"].accuracy[:, 0]
    return [
        evidence.asked.paired(
            PREDICTED_BINS,
            ("predicted bins", "oracle bins"),
            sides,
            "",
            f"all, N = {at}",
            margin=NEARLY,
            note="what knowing difficulty costs is left aside",
        )
    ]
