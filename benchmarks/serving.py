"""What `outlay serve` adds and withstands where the policy says one sample, against a local upstream of fixed latency.

    python -m benchmarks.serving                 # the whole: about 15 minutes
    python -m benchmarks.serving --seconds 20    # the same, shorter

Three processes: the upstream, the server, and this one, which sends the load (so on two cores they share). Five parts:

- *latency*: 100 requests a second through the server, and between them 100 a second straight to the upstream; added is the
  difference of the two distributions' quantiles, with an interval by bootstrap over seconds.
- *processor*: the server's own processor time for a request, one at a time and 32 at once; a busy machine changes it little.
- *crowd*: 1,000 clients that each ask again as soon as they are answered; the server's memory, first minute against last.
- *faults*: the same while a tenth of the upstream's replies fail (500, 503, reset, half a body).
- *killed*: the same, and `kill -9` of the server in the middle; what clients saw answered is looked for in the store.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.latency_server import MODEL, serving

LATENCY, RATE, CLIENTS = 0.05, 100.0, 1000
FAULTS = 0.1
POLICY = """format: outlay-policy/1
task: free
model: openai:{url}#{model}
plans: [{{budget: 1, choices: [{{strategy: {{name: greedy}}, generations: 1}}]}}]
"""
BODY = {"model": "outlay", "messages": [{"role": "user", "content": "How much is 2 and 4?"}], "max_tokens": 64}


@dataclass
class Load:
    """What a load saw: seconds of each answered request, statuses, and the identifiers of those that were answered."""

    seconds: list[float] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    answered: set[str] = field(default_factory=set)


@contextmanager
def server(url: str, *options: str) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """`outlay serve` in a process of its own: the process, its URL, and the folder of its traces."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "policy.yaml").write_text(POLICY.format(url=url, model=MODEL), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "outlay",
            "serve",
            "--policy",
            str(folder / "policy.yaml"),
            "--port",
            "0",
            "--json",
        ]
        environment = {**os.environ, "XDG_CACHE_HOME": name}
        with (folder / "log").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [*command, *options], stdout=subprocess.PIPE, stderr=log, text=True, env=environment
            )
            assert process.stdout is not None
            try:
                yield process, json.loads(process.stdout.readline())["url"] + "/v1", folder / "served"
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
                    process.wait(60)
                process.stdout.close()


def memory(pid: int) -> float:
    """Resident mebibytes of a process (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def one(session: Any, url: str, load: Load, began: float) -> str:
    """Ask once; how it ended."""
    start = time.perf_counter()
    try:
        async with session.post(f"{url}/chat/completions", json=BODY) as reply:
            await reply.read()
            status, name = str(reply.status), reply.headers.get("X-Request-Id", "")
    except Exception as error:  # noqa: BLE001 whatever it is, it is counted
        status, name = type(error).__name__, ""
    load.statuses[status] += 1
    if status == "200":
        load.seconds.append(time.perf_counter() - start)
        load.at.append(start - began)
        load.answered.add(name)
    return status


async def steady(urls: tuple[str, str], seconds: float) -> tuple[Load, Load]:
    """100 requests a second to each of two servers, in turn, whether the ones before are answered or not."""
    import aiohttp

    loads, tasks, began = (Load(), Load()), [], time.perf_counter()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        for number in range(int(seconds * RATE * 2)):
            pause = began + number / (2 * RATE) - time.perf_counter()
            if pause > 0:
                await asyncio.sleep(pause)
            tasks.append(asyncio.create_task(one(session, urls[number % 2], loads[number % 2], began)))
        await asyncio.gather(*tasks)
    return loads


async def crowd(url: str, seconds: float, pid: int, kill_after: float | None = None) -> tuple[Load, list[float]]:
    """1,000 clients in a closed loop; the load, and the server's memory every second."""
    import aiohttp

    load, resident, began = Load(), [], time.perf_counter()
    until = began + seconds
    gone = asyncio.Event()

    async def client() -> None:
        while time.perf_counter() < until and not gone.is_set():
            status = await one(session, url, load, began)
            if status == "429":
                await asyncio.sleep(1.0)

    async def watch() -> None:
        while time.perf_counter() < until and not gone.is_set():
            resident.append(memory(pid))
            if kill_after is not None and time.perf_counter() - began > kill_after:
                os.kill(pid, signal.SIGKILL)
                gone.set()
            await asyncio.sleep(1.0)

    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        watching = asyncio.create_task(watch())
        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        await watching
    return load, resident


