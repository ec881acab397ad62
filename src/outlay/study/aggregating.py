"""One score a solution from its recorded step scores, by another rule than it was recorded with.

Every aggregation of a process reward model (`last`, `min`, `prod`, `mean`) is read from the same pool: the samples and the step
scores are those that were recorded, only what is made of them changes. A search has used its rule while it ran, and stays.
"""

from __future__ import annotations

import pyarrow as pa

from outlay.errors import UserError
from outlay.selection import AGGREGATIONS, aggregate

AS_RECORDED = None
"""The score that was recorded beside the step scores."""


def aggregated(solutions: pa.Table, how: str | None) -> pa.Table:
    """The table with its column `score` made from `step_scores` by this rule; a solution without step scores keeps its score.

    Raises UserError for a rule that there is not, and where no solution has more than one step score, so that no rule matters.

    >>> table = pa.table({"score": [0.9], "step_scores": [[0.5, 0.9]]})
    >>> aggregated(table, "min")["score"].to_pylist()
    [0.5]
    """
    if how is AS_RECORDED:
        return solutions
    steps = solutions["step_scores"].to_pylist()
    if how not in AGGREGATIONS:
        raise UserError(f'there is no step aggregation "{how}": use one of {", ".join(AGGREGATIONS)}')
    if solutions.num_rows and not any(scores and len(scores) > 1 for scores in steps):
        raise UserError(
            f"--aggregation {how} changes nothing: no sample has the scores of several steps (`step_scores`); leave it out"
        )
    recorded = solutions["score"].to_pylist()
    scores = [aggregate(one, how) if one else score for one, score in zip(steps, recorded, strict=True)]
    place = solutions.column_names.index("score")
    return solutions.set_column(place, solutions.schema.field("score"), pa.array(scores, pa.float64()))
