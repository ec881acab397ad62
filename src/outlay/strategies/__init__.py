"""How compute is spent on one question: one file a family, each readable as its paper's pseudo-code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from outlay.registry import available, build, resolve
from outlay.strategies.beam_search import BeamSearch, Lookahead
from outlay.strategies.budget_forcing import BudgetForcing
from outlay.strategies.dvts import DVTS
from outlay.strategies.early_stopping import EarlyStopping
from outlay.strategies.greedy import Greedy
from outlay.strategies.parallel import BestOfN, MajorityVote, WeightedBestOfN
from outlay.strategies.particle_filter import ParticleFilter
from outlay.strategies.rebase import Rebase
from outlay.strategies.revisions import Revisions
from outlay.strategies.self_refine import SelfRefine
from outlay.strategies.strategy import Strategy
from outlay.strategies.tree_search import TreeSearch

BUILTIN: Mapping[str, type[Any]] = {
    cls.name: cls
    for cls in (
        *(Greedy, MajorityVote, BestOfN, WeightedBestOfN),
        *(BeamSearch, Lookahead, DVTS, Rebase, ParticleFilter, TreeSearch),
        *(EarlyStopping, Revisions, BudgetForcing, SelfRefine),
    )
}


def from_spec(spec: Mapping[str, Any] | str) -> Strategy:
    """The strategy that a spec describes; a bare name means its defaults.

    >>> from_spec({"name": "beam_search", "width": 2}) == BeamSearch(width=2)
    True
    """
    name = spec if isinstance(spec, str) else str(spec.get("name", ""))
    strategy: Strategy = build(spec, resolve("outlay.strategies", name, BUILTIN))
    return strategy


def registered() -> dict[str, str]:
    """Every strategy's name with where it comes from."""
    return available("outlay.strategies", BUILTIN)


__all__ = [
    "DVTS",
    "BeamSearch",
    "BestOfN",
    "BudgetForcing",
    "EarlyStopping",
    "Greedy",
    "Lookahead",
    "MajorityVote",
    "ParticleFilter",
    "Rebase",
    "Revisions",
    "SelfRefine",
    "Strategy",
    "TreeSearch",
    "WeightedBestOfN",
    "from_spec",
    "registered",
]