def quantile_difference(via: Load, direct: Load, quantile: float, resamples: int = 500) -> tuple[float, float, float]:
    """Added milliseconds at a quantile, with a 95% interval by bootstrap over the seconds of the run."""
    whole = int(max(via.at)) + 1
    parts = [
        [
            np.array([s for s, at in zip(load.seconds, load.at, strict=True) if int(at) == second])
            for second in range(whole)
        ]
        for load in (via, direct)
    ]
    dice = np.random.default_rng(0)

    def added(chosen: Any) -> float:
        ours, theirs = (np.concatenate([part[second] for second in chosen]) for part in parts)
        return float(np.quantile(ours, quantile) - np.quantile(theirs, quantile)) * 1000

    drawn = [added(dice.integers(0, whole, whole)) for _ in range(resamples)]
    return added(range(whole)), float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


async def so_many(url: str, requests: int, at_once: int) -> Load:
    """So many requests, so many of them at once."""
    import aiohttp

    load, turns = Load(), asyncio.Semaphore(at_once)

    async def ask(session: Any) -> None:
        async with turns:
            await one(session, url, load, 0.0)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(ask(session) for _ in range(requests)))
    return load


def processor_seconds(pid: int) -> float:
    """Processor time that a process has taken so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def growth(resident: list[float], window: int) -> float:
    """How much more the last `window` seconds held than the first, as a share."""
    return statistics.mean(resident[-window:]) / statistics.mean(resident[:window]) - 1


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seconds", type=float, default=300.0, help="of each crowd; the steady load takes a fifth of it"
    )
    parser.add_argument("--only", choices=("latency", "processor", "crowd", "faults", "killed"), action="append")
    parser.add_argument("--keep", type=Path, help="also write what was measured to this JSON file")
    arguments = parser.parse_args()
    parts = arguments.only or ["latency", "processor", "crowd", "faults", "killed"]
    found: dict[str, Any] = {"upstream_seconds": LATENCY, "clients": CLIENTS, "seconds": arguments.seconds}
    if "latency" in parts:
        with serving(LATENCY) as upstream, server(upstream) as (_, url, _):
            asyncio.run(steady((url, upstream), 5.0))  # connections are made, and what is imported late is
            via, direct = asyncio.run(steady((url, upstream), max(arguments.seconds / 5, 10.0)))
        for name, quantile in (("p50", 0.5), ("p99", 0.99)):
            value, low, high = quantile_difference(via, direct, quantile)
            found[f"added_{name}_ms"] = [value, low, high]
            print(f"added latency at {RATE:.0f} requests/s, {name}: {value:.2f} ms ({low:.2f} to {high:.2f})")
        print(f"  {len(via.seconds)} requests through the server, {dict(via.statuses)}")
    if "processor" in parts:
        with serving(0.0) as upstream, server(upstream) as (process, url, _):
            asyncio.run(so_many(url, 200, 8))
            for at_once in (1, 32):
                before = processor_seconds(process.pid)
                load = asyncio.run(so_many(url, 1500, at_once))
                each = (processor_seconds(process.pid) - before) / len(load.seconds) * 1000
                found[f"processor_ms_{at_once}_at_once"] = each
                print(f"processor time a request, {at_once} at once: {each:.2f} ms")
    for part in ("crowd", "faults"):
        if part in parts:
            with (
                serving(LATENCY, FAULTS if part == "faults" else 0.0) as upstream,
                server(upstream) as (process, url, _),
            ):
                load, resident = asyncio.run(crowd(url, arguments.seconds, process.pid))
            window = max(1, min(60, len(resident) // 4))
            found[part] = {
                "statuses": dict(load.statuses),
                "requests_a_second": len(load.seconds) / arguments.seconds,
                "median_seconds": statistics.median(load.seconds),
                "memory_growth": growth(resident[2:], window),
                "memory_MiB": [round(one) for one in resident[:: max(1, len(resident) // 10)]],
            }
            print(f"{part}: {CLIENTS} clients, {arguments.seconds:.0f} s: {json.dumps(found[part])}")
    if "killed" in parts:
        from outlay.traces import Store

        with serving(LATENCY) as upstream, server(upstream) as (process, url, traces):
            load, _ = asyncio.run(
                crowd(url, arguments.seconds, process.pid, kill_after=min(arguments.seconds / 3, 30.0))
            )
            process.wait(10)
            kept = set(Store(traces, create=False).runs()["question_id"].to_pylist())
        lost = load.answered - kept
        found["killed"] = {"answered": len(load.answered), "in_the_store": len(kept), "lost": len(lost)}
        print(f"killed: {json.dumps(found['killed'])}")
    if arguments.keep:
        arguments.keep.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
