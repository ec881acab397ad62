"""Where a curve is highest, and whether it surely falls from there: over-optimisation, where a score chooses.

The highest of several noisy points overstates a fall when it is read off the questions that also measure it. So the fall is
measured honestly: the best N below the largest is chosen on one half of the questions and its accuracy read on the other, halves
swapped and averaged over random splits, less the accuracy at the largest N on the same questions. Its interval is the paired
bootstrap's over questions; only where that lies above zero is the peak a peak.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from outlay.curves import paired_difference
from outlay.curves.intervals import resampled_means
from outlay.study.evidence import chosen_elsewhere
from outlay.study.figures import as_points, plain
from outlay.study.pools import Floats
from outlay.study.settings import Settings

FALL = 0.01
"""A fall is spoken of from one percentage point on."""


def peak_of(table: Floats, ks: Sequence[int], settings: Settings) -> dict[str, Any] | None:
    """What there is to say of the highest point of a curve, where it lies a point or more above the curve's end.

    Args:
        table: accuracy `[Q, K]` at each of `ks`, which ascend.
        ks: numbers of generations.
        settings: seed, splits and resamples.

    Returns:
        None where the curve ends within a point of its highest. Else `n`, where it is highest over all questions, with `n_low`
        and `n_high` (the middle 95% of where resamples of the questions are highest), `mean` there and `last` at the largest,
        `last_n`; `fall` with its interval, the peak chosen on other questions; `surely`, whether that interval is above zero.

    >>> falling = np.tile([0.2, 0.6, 0.3], (40, 1)) > np.linspace(0, 1, 40, endpoint=False)[:, None]
    >>> found = peak_of(falling.astype(float), [1, 4, 16], Settings(resamples=200))
    >>> found["n"], found["last_n"], found["surely"]
    (4, 16, True)
    """
    means = table.mean(axis=0)
    place = int(means.argmax())
    if len(ks) < 3 or means[place] - means[-1] < FALL:
        return None
    values = table.astype(np.float64)
    best = chosen_elsewhere(values, range(len(ks) - 1), settings)
    (fall,) = as_points(paired_difference(best, values[:, -1], resamples=settings.resamples, seed=settings.seed))
    highest = np.asarray(ks)[resampled_means(values, settings.resamples, settings.seed).argmax(axis=1)]
    low, high = np.quantile(highest, [0.025, 0.975], method="closest_observation")
    return {
        "n": int(ks[place]),
        "n_low": int(low),
        "n_high": int(high),
        "mean": plain(means[place]),
        "last_n": int(ks[-1]),
        "last": plain(means[-1]),
        "fall": fall,
        "surely": bool(fall["low"] > 0),
    }
