"""`outlay ask`: one question, live in the terminal: candidates, scores, the decision to stop, and what it cost."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from outlay.cli import completion
from outlay.cli.options import AsJson, UnsafeNoSandbox, Verbose
from outlay.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from outlay.policies import Policy
    from outlay.serve.outcome import Answered

MODEL, VERIFIER = "embedded:countdown-small", "embedded:countdown-prm"
BUDGET = 16
BAR = 24
"""Columns of the longest bar."""


def ask(
    question: Annotated[str, typer.Argument(help="The question, as the model reads it.")],
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy",
            help="The policy file that decides; without it the same samples for any question.",
            readable=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help=f"Address of the model (default: the policy's, or {MODEL}).",
            autocompletion=completion.models,
        ),
    ] = None,
    verifier: Annotated[
        str | None,
        typer.Option(
            "--verifier", help="Address of the verifier (default: the policy's).", autocompletion=completion.verifiers
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task", help="What an answer is (default: the policy's or the model's).", autocompletion=completion.tasks
        ),
    ] = None,
    budget: Annotated[
        float | None, typer.Option("--budget", help=f"The most generations (default: the policy's own, or {BUDGET}).")
    ] = None,
    target_confidence: Annotated[
        float | None,
        typer.Option("--target-confidence", help="Go on through the policy's budgets until P(right) is this."),
    ] = None,
    deadline: Annotated[
        float | None, typer.Option("--deadline", help="Seconds after which the best so far is the answer.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the samples.")] = 0,
    unsafe_no_sandbox: UnsafeNoSandbox = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Answer one question by a policy and show how: each candidate with its score, why it stopped, what it cost and what uniform
    best-of-N would have.

    Example: outlay ask "2 3 4 > 24" --policy demo/policy.yaml
    """
    from rich.console import Console

    from outlay.serve.replies import spending_of
    from outlay.serve.uniform import uniform_alternative

    for name, value in (("--budget", budget), ("--deadline", deadline)):
        if value is not None and not value > 0:
            raise UserError(f"{name} {value:g} leaves nothing: give more than 0")
    if target_confidence is not None and not 0 < target_confidence < 1:
        raise UserError(f"--target-confidence {target_confidence:g} is no probability: give a number between 0 and 1")
    console = Console(stderr=as_json)
    fitted = policy is not None
    used = _policy(policy, model, verifier, task, budget)
    answered = asyncio.run(
        _answered(console, used, question, model, task, budget, target_confidence, deadline, seed, as_json)
    )
    uniform = uniform_alternative(used, answered) if fitted else None
    if as_json:
        told = {"question": answered.asked.text, **spending_of(answered, uniform, explain=True)}
        sys.stdout.write(json.dumps(told, allow_nan=False) + "\n")
        return
    _show(console, answered, uniform)


def _policy(
    path: Path | None, model: str | None, verifier: str | None, task: str | None, budget: float | None
) -> Policy:
    """The policy in the file, or one that treats every question alike."""
    from outlay import models
    from outlay.policies import Choice, PerBinPolicy, Plan, Policy
    from outlay.serve.questions import FREE, task_of

    if path is not None:
        found = Policy.load(path)
        found.check(verifier=verifier)
        return found
    if model is None and verifier is None:
        model, verifier = MODEL, VERIFIER
    model = model or MODEL
    name = task or getattr(models.load(model), "task", "") or FREE
    votes = task_of(name).answers_can_vote
    strategy = "majority" if verifier is None else "weighted_best_of_n" if votes else "best_of_n"
    generations = max(1, int(budget or BUDGET))
    choice = Choice(strategy={"name": strategy}, generations=generations)
    return PerBinPolicy(task=name, model=model, verifier=verifier, plans=(Plan(budget=generations, choices=(choice,)),))


