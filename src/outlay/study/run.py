"""Running a study: worker processes over packages, traces into the store, progress out.

Each worker process holds one copy of the models it needs, works with one BLAS thread (parallelism is by processes), and
appends whole Parquet parts itself; this process only counts. Results depend on the study alone, not on the number of workers. A
run that was killed goes on where its last whole part ended; workers end by themselves when this process is gone.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from outlay.errors import OutlayError, UserError
from outlay.study.work import Package

TRACES_PER_PART = 100
SECONDS_PER_PART = 5.0


@dataclass(frozen=True, slots=True)
class Progress:
    """What has been done since the last message: units ended, tokens generated, and on which task."""

    task: str
    units: int
    tokens: int


def run_packages(packages: Sequence[Package], store: Path, workers: int, report: Callable[[Progress], None]) -> None:
    """Run all packages into the trace store at `store`; `report` is called as work is done.

    Raises what a worker raised. On interrupt the workers are stopped and what they had appended stays.
    """
    if not packages:
        return
    context = multiprocessing.get_context("spawn")
    todo: Any = context.Queue()
    said: Any = context.Queue()
    for package in packages:
        todo.put(package)
    count = max(1, min(workers, len(packages)))
    for _ in range(count):
        todo.put(None)
    with _one_blas_thread():
        processes = [
            context.Process(target=_work, args=(todo, said, store, os.getpid()), daemon=True) for _ in range(count)
        ]
        for process in processes:
            process.start()
    try:
        _listen(said, processes, report)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
        todo.cancel_join_thread()


def _listen(said: Any, processes: Sequence[Any], report: Callable[[Progress], None]) -> None:
    ended = 0
    while ended < len(processes):
        try:
            message = said.get(timeout=1.0)
        except queue.Empty:
            lost = [p for p in processes if p.exitcode not in (None, 0)]
            if lost:
                raise OutlayError(
                    f"a worker process died (exit code {lost[0].exitcode}), perhaps for lack of memory: "
                    "run again with fewer --workers; finished work is kept"
                ) from None
            continue
        if isinstance(message, Progress):
            report(message)
        elif isinstance(message, Exception):
            raise message
        else:
            ended += 1


def _work(todo: Any, said: Any, store: Path, parent: int) -> None:
    """A worker process: packages until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        from threadpoolctl import threadpool_limits

        loaded: dict[tuple[str, str | None], Any] = {}
        with threadpool_limits(limits=1):
            while (package := todo.get()) is not None:
                run_package(package, store, loaded, said.put, lambda: os.getppid() == parent)
        said.put(None)
    except OutlayError as error:
        said.put(type(error)(*error.args))
    except Exception as error:
        said.put(OutlayError(f"a worker failed: {type(error).__name__}: {error}"))
        raise


def run_package(
    package: Package,
    path: Path,
    loaded: dict[tuple[str, str | None], Any],
    report: Callable[[Progress], None],
    wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Run one package in this process, appending whole parts as it goes; stops early when `wanted` turns false."""
    from outlay import models, tasks, verifiers
    from outlay.drive.batching import BatchingDriver
    from outlay.traces.store import Store

    store = Store(path)
    wanted_models = {("model", package.model), ("verifier", package.verifier)}
    for name in [name for name in loaded if name not in wanted_models]:
        del loaded[name]  # an engine keeps caches of a hundred MiB and more
    if ("model", package.model) not in loaded:
        loaded["model", package.model] = _engine(models.load(package.model), models.InProcessModel, package.model)
    if package.verifier is not None and ("verifier", package.verifier) not in loaded:
        verifier = verifiers.load(package.verifier)
        loaded["verifier", package.verifier] = _engine(verifier, verifiers.InProcessVerifier, package.verifier)
    model, verifier = loaded["model", package.model], loaded.get(("verifier", package.verifier))
    driver = BatchingDriver(tasks.load(package.task), model, verifier)
    ended, tokens, last = [], 0, time.monotonic()
    for trace in driver.solve(package.units):
        ended.append(replace(trace, model=package.model, verifier=package.verifier))
        if len(ended) >= TRACES_PER_PART or time.monotonic() - last > SECONDS_PER_PART:
            if not wanted():
                return
            store.append(ended)
            report(Progress(package.task, len(ended), driver.tokens_generated - tokens))
            ended, tokens, last = [], driver.tokens_generated, time.monotonic()
    if ended and wanted():
        store.append(ended)
        report(Progress(package.task, len(ended), driver.tokens_generated - tokens))


def _engine(loaded: Any, kind: type[Any], address: str) -> Any:
    """What was loaded, if it is an engine of this process."""
    if not isinstance(loaded, kind):
        raise UserError(
            f"{address} is served elsewhere, and a study runs engines of this process only: use outlay.asolve for it"
        )
    return loaded


class _one_blas_thread:
    """While processes are started: their BLAS reads its number of threads from the environment once, when it loads."""

    NAMES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

    def __enter__(self) -> None:
        self._before = {name: os.environ.get(name) for name in self.NAMES}
        os.environ.update(dict.fromkeys(self.NAMES, "1"))

    def __exit__(self, *_: object) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def default_workers() -> int:
    """One a usable core, at most eight."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(usable, 8))


def check_workers(workers: int) -> int:
    """`workers`, or a `UserError`."""
    if workers < 1:
        raise UserError(f"--workers {workers}: give at least 1")
    return workers
