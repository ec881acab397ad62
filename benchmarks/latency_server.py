"""An OpenAI-compatible server that answers after a fixed time, in a process of its own: only what a client costs then differs.

As a program it serves until its standard input ends; the first line that it prints is its URL.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

MODEL = "bench/fixed"
TOKENS = 24
WORDS = " so" * TOKENS


@contextmanager
def serving(latency: float, faults: float = 0.0) -> Iterator[str]:
    """The URL of a running server that answers after `latency` seconds; a share of its replies are `faults`."""
    command = [sys.executable, "-m", "benchmarks.latency_server", str(latency), str(faults)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdin is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


async def serve(latency: float, faults: float = 0.0) -> None:
    """Answer everything after `latency` seconds until standard input ends; a share of the calls fail in one of four ways."""
    from aiohttp import web

    def answer(count: int) -> bytes:
        choices = [
            {"index": place, "finish_reason": "stop", "message": {"role": "assistant", "content": WORDS}}
            for place in range(count)
        ]
        usage = {"prompt_tokens": 9, "completion_tokens": TOKENS * count, "total_tokens": 9 + TOKENS * count}
        head = {"id": "x", "object": "chat.completion", "created": 0, "model": MODEL}
        return json.dumps(head | {"choices": choices, "usage": usage}).encode()

    answers = {count: answer(count) for count in range(1, 129)}

    dice = random.Random(7)

    async def chat(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        await asyncio.sleep(latency)
        if faults and dice.random() < faults:
            return await fault(request, dice.choice(("500", "503", "reset", "half")))
        return web.Response(body=answers[body.get("n") or 1], content_type="application/json")

    async def fault(request: web.Request, kind: str) -> web.StreamResponse:
        if kind.isdigit():
            return web.json_response({"error": {"message": "no"}}, status=int(kind), headers={"Retry-After": "0.05"})
        response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
        if kind == "half":
            await response.prepare(request)
            await response.write(b'{"id": "x", "choices": [')
        assert request.transport is not None
        request.transport.close() if kind == "half" else request.transport.abort()
        return response

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", chat), web.get("/v1/models", models)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(*map(float, sys.argv[1:])))
