"""`outlay calibrate`: fit a policy to traces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from outlay.cli.run import AsJson, Verbose


def calibrate(
    traces: Annotated[Path, typer.Argument(help="A folder of traces, as `outlay run` or `outlay demo` left it.")],
    budget: Annotated[int, typer.Option("--budget", min=1, help="Most generations that a question may cost.")],
    out: Annotated[Path, typer.Option("--out", help="The policy file to write.")] = Path("policy.yaml"),
    task: Annotated[str | None, typer.Option("--task", help="Which task, where the traces hold several.")] = None,
    bins: Annotated[int, typer.Option("--bins", min=1, help="Difficulty bins.")] = 5,
    pilot: Annotated[int, typer.Option("--pilot", min=1, help="Samples that tell difficulty; part of the budget.")] = 4,
    seed: Annotated[int, typer.Option("--seed", help="Seed of folds, random orders and resampling.")] = 0,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Fit a per-bin policy and print what it achieves, cross-validated, against the same for every question.

    Example: outlay calibrate demo --task countdown --budget 16 --out policy.yaml
    """
    from rich.console import Console

    from outlay.errors import UserError
    from outlay.study.fitting import fitted
    from outlay.study.runs import recorded
    from outlay.study.settings import Settings
    from outlay.study.summary import group_of
    from outlay.traces import Store

    settings = Settings(seed=seed, bins=bins, pilot=pilot, headline_budget=budget)
    store = Store(traces, create=False)
    found = [one for one in recorded(store.solutions(), store.runs()) if task in (None, one.pool.task)]
    names = ", ".join(sorted({one.pool.task for one in found}))
    if not found:
        raise UserError(f"{traces} holds nothing on the task {task}: leave --task out to see what there is")
    if len(found) > 1:
        raise UserError(f"{traces} holds several tasks or models ({names}): name one task with --task")
    if budget > found[0].pool.size:
        raise UserError(f"--budget {budget} is beyond the pool of {found[0].pool.size} samples a question: sample more, or ask for less")
    group = group_of(found[0], settings)
    policy = fitted(found[0], group, settings)
    policy.save(out)
    if as_json:
        typer.echo(json.dumps({"policy": str(out), "evaluation": policy.evaluation, "warnings": group["warnings"]}))
        return
    console = Console()
    console.print(policy.in_words(), markup=False)
    for line in cross_validated(group, policy.budget):
        console.print(line, markup=False)
    for warning in group["warnings"]:
        console.print(f"! {warning}", style="yellow", markup=False)
    console.print(f"Written: {out}", markup=False)


def cross_validated(group: dict[str, object], budget: float) -> list[str]:
    """Accuracy and cost of the pilot policy and of the baselines at that budget, with intervals."""
    policies = group["policies"]
    assert isinstance(policies, dict)
    lines = []
    for name, policy in policies.items():
        if name == "per_bin_pilot" or name == "best_fixed" or name.startswith("uniform_"):
            at = {float(b): (a, c) for b, a, c in zip(policy["budget"], policy["accuracy"], policy["cost"], strict=True)}
            if budget in at:
                accuracy, cost = at[budget]
                low, mean, high = (100 * accuracy[key] for key in ("low", "mean", "high"))
                label = {"per_bin_pilot": "this policy", "best_fixed": "best fixed"}.get(name, name.replace("_", " "))
                lines.append(f"{label}: {mean:.1f}% ({low:.1f} to {high:.1f}) at {cost:.1f} generations a question")
    return lines
