"""Running a study: worker processes over packages, traces into the store, progress out.

Each worker process holds one copy of the engines it needs, or a client of the servers that it asks, works with one BLAS thread
(parallelism is by processes), and appends whole Parquet parts itself; this process only counts. Results depend on the study
alone, not on the number of workers. A run that was killed goes on where its last whole part ended.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outlay.errors import OutlayError, UserError
from outlay.study.remembering import Remembering, RememberingServer
from outlay.study.work import Package, sharing
from outlay.study.workers import heard, queues, running

if TYPE_CHECKING:
    from outlay.drive.batching import BatchingDriver
    from outlay.drive.concurrently import ConcurrentDriver
    from outlay.tasks import Task

TRACES_PER_PART = 100
SECONDS_PER_PART = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """What has been done since the last message: units ended, tokens generated, and on which task."""

    task: str
    units: int
    tokens: int


def run_packages(packages: Sequence[Package], store: Path, workers: int, report: Callable[[Progress], None]) -> None:
    """Run all packages into the trace store at `store`; `report` is called as work is done.

    Raises what a worker raised, and OutlayError where one died. On interrupt the workers are stopped and what they had
    appended stays.
    """
    if not packages:
        return
    todo, said = queues(2)
    groups = sharing(packages)
    count = max(1, min(workers, len(groups)))
    for group in (*groups, *[None] * count):
        todo.put(group)
    todo.cancel_join_thread()  # an interrupt does not wait for packages that nobody will take
    with running(count, _work, (todo, said, store, log.getEffectiveLevel(), count)) as processes:
        ended = 0
        for message in heard(said, processes):
            if isinstance(message, Progress):
                report(message)
            elif isinstance(message, logging.LogRecord):
                logging.getLogger(message.name).handle(message)
            elif isinstance(message, Exception):
                raise message
            else:
                ended += 1
            if ended == count:
                return


def _work(todo: Any, said: Any, store: Path, level: int, beside: int) -> None:
    """A worker process, one of `beside`: packages until there are no more. What it logs, from `level` on, is said by the parent."""
    logging.getLogger("outlay").addHandler(logging.handlers.QueueHandler(said))
    logging.getLogger("outlay").setLevel(level)
    try:
        from threadpoolctl import threadpool_limits

        from outlay.tasks.sandbox import share_cores

        share_cores(beside)
        loaded: dict[tuple[str, str | None], Any] = {}
        with threadpool_limits(limits=1):
            while (group := todo.get()) is not None:
                drawn: dict[Any, Any] | None = {} if len(group) > 1 else None
                for package in group:
                    run_package(package, store, loaded, said.put, drawn)
        said.put(None)
    except OutlayError as error:
        said.put(type(error)(*error.args))
    except MemoryError:
        said.put(
            OutlayError("memory ran out; finished work is kept: give the same command again, with fewer --workers")
        )
    except Exception as error:
        said.put(OutlayError(f"a worker failed: {type(error).__name__}: {error}"))
        raise


def run_package(
    package: Package,
    path: Path,
    loaded: dict[tuple[str, str | None], Any],
    report: Callable[[Progress], None],
    drawn: dict[Any, Any] | None = None,
) -> None:
    """Run one package in this process, appending whole parts as it goes.

    `loaded` keeps engines, and `drawn`, where it is given, samples that the next package wants too.
    """
    from outlay import models, tasks, verifiers
    from outlay.traces.store import Store

    store, began = Store(path), time.monotonic()
    what = f"{package.task} with {package.model}{f' and {package.verifier}' if package.verifier else ''}"
    log.info("started %d runs of %s in process %d", len(package.units), what, os.getpid())
    wanted_models = {("model", package.model), ("verifier", package.verifier)}
    for name in [name for name in loaded if name not in wanted_models]:
        del loaded[name]  # an engine keeps caches of a hundred MiB and more
    if ("model", package.model) not in loaded:
        loaded["model", package.model] = models.load(package.model)
    if package.verifier is not None and ("verifier", package.verifier) not in loaded:
        loaded["verifier", package.verifier] = verifiers.load(package.verifier)
    model, verifier = loaded["model", package.model], loaded.get(("verifier", package.verifier))
    driver = driver_of(tasks.load(package.task), model, verifier, drawn)
    ended, tokens, last = [], 0, time.monotonic()
    try:
        for trace in driver.solve(package.units):
            ended.append(replace(trace, model=package.model, verifier=package.verifier))
            if len(ended) >= TRACES_PER_PART or time.monotonic() - last > SECONDS_PER_PART:
                store.append(ended)
                report(Progress(package.task, len(ended), driver.tokens_generated - tokens))
                ended, tokens, last = [], driver.tokens_generated, time.monotonic()
    finally:  # also where some runs failed: those that ended are kept
        if ended:
            store.append(ended)
            report(Progress(package.task, len(ended), driver.tokens_generated - tokens))
    log.info("ended %d runs of %s after %.1f s", len(package.units), what, time.monotonic() - began)


def driver_of(
    task: Task, model: Any, verifier: Any, drawn: dict[Any, Any] | None = None
) -> BatchingDriver | ConcurrentDriver:
    """The driver for a model: one for engines of this process, another for whatever is served elsewhere.

    `drawn`, where it is given, keeps samples. Raises UserError where the verifier cannot stand beside the model.
    """
    from outlay.drive.batching import BatchingDriver
    from outlay.drive.concurrently import ConcurrentDriver
    from outlay.models import InProcessModel
    from outlay.verifiers import InProcessVerifier

    if not isinstance(model, InProcessModel):
        return ConcurrentDriver(task, model if drawn is None else RememberingServer(model, drawn), verifier)
    if verifier is not None and not isinstance(verifier, InProcessVerifier):
        raise UserError(
            f"{verifier.name} is served elsewhere and {model.name} runs in this process: a study takes verifiers of this process "
            "for it"
        )
    return BatchingDriver(task, model if drawn is None else Remembering(model, drawn), verifier)


def default_workers() -> int:
    """One a usable core, at most eight."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(usable, 8))


def check_workers(workers: int) -> int:
    """`workers`, or a `UserError`."""
    if workers < 1:
        raise UserError(f"--workers {workers}: give at least 1")
    return workers
