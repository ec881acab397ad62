"""What `outlay doctor` finds out about a machine: each check tries the thing itself and says in one sentence how it went."""

from __future__ import annotations

import importlib
import logging
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from outlay.cli.installation import editable_folder, install_extra, installed_distribution, pip, reinstall, shown
from outlay.errors import OutlayError, UserError

State = Literal["ok", "missing", "broken"]

CORE = {
    "numpy": "numpy",
    "pyarrow": "pyarrow",
    "pydantic": "pydantic",
    "yaml": "pyyaml",
    "jinja2": "jinja2",
    "safetensors": "safetensors",
    "threadpoolctl": "threadpoolctl",
    "rich": "rich",
    "typer": "typer",
}
"""Modules that the core needs, each with the distribution that brings it."""

EXTRAS = {
    "lab": (("torch",), "trains the embedded models anew (outlay lab train)"),
    "math": (("math_verify",), "compares answers of mathematics as published figures do (task math:PATH)"),
    "reference": (("torch", "transformers"), "compares the engine with transformers (make test REFERENCE=1)"),
    "hf": (
        ("torch", "transformers"),
        "runs local Hugging Face models and reward models (hf:FOLDER, tokens:LAYOUT:hf:FOLDER)",
    ),
    "openai": (("openai", "tenacity"), "asks OpenAI-compatible servers (openai:URL#MODEL)"),
    "llm": (("xllamacpp",), "runs GGUF files by llama.cpp in this process (llamacpp:PATH.gguf, llamacpp:smollm2)"),
    "serve": (
        ("fastapi", "uvicorn", "httptools", "aiohttp", "prometheus_client", "tenacity"),
        "serves a policy as OpenAI's API (outlay serve)",
    ),
}
"""For each extra that a user may install: the modules that it brings, and what it is for."""

DEMO_MEMORY = 1.2 * 2**30
"""Bytes that the demo takes with two workers."""
DEMO_DISK = 100 * 2**20
"""Bytes on disk that are more than enough for the demo's folder."""
QUESTIONS, SAMPLES = 32, 16
"""Questions that are answered, and samples that are drawn of each, to see that models and verifiers work."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """How one thing is: `says` a sentence about it, `do` the command that would mend it; `required` by the demo or not."""

    name: str
    state: State
    says: str
    do: str | None = None
    required: bool = True


def every_check(out: Path, thorough: bool = False) -> Iterator[Check]:
    """The checks, in the order in which one builds on the other; `out` is the folder that a run would write to.

    Where it is `thorough`, optional libraries are imported too, which takes seconds and shows which of them are broken.
    """
    for name, look in (
        ("Python", python),
        ("Outlay", installation),
        ("libraries", libraries),
        ("NumPy", numpy),
        ("exactness", exactness),
        ("cores", cores),
        ("memory", memory),
        ("models", shipped_models),
        ("generation", generation),
        ("temporary files", temporary_files),
        ("output folder", lambda name: output_folder(name, out)),
        ("sandbox", sandbox),
        *((f"extra: {extra}", lambda name: optional_part(name, thorough)) for extra in EXTRAS),
    ):
        yield tried(name, look)


def tried(name: str, look: Callable[[str], Check]) -> Check:
    """The check's own finding; where it could not even look, that."""
    began = time.perf_counter()
    try:
        found = look(name)
    except Exception as error:  # noqa: BLE001 a broken installation may raise anything, and the other checks still tell something
        found = Check(name, "broken", f"fails with {one_line(error)}", reinstall())
    log.info("checked %s in %.2f s: %s", name, time.perf_counter() - began, found.state)
    return found


def python(name: str) -> Check:
    """The interpreter."""
    here = f"{platform.python_implementation()} {platform.python_version()} at {shown(Path(sys.executable))}"
    if sys.version_info < (3, 11):  # noqa: UP036 a copy of the source can be run by any interpreter
        return Check(name, "broken", f"{here}; 3.11 or newer is needed", "make PYTHON=python3.11 demo")
    return Check(name, "ok", here)


def installation(name: str) -> Check:
    """The package: its version and where it lies, and whether its metadata say the same."""
    from outlay import __version__

    here = f"{__version__} in {shown(Path(__file__).parents[1])}"
    installed = installed_distribution()
    if installed is None:
        return Check(name, "missing", f"{here}, not installed as a package", reinstall(), required=False)
    if installed.version != __version__:
        return Check(name, "broken", f"{here}, but installed as {installed.version}", reinstall(), required=False)
    return Check(name, "ok", f"{here}{', editable' if editable_folder() else ''}")


def libraries(name: str) -> Check:
    """Whether everything that the core needs can be imported."""
    failed = {}
    for module in CORE:
        try:
            importlib.import_module(module)
        except Exception as error:  # noqa: BLE001 a broken library may raise anything while it is imported
            failed[module] = one_line(error)
    if failed:
        reasons = "; ".join(f"{module}: {reason}" for module, reason in failed.items())
        return Check(name, "broken", reasons, pip("--force-reinstall", *(CORE[module] for module in failed)))
    return Check(name, "ok", f"all {len(CORE)} that the core needs can be imported")


