"""Claims about difficulty: how good the verifier is at each level, how well difficulty can be told, and what nothing can help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from outlay import difficulty
from outlay.strategies.names import method_name
from outlay.study.claim import NEARLY, Asked, Claim, Finding
from outlay.study.evidence import Evidence
from outlay.study.levels import level_values
from outlay.study.pools import Floats

REPLIES = "Snell et al., replies to reviewers"

HARDEST_GAIN_LITTLE = Finding(
    12,
    "hardest_gain_little",
    "on the hardest questions more samples give nearly nothing (within 2 points)",
    "Snell et al., section 5.3, figure 3",
    "On level 5 no method makes much meaningful progress.",
)
WORSE_ON_HARD = Finding(
    21,
    "verifier_worse_on_hard",
    "the verifier is right about more samples of the easiest questions than of the hardest",
    REPLIES,
    "Right about 99.7, 97.8, 94.1, 86.3 and 82.4% of samples from the easiest level to the hardest, 91.4% of all.",
)
AGREES = Finding(
    22,
    "predicted_bins_agree",
    "predicted bins agree with oracle bins more often than chance",
    REPLIES,
    "They agree on 52.8% of questions, against 20% by chance.",
)
EXTREMES = Finding(
    23,
    "extremes_told_best",
    "the easiest and the hardest predicted bins are right more often than those in the middle",
    REPLIES,
    "Precision 0.77, 0.48, 0.41, 0.38 and 0.60 from the easiest predicted bin to the hardest.",
)
HUMAN_AGREES = Finding(
    24,
    "human_levels_agree",
    "people's difficulty levels agree with a model's own difficulty more often than chance",
    "Snell et al., section 3.2",
    "Bins by the model's own pass@1 predict better than people's levels (MATH) what test-time compute gives.",
)
HUMAN_ORDERS = Finding(
    24,
    "human_levels_order",
    "the model is right more often on the questions that people find easiest than on those they find hardest",
    "Snell et al., section 3.2",
    "Bins by the model's own pass@1 predict better than people's levels (MATH) what test-time compute gives.",
)


def telling_difficulty(evidence: Evidence) -> list[Claim]:
    """Everything that is claimed of the difficulty of one task's questions for one model."""
    return [*_hardest(evidence), *_verifier(evidence), *_agreement(evidence), *human(evidence)]


def _hardest(evidence: Evidence) -> Iterator[Claim]:
    method = evidence.baseline
    if method is None or len(evidence.ks) < 2:
        return
    n = evidence.ks[-1]
    for part in evidence.part("hardest"):
        values = evidence.at(method, n)[part.inside], evidence.at(method, 1)[part.inside]
        sides = f"{method_name(method)}, N = {n}", "N = 1"
        yield evidence.asked.paired(HARDEST_GAIN_LITTLE, sides, values, "", part.says, bins=part.bins, margin=NEARLY)


def _verifier(evidence: Evidence) -> Iterator[Claim]:
    pool, places = evidence.pool, evidence.bins.get("oracle")
    if pool.probabilities is None or pool.scores is None or places is None or places.max() < 1:
        return
    valid = np.isfinite(pool.scores)
    right = np.where(valid, (pool.probabilities > 0.5) == pool.correct, False).sum(axis=1)
    with np.errstate(invalid="ignore"):
        rate: Floats = right / valid.sum(axis=1)
    levels = [rate[(places == number) & ~np.isnan(rate)] for number in range(int(places.max()) + 1)]
    if len(levels[0]) and len(levels[-1]):
        shares = ", ".join(f"{100 * level.mean():.1f}" for level in levels if len(level))
        whole = f"{100 * rate[~np.isnan(rate)].mean():.1f}"
        yield evidence.asked.unpaired(
            WORSE_ON_HARD,
            ("right about samples of the easiest questions", "of the hardest"),
            (levels[0], levels[-1]),
            str(evidence.found.verifier).removeprefix("embedded:"),
            f"{len(levels)} bins (oracle)",
            note=f"from the easiest to the hardest {shares}%, {whole}% of all",
        )


def _agreement(evidence: Evidence) -> Iterator[Claim]:
    if not {"oracle", "predicted"} <= set(evidence.bins):
        return
    true, told = evidence.bins["oracle"], evidence.bins["predicted"]
    if true.max() != told.max():  # equal values left fewer of one kind, and their numbers mean different things
        return
    found = difficulty.agreement(told, true)
    hit = (true == told).astype(np.float64)
    chance = (told[None, :] == true[:, None]).mean(axis=1)
    yield evidence.asked.paired(
        AGREES,
        ("agreement of predicted bins with oracle bins", "chance"),
        (hit, chance),
        "",
        f"all, {int(true.max()) + 1} bins",
        note=f"{100 * found.accuracy:.1f}% against {100 * found.chance:.1f}% by chance",
    )
    ends = (told == 0) | (told == told.max())
    if ends.any() and not ends.all():
        precision = ", ".join(f"{value:.2f}" for value in found.precision if not np.isnan(value))
        yield evidence.asked.unpaired(
            EXTREMES,
            ("precision of the easiest and hardest bins", "of those between"),
            (hit[ends], hit[~ends]),
            "",
            f"{int(told.max()) + 1} bins (predicted)",
            note=f"from the easiest to the hardest {precision}",
        )


def by_level(asked: Asked, given: Sequence[str] | None, rate: Floats) -> Iterator[Claim]:
    """How often the model is right `[Q]` on the questions that people find easiest and hardest; nothing without levels."""
    levels = level_values(given)
    if levels is None:
        return
    easiest, hardest = levels == levels.max(), levels == levels.min()
    yield asked.unpaired(
        HUMAN_ORDERS,
        ("right on the easiest level", "on the hardest"),
        (rate[easiest], rate[hardest]),
        "one sample",
        f"levels {-levels.max():g} and {-levels.min():g}",
        note=", ".join(
            f"level {-value:g}: {100 * rate[levels == value].mean():.1f}%" for value in np.unique(levels)[::-1]
        ),
    )


def human(evidence: Evidence) -> Iterator[Claim]:
    """People's levels against the model's own difficulty, five bins or as many as there are levels; nothing without levels."""
    levels = level_values(evidence.pool.levels)
    if levels is None:
        return
    rate = evidence.pool.correct.mean(axis=1)
    yield from by_level(evidence.asked, evidence.pool.levels, rate)
    count = len(np.unique(levels))
    true = difficulty.Bins.fit(rate, count).assign(rate)
    told = difficulty.Bins.fit(levels, count).assign(levels)
    if true.max() >= 1 and told.max() >= 1:
        hit = (true == told).astype(np.float64)
        chance = (told[None, :] == true[:, None]).mean(axis=1)
        yield evidence.asked.paired(
            HUMAN_AGREES,
            ("agreement of people's levels with the model's difficulty", "chance"),
            (hit, chance),
            "",
            f"all, {count} bins",
            note=f"{100 * hit.mean():.1f}% against {100 * chance.mean():.1f}% by chance",
        )
