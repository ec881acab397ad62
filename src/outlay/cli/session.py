"""What `outlay demo` and `outlay run` share: run a study with live progress, then write and print what came out.

The folder `out` holds the traces, `summary.json`, `policy.yaml` and `report.html`; running again resumes.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from outlay.cost import Prices
from outlay.errors import UserError
from outlay.study.study import Study, check_addresses, parse_study
from outlay.study.work import Package, forecast, packages, profile
from outlay.types import Cost

if TYPE_CHECKING:
    from outlay.traces.store import Store

log = logging.getLogger(__name__)


class Session:
    """One invocation: a study, a folder, a number of workers (0: one a core), and where to print."""

    def __init__(self, study: Study, out: Path, workers: int, seed: int | None, as_json: bool) -> None:
        from outlay.cli.outputs import check_outputs
        from outlay.study.run import check_workers, default_workers

        check_outputs(out, "meta.json", "summary.json", "report.html", "policy.yaml")
        self.study = study if seed is None else study.model_copy(update={"seed": seed})
        self.out = out
        self.workers = check_workers(workers) if workers else default_workers()
        self.as_json = as_json
        self.console = Console(stderr=as_json, soft_wrap=False)

    def go(self, *, dry_run: bool = False) -> None:
        """Run what is left, then summarise. `dry_run` prints what it would cost and stops."""
        from outlay.report.outputs import write
        from outlay.study.findings import find
        from outlay.study.fingerprint import fingerprints
        from outlay.traces.files import together
        from outlay.traces.store import Store

        check_addresses(self.study)
        if dry_run:
            done = Store(self.out, create=False).done() if (self.out / "runs").is_dir() else set()
            self._price(list(packages(self.study, done)))
            return
        began = time.monotonic()
        now = fingerprints(
            self.study
        )  # asks for every question, so that a mistake there is found before a folder is made
        store = Store(self.out)
        with store.lock():
            self._same_study(store, now)
            done = store.done()
            left = list(packages(self.study, done))
            log.info(
                "study %s, seed %d, in %s: %d runs are there, %d are left in %d packages for %d workers",
                *(self.study.name, self.study.seed, self.out.absolute(), len(done)),
                *(sum(len(package.units) for package in left), len(left), self.workers),
            )
            if left:
                self._run(left)
            with self.console.status("reading curves and policies from the traces"):
                findings = find(self.study, store)
                findings.summary["seconds"] = round(time.monotonic() - began, 1)
                with together():
                    written = write(findings, self.out)
            log.info("read the traces and wrote %s", ", ".join(str(path) for path in written))
        self._print(findings.summary, written)

    def _same_study(self, store: Store, now: Mapping[str, str]) -> None:
        """A folder belongs to one study: going on with another would mix them."""
        from outlay.study.fingerprint import changed

        theirs = store.meta.get("study")
        if theirs is not None and not _says(theirs, self.study):
            who = f" ({theirs.get('name')}, seed {theirs.get('seed')})" if isinstance(theirs, Mapping) else ""
            raise UserError(
                f"{self.out} holds the traces of another study{who}: give another folder with --out, or delete this one"
            )
        other = changed(store.meta.get("fingerprints", {}), now)
        if other:
            raise UserError(
                f"{self.out} was made with other data than there is now under the same name ({other[0]}): give another folder "
                "with --out, or delete this one"
            )
        mine = self.study.model_dump(mode="json")
        store.update_meta({"study": mine, "versions": _versions(), "fingerprints": now})

    def _run(self, left: Sequence[Package]) -> None:
        from outlay.study.run import Progress as Done
        from outlay.study.run import run_packages

        expected = {entry.task: 0.0 for entry in self.study.entries}
        units = dict.fromkeys(expected, 0)
        for package in left:
            expected[package.task] += self._forecast(package)
            units[package.task] += len(package.units)
        bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
        )
        whole = sum(expected.values())
        workers = f"{self.workers} worker{'s' if self.workers > 1 else ''}"
        self.console.print(f"Left to run: {sum(units.values()):,} runs, about {whole:,.0f} tokens to draw; {workers}.")
        spent = {"tokens": 0}
        began = time.monotonic()
        with bars:
            total = bars.add_task("all, thousand tokens", total=max(round(whole / 1000), 1), speed="")
            each = {
                task: bars.add_task(f"{task}, runs", total=count, speed="") for task, count in units.items() if count
            }

            def report(done: Done) -> None:
                spent["tokens"] += done.tokens
                speed = spent["tokens"] / max(time.monotonic() - began, 1e-9)
                bars.update(each[done.task], advance=done.units)
                bars.update(total, completed=round(spent["tokens"] / 1000), speed=f"{speed:,.0f} tokens/s")

            run_packages(left, self.out, self.workers, report)
            bars.update(total, completed=max(round(whole / 1000), 1))

    def _forecast(self, package: Package) -> float:
        from outlay.tasks import load

        entry = self.study.entries[package.entry]
        typical = profile(load(entry.task), [unit.question for unit in package.units])
        return float(forecast(package.units, typical, Prices()).generated_tokens)

    def _price(self, left: Sequence[Package]) -> None:
        """What is left to be run and its forecast cost, by task and model."""
        from outlay import models, verifiers
        from outlay.tasks import load

        total: dict[tuple[str, str, str | None], Cost] = {}
        runs: Counter[tuple[str, str, str | None]] = Counter()
        for package in left:
            entry = self.study.entries[package.entry]
            typical = profile(load(entry.task), [unit.question for unit in package.units])
            judge = getattr(verifiers.load(package.verifier), "parameters", 0) if package.verifier else 0
            prices = Prices(getattr(models.load(package.model), "parameters", 0) or 0, judge or 0)
            what = (entry.task, package.model, package.verifier)
            total[what] = total.get(what, Cost()) + forecast(package.units, typical, prices)
            runs[what] += len(package.units)
        if self.as_json:
            rows = [
                {"task": what[0], "model": what[1], "verifier": what[2], "runs": runs[what], **asdict(cost)}
                for what, cost in total.items()
            ]
            sys.stdout.write(json.dumps({"left": rows}, allow_nan=False) + "\n")
            return
        if not total:
            self.console.print(f"Nothing is left to run: {self.out} holds the whole study.")
            return
        table = Table(
            box=SIMPLE_HEAD,
            header_style="bold",
            pad_edge=False,
            title="left to run, and its forecast cost (tokens drawn, tokens judged)",
        )
        for column in ("task", "model", "verifier"):
            table.add_column(column, overflow="fold")
        for column in ("runs", "drawn", "judged", "FLOPs"):
            table.add_column(column, justify="right", no_wrap=True)
        for what, cost in total.items():
            names = [name.removeprefix("embedded:") if name else "" for name in what]
            tokens = (f"{count / 1000:,.0f}k" for count in (cost.generated_tokens, cost.verifier_prompt_tokens))
            table.add_row(*names, f"{runs[what]:,}", *tokens, f"{cost.flops:.1e}")
        self.console.print(table)

    def _print(self, summary: dict[str, object], written: Sequence[Path]) -> None:
        if self.as_json:
            sys.stdout.write(json.dumps(summary, allow_nan=False) + "\n")
            return
        from outlay.cli.tables import print_summary

        print_summary(self.console, summary, briefly=True)
        self.console.print("Written: " + ", ".join(str(path) for path in written), soft_wrap=True)


def _says(recorded: Mapping[str, Any], study: Study) -> bool:
    """Whether it is this study that was recorded; one that was recorded before a field was added has that field's default."""
    try:
        return parse_study(recorded, "") == study
    except UserError:
        return False


def _versions() -> dict[str, str]:
    from outlay.study.machine import versions

    return versions()
