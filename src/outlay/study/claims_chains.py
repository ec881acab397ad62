"""Claims about chains of revisions: whether later attempts are better, what choosing within a chain gives, and what chooses best.

The attempts are those that the study's own runs drew; each saw the ones before it and none is reordered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from outlay.strategies.names import method_name
from outlay.study.claim import Asked, Claim, Finding
from outlay.study.claims_revising import splits_of
from outlay.study.deciding import Realised
from outlay.study.details import Attempts
from outlay.study.evidence import Evidence
from outlay.study.pools import Bools, Chains, Floats
from outlay.study.training import training_of

CHAINS = "Snell et al., section 6.1, figure 6"
SEQUENTIAL = "Snell et al., section 6.1, figures 6 and 7"

LATER_IS_BETTER = Finding(
    25,
    "later_attempts_better",
    "a later attempt of a chain is right more often than the first",
    CHAINS,
    "Accuracy rises with every revision, beyond the four attempts that the reviser was trained to read.",
)
EACH_STEP_GAINS = Finding(
    25,
    "each_step_gains",
    "each of the first four revisions is right more often than the attempt before it",
    CHAINS,
    "Accuracy rises with every revision, beyond the four attempts that the reviser was trained to read.",
)
CHOOSING_OVER_LAST = Finding(
    26,
    "choosing_over_last_attempt",
    "choosing within a chain is ahead of taking its last attempt",
    "Snell et al., section 6.1",
    "About 38% of right answers are revised into wrong ones, so the answer of a chain is chosen, not its last taken.",
)
SEQUENTIAL_AHEAD = Finding(
    27,
    "sequential_over_parallel",
    "N attempts in one chain are ahead of N parallel samples of the same model",
    SEQUENTIAL,
    "Sequential narrowly beats parallel sampling, chosen by verifier or by majority.",
)
HISTORY_HELPS = Finding(
    28,
    "reading_earlier_attempts_helps",
    "a verifier that reads the earlier attempts chooses better than one that reads each attempt alone",
    "Snell et al., appendix J",
    "The verifier with the revision history in its context does slightly better than the one without.",
)
VERIFIER_ADDS = Finding(
    29,
    "verifier_adds_to_revising",
    "choosing among revisions by a verifier is ahead of the majority of the same attempts",
    SEQUENTIAL,
    "Both selections gain from revising, and the verifier's is ahead of the majority's.",
)
NO_VERIFIER_NEEDED = Finding(
    29,
    "majority_of_revisions_over_samples",
    "the majority of revisions, with no verifier at all, is ahead of best-of-N by the verifier among parallel samples",
    "Snell et al., replies to reviewers",
    "The rebuttal has the majority of the reviser's samples beside verifiers of graded quality; no figure of it is quoted here.",
)
FIRST_STEPS = 4


def chaining(evidence: Evidence) -> list[Claim]:
    """Everything that is claimed of the chains of one reviser."""
    return [
        *_positions(evidence),
        *_choosing(evidence),
        *_sequential(evidence),
        *_history(evidence),
        *_majority(evidence),
    ]


@dataclass(frozen=True)
class Changes:
    """Over all revisions of all chains: shares of right attempts made wrong, and of wrong ones made right."""

    right_to_wrong: float
    wrong_to_right: float

    def __str__(self) -> str:
        return f"{100 * self.right_to_wrong:.0f}% of right ones made wrong, {100 * self.wrong_to_right:.0f}% of wrong ones right"


def changes(correct: Bools) -> Changes:
    """What revising turned, of chains `[Q, C, P]`."""
    before, after = correct[..., :-1], correct[..., 1:]
    return Changes(
        float((before & ~after).sum() / max(before.sum(), 1)), float((~before & after).sum() / max((~before).sum(), 1))
    )


def by_position(asked: Asked, correct: Bools) -> Iterator[Claim]:
    """The last attempt against the first, and each of the first four revisions against what it revised; `[Q, C, P]`."""
    rates: Floats = correct.mean(axis=1)
    length = rates.shape[1]
    if length < 2:
        return
    told = f"{correct.shape[1]} chain{'s' if correct.shape[1] > 1 else ''} of {length}"
    note = (
        f"right at each position {', '.join(f'{100 * rate:.1f}' for rate in rates.mean(axis=0))}%; {changes(correct)}"
    )
    sides = f"attempt {length}", "the first"
    yield asked.paired(LATER_IS_BETTER, sides, (rates[:, -1], rates[:, 0]), told, "all", note=note)
    for place in range(1, min(FIRST_STEPS, length - 1) + 1):
        sides = f"attempt {place + 1}", f"attempt {place}"
        yield asked.paired(EACH_STEP_GAINS, sides, (rates[:, place], rates[:, place - 1]), told, "all")


def real_chains(chains: Chains, asked: Asked) -> list[Claim]:
    """The claims that recorded chains of another model allow."""
    return list(by_position(asked, chains.correct))


def _attempts(evidence: Evidence, chains: int | None = None) -> list[Attempts]:
    details = evidence.found.details
    found = () if details is None else details.attempts
    return [one for one in found if chains in (None, one.correct.shape[1])]


def _positions(evidence: Evidence) -> Iterator[Claim]:
    """On the longest chains that were drawn; runs that differ in their selection alone drew the same."""
    longest = max(_attempts(evidence), key=lambda one: one.correct.shape[2], default=None)
    if longest is not None:
        yield from by_position(evidence.asked, longest.correct)


def _choosing(evidence: Evidence) -> Iterator[Claim]:
    single = [one for one in _attempts(evidence, 1) if one.correct.shape[2] > 1]
    for one in single:
        n = one.correct.shape[2]
        if n == max(other.correct.shape[2] for other in single):
            by = json.loads(one.strategy).get("selection", "majority")
            name = str(one.verifier).removeprefix("embedded:") if by == "verifier" else by
            values = one.chosen.astype(np.float64), one.correct[:, 0, -1].astype(np.float64)
            yield evidence.asked.paired(
                CHOOSING_OVER_LAST,
                (f"chosen by {name}", "the last attempt"),
                values,
                f"one chain, {name}",
                f"all, N = {n}",
                note=str(changes(one.correct)),
            )


def _sequential(evidence: Evidence) -> Iterator[Claim]:
    """One chain against as many parallel samples, whatever chooses, at the smallest and largest N that have both."""
    ended = [
        one for one in splits_of(list(evidence.runs.values())) if one.chains[0] == 1 and one.chains[-1] == one.n > 1
    ]
    for name in dict.fromkeys(splits.name for splits in ended):
        of_name = [splits for splits in ended if splits.name == name]
        for splits in dict.fromkeys((of_name[0], of_name[-1])):
            sides = f"one chain of {splits.n}", f"{splits.n} parallel samples"
            values = splits.correct[:, 0], splits.correct[:, -1]
            yield evidence.asked.paired(SEQUENTIAL_AHEAD, sides, values, splits.name, f"all, N = {splits.n}")


def _history(evidence: Evidence) -> Iterator[Claim]:
    """The same chains, chosen by the entry's own verifier and by another that reads less."""
    own = {run.key: run for run in evidence.runs.values() if run.spec["name"] == "revisions"}
    for other in evidence.found.rescored:
        for run in (run for run in other.runs if run.key in own):
            yield from _led(evidence, own[run.key], run, other.verifier)


