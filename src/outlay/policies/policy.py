"""The policy file: what to spend on which question, and what that was measured to achieve.

A policy is a small versioned YAML file that a server loads. Its `kind` says how it decides (`outlay.policies.kinds`); every kind
names the task, model and verifier that it was calibrated for and refuses others, and unknown keys. `decide` is a pure function of
what has been observed so far, so offline evaluation and serving ask the same object. It promises nothing about questions unlike
those it was calibrated on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field

from outlay.curves import Interval
from outlay.curves.shapes import Floats
from outlay.errors import UserError
from outlay.policies import files
from outlay.policies.carried import Carried
from outlay.policies.observed import Spend, State, Stop
from outlay.policies.parts import Measured, Provenance

FORMAT: Literal["outlay-policy/1"] = "outlay-policy/1"


@dataclass(frozen=True)
class Evaluation:
    """A policy on questions that it was not fitted to: accuracy and cost at each budget `[B]`, with intervals."""

    budgets: Floats
    accuracy: Interval
    cost: Interval


class Policy(Carried, ABC):
    """What every kind of policy has: for what it was calibrated, and how it decides."""

    format: Literal["outlay-policy/1"] = FORMAT
    kind: str = Field(description="how it decides")
    task: str
    model: str
    verifier: str | None = None
    calibrated: Provenance = Field(default_factory=lambda: Provenance())

    @abstractmethod
    def decide(self, state: State) -> Spend | Stop:
        """What to do next for a question. A pure function of `state`; well under a millisecond."""

    @abstractmethod
    def describe(self) -> list[str]:
        """What the policy does, a line each."""

    @abstractmethod
    def evaluate(self, *args: Any, **options: Any) -> Evaluation:
        """Accuracy and cost on questions that it was not fitted to, read off what was recorded of them."""

    def models(self) -> tuple[str, ...]:
        """The models that it may spend on, its own first."""
        return (self.model,)

    @property
    def probe(self) -> str | None:
        """The address of what tells difficulty from the question alone (`State.difficulty`); None where nothing is asked."""
        return None

    def save(self, path: str | Path) -> None:
        """Write the policy as YAML, opened by a comment that says in words what it will do; an existing file is replaced."""
        files.write(self.model_dump(mode="json"), [*self.describe(), *self.told()], Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a policy file: of any kind, or, asked of a kind, of that one.

        Raises:
            UserError: no such file, not YAML, an unknown or another kind, or a field that is missing, unknown (with the nearest
                known name) or wrong.
        """
        from outlay.policies.kinds import kind_of

        fields = files.fields_of(Path(path))
        found = kind_of(fields, path)
        if not issubclass(found, cls):
            raise UserError(f"{path} holds a policy of the kind {fields.get('kind')!r}, not a {cls.__name__}.")
        return files.validated(found, fields, Path(path))

    def check(self, *, task: str | None = None, model: str | None = None, verifier: str | None = None) -> None:
        """Refuse to be used with another task, model or verifier than it was calibrated for; None is not checked.

        Raises:
            UserError: the first of them that differs.
        """
        for name, given, own in (
            ("task", task, self.task),
            ("model", model, self.model),
            ("verifier", verifier, self.verifier),
        ):
            if given is not None and given != own:
                raise UserError(
                    f"This policy was calibrated for the {name} {own!r}, not {given!r}; calibrate one on samples of {given!r}."
                )


def least_error(plans: Sequence[Any], price_of_error: float) -> Any:
    """The plan with the least expected loss, `price_of_error` (in generations) times the error rate plus the cost.

    Raises:
        UserError: no plan carries measurements.
    """
    measured: list[tuple[Any, Measured]] = [(plan, plan.measured) for plan in plans if plan.measured is not None]
    if not measured:
        raise UserError(
            "This policy carries no measurements to weigh the price of an error against; calibrate it again."
        )
    return min(measured, key=lambda pair: price_of_error * (1 - pair[1].accuracy.mean) + pair[1].cost.mean)[0]


def first_reaching(plans: Sequence[Any], accuracy: float) -> Any:
    """The plan of least budget whose measured accuracy has its interval's lower end at `accuracy` or above.

    That end is an interval for one budget, not a guarantee over the search for it.

    Raises:
        UserError: no budget gets there.
    """
    for plan in plans:
        if plan.measured is not None and plan.measured.accuracy.low >= accuracy:
            return plan
    best = max((plan.measured.accuracy.low for plan in plans if plan.measured is not None), default=float("nan"))
    raise UserError(f"No budget is shown to reach an accuracy of {accuracy:g}: the best lower end is {best:.3f}.")
