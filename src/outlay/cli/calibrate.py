"""`outlay calibrate`: fit a policy to traces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from outlay.cli import completion
from outlay.cli.options import AsJson, Verbose

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from outlay.policies import Figure, Measured, PerBinPolicy, RulePolicy, SequentialPolicy
    from outlay.study.fitting_bins import Fitted
    from outlay.study.runs import Recorded
    from outlay.study.settings import Settings


def calibrate(
    traces: Annotated[Path, typer.Argument(help="A folder of traces, as `outlay run` or `outlay demo` left it.")],
    budget: Annotated[
        float | None,
        typer.Option("--budget", min=1, help="Most generations that a question may cost (--mean: on average)."),
    ] = None,
    target_accuracy: Annotated[
        float | None,
        typer.Option(
            "--target-accuracy", help="The cheapest policy whose accuracy is promised to be at least this, in (0, 1)."
        ),
    ] = None,
    price_of_error: Annotated[
        float | None,
        typer.Option(
            "--price-of-error",
            help="Generations that a wrong answer costs: the policy of most worth, promised to beat one for all.",
        ),
    ] = None,
    mean: Annotated[
        bool, typer.Option("--mean", help="The budget is of the mean over questions, promised; not of each question.")
    ] = False,
    level: Annotated[float, typer.Option("--level", help="Confidence that a promise is true.")] = 0.95,
    learn_share: Annotated[
        float,
        typer.Option(
            "--learn-share", min=0.1, max=0.9, help="Share of the questions that fits; the others test the promise."
        ),
    ] = 0.4,
    out: Annotated[Path, typer.Option("--out", help="The policy file to write.")] = Path("policy.yaml"),
    task: Annotated[
        str | None,
        typer.Option("--task", help="Which task, where the traces hold several.", autocompletion=completion.tasks),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="Which model, where the traces hold several.", autocompletion=completion.models),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--policy",
            help="per_bin; across (questions); router (to another model, by predicted difficulty); sequential; or a rule: fixed, "
            "adaptive_consistency, window, score_threshold, agreement_threshold, threshold, cascade. Only per_bin, the default, "
            "caps each question at the budget; for the others it is a mean. For a promise any of them, or same_for_all; where none "
            "is named, the best of per_bin, same_for_all and sequential.",
        ),
    ] = None,
    switching: Annotated[
        bool,
        typer.Option(
            "--switching",
            help="The policy may switch to another model in the traces; a sequential one to searches too. A router always may.",
        ),
    ] = False,
    bins: Annotated[int, typer.Option("--bins", min=1, help="Difficulty bins.")] = 5,
    pilot: Annotated[int, typer.Option("--pilot", min=1, help="Samples that tell difficulty; part of the budget.")] = 4,
    difficulty: Annotated[
        str | None,
        typer.Option(
            "--difficulty",
            help="What tells a question's difficulty: pilot; or, from the question alone, question (its words; a router's default) "
            "or probe:FOLDER (outlay train probe). Default: what the study said, else pilot.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of folds, random orders and resampling.")] = 0,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Fit a policy and print what it achieves on questions that did not choose it; what they do not support is not promised.

    Give one goal: --budget, --target-accuracy or --price-of-error. Where nothing can be promised the exit code is 1, no file is
    written, and it is said what could be promised and how many more questions it would take.

    Example: outlay calibrate demo --task arithmetic --target-accuracy 0.75 --out policy.yaml
    """
    from rich.console import Console

    from outlay.cli.promising import check_goals, print_refusal, promised, told
    from outlay.errors import UserError
    from outlay.promises import NotPromised
    from outlay.study.carrying import whole
    from outlay.study.probing import QUESTION, check_estimator
    from outlay.study.runs import recorded_in
    from outlay.study.settings import Settings
    from outlay.traces import Store
    from outlay.traces.files import check_file

    check_goals(budget, mean, target_accuracy, price_of_error, level)
    check_file(out)
    settings = Settings(seed=seed, bins=bins, pilot=pilot, headline_budget=int(budget or 16))
    store = Store(traces, create=False)
    for damage in store.damage():
        raise UserError(damage)
    if difficulty not in (None, QUESTION):
        check_estimator(str(difficulty))
    found = one_of(recorded_in(store), traces, task, model)
    if difficulty is not None:
        found = told_by(found, difficulty, store.runs())
    by_words = difficulty == QUESTION or (difficulty is None and kind == "router" and found.pool.probed is None)
    source = QUESTION if by_words else None
    if budget is not None and budget > found.pool.size:
        raise UserError(
            f"--budget {budget:g} is beyond the pool of {found.pool.size} samples a question: sample more, or ask for less"
        )
    if pilot >= found.pool.size:
        raise UserError(
            f"--pilot {pilot} leaves nothing of the pool of {found.pool.size} samples a question: take a smaller pilot"
        )
    console = Console()
    if budget is None or mean:
        try:
            policy = promised(
                found,
                settings,
                kind=kind,
                target_accuracy=target_accuracy,
                mean_budget=budget,
                price_of_error=price_of_error,
                level=level,
                share=learn_share,
                switching=switching,
                source=source,
            )
        except NotPromised as error:
            print_refusal(error, as_json)
        policy.save(out)
        if as_json:
            typer.echo(json.dumps(told(policy, out), allow_nan=False))
            return
        for line in [*policy.describe(), *policy.told()]:
            console.print(line, markup=False, soft_wrap=True)
        console.print(f"Written: {out}", markup=False)
        return
    fitted, warnings = fit(found, kind or "per_bin", budget, settings, switching, source)
    policy = whole(fitted, budget, found, settings)
    policy.save(out)
    measured = policy.plan(budget).measured
    if as_json:
        printed = {**told(policy, out), "measured": plain(measured), "warnings": warnings}
        typer.echo(json.dumps(printed, allow_nan=False))
        return
    for line in [*policy.describe()[:2], *policy.told()]:
        console.print(line, markup=False)
    for line in cross_validated(measured):
        console.print(line, markup=False)
    for warning in warnings:
        console.print(f"! {warning}", style="yellow", markup=False)
    console.print(f"Written: {out}", markup=False)


