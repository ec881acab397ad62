"""What an analysis is told beforehand; none of it may be chosen by looking at the questions that are measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Settings of an analysis.

    `bins` is the number of difficulty bins, `pilot` how many samples a cheap difficulty estimate draws,
    `headline_budget` (generations) where policies are compared in one sentence (the largest budget that is there, if that
    is smaller). `shrinkage` steadies the choice in each bin by this many questions' worth of all bins together (20 was
    chosen on validation questions of the lab: `outlay analyse runs/beam-width --shrinkage 0` shows another). `splits`
    random two-fold splits are averaged; `resamples` is of the bootstrap over questions. `every_finding` asks all findings of
    `docs/reproduction.md` of the runs, and not the first nine alone.
    """

    seed: int = 0
    bins: int = 5
    pilot: int = 4
    headline_budget: int = 16
    shrinkage: float = 20.0
    splits: int = 10
    resamples: int = 2000
    every_finding: bool = False
