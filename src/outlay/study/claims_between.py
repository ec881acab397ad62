"""Claims that need more than one model or family: a small model against a larger one, and which family gains least.

Both models answer the same questions, so they are compared in pairs; families have different questions, so each side is resampled
on its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from outlay.exchange import Pair
from outlay.strategies.names import method_name
from outlay.study.claim import Claim, Finding
from outlay.study.drawn import Bought, Drawn, bought
from outlay.study.evidence import Evidence
from outlay.study.exchanging import RATIOS
from outlay.study.measure import with_probabilities
from outlay.study.pairs import sizes_of
from outlay.study.runs import Larger

SIZES = "Snell et al., section 7, figure 9"

SMALL_AHEAD = Finding(
    6,
    "small_ahead_on_middle",
    "a small model with test-time compute beats the larger one on middle questions",
    SIZES,
    "On easy and middle questions test-time compute is often better than about 14 times the parameters (by the ratio R).",
)
LARGE_AHEAD = Finding(
    7,
    "large_ahead_on_hardest",
    "the larger model is ahead on the hardest questions",
    SIZES,
    "On the hardest questions, and at large R, pretraining is the better way to spend.",
)
LEAST_GAIN = Finding(
    9,
    "recall_gains_least",
    "questions that ask for knowledge gain least from samples",
    "Snell et al., section 4",
    "Test-time compute helps most where the knowledge is there and the inference from it is hard.",
)


def between_sizes(evidence: Evidence) -> list[Claim]:
    """Small against large at equal FLOPs in all, for every larger model and every ratio of inference to pretraining.

    The small model's way of choosing is fixed beforehand (the baseline of its pool), and bins are by its own true difficulty.
    """
    return [claim for larger in evidence.found.larger for claim in _against(evidence, larger)]


def _against(evidence: Evidence, larger: Larger) -> list[Claim]:
    found, method, bins = evidence.found, evidence.baseline, evidence.bins.get("oracle")
    sizes = sizes_of(found, larger, {})
    if found.flops is None or larger.greedy.flops is None or method is None or bins is None or sizes is None:
        return []
    if sizes.large < sizes.small:
        return []
    pair = Pair(sizes.small, sizes.large, sizes.verifier, float(larger.greedy.flops[:, 0].mean()))
    drawn, deeper = _drawn(evidence)
    buys = {r: bought(method, pair.budget(r), drawn, deeper, evidence.settings.seed) for r in RATIOS}
    claims = []
    for ratios, found_at in _alike(buys):
        claims += _on_bins(evidence, larger, method, ratios, found_at)
    return claims


def _alike(buys: Mapping[float, Bought | None]) -> list[tuple[list[float], Bought]]:
    """What each ratio buys; ratios that come to the same samples, because more were not drawn, are one comparison."""
    found: dict[tuple[int, int], tuple[list[float], Bought]] = {}
    for ratio, one in buys.items():
        if one is not None:
            found.setdefault((one.n, one.drawn.pool.size), ([], one))[0].append(ratio)
    return list(found.values())


def _on_bins(evidence: Evidence, larger: Larger, method: str, ratios: Sequence[float], buys: Bought) -> list[Claim]:
    rows, bigger = buys.drawn.rows, larger.model.removeprefix("embedded:")
    small = f"{method_name(method)}, N = {buys.n}", buys.accuracy
    large = f"{bigger}, greedy", larger.greedy.correct[rows, 0].astype(np.float64)
    note = "the FLOPs would buy more samples than were drawn" if buys.wanted > buys.n else ""
    subject = f"N = {buys.n} against {bigger}"
    at = f"R = {' and '.join(f'{ratio:g}' for ratio in ratios)}"
    claims = []
    for finding, where, sides in ((SMALL_AHEAD, "middle", (small, large)), (LARGE_AHEAD, "hardest", (large, small))):
        for part in (part for part in evidence.part(where) if part.bins == "oracle"):
            inside = part.inside[rows]
            if inside.any():
                (ahead, first), (behind, second) = sides
                values = first[inside], second[inside]
                claims.append(
                    evidence.asked.paired(
                        finding, (ahead, behind), values, subject, f"{part.says}, {at}", bins="oracle", note=note
                    )
                )
    return claims


def _drawn(evidence: Evidence) -> tuple[Drawn, Drawn | None]:
    found = evidence.found
    assert found.flops is not None
    deep = found.deeper
    deeper = None
    if deep is not None and deep.flops is not None:
        deeper = Drawn(with_probabilities(deep.pool, evidence.settings.seed), deep.flops, deep.rows)
    return Drawn(evidence.pool, found.flops, np.arange(len(evidence.pool.questions))), deeper


def recall_gains_least(evidences: Sequence[Evidence]) -> list[Claim]:
    """Each family of knowledge against each other family: the gain from one sample to the largest N that both pools have."""
    claims = []
    for recall in (one for one in evidences if one.found.recall):
        for other in (one for one in evidences if not one.found.recall):
            claims += _gains_less(recall, other)
    return claims


def _gains_less(recall: Evidence, other: Evidence) -> list[Claim]:
    shared = [n for n in recall.ks if n in other.ks and n > 1]
    if not shared or recall.baseline is None or other.baseline is None:
        return []
    n = max(shared)
    gains = [one.at(one.baseline, n) - one.at(one.baseline, 1) for one in (other, recall) if one.baseline is not None]
    sides = (f"gain of {other.called}", f"gain of {recall.called}")
    on = f"all, N = 1 to {n}"
    note = "not paired: their questions differ"
    return [recall.asked.unpaired(LEAST_GAIN, sides, (gains[0], gains[1]), f"less than {other.called}", on, note=note)]
