"""Looking on while a strategy is under way: what shows candidates as they arrive, and what has to know the account of a run that
is given up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from outlay.types import Sample, Score, Solution, StepScores

if TYPE_CHECKING:
    from outlay.drive.serving import Served


class Watch(Protocol):
    """Who looks on. A driver calls it between requests, so it has to be quick; what it does cannot change the run."""

    def began(self, served: Served) -> None:
        """The run begins; `served.ledger.spent` is its account at any time, `served.give_up()` ends it early."""
        ...

    def drawn(self, request: Sample, solutions: Sequence[Solution]) -> None:
        """These solutions answer that request, numbered in the order of arrival."""
        ...

    def scored(self, request: Score, scores: Sequence[StepScores]) -> None:
        """The verifier gave these scores."""
        ...
