"""`outlay serve`: OpenAI's API over a policy."""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from outlay.cli import completion
from outlay.cli.options import AsJson, UnsafeNoSandbox, Verbose
from outlay.errors import UserError

NEEDED = {
    "fastapi": "fastapi",
    "uvicorn": "uvicorn",
    "httptools": "httptools",
    "aiohttp": "aiohttp",
    "prometheus_client": "prometheus-client",
    "tenacity": "tenacity",
}
"""Modules that the extra `serve` brings, each with its distribution."""


def serve(
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help="The policy file, as outlay demo, run or calibrate wrote it.", readable=False),
    ] = None,
    upstream: Annotated[
        str | None,
        typer.Option(
            "--upstream",
            help="The model to spend on: the policy's, at another address perhaps (openai:URL#MODEL).",
            autocompletion=completion.models,
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task", help="What an answer is, where the policy's task is not here.", autocompletion=completion.tasks
        ),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen at; a public one needs keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen at (0: any that is free).")] = 8000,
    api_key_file: Annotated[
        Path | None,
        typer.Option("--api-key-file", help="Hashes of the keys that clients show.", readable=False),
    ] = None,
    new_key: Annotated[
        str | None,
        typer.Option(
            "--new-key", help="Make a key with this name, add its hash to --api-key-file, print the key and end."
        ),
    ] = None,
    traces: Annotated[
        Path | None,
        typer.Option("--traces", help="Folder for the traces (default: `served` beside the policy).", readable=False),
    ] = None,
    trace_share: Annotated[
        float, typer.Option("--trace-share", help="Share of the requests whose trace is kept, from 0 to 1.")
    ] = 1.0,
    budget: Annotated[
        float | None,
        typer.Option(
            "--budget",
            help="Generations for a request that asks for no budget (default: the promised budget, else the least that cannot be "
            "told from the most accurate).",
        ),
    ] = None,
    most_generations: Annotated[
        int | None,
        typer.Option(
            "--most-generations", help="Hard cap of any request, in generations (default: the policy's largest)."
        ),
    ] = None,
    most_tokens: Annotated[
        int | None, typer.Option("--most-tokens", help="Hard cap of any request, in generated tokens.")
    ] = None,
    most_usd: Annotated[
        float | None, typer.Option("--most-usd", help="Hard cap of any request, in dollars (needs prices).")
    ] = None,
    deadline: Annotated[
        float | None,
        typer.Option("--deadline", help="Seconds after which any request is answered with the best so far."),
    ] = None,
    at_once: Annotated[int, typer.Option("--at-once", help="Requests under way at once; others wait.")] = 256,
    longest_wait: Annotated[
        float,
        typer.Option("--longest-wait", help="Seconds of expected waiting beyond which a request is refused with 429."),
    ] = 10.0,
    drain: Annotated[
        float, typer.Option("--drain", help="Seconds that requests under way get when the server is asked to end.")
    ] = 30.0,
    usd_prompt: Annotated[
        float, typer.Option("--usd-prompt", help="Price of a million prompt tokens, in dollars.")
    ] = 0.0,
    usd_generated: Annotated[
        float, typer.Option("--usd-generated", help="Price of a million generated tokens, in dollars.")
    ] = 0.0,
    log_texts: Annotated[
        bool, typer.Option("--log-texts", help="Write questions and answers into the log too.")
    ] = False,
    unsafe_no_sandbox: UnsafeNoSandbox = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Serve OpenAI's API, spending on each question what the policy says. A live page is at /, the endpoints under /v1.

    Ends on Ctrl-C or SIGTERM when what is under way is answered. The log on standard error is a JSON object a line, without the
    texts of questions and answers.

    Example: outlay serve --policy demo/policy.yaml --port 8000
    """
    if new_key is not None:
        _make_key(api_key_file, new_key, as_json)
        return
    if policy is None:
        raise UserError(
            "--policy FILE is missing: outlay demo writes one (demo/policy.yaml), outlay calibrate makes one from traces"
        )
    need_extra()
    from outlay.serve.running import bound, run
    from outlay.serve.service import Service
    from outlay.serve.settings import Settings

    settings = Settings(
        policy=policy,
        upstream=upstream,
        task=task,
        host=host,
        port=port,
        key_file=api_key_file,
        traces=(traces or policy.parent / "served") if trace_share > 0 else None,
        trace_share=trace_share,
        budget=budget,
        most_generations=most_generations,
        most_tokens=most_tokens,
        most_usd=most_usd,
        deadline_seconds=deadline,
        at_once=at_once,
        longest_wait=longest_wait,
        drain_seconds=drain,
        usd_prompt=usd_prompt,
        usd_generated=usd_generated,
        log_texts=log_texts,
    )
    service = Service(settings)
    listening = bound(host, port)
    name, number = listening.getsockname()[:2]
    url = f"http://{f'[{name}]' if ':' in name else name}:{number}"

    def ready(_: object) -> None:
        gc.collect()
        gc.freeze()  # what is there now stays: looking through it again and again would hold up answers
        if as_json:
            sys.stdout.write(json.dumps({"url": url, "policy": str(policy), "model": service.model.name}) + "\n")
        else:
            sys.stdout.write(
                f"Serving {policy} at {url} (the live page) and {url}/v1 (for OpenAI's clients). Ctrl-C ends.\n"
            )
        sys.stdout.flush()

    run(service, listening, ready)


def need_extra() -> None:
    """Raises UserError with the command that installs what is missing."""
    from importlib.util import find_spec

    from outlay.cli.installation import install_extra

    absent = [name for name in NEEDED if find_spec(name) is None]
    if absent:
        raise UserError(f"the server needs {', '.join(NEEDED[name] for name in absent)}: {install_extra('serve')}")


def _make_key(file: Path | None, name: str, as_json: bool) -> None:
    from outlay.serve.keys import make_key

    if file is None:
        raise UserError("--new-key needs --api-key-file FILE: the file that its hash is added to")
    key = make_key(file, name)
    if as_json:
        sys.stdout.write(json.dumps({"name": name, "key": key, "file": str(file)}) + "\n")
    else:
        sys.stdout.write(f"{key}\nThis is the key of {name}; it is shown this once, {file} holds its hash alone.\n")
