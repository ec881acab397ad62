"""`outlay verify`: solutions that exist already, scored by a verifier."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from outlay.cli import completion
from outlay.cli.options import AsJson, Verbose
from outlay.types import Cost

if TYPE_CHECKING:
    from rich.console import Console

RUNS_PER_PART = 100

log = logging.getLogger(__name__)


def verify(
    traces: Annotated[
        Path,
        typer.Argument(help="A folder of traces, or a file of samples (.jsonl, .jsonl.gz).", readable=False),
    ],
    verifier: Annotated[
        str,
        typer.Option("--verifier", help="Address of the verifier.", autocompletion=completion.verifiers),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Where the scores go: another folder of traces (without it they are added to TRACES), or for a file of samples "
            "the new file.",
        ),
    ] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Score existing solutions with a verifier, so that analyse and verifier-report can read the scores.

    Nothing is drawn. In a folder every pool of plain samples becomes a run of this verifier too, beside those that are there; of a
    file a new one is written with `score` in every row. Stopped at any moment, the same command goes on where it was.

    Example: outlay verify demo --verifier embedded:countdown-prm-weak
    """
    from rich.console import Console

    from outlay.cost import Reads
    from outlay.verifiers import load
    from outlay.verifiers.verifier import reads_of

    loaded = load(verifier)
    console = Console(stderr=as_json)
    told = (
        _folder(traces, loaded, verifier, out, console)
        if traces.is_dir()
        else _file(traces, loaded, verifier, out, console)
    )
    told |= {"verifier": verifier, "from": str(traces)}
    if as_json:
        sys.stdout.write(json.dumps(told, allow_nan=False) + "\n")
        return
    what = f"{told['scored']:,} solutions of {told['questions']:,} pools scored by {verifier}"
    before = f"; {told['there']:,} pools were scored before" if told["there"] else ""
    console.print(f"{what}{before}.", markup=False)
    if reads_of(loaded) != Reads(times=0):
        read, written = told["cost"]["verifier_prompt_tokens"], told["cost"]["verifier_generated_tokens"]
        console.print(f"The verifier read {read:,} tokens and wrote {written:,}.", markup=False)
    if told["missing"]:
        console.print(f"! {told['missing']:,} solutions have no score (missing, not 0).", style="yellow", markup=False)
    for name in told.get("left_alone", ()):
        console.print(f"Runs of {name} are left as they are: their samples depend on who scored them.", markup=False)
    console.print(f"Written: {told['out']}. Next: outlay verifier-report {told['out']}", markup=False, soft_wrap=True)


def _folder(traces: Path, verifier: Any, address: str, out: Path | None, console: Console) -> dict[str, Any]:
    from outlay.errors import UserError
    from outlay.study.judging import judged, left_alone, to_judge
    from outlay.traces import Store

    source = Store(traces, create=False)
    for damage in source.damage():
        raise UserError(damage)
    recorded = list(source.traces())
    pools = to_judge(recorded)
    if not pools:
        raise UserError(f"{traces} holds no pools of plain samples to score (best_of_n, weighted_best_of_n, majority).")
    target = source if out is None or out.resolve() == traces.resolve() else Store(out)
    total, scored, missing = Cost(), 0, 0
    with target.lock():
        done = target.done()
        left = [one for one in pools if one.key(address) not in done]
        log.info("%d pools are scored by %s already, %d are left", len(pools) - len(left), address, len(left))
        for start in range(0, len(left), RUNS_PER_PART):
            batch = left[start : start + RUNS_PER_PART]
            with console.status(f"scoring pools {start + 1} to {start + len(batch)} of {len(left)}"):
                runs = list(judged(verifier, address, batch))
            target.append(runs)
            total = sum((run.cost for run in runs), total)
            scored += sum(len(run.solutions) for run in runs)
            missing += _missing(run.solutions for run in runs)
    return {
        "out": str(target.path),
        "questions": len(left),
        "scored": scored,
        "there": len(pools) - len(left),
        "missing": missing,
        "cost": _judging(total),
        "left_alone": left_alone(recorded),
    }


def _file(samples: Path, verifier: Any, address: str, out: Path | None, console: Console) -> dict[str, Any]:
    from outlay.errors import UserError
    from outlay.study.judging_files import asked_in, judge_file, rows_left
    from outlay.traces.files import check_file

    if not samples.exists():
        raise UserError(f"There is no {samples}; give a folder of traces or a file of samples.")
    if out is None:
        raise UserError(
            f"{samples} is a file of samples and stays as it is: say with --out FILE.jsonl where the scored rows go"
        )
    if out.resolve() == samples.resolve() or not out.name.endswith(".jsonl"):
        raise UserError(f"--out {out}: the scored rows go into another file, whose name ends in .jsonl")
    check_file(out)
    asked = asked_in(samples)
    left = rows_left(asked, out, address)
    total = Cost()
    with console.status(f"scoring {len(left)} questions"):
        total = sum(judge_file(verifier, address, left, out), total)
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    fresh = rows[len(rows) - sum(len(one.rows) for one in left) :]
    return {
        "out": str(out),
        "questions": len(left),
        "scored": len(fresh),
        "there": len(asked) - len(left),
        "missing": sum(row["score"] is None for row in fresh),
        "cost": _judging(total),
    }


def _missing(pools: Iterable[Any]) -> int:
    """Solutions with an answer and without a score."""
    return sum(s.score is None and s.answer is not None for solutions in pools for s in solutions)


def _judging(cost: Cost) -> dict[str, float]:
    """What the verifier's part of a cost says."""
    return {name: value for name, value in asdict(cost).items() if name.startswith("verifier_")}
