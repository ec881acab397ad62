"""What we add to a request: the same requests through Outlay, through the bare openai client, and through its_hub, on one server.

    python -m benchmarks.serving_overhead              # 2,000 requests at 64 and 256 at once, a minute or two
    python -m benchmarks.serving_overhead --requests 400 --repeats 1

The server answers after 50 ms, whatever it is asked, so that time differs by what the clients do. Every measurement is a process of
its own (time and peak memory are that client's alone), the clients take turns, and the best of the repeats counts. Ours is the
whole of it: `asolve` with its ledger, adaptive concurrency and trace for every request.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from importlib.util import find_spec
from typing import Any

from benchmarks.latency_server import MODEL, serving

LATENCY = 0.05
CLIENTS = ("bare", "outlay", "its_hub")
PROMPT = "How much is {} and 4?"


async def bare(url: str, requests: int, at_once: int) -> None:
    """`asyncio.gather` over the openai client, a semaphore for the number at once."""
    import openai

    limits = type(openai.DEFAULT_CONNECTION_LIMITS)(max_connections=at_once, max_keepalive_connections=at_once)
    client = openai.AsyncOpenAI(
        base_url=url, api_key="none", timeout=600.0, http_client=openai.DefaultAsyncHttpxClient(limits=limits)
    )
    turns = asyncio.Semaphore(at_once)

    async def one(number: int) -> int:
        async with turns:
            reply = await client.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": PROMPT.format(number)}],
                max_tokens=64,
                temperature=1.0,
            )
            return len(reply.choices[0].message.content or "")

    await measured(lambda: asyncio.gather(*(one(number) for number in range(requests))))
    await client.close()


async def outlay(url: str, requests: int, at_once: int) -> None:
    """`asolve`, one sample each; at most so many at once, the rest is the model's own concurrency."""
    from outlay import asolve, models
    from outlay.models.openai import Concurrency

    model = models.load(f"openai:{url}#{MODEL}", concurrency=Concurrency(start=at_once, most=at_once))
    await model.ready()
    await measured(
        lambda: asyncio.gather(
            *(asolve(PROMPT.format(number), strategy="majority", model=model) for number in range(requests))
        )
    )
    await model.close()


async def its_hub(url: str, requests: int, at_once: int) -> None:
    """its_hub's own client of such a server."""
    from its_hub.core.lms.openai_lm import OpenAICompatibleLanguageModel

    model = OpenAICompatibleLanguageModel(url, "none", MODEL, max_concurrency=at_once, max_tokens=64, temperature=1.0)
    chats = [[{"role": "user", "content": PROMPT.format(number)}] for number in range(requests)]
    await measured(lambda: model.agenerate(chats))


async def measured(work: Any) -> None:
    """Do it once, and print seconds of it and mebibytes of the process at its largest."""
    began = time.perf_counter()
    processor = time.process_time()
    await work()
    seconds, busy = time.perf_counter() - began, time.process_time() - processor
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "processor": busy, "MiB": memory}), flush=True)


def once(client: str, url: str, requests: int, at_once: int) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.serving_overhead", "--as", client, url]
    command += ["--requests", str(requests), "--at-once", str(at_once)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"{client} failed: {ended.stderr[-500:]}")
    found: dict[str, float] = json.loads(ended.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--at-once", type=int, nargs="*", default=[64, 256])
    parser.add_argument("--as", dest="client", nargs=2, metavar=("CLIENT", "URL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.client:
        client, url = arguments.client
        asyncio.run(globals()[client](url, arguments.requests, arguments.at_once[0]))
        return
    clients = [client for client in CLIENTS if client != "its_hub" or find_spec("its_hub")]
    print(f"{arguments.requests} requests, {LATENCY * 1000:.0f} ms each; best of {arguments.repeats}")
    with serving(LATENCY) as url:
        for at_once in arguments.at_once:
            best: dict[str, dict[str, float]] = {}
            for _ in range(arguments.repeats):
                for client in clients:
                    found = once(client, url, arguments.requests, at_once)
                    best[client] = min(best.get(client, found), found, key=lambda one: one["seconds"])
            for client in clients:
                one = best[client]
                ratio = best["bare"]["seconds"] / one["seconds"]
                print(
                    f"{at_once:4d} at once  {client:8s}{arguments.requests / one['seconds']:8.0f} requests/s  {ratio:5.2f} x bare  "
                    f"{one['processor'] / arguments.requests * 1000:5.2f} ms of processor each  {one['MiB']:5.0f} MiB"
                )


if __name__ == "__main__":
    main()