def numpy(name: str) -> Check:
    """NumPy, its BLAS, and the threads that it would use by itself."""
    import numpy as np
    from threadpoolctl import threadpool_info

    from outlay.study.machine import blas

    threads = max((pool["num_threads"] for pool in threadpool_info() if pool.get("user_api") == "blas"), default=1)
    return Check(name, "ok", f"{np.__version__} with {blas()}, {counted(threads, 'thread')} (one in each worker)")


def exactness(name: str) -> Check:
    """Whether matrix products treat all lanes alike, and at which width: what equal results for any batch size rest on."""
    from threadpoolctl import threadpool_limits

    from outlay.models.embedded import LANES, load_weights
    from outlay.models.embedded.lane_products import WITHOUT_BLAS, LaneProduct

    with threadpool_limits(limits=1):
        widths = [LaneProduct.for_matrices(load_weights(folder).matrices()).width for folder in shipped_folders()]
    if WITHOUT_BLAS in widths:
        return Check(
            name,
            "broken",
            "no width of product holds with this BLAS: results are exact all the same, by NumPy's own loops, but slow",
            pip("--force-reinstall", "numpy"),
            required=False,
        )
    return Check(name, "ok", f"products of up to {min(widths)} lanes (of {LANES}) at a time are equal to the last bit")


def cores(name: str) -> Check:
    """Cores that this process may use."""
    from outlay.study.run import default_workers

    usable, workers = usable_cores(), default_workers()
    says = f"{counted(usable, 'core')} usable of {os.cpu_count()}, {counted(workers, 'worker')} by default"
    share = processor_share()
    if share is not None and share < workers:
        advice = f"outlay demo --workers {max(1, int(share))}"
        return Check(name, "broken", f"{says}, but time for {share:g} cores only: fewer workers do", advice, False)
    return Check(name, "ok", says)


def memory(name: str) -> Check:
    """Memory that is free."""
    free = free_memory()
    if free is None:
        return Check(name, "ok", f"the system does not say how much is free; the demo takes {gibibytes(DEMO_MEMORY)}")
    says = f"{gibibytes(free)} free; the demo takes {gibibytes(DEMO_MEMORY)} with two workers"
    if free < DEMO_MEMORY:
        return Check(name, "broken", says, "outlay demo --workers 1", required=False)
    return Check(name, "ok", says)


def shipped_models(name: str) -> Check:
    """Whether every model that ships with the package loads."""
    folders, failed = shipped_folders(), []
    for folder in folders:
        try:
            load_shipped(folder)
        except Exception as error:  # noqa: BLE001 a damaged file may raise anything in a reader
            failed.append(f"{folder.name}: {one_line(error)}")
    if failed or not folders:
        return Check(name, "broken", "; ".join(failed) or "no model is there", reinstall())
    return Check(name, "ok", f"all {len(folders)} embedded models load")


def load_shipped(folder: Path) -> None:
    """Load a shipped model as what its card says that it is."""
    from outlay import models, verifiers
    from outlay.models.embedded import load_weights
    from outlay.models.embedded.backend import Card

    role = Card.load(folder).role
    if role == "policy":
        models.load(f"embedded:{folder.name}")
    elif role in ("prm", "orm"):
        verifiers.load(f"embedded:{folder.name}")
    else:
        load_weights(folder)


def generation(name: str) -> Check:
    """Sampling, scoring and grading for real: some questions, answered by the shipped countdown models."""
    from outlay import models, tasks, verifiers
    from outlay.drive.batching import BatchingDriver
    from outlay.drive.serving import Unit
    from outlay.strategies import WeightedBestOfN
    from outlay.types import Budget

    task = tasks.load("countdown")
    model, verifier = models.load("embedded:countdown-small"), verifiers.load("embedded:countdown-prm")
    driver = BatchingDriver(task, model, verifier)
    asked = task.questions("validation", QUESTIONS)
    began = time.perf_counter()
    traces = list(driver.solve(Unit(one, WeightedBestOfN(), Budget(generations=SAMPLES), seed=0) for one in asked))
    seconds = time.perf_counter() - began
    right = sum(bool(trace.correct) for trace in traces)
    speed = driver.tokens_generated / seconds
    says = f"{right} of {QUESTIONS} questions right from {SAMPLES} samples each, {speed:,.0f} tokens/s drawn and scored"
    if not right:
        return Check(name, "broken", f"{says}: more is expected of these models", reinstall())
    return Check(name, "ok", says)