def one_of(everything: Sequence[Recorded], traces: Path, task: str | None, model: str | None) -> Recorded:
    """The samples that are meant. Raises UserError where none or several are."""
    from outlay.errors import UserError
    from outlay.registry import nearest

    of_task = [one for one in everything if task in (None, one.pool.task)]
    if not of_task:
        known = {one.pool.task for one in everything}
        raise UserError(f"{traces} holds nothing on the task {task}: {nearest(str(task), known)}")
    found = [one for one in of_task if model in (None, one.pool.model)]
    if not found:
        known = {one.pool.model for one in of_task}
        raise UserError(f"{traces} holds nothing of the model {model} on that task: {nearest(str(model), known)}")
    if len(found) > 1:
        several = len({one.pool.task for one in found}) > 1
        names = ", ".join(sorted({one.pool.task if several else one.pool.model for one in found}))
        kind, option = ("tasks", "--task") if several else ("models", "--model")
        raise UserError(f"{traces} holds several {kind} ({names}): name one with {option}")
    return found[0]


def told_by(found: Recorded, difficulty: str, runs: pa.Table) -> Recorded:
    """The same samples, their questions' difficulty told in this way."""
    from dataclasses import replace

    from outlay.study.probing import PILOT, QUESTION, texts_in, with_probe

    if difficulty in (PILOT, QUESTION):
        return replace(found, pool=replace(found.pool, probed=None))
    texts = texts_in(runs, found.pool.task)
    return replace(found, pool=with_probe(found.pool, difficulty, texts, found.flops))


def fit(
    found: Recorded, kind: str, budget: float, settings: Settings, switching: bool, source: str | None = None
) -> tuple[PerBinPolicy | SequentialPolicy | RulePolicy, list[str]]:
    """The policy of that kind with its figures, and what there is to be told beside them.

    Difficulty is told by the `source` "question", or where that is None by a probe or pilot.
    """
    from outlay.errors import UserError
    from outlay.policies.fit_sequence import KINDS
    from outlay.registry import nearest
    from outlay.study.fitting import fitted, fitted_across, fitted_sequence
    from outlay.study.fitting_bins import fitted_by_bins
    from outlay.study.summary import group_of

    by_bins = ("per_bin", "across", "router")
    if kind in KINDS:
        policy = fitted_sequence(found, kind, int(budget), settings, switching=switching or kind == "cascade")
        return policy, list(found.pool.warnings)
    if kind not in by_bins:
        raise UserError(f'there is no policy "{kind}": {nearest(kind, (*by_bins, *KINDS))}')
    if kind == "router" or switching or source is not None:
        done = fitted_by_bins(found, settings, kind, budget, source=source, switching=switching or kind == "router")
        return done.policy, [*beside(done, budget), *found.pool.warnings]
    group = group_of(found, settings)
    make = fitted if kind == "per_bin" else fitted_across
    return make(found, group, settings), list(group["warnings"])


def beside(done: Fitted, budget: float) -> list[str]:
    """The same mean cost by lot, whatever the question: what a policy that looks at difficulty has to beat."""
    from outlay.curves import paired_difference

    if done.by_lot is None:
        return []
    place = max(b for b, at in enumerate(done.curve.budgets) if at <= budget * (1 + 1e-9))
    gain = paired_difference(done.curve.accuracy, done.by_lot.accuracy)
    blind = 100 * done.by_lot.accuracy[:, place].mean()
    return [
        f"The same choices by lot, blind to the question, at the same mean cost: {blind:.1f}%; the policy's difference to them is "
        f"{100 * gain.mean[place]:+.1f} points ({100 * gain.low[place]:+.1f} to {100 * gain.high[place]:+.1f})."
    ]


def plain(measured: Measured | None) -> Any:
    """The figures as JSON has them: null stands for infinity, which JSON lacks."""
    return None if measured is None else json.loads(measured.model_dump_json())


def cross_validated(measured: Measured | None) -> list[str]:
    """Accuracy and cost of the policy, and accuracy of its baselines, with intervals."""
    if measured is None:
        return ["There was too little to measure the policy by: see the warnings."]
    lines = [f"this policy: {with_interval(measured.accuracy)} at {measured.cost.mean:.1f} generations a question"]
    for label, figure in (
        ("the same best-of-N for all", measured.baseline),
        ("best fixed strategy", measured.best_fixed),
    ):
        if figure is not None:
            lines.append(f"{label}, same budget: {with_interval(figure)}")
    return lines


def with_interval(figure: Figure) -> str:
    """A figure and its 95% interval, in percent."""
    return f"{100 * figure.mean:.1f}% ({100 * figure.low:.1f} to {100 * figure.high:.1f})"
