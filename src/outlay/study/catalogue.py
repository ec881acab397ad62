"""Every finding that is asked, by topic, in the order in which `docs/reproduction.md` tells them."""

from __future__ import annotations

from collections.abc import Mapping

from outlay.study import claims_between as between
from outlay.study import claims_revising as revising
from outlay.study import claims_within as within
from outlay.study.claim import Finding

TOPICS: Mapping[str, tuple[Finding, ...]] = {
    "Search against a verifier": (
        within.AHEAD_AT_SMALL_N,
        within.BEHIND_AT_LARGE_N,
        within.LEAD_SHRINKS,
        within.AHEAD_ON_HARD,
        within.OVER_OPTIMISED,
    ),
    "Difficulty": (within.PREDICTED_BINS,),
    "Revisions": (
        revising.EASY_WANTS_ONE_CHAIN,
        revising.HARD_MIXTURE_OVER_CHAIN,
        revising.HARD_MIXTURE_OVER_PARALLEL,
    ),
    "Pretraining against test-time compute": (between.SMALL_AHEAD, between.LARGE_AHEAD, between.LEAST_GAIN),
}


def every() -> tuple[Finding, ...]:
    """All findings, topic after topic.

    >>> len({finding.name for finding in every()}) == len(every())
    True
    """
    return tuple(finding for findings in TOPICS.values() for finding in findings)