def temporary_files(name: str) -> Check:
    """Whether a temporary file can be written."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "file").write_bytes(b"written")
            return Check(name, "ok", f"can be written in {tempfile.gettempdir()}")
    except OSError as error:
        return Check(name, "broken", f"cannot be written: {error.strerror or error}", "export TMPDIR=$HOME")


def output_folder(name: str, out: Path) -> Check:
    """Whether a run could write to `out`, hold a lock there, and has room."""
    from outlay.traces import Store
    from outlay.traces.files import check_folder

    elsewhere = "outlay demo --out ~/outlay-demo"
    try:
        check_folder(out)
        place = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.is_dir())
        with tempfile.TemporaryDirectory(dir=place, prefix=".outlay-doctor-") as folder:
            store = Store(folder)
            store.update_meta({"checked": True})
            locks = a_lock_excludes(store)
    except (OutlayError, OSError) as error:
        return Check(name, "broken", one_line(error), elsewhere)
    if not locks:
        return Check(name, "broken", f"{out} can be written, but its file system keeps no locks", elsewhere)
    free = shutil.disk_usage(place).free
    says = f"{out} can be written and locked, {gibibytes(free)} free"
    return Check(name, "ok", says) if free > DEMO_DISK else Check(name, "broken", f"{says}, too little", elsewhere)


def a_lock_excludes(store: Any) -> bool:
    """Whether the store's lock keeps a second holder out."""
    with store.lock():
        try:
            with store.lock():
                return False
        except UserError:
            return True


def sandbox(name: str) -> Check:
    """Whether programs that a model wrote can be run contained."""
    from outlay.tasks.sandbox import Sandbox

    try:
        contained = Sandbox.found()
    except UserError as error:
        return Check(
            name, "missing", f"no program can be run: {one_line(error)}", "apt install bubblewrap", required=False
        )
    if not contained.contains:
        return Check(
            name, "broken", "programs run uncontained, as you allowed", "unset OUTLAY_UNSAFE_NO_SANDBOX", required=False
        )
    return Check(name, "ok", "bubblewrap contains programs that a model wrote (tasks humaneval, mbpp)", required=False)


def optional_part(name: str, thorough: bool = False) -> Check:
    """Whether an extra's libraries are there; where it is `thorough`, whether they can be imported, which may take seconds each."""
    extra = name.removeprefix("extra: ")
    modules, purpose = EXTRAS[extra]
    found = []
    for module in modules:
        if find_spec(module) is None:
            return Check(name, "missing", f"no {module}: {purpose}", install_extra(extra), required=False)
        try:
            if thorough:
                importlib.import_module(module)
        except Exception as error:  # noqa: BLE001 a broken library may raise anything while it is imported
            if isinstance(error, ModuleNotFoundError) and error.name == module:
                return Check(name, "missing", f"no {module}: {purpose}", install_extra(extra), required=False)
            mend = pip("--force-reinstall", module)
            return Check(name, "broken", f"{module} fails with {one_line(error)}", mend, required=False)
        found.append(f"{module} {version(module)}")
    return Check(name, "ok", f"{' and '.join(found)}: {purpose}", required=False)


def shipped_folders() -> list[Path]:
    """The folders of the embedded models."""
    weights = Path(__file__).parents[1] / "lab" / "weights"
    return sorted(folder for folder in weights.glob("*") if (folder / "config.json").is_file())


def one_line(error: BaseException) -> str:
    """An error in one line: what Outlay raises speaks for itself, anything else is named."""
    said = " ".join(str(error).split())
    return said if isinstance(error, OutlayError) else f"{type(error).__name__}: {said}"


def usable_cores() -> int:
    """Cores that the system lets this process run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor_share() -> float | None:
    """Cores' worth of time that a Linux control group allows, where it sets a limit."""
    limit = Path("/sys/fs/cgroup/cpu.max")
    quota, period = limit.read_text(encoding="ascii").split() if limit.is_file() else ("max", "1")
    return None if quota == "max" else int(quota) / int(period)


def free_memory() -> float | None:
    """Bytes that can still be had, a control group's limit considered; None where the system does not say."""
    free = None
    report = Path("/proc/meminfo")
    if report.is_file():
        values = dict(line.split(":", 1) for line in report.read_text(encoding="ascii").splitlines() if ":" in line)
        free = float(values["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in values else None
    group = Path("/sys/fs/cgroup")
    limit, used = group / "memory.max", group / "memory.current"
    if limit.is_file() and used.is_file() and (most := limit.read_text(encoding="ascii").strip()) != "max":
        stat = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
        left = float(most) - float(used.read_text(encoding="ascii")) + float(stat.get("inactive_file", 0))
        free = left if free is None else min(free, left)
    return free


def gibibytes(count: float) -> str:
    """Bytes in GiB.

    >>> gibibytes(1.5 * 2**30)
    '1.5 GiB'
    """
    return f"{count / 2**30:.1f} GiB"


def counted(count: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "core"), counted(2, "core")
    ('1 core', '2 cores')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"
