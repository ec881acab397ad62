"""What one request has cost so far, whatever becomes of it: finished runs, runs under way, and work that was thrown away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from outlay.types import Cost, Sample, Score, Solution, StepScores, Trace

if TYPE_CHECKING:
    from outlay.drive.serving import Served


@dataclass
class Opened:
    """A run under way, looked on at (`outlay.drive.watching.Watch`): its account is known also if it never ends.

    `model` is the request's own view of a model that keeps its own account (`spent`), calls that were cut off among it.
    """

    model: Any = None
    served: Served | None = None
    drawn_so_far: int = 0

    def began(self, served: Served) -> None:
        """The run begins."""
        self.served = served

    def drawn(self, request: Sample, solutions: Sequence[Solution]) -> None:
        """Solutions came back."""
        self.drawn_so_far += len(solutions)

    def scored(self, request: Score, scores: Sequence[StepScores]) -> None:
        """Scores came back."""

    def give_up(self) -> None:
        """Have it end early."""
        if self.served is not None:
            self.served.give_up()

    def so_far(self) -> Cost:
        """What it has cost: by the model's own account where it keeps one, else by the run's ledger."""
        ledger = Cost() if self.served is None else self.served.ledger.spent
        own = getattr(self.model, "spent", None)
        if not isinstance(own, Cost):
            return ledger
        counted = replace(
            ledger,
            prompt_tokens=own.prompt_tokens,
            cached_tokens=own.cached_tokens,
            generated_tokens=own.generated_tokens,
            retried=own.retried,
            cancelled=own.cancelled,
        )
        return counted if self.served is None else self.served.ledger.prices.price(counted)


@dataclass
class Account:
    """The sum over everything that one request made happen; `finished` are solutions of runs that were cut off.

    >>> account = Account()
    >>> account.add(Cost(generated_tokens=3))
    >>> account.total().generated_tokens
    3
    """

    done: Cost = field(default_factory=Cost)
    finished: list[Solution] = field(default_factory=list)
    under_way: dict[int, Opened] = field(default_factory=dict)

    def add(self, cost: Cost) -> None:
        """Enter what has ended."""
        self.done += cost

    def total(self) -> Cost:
        """Everything so far."""
        return sum((one.so_far() for one in self.under_way.values()), self.done)

    @contextmanager
    def running(self, model: Any = None) -> Iterator[Opened]:
        """A run: what it costs is entered when it ends (`ended`), or as thrown away when it fails or is cancelled."""
        opened = Opened(model)
        self.under_way[id(opened)] = opened
        try:
            yield opened
        except BaseException:
            if self.under_way.pop(id(opened), None) is not None:
                self.throw_away(opened.so_far())
            if opened.served is not None:
                self.finished += opened.served.finished
            raise
        finally:
            self.under_way.pop(id(opened), None)

    def ended(self, opened: Opened, trace: Trace) -> None:
        """A run ended with this trace."""
        if self.under_way.pop(id(opened), None) is not None:
            self.add(trace.cost)

    def thrown_away(self, opened: Opened, cost: Cost) -> None:
        """A run ended after nobody wanted it any more."""
        if self.under_way.pop(id(opened), None) is not None:
            self.throw_away(cost)

    def throw_away(self, cost: Cost) -> None:
        """Enter work whose result nobody will see: all its generated tokens are cancelled ones."""
        self.add(replace(cost, cancelled=cost.generated_tokens))
