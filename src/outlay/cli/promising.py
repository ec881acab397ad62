"""The goals of `outlay calibrate` that are promised, or refused, on questions that did not choose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from outlay.policies import AcrossPolicy, PerBinPolicy, RulePolicy, SequentialPolicy
    from outlay.promises import NotPromised
    from outlay.study.runs import Recorded
    from outlay.study.settings import Settings


def check_goals(
    budget: float | None, mean: bool, target_accuracy: float | None, price_of_error: float | None, level: float = 0.95
) -> None:
    """A UserError unless exactly one goal is given, within its range."""
    from outlay.errors import UserError

    given = [
        name
        for name, value in (
            ("--budget", budget),
            ("--target-accuracy", target_accuracy),
            ("--price-of-error", price_of_error),
        )
        if value is not None
    ]
    if len(given) != 1:
        said = "none is" if not given else f"{' and '.join(given)} are"
        raise UserError(f"Give exactly one of --budget, --target-accuracy and --price-of-error; {said} given.")
    if mean and budget is None:
        raise UserError("--mean says how --budget is meant; give it together with --budget.")
    if target_accuracy is not None and not 0.0 < target_accuracy < 1.0:
        raise UserError(f"--target-accuracy lies between 0 and 1 (0.9 is 90%); it is {target_accuracy:g}.")
    if not 0.5 < level < 1.0:
        raise UserError(f"--level lies between 0.5 and 1 (0.95 is usual); it is {level:g}.")
    if price_of_error is not None and not 0.0 < price_of_error < float("inf"):
        raise UserError(f"--price-of-error is a number of generations above 0; it is {price_of_error:g}.")


def promised(
    found: Recorded,
    settings: Settings,
    *,
    kind: str | None,
    target_accuracy: float | None,
    mean_budget: float | None,
    price_of_error: float | None,
    level: float,
    share: float,
    switching: bool = False,
    source: str | None = None,
) -> PerBinPolicy | SequentialPolicy | RulePolicy:
    """The policy with its promise; `switching` and `source` (of difficulty) as in `outlay.study.options.options_of`.

    Raises:
        NotPromised: the questions do not support it.
        UserError: a kind that there is not, or that these traces do not allow.
    """
    from outlay.errors import UserError
    from outlay.registry import nearest
    from outlay.study.carrying import kept_whole
    from outlay.study.options import KINDS, NAMED_KINDS
    from outlay.study.promising import keep, ready

    if kind is not None and kind not in NAMED_KINDS:
        raise UserError(f"--policy {kind}: nothing of that kind can be promised: {nearest(kind, NAMED_KINDS)}.")
    candidates = ready(
        found,
        settings,
        kinds=KINDS if kind is None else (kind,),
        share=share,
        switching=switching,
        source=source,
    )
    kept = keep(
        candidates,
        target_accuracy=target_accuracy,
        mean_budget=mean_budget,
        price_of_error=price_of_error,
        level=level,
        seed=settings.seed,
    )
    return kept_whole(kept, candidates, found)


def told(policy: PerBinPolicy | AcrossPolicy | SequentialPolicy | RulePolicy, out: Path) -> dict[str, Any]:
    """What `--json` prints of a promised policy."""
    measured = policy.plans[-1].measured
    confidence = None if policy.answer_confidence is None else policy.answer_confidence.reliability
    return {
        "policy": str(out),
        "promise": None if policy.promise is None else json.loads(policy.promise.model_dump_json()),
        "measured": None if measured is None else json.loads(measured.model_dump_json()),
        "confidence": None if confidence is None else json.loads(confidence.model_dump_json()),
    }


def refusal(error: NotPromised) -> dict[str, Any]:
    """What `--json` prints where nothing is promised."""
    return {
        "policy": None,
        "promise": None,
        "refused": str(error),
        "best": {"candidate": error.best, "measured": error.estimate, "can_be_promised": error.best_bound},
        "more_questions": error.more_questions,
    }


def print_refusal(error: NotPromised, as_json: bool) -> NoReturn:
    """Say on standard output as JSON why nothing is promised, and leave with exit code 1; without `--json` let the error speak."""
    if not as_json:
        raise error
    typer.echo(json.dumps(refusal(error), allow_nan=False))
    raise typer.Exit(1)