def _led(evidence: Evidence, mine: Realised, theirs: Realised, verifier: str) -> Iterator[Claim]:
    own = str(evidence.found.verifier)
    reading, alone = training_of(own), training_of(verifier)
    if reading is None or alone is None or not reading.attempts or alone.attempts:
        return
    names = own.removeprefix("embedded:"), verifier.removeprefix("embedded:")
    chains = mine.spec.get("chains", 1)
    for n in (n for n in theirs.budgets if n in mine.budgets):
        values = (one.correct[:, one.budgets.index(n)].astype(np.float64) for one in (mine, theirs))
        first, second = values
        yield evidence.asked.paired(
            HISTORY_HELPS, names, (first, second), f"{chains} chain{'s' if chains != 1 else ''}", f"all, N = {n}"
        )


def _majority(evidence: Evidence) -> Iterator[Claim]:
    """The flat majority of a run's attempts against the verifier's choice, and against the verifier among parallel samples."""
    runs = [run for run in evidence.runs.values() if run.spec["name"] == "revisions"]
    by_verifier = {run.spec.get("chains", 1): run for run in runs if run.spec.get("selection") == "verifier"}
    for run in (run for run in runs if run.spec.get("selection", "majority") == "majority"):
        chains, n = run.spec.get("chains", 1), max(run.budgets)
        votes = run.correct[:, run.budgets.index(n)].astype(np.float64)
        told, on = f"{chains} chain{'s' if chains != 1 else ''}", f"all, N = {n}"
        other = by_verifier.get(chains)
        if other is not None and n in other.budgets:
            chosen = other.correct[:, other.budgets.index(n)].astype(np.float64)
            yield evidence.asked.paired(VERIFIER_ADDS, ("verifier", "majority"), (chosen, votes), told, on)
        if evidence.baseline is not None and n in evidence.ks and chains != n and evidence.found.verifier is not None:
            sides = f"majority of {told}", f"{method_name(evidence.baseline)} among parallel samples"
            yield evidence.asked.paired(NO_VERIFIER_NEEDED, sides, (votes, evidence.at(evidence.baseline, n)), told, on)