async def _answered(
    console: Console,
    policy: Policy,
    question: str,
    model: str | None,
    task: str | None,
    budget: float | None,
    target_confidence: float | None,
    deadline: float | None,
    seed: int,
    as_json: bool,
) -> Answered:
    from rich.live import Live

    from outlay import models, verifiers
    from outlay.cost import Prices
    from outlay.serve.account import Account
    from outlay.serve.budgets import default_cap
    from outlay.serve.engines import Engine, engine_for
    from outlay.serve.meeting import check_files, check_model
    from outlay.serve.outcome import Asked
    from outlay.serve.questions import last_word, task_of, whole
    from outlay.serve.spending import Spender

    judge = task_of(task or policy.task)
    proposer = models.load(model or policy.model)
    check_model(policy, proposer.name)
    check_files(policy, policy.verifier)

    def engine(one: Any) -> Engine:
        scorer = verifiers.load(policy.verifier) if policy.verifier else None
        prices = Prices(getattr(one, "parameters", 0) or 0, getattr(scorer, "parameters", 0) or 0)
        return engine_for(judge, one, scorer, prices)

    others = {name: engine(models.load(name)) for name in policy.models()[1:]}
    spender = Spender(policy, judge, {policy.model: engine(proposer), **others})
    await spender.start()
    asked = Asked(
        whole(question, last_word(judge, proposer)),
        budget=default_cap(policy) if budget is None else budget,
        seed=seed,
        target_confidence=target_confidence,
        deadline_seconds=deadline,
    )
    events: list[Mapping[str, Any]] = []
    try:
        if as_json:
            return await spender.answer(asked, Account())
        with Live(console=console, refresh_per_second=12, transient=False) as live:

            def tell(event: Mapping[str, Any]) -> None:
                events.append(event)
                live.update(under_way(asked.text, events))

            return await spender.answer(asked, Account(), tell)
    finally:
        await spender.close()


def under_way(question: str, events: list[Mapping[str, Any]]) -> RenderableType:
    """What has happened so far: the decisions, and the candidates with their scores as bars."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    lines: list[RenderableType] = [Text(question, style="bold")]
    for event in events:
        if event["event"] == "spend":
            bin_ = "" if event["bin"] is None else f", difficulty bin {event['bin']} (0 = easiest)"
            lines.append(
                Text(
                    f"→ {event['purpose']}: {event['strategy']['name']}, {event['generations']} more{bin_}", style="dim"
                )
            )
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
    for name in ("#", "answer", "score", "", "tokens"):
        table.add_column(
            name, justify="right" if name in ("#", "tokens", "score") else "left", overflow="ellipsis", no_wrap=True
        )
    for event in sorted((one for one in events if one["event"] == "candidate"), key=lambda one: one["place"]):
        score = event["score"]
        bar = "" if score is None else "█" * max(1, round(score * BAR))
        shown = Text(
            str(event["answer"]) if event["answer"] is not None else "no answer", style="" if event["answer"] else "dim"
        )
        table.add_row(
            str(event["place"] + 1),
            shown,
            "" if score is None else f"{score:.2f}",
            Text(bar, style="cyan"),
            str(event["tokens"]),
        )
    lines.append(table)
    stops = [event for event in events if event["event"] == "stop"]
    if stops:
        lines.append(Text(f"■ stopped: {stops[-1]['because']}", style="dim"))
    return Group(*lines)


def _show(console: Console, answered: Answered, uniform: Mapping[str, Any] | None) -> None:
    """The answer, how sure it is, and the cost beside uniform best-of-N's."""
    cost = answered.cost
    sure = "" if answered.confidence is None else f"   P(right) = {answered.confidence:.0%}"
    console.print(f"\n[bold]Answer:[/bold] {_plain(str(answered.answer))}{sure}", highlight=False)
    judged = cost.verifier_prompt_tokens + cost.verifier_generated_tokens
    read = f", the verifier read {judged:,}" if judged else ""
    console.print(
        f"Cost: {answered.generations:g} generations, {cost.generated_tokens:,} tokens written{read}; {cost.seconds:.2f} s.",
        highlight=False,
    )
    if uniform is not None:
        more = "at least " if uniform["at_least"] else ""
        console.print(
            f"Uniform best-of-N, for {uniform['for']}: {more}{uniform['generations']:g} generations, "
            f"about {uniform['tokens']:,} tokens.",
            highlight=False,
        )


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
