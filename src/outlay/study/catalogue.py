"""Every finding that is asked, by topic, in the order in which `docs/reproduction.md` tells them."""

from __future__ import annotations

from collections.abc import Mapping

from outlay.study import (
    claims_between,
    claims_chains,
    claims_difficulty,
    claims_exchange,
    claims_ladder,
    claims_policies,
    claims_revising,
    claims_search,
    claims_weak,
    claims_within,
)
from outlay.study.claim import Finding

TOPICS: Mapping[str, tuple[Finding, ...]] = {
    "Search against a verifier": (
        claims_within.AHEAD_AT_SMALL_N,
        claims_within.BEHIND_AT_LARGE_N,
        claims_within.LEAD_SHRINKS,
        claims_within.AHEAD_ON_HARD,
        claims_difficulty.HARDEST_GAIN_LITTLE,
        claims_within.OVER_OPTIMISED,
        claims_search.LOOKAHEAD_BEHIND,
        claims_search.PRM_OVER_ORM,
        claims_search.ORM_GAP_GROWS,
        claims_search.LAST_IS_BEST,
    ),
    "Deciding per difficulty bin": (
        claims_policies.OPTIMAL_AHEAD,
        claims_policies.OPTIMAL_OVER_FIXED,
        claims_policies.OPTIMAL_SAVES,
        claims_policies.OPTIMAL_SAVES_FOUR,
        claims_within.PREDICTED_BINS,
        claims_policies.PILOT_PAYS,
        claims_policies.KNOWING_PAYS,
        claims_policies.BINS_PAY,
        claims_policies.FEWER_BINS,
        claims_policies.EIGHT_BINS,
    ),
    "Difficulty": (
        claims_difficulty.WORSE_ON_HARD,
        claims_difficulty.AGREES,
        claims_difficulty.EXTREMES,
        claims_difficulty.HUMAN_AGREES,
        claims_difficulty.HUMAN_ORDERS,
    ),
    "Revisions": (
        claims_chains.LATER_IS_BETTER,
        claims_chains.EACH_STEP_GAINS,
        claims_chains.CHOOSING_OVER_LAST,
        claims_chains.SEQUENTIAL_AHEAD,
        claims_revising.EASY_WANTS_ONE_CHAIN,
        claims_revising.HARD_MIXTURE_OVER_CHAIN,
        claims_revising.HARD_MIXTURE_OVER_PARALLEL,
        claims_chains.HISTORY_HELPS,
        claims_chains.VERIFIER_ADDS,
        claims_chains.NO_VERIFIER_NEEDED,
    ),
    "Pretraining against test-time compute": (
        claims_exchange.EASY_AHEAD,
        claims_between.SMALL_AHEAD,
        claims_between.LARGE_AHEAD,
        claims_exchange.WORTH_FALLS,
        claims_between.LEAST_GAIN,
    ),
    "What reviewers asked": (
        claims_exchange.TUNING_PAID,
        claims_exchange.LARGER_SEARCHES,
        claims_ladder.SMALLEST_IS_BEST,
        claims_ladder.LARGEST_IS_BEST,
        claims_ladder.OVER_TUNED,
        claims_ladder.TUNED_GAINS_TOO,
        claims_ladder.OVER_OVERTRAINED,
        claims_ladder.OVERTRAINED_GAINS_TOO,
        claims_exchange.SHARED_BUDGET,
        claims_exchange.SHARED_SMALL_AHEAD,
    ),
    "Weak verifiers": (
        claims_weak.OVER_NOTHING,
        claims_weak.GOOD_OVER_WEAK,
        claims_weak.STILL_AHEAD,
        claims_weak.MORE_TRAINING,
        claims_weak.GAIN_OF_WEAK,
        claims_weak.LARGE_GAINS,
    ),
}


def every() -> tuple[Finding, ...]:
    """All findings, topic after topic.

    >>> len({finding.name for finding in every()}) == len(every())
    True
    """
    return tuple(finding for findings in TOPICS.values() for finding in findings)
