"""Another model's answers among the candidates of a policy: what they give, and what they count for in the own model's generations.

A generation is what drawing and scoring one sample of the own model costs, in FLOPs. Another model's greedy answer counts for its
mean cost in that unit, for every question alike: so a budget in generations stays a hard cap, and a mean of it is a mean of
FLOPs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from outlay.errors import UserError
from outlay.policies.candidates import Candidates
from outlay.study.deciding import FLOPS
from outlay.study.pools import Floats, Ints
from outlay.study.runs import Recorded

GREEDY = {"name": "greedy"}


@dataclass(frozen=True, eq=False)
class Handed:
    """One answer of another model to each question: `correct` `[Q]`, `counts` generations, `flops` `[Q]`."""

    model: str
    correct: Floats
    counts: float
    flops: Floats
    strategy: Mapping[str, Any] = field(default_factory=lambda: dict(GREEDY))

    @property
    def name(self) -> str:
        """What it is called among candidates."""
        return f"{self.model}, {self.strategy['name']}"

    @property
    def generations(self) -> int:
        """What a hard cap in whole generations has to leave for it."""
        return max(1, math.ceil(self.counts - 1e-9))


def handed_of(found: Recorded, method: str, rows: Ints | None = None) -> tuple[Handed, ...]:
    """The larger models' greedy answers; their price is of the questions `rows` (all, where None).

    Raises:
        UserError: no larger model was recorded, or its cost beside the own model's is not known.
    """
    if not found.larger:
        raise UserError(
            f"The traces hold no other model's answers to the questions of {found.pool.model}: name one as `large:` in the "
            "study's entry, and run it again."
        )
    if found.flops is None or any(one.greedy.flops is None for one in found.larger):
        raise UserError(
            f"What an answer of {', '.join(one.model for one in found.larger)} costs beside one of {found.pool.model} is not in "
            "the traces, which tell no FLOPs: run the study with models whose number of parameters is known."
        )
    own = found.flops.of(method, [1])[:, 0]
    some = np.arange(own.size) if rows is None else rows
    handed = []
    for one in found.larger:
        assert one.greedy.flops is not None
        flops = one.greedy.flops[:, 0]
        counts = float(flops[some].mean() / own[some].mean())
        handed.append(Handed(one.model, one.greedy.correct[:, 0].astype(np.float64), round(counts, 4), flops))
    return tuple(handed)


def with_handed(table: Candidates, handed: Sequence[Handed], rows: Ints | None = None) -> Candidates:
    """The table with a candidate for each other model's answer; `rows` are the table's questions among the handed ones'."""
    if not handed:
        return table
    at = np.arange(table.questions) if rows is None else rows
    shape = (table.questions, len(handed))
    other = dict(table.other_costs)
    if FLOPS in other:
        other[FLOPS] = np.column_stack([other[FLOPS], *(one.flops[at] for one in handed)])
    return replace(
        table,
        names=(*table.names, *(one.name for one in handed)),
        specs=(*table.specs, *(dict(one.strategy) for one in handed)),
        budget=np.concatenate([table.budget, [float(one.generations) for one in handed]]),
        accuracy=np.column_stack([table.accuracy, *(one.correct[at] for one in handed)]),
        cost=np.column_stack([table.cost, np.broadcast_to([one.counts for one in handed], shape)]),
        reuses_pilot=(*table.reuses_pilot, *(False for _ in handed)),
        models=(*table.models, *(one.model for one in handed)),
        other_costs=other,
    )
