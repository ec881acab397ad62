"""Claims about revisions: how a budget of N attempts is best split into chains, for easy questions and for hard ones.

A budget N is C chains of N / C attempts: one long chain is pure revision, N chains are parallel samples, what lies between is a
mixture (Snell et al., section 6.2). The best split of a bin is the optimum over the splits that were run, with the range in which
95% of resampled sets of questions have theirs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from outlay.curves import interval
from outlay.curves.intervals import resampled_means
from outlay.strategies.names import described
from outlay.study.claim import Claim, Finding
from outlay.study.deciding import Realised
from outlay.study.evidence import Evidence, chosen_elsewhere
from outlay.study.figures import as_points, plain
from outlay.study.pools import Floats
from outlay.study.settings import Settings

REVISIONS = "Snell et al., section 6.2, figure 7"

EASY_WANTS_ONE_CHAIN = Finding(
    5,
    "easy_wants_pure_revision",
    "on easy questions one chain of revisions is ahead of every other split",
    REVISIONS,
    "Easy questions do best with purely sequential compute.",
)
HARD_MIXTURE_OVER_CHAIN = Finding(
    5,
    "hard_mixture_over_revision",
    "on hard questions a mixture is ahead of pure revision",
    REVISIONS,
    "Harder questions have an ideal ratio of sequential to parallel compute in between.",
)
HARD_MIXTURE_OVER_PARALLEL = Finding(
    5,
    "hard_mixture_over_parallel",
    "on hard questions a mixture is ahead of parallel samples",
    REVISIONS,
    "Harder questions have an ideal ratio of sequential to parallel compute in between.",
)

TAIL = 0.025


@dataclass(frozen=True, eq=False)
class Splits:
    """One way to revise at one budget `n`: accuracies `[Q, S]` of its splits into `chains` chains, the fewest first."""

    name: str
    n: int
    chains: tuple[int, ...]
    correct: Floats

    @property
    def mixtures(self) -> list[int]:
        """The places of the splits that are neither one chain nor all parallel."""
        return [place for place, count in enumerate(self.chains) if 1 < count < self.n]

    @property
    def complete(self) -> bool:
        """Whether one chain, parallel samples and a mixture are all there."""
        return self.chains[0] == 1 and self.chains[-1] == self.n and bool(self.mixtures)


def splits_of(runs: Sequence[Realised]) -> list[Splits]:
    """The splits that were run, for every way to revise and every budget; the smallest budgets first."""
    families: dict[str, dict[int, dict[int, Floats]]] = {}
    for run in runs:
        spec = dict(run.spec)
        chains = spec.pop("chains", 1)
        if spec["name"] == "revisions" and isinstance(chains, int):
            at = families.setdefault(json.dumps(spec, sort_keys=True), {})
            for place, n in enumerate(run.budgets):
                if chains <= n:
                    at.setdefault(n, {})[chains] = run.correct[:, place].astype(np.float64)
    names = {key: _name(json.loads(key)) for key in families}
    return [
        Splits(names[key], n, tuple(sorted(tables)), np.stack([tables[count] for count in sorted(tables)], axis=1))
        for key, at in families.items()
        for n, tables in sorted(at.items())
    ]


def _name(spec: Mapping[str, Any]) -> str:
    label, options = described(spec)
    return ", ".join([label, *(option for option in options if not option.startswith("chains"))])


def revising(evidence: Evidence) -> list[Claim]:
    """What easy and hard questions want, at the smallest and the largest budget at which every kind of split was run."""
    whole = [splits for splits in splits_of(list(evidence.runs.values())) if splits.complete]
    claims = []
    for name in dict.fromkeys(splits.name for splits in whole):
        of_name = [splits for splits in whole if splits.name == name]
        for splits in dict.fromkeys((of_name[0], of_name[-1])):
            for part in evidence.part("easy"):
                claims.append(_easy(evidence, splits, splits.correct[part.inside], part.says, part.bins))
            for part in evidence.part("hard"):
                claims += _hard(evidence, splits, splits.correct[part.inside], part.says, part.bins)
    return claims


def _easy(evidence: Evidence, splits: Splits, correct: Floats, says: str, bins: str) -> Claim:
    others = chosen_elsewhere(correct, range(1, len(splits.chains)), evidence.settings)
    sides = ("one chain", "the best other split, chosen on other questions")
    on = f"{says}, N = {splits.n}"
    return evidence.asked.paired(EASY_WANTS_ONE_CHAIN, sides, (correct[:, 0], others), splits.name, on, bins=bins)


def _hard(evidence: Evidence, splits: Splits, correct: Floats, says: str, bins: str) -> list[Claim]:
    mixture = chosen_elsewhere(correct, splits.mixtures, evidence.settings)
    name, on = "the best mixture, chosen on other questions", f"{says}, N = {splits.n}"
    return [
        evidence.asked.paired(finding, (name, other), (mixture, values), splits.name, on, bins=bins)
        for finding, other, values in (
            (HARD_MIXTURE_OVER_CHAIN, "one chain", correct[:, 0]),
            (HARD_MIXTURE_OVER_PARALLEL, f"{splits.n} parallel samples", correct[:, -1]),
        )
    ]


def splits_part(evidence: Evidence) -> list[dict[str, Any]]:
    """Accuracy of every split and the best number of chains, for all questions and bin by bin; empty without revisions.

    Returns:
        An entry for every way to revise and budget: `name`, `n`, `chains`, `accuracy` (points) and `best` for all
        questions; under `bins`, for each kind of difficulty, a list with `questions`, `accuracy` and `best` for each bin.
    """
    options: dict[str, Any] = {"resamples": evidence.settings.resamples, "seed": evidence.settings.seed}

    def told(splits: Splits, correct: Floats) -> dict[str, Any]:
        return {
            "questions": len(correct),
            "accuracy": as_points(interval(correct, **options)),
            "best": optimum(correct, splits.chains, evidence.settings),
        }

    return [
        {
            "name": splits.name,
            "n": splits.n,
            "chains": list(splits.chains),
            **told(splits, splits.correct),
            "bins": {
                kind: [told(splits, splits.correct[places == number]) for number in range(int(places.max()) + 1)]
                for kind, places in evidence.bins.items()
            },
        }
        for splits in splits_of(list(evidence.runs.values()))
        if len(splits.chains) > 1
    ]


def optimum(correct: Floats, chains: Sequence[int], settings: Settings) -> Mapping[str, Any]:
    """The number of chains at which the mean of the columns `[Q, S]` is highest, with its 95% range over resampled questions.

    Equal columns share a resample; of equal means the fewest chains are named.

    >>> optimum(np.array([[0.0, 1.0], [0.0, 1.0]]), (1, 4), Settings())["chains"]
    4
    """
    means = resampled_means(correct, settings.resamples, settings.seed)
    highest = means >= means.max(axis=1, keepdims=True) - 1e-12
    won = (highest / highest.sum(axis=1, keepdims=True)).mean(axis=0)
    below, above = np.cumsum(won), np.cumsum(won[::-1])
    return {
        "chains": chains[int(correct.mean(axis=0).argmax())],
        "low": chains[int(np.argmax(below > TAIL))],
        "high": chains[len(chains) - 1 - int(np.argmax(above > TAIL))],
        "share": [plain(share) for share in won],
    }
