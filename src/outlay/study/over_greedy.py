"""What spending more gains over one greedy answer, which costs one generation: paired by question, for methods and policies alike.

Best-of-N is usually compared with one sample at the pool's temperature, which is worse than greedy; whoever pays for N samples
wants to know what they give beyond the answer that everyone has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from outlay.curves import paired_difference
from outlay.strategies.names import METHODS
from outlay.study.deciding import Realised
from outlay.study.figures import as_points, percent
from outlay.study.pools import Floats
from outlay.study.settings import Settings

TOLD = {
    "best_fixed": "the best strategy that is the same for all",
    "per_bin_pilot": "deciding per bin from a pilot",
    "sequential": "the sequential policy",
}
"""Policies that the sentence names, beside the usual way."""


def greedy_of(runs: Sequence[Realised]) -> Floats | None:
    """Whether the model's greedy answer is right, `[Q]`; None where none was run."""
    run = next((run for run in runs if run.spec == {"name": "greedy"} and run.candidate), None)
    return None if run is None else run.correct[:, 0]


def gain_over(greedy: Floats | None, accuracy: Floats, settings: Settings) -> dict[str, Any]:
    """`{"gain_over_greedy": [{"mean", "low", "high"}, ...]}`, a figure a column of `accuracy` `[Q, B]`; nothing without greedy."""
    if greedy is None:
        return {}
    found = paired_difference(accuracy, greedy, resamples=settings.resamples, seed=settings.seed)
    return {"gain_over_greedy": as_points(found)}


def greedy_sentence(
    policies: Mapping[str, Mapping[str, Any]], method: str, greedy: Floats | None, settings: Settings
) -> str:
    """Whether the usual way, and ways of deciding, are above one greedy answer at the headline's budget; empty without one."""
    if greedy is None:
        return ""
    labels = {f"uniform_{method}": METHODS[method], **TOLD}
    parts = []
    for name, label in labels.items():
        policy = policies.get(name, {})
        budgets = [budget for budget in policy.get("budget", ()) if budget <= settings.headline_budget]
        if budgets and "gain_over_greedy" in policy:
            place = policy["budget"].index(max(budgets))
            gain = policy["gain_over_greedy"][place]
            sure = "" if gain["low"] > 0 or gain["high"] < 0 else ", which cannot be told from nothing"
            parts.append(
                f"{label} at {max(budgets):g} generations is {100 * gain['mean']:+z.1f} points from that "
                f"({100 * gain['low']:+z.1f} to {100 * gain['high']:+z.1f}{sure})"
            )
    told = f"One greedy answer, which costs one generation, is right in {percent(float(greedy.mean()))}"
    return f"{told}; {'; '.join(parts)}." if parts else ""
