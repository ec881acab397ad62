"""The HTTP surface: OpenAI's endpoints, the operator's, and the live page."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from outlay import __version__
from outlay.errors import OutlayError
from outlay.policies import Spend
from outlay.serve.connection import Stream, until, while_there
from outlay.serve.guarding import Gate
from outlay.serve.live import live_page
from outlay.serve.outcome import Answered, Asked
from outlay.serve.refusals import Refusal
from outlay.serve.replies import Said, Shape, comment, said_by, spending_of
from outlay.serve.requests import MOST_CHOICES, ChatRequest, CompletionRequest, Message, Spending
from outlay.serve.service import NAME, Service

log = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 1.0
"""A stream says something at least so often while the work goes on."""
PATHS = {ChatRequest: "/chat/completions", CompletionRequest: "/completions"}
NO_STORE = {"Cache-Control": "no-store"}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": says,
        "content": {"application/json": {"schema": {"type": "object", "required": ["error"]}}},
    }
    for status, says in {
        400: "The request is wrong; the message says what, and `param` where.",
        401: "No valid key.",
        404: "No such model or path.",
        408: "The body was not there in time.",
        413: "The body is too large.",
        429: "More to do than can be answered in time; see Retry-After.",
        431: "The headers are too large.",
        500: "The server failed.",
        502: "The model's server does not answer.",
        504: "The deadline struck with nothing to answer with.",
    }.items()
}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A completion, or a stream of chunks where `stream` is true.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    }
}


def application(service: Service) -> Gate:
    """The ASGI application of a service."""
    app = FastAPI(
        title="Outlay",
        version=__version__,
        description="OpenAI's API over a policy that decides how much compute each question gets.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return refused(_first_problem(error))

    @app.exception_handler(HTTPException)
    async def other(_: Request, error: HTTPException) -> Response:
        codes = {404: "not_found", 405: "method_not_allowed"}
        says = {404: "there is no such path here", 405: "this path does not take this method"}
        status = error.status_code
        return refused(
            Refusal(status, says.get(status, str(error.detail)), code=codes.get(status), headers=error.headers)
        )

    @app.exception_handler(Refusal)
    async def told(_: Request, error: Refusal) -> Response:
        return refused(error)

    @app.post("/v1/chat/completions", response_model=None, responses=EVENTS | ERRORS, tags=["openai"])
    async def chat(body: ChatRequest, request: Request) -> Response:
        """Answer a conversation."""
        service.check(body)
        question = body.question()
        before = [message.model_dump(exclude_none=True) for message in body.messages[:-1]]
        count = body.n or 1
        asked = service.asked(body, _id(request), [question or ""] * count, before)
        first = asked[0]
        spend = service.passes(body, first)
        if spend is not None:
            return await _passed(service, request, body, first, spend)
        if before and not service.engine.reads_conversations:
            raise Refusal(
                400, f"{service.model.name} reads one question: send a single message of the user's", param="messages"
            )
        if question is None or not question.strip():
            raise Refusal(400, "the last message holds no question", param="messages")
        return await _answered(service, request, body, asked)

    @app.post("/v1/completions", response_model=None, responses=EVENTS | ERRORS, tags=["openai"])
    async def complete(body: CompletionRequest, request: Request) -> Response:
        """Complete a prompt, or several."""
        service.check(body)
        if not body.prompts or not all(prompt.strip() for prompt in body.prompts):
            raise Refusal(400, "there is no prompt", param="prompt")
        wanted = [prompt for prompt in body.prompts for _ in range(body.n or 1)]
        if len(wanted) > MOST_CHOICES:
            raise Refusal(
                400, f"{len(wanted)} answers are more than one request may ask for: at most {MOST_CHOICES}", param="n"
            )
        asked = service.asked(body, _id(request), wanted)
        spend = service.passes(body, asked[0])
        if spend is not None:
            return await _passed(service, request, body, asked[0], spend)
        return await _answered(service, request, body, asked)

    @app.get("/v1/models", tags=["openai"], responses={401: ERRORS[401]})
    async def models() -> dict[str, Any]:
        """The policy, and the models that it spends on; each name gets an answer by the policy."""
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": NAME} for name in service.names]
        return {"object": "list", "data": listed}

    @app.get("/v1/models/{name:path}", tags=["openai"], responses={401: ERRORS[401], 404: ERRORS[404]})
    async def model(name: str) -> Response:
        """One of them."""
        if name not in service.names:
            raise Refusal(404, "there is no model of that name here", code="model_not_found", param="model")
        return JSONResponse({"id": name, "object": "model", "created": 0, "owned_by": NAME})

    @app.get("/v1/policy", tags=["outlay"], responses={401: ERRORS[401]})
    async def policy() -> Response:
        """The policy: what it does in words, its file's content, and this server's limits."""
        promise = service.policy.promise
        return JSONResponse(
            {
                "says": list(dict.fromkeys([*service.policy.describe(), *service.policy.told()])),
                "promise": None if promise is None else promise.sentence(),
                "default_budget": service.limits.default_budget,
                "largest_budget": service.limits.largest_budget,
                "budgets": service.budgets,
                "examples": service.examples,
                "policy": json.loads(service.policy.model_dump_json()),  # what is not finite becomes null
            }
        )

    @app.get("/healthz", tags=["operator"])
    async def health() -> dict[str, str]:
        """The process runs."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["operator"], responses={503: {"description": "It starts, or ends."}})
    async def ready() -> Response:
        """Requests are answered."""
        ready = service.started and not service.draining
        return JSONResponse({"status": "ready" if ready else "not ready"}, status_code=200 if ready else 503)

    @app.get("/metrics", tags=["operator"], responses={401: ERRORS[401]})
    async def metrics() -> Response:
        """What Prometheus reads."""
        service.metrics.running.set(service.admission.running)
        service.metrics.waiting.set(service.admission.waiting)
        service.metrics.draining.set(service.draining)
        return Response(service.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        """The live page."""
        content, allowed = live_page()
        headers = {
            "Content-Security-Policy": allowed,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        return Response(content, media_type="text/html; charset=utf-8", headers=headers)

    settings = service.settings
    return Gate(app, service.keys, service.ended, body_bytes=settings.body_bytes, body_seconds=settings.body_seconds)


def refused(refusal: Refusal) -> Response:
    """A refusal as a response."""
    return JSONResponse(refusal.body(), status_code=refusal.status, headers=refusal.headers)


def _first_problem(error: RequestValidationError) -> Refusal:
    """The first thing that is wrong with a request, and where; what the client sent is not repeated."""
    problem = error.errors()[0]
    where = ".".join(
        str(part)[:40] for part in problem["loc"] if part != "body" and not str(part).startswith("function-")
    )
    if problem["type"] == "json_invalid":
        return Refusal(400, "the body is not JSON", code="invalid_json")
    says = str(problem["msg"]).removeprefix("Value error, ")[:300].encode("utf-8", "replace").decode("utf-8")
    codes = {"missing": "missing_required_parameter", "extra_forbidden": "unknown_parameter"}
    code = codes.get(problem["type"], "invalid_type" if "type" in problem["type"] else "invalid_value")
    return Refusal(400, f"{where}: {says}" if where else says, code=code, param=where or None)


# one sample, passed through ----------------------------------------------------------------------


async def _passed(
    service: Service, request: Request, body: ChatRequest | CompletionRequest, asked: Asked, spend: Spend
) -> Response:
    assert service.passing is not None
    passing, path = service.passing, PATHS[type(body)]
    sent = upstream_body(await request.body(), await upstream_name(service), spend)
    headers = {
        **NO_STORE,
        "X-Outlay-Generations": "1",
        "X-Outlay-Strategy": str(spend.strategy["name"]),
        "X-Outlay-Stopped-By": "passed",
    }
    if not body.stream:
        reply = await while_there(
            request.receive, service.pass_through(lambda: passing.whole(path, sent), asked, spend)
        )
        return Response(reply.body, status_code=reply.status, headers={**headers, **reply.headers})

    turn = service.turn()
    await turn.__aenter__()
    try:
        reply, pieces = await while_there(request.receive, passing.stream(path, sent))
    except BaseException:
        await turn.__aexit__(None, None, None)
        raise

    async def passed_on() -> AsyncIterator[bytes]:
        entered = False
        try:
            try:
                async for piece in until(pieces, asked.deadline_seconds):
                    if reply.cost.calls and not entered:
                        entered = True
                        service.passed(reply, asked, spend)
                    yield piece
            except OutlayError as error:
                refusal = Refusal(502, str(error), code="upstream_error")
                yield b"data: " + json.dumps(refusal.body()).encode() + b"\n\n"
            except TimeoutError:  # what was sent is the best so far
                shape = Shape(_reply_id(asked, body), body.model, isinstance(body, ChatRequest))
                for piece in shape.cut_short():
                    yield piece
            if not entered and reply.status == 200:
                entered = True
                service.passed(reply, asked, spend)
        finally:
            with suppress(Exception):
                await pieces.aclose()  # type: ignore[attr-defined]
            if not entered and reply.status == 200:
                service.passed(reply, asked, spend, gone=True)
            await turn.__aexit__(None, None, None)

    if reply.status != 200:
        content = b"".join([piece async for piece in passed_on()])
        return Response(content, status_code=reply.status, headers={**headers, **reply.headers})
    media = reply.headers.get("content-type", "text/event-stream")
    return Stream(passed_on(), headers, media)


def upstream_body(raw: bytes, model: str, spend: Spend) -> bytes:
    """The client's request for the upstream: the model's name there, without our own fields, at the policy's temperature unless the
    client gave one. Where nothing is to be changed the very same bytes."""
    content: dict[str, Any] = json.loads(raw)
    temperature = spend.strategy.get("temperature", 0.0 if spend.strategy.get("name") == "greedy" else 1.0)
    same = (
        content.get("model") == model and "outlay" not in content and ("temperature" in content or "tools" in content)
    )
    if same:
        return raw
    content["model"] = model
    content.pop("outlay", None)
    if "tools" not in content:
        content.setdefault("temperature", temperature)
    return json.dumps(content).encode()


async def upstream_name(service: Service) -> str:
    """The model's name at the upstream."""
    return str((await service.model.capabilities()).model)


# answers by the policy ---------------------------------------------------------------------------


async def _answered(
    service: Service, request: Request, body: ChatRequest | CompletionRequest, asked: Sequence[Asked]
) -> Response:
    shape = Shape(_reply_id(asked[0], body), body.model, isinstance(body, ChatRequest))
    wanted = body.outlay or Spending()

    def told(answered: Sequence[Answered]) -> tuple[list[Said], Any, list[dict[str, Any]]]:
        cost = sum((one.cost for one in answered[1:]), answered[0].cost)
        spending = [spending_of(one, service.uniform(one), wanted.explain) for one in answered]
        return [said_by(one, body.stops) for one in answered], cost, spending

    if not body.stream:
        answered = await while_there(request.receive, service.answers(asked))
        return JSONResponse(shape.whole(*told(answered)), headers=NO_STORE)

    events: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
    work = asyncio.ensure_future(service.answers(asked, events.put_nowait))
    work.add_done_callback(lambda _: events.put_nowait(None))
    try:
        await while_there(request.receive, _begun(work))
        if work.done():
            work.result()  # an error that is there before anything was sent has a status of its own
    except BaseException:
        await _ended(work)
        raise

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                try:
                    event = await asyncio.wait_for(events.get(), KEEP_ALIVE_SECONDS)
                except TimeoutError:
                    yield comment()
                    continue
                if event is None:
                    break
                if wanted.progress:
                    yield comment(event)
            try:
                answered = work.result()
            except (Refusal, OutlayError) as error:
                refusal = error if isinstance(error, Refusal) else service.refusal(error)
                yield b"data: " + json.dumps(refusal.body()).encode() + b"\n\n"
                return
            usage = bool(body.stream_options and body.stream_options.include_usage)
            for piece in shape.pieces(*told(answered), include_usage=usage):
                yield piece
        finally:
            await _ended(work)

    return Stream(pieces(), NO_STORE)


async def _begun(work: asyncio.Future[Any]) -> None:
    """Until the work has ended or is well under way: what is refused at once has a status of its own, not a line in a stream."""
    await asyncio.wait({work}, timeout=BEGUN_SECONDS)


BEGUN_SECONDS = 0.25


async def _ended(work: asyncio.Future[Any]) -> None:
    """End the work where it has not, and wait for its tidying up."""
    if not work.done():
        work.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await work


def _id(request: Request) -> str:
    """The request's identifier, which its trace, its log lines and its reply have."""
    return str(request.scope["state"]["request_id"])


def _reply_id(asked: Asked, body: ChatRequest | CompletionRequest) -> str:
    return ("chatcmpl-" if isinstance(body, ChatRequest) else "cmpl-") + asked.id.removeprefix("req-")


__all__ = ["Message", "application"]
