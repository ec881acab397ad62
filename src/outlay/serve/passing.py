"""One sample, passed through: the client's request goes upstream, and the reply comes back byte for byte.

So tool calls, log-probabilities and whatever a server adds of its own arrive as they are. A call that fails before its reply has
begun to go out is repeated (`tenacity`, as long as `Patience` allows); what is read of the reply besides is its usage and its text,
for the ledger and the trace.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp

from outlay.errors import OutlayError
from outlay.models.openai.address import Address, Key
from outlay.models.openai.calls import Patience
from outlay.models.openai.failures import Failure, of_status
from outlay.models.openai.replies import usage
from outlay.serve.refusals import Refusal
from outlay.types import Cost

T = TypeVar("T")

PATIENCE = Patience(connect=5.0, tries=6, load=30.0, first_pause=0.1, longest_pause=5.0)
MOST_KEPT = 4 * 2**20
"""Bytes of a streamed reply that are kept for its trace; the rest is passed on and not read."""
HEADERS = ("content-type", "retry-after", "openai-processing-ms", "x-ratelimit-remaining-requests")
"""Headers of a reply that are passed on."""


@dataclass
class Reply:
    """A reply as it came: status, headers, and what could be read of it (usage, text, how it ended)."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    text: str = ""
    finish: str = ""
    cost: Cost = field(default_factory=Cost)


class Passing:
    """Calls to one server. `failed` is told of each failed call, by a word from a short list."""

    def __init__(
        self,
        address: Address,
        key: Key,
        failed: Callable[[str], None] = lambda kind: None,
        patience: Patience = PATIENCE,
    ) -> None:
        self.address, self._key, self._failed, self.patience = address, key, failed, patience
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the session."""
        headers = {"Accept-Encoding": "identity", "Content-Type": "application/json"}
        if self._key.value:
            headers["Authorization"] = f"Bearer {self._key.value}"
        timeout = aiohttp.ClientTimeout(
            total=self.patience.reply, sock_connect=self.patience.connect, sock_read=self.patience.token
        )
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30.0)
        self._session = aiohttp.ClientSession(headers=headers, timeout=timeout, connector=connector)

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    async def whole(self, path: str, body: bytes) -> Reply:
        """The whole reply, whatever its status. Raises Refusal (502) where no reply can be had."""

        async def once() -> Reply:
            async with self._asked(path, body) as response:
                content = await response.read()
                reply = Reply(response.status, _passed_on(response), content)
            if response.status == 200:
                read_whole(reply)
            return reply

        return await self._repeated(once)

    async def stream(self, path: str, body: bytes) -> tuple[Reply, AsyncIterator[bytes]]:
        """A reply that has begun, and its pieces as they come. Where it breaks off the pieces raise OutlayError.

        The reply's text and cost are there when the pieces have ended. Closed early (`aclose`), the call is ended with it.
        """

        async def once() -> tuple[Reply, Any, Any]:
            context = self._asked(path, body)
            response = await context.__aenter__()
            reply = Reply(response.status, _passed_on(response))
            if response.status != 200:
                try:
                    reply.body = await response.read()
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    raise _lost(error) from None
                finally:
                    await context.__aexit__(None, None, None)
            return reply, response, context

        reply, response, context = await self._repeated(once)
        return reply, self._pieces(reply, response, context)

    async def _pieces(self, reply: Reply, response: Any, context: Any) -> AsyncIterator[bytes]:
        if reply.status != 200:
            yield reply.body
            return
        kept = bytearray()
        try:
            async for piece in response.content.iter_any():
                if len(kept) < MOST_KEPT:
                    kept += piece
                if b"[DONE]" in piece:
                    read_stream(reply, bytes(kept))
                yield piece
            if not reply.cost.calls:
                read_stream(reply, bytes(kept))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            read_stream(reply, bytes(kept))
            self._failed("broken_stream")
            raise OutlayError(f"the server's reply broke off ({type(error).__name__})") from None
        except (GeneratorExit, asyncio.CancelledError):  # nobody reads on
            read_stream(reply, bytes(kept))
            raise
        finally:
            response.close()
            await context.__aexit__(None, None, None)

    def _asked(self, path: str, body: bytes) -> Any:
        assert self._session is not None, "start() comes first"
        return _Asked(self._session.post(self.address.url + path, data=body), self._key)

    async def _repeated(self, once: Callable[[], Awaitable[T]]) -> T:
        first: list[Failure] = []
        try:
            return await once()  # the usual case, without the machinery of repeating
        except Failure as failure:
            self._failed(_kind(failure))
            if not failure.transient:
                raise self._told(failure) from None
            first.append(failure)
        from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

        patience, loop = self.patience, asyncio.get_running_loop()
        pause = wait_random_exponential(multiplier=patience.first_pause, max=patience.longest_pause)
        began, failures = loop.time(), list(first)

        async def again() -> T:
            if first:
                raise first.pop()  # the call that was made above
            try:
                return await once()
            except Failure as failure:
                self._failed(_kind(failure))
                failures.append(failure)
                raise

        def wait(state: RetryCallState) -> float:
            asked = failures[-1].retry_after
            return pause(state) if asked is None else asked

        def enough(state: RetryCallState) -> bool:
            if failures[-1].load:
                return loop.time() - began + (failures[-1].retry_after or 0.0) > patience.load
            return sum(not failure.load for failure in failures) >= patience.tries

        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, Failure) and error.transient),
            wait=wait,
            stop=enough,
            reraise=True,
        )
        try:
            found: T = await retrying(again)
            return found
        except Failure as failure:
            raise self._told(failure) from None

    def _told(self, failure: Failure) -> Refusal:
        if failure.load:
            after = str(max(1, round(failure.retry_after or 1)))
            return Refusal(
                429, "the model's server has too much to do", code="rate_limit_exceeded", headers={"Retry-After": after}
            )
        return Refusal(502, f"the model's server does not answer ({failure.says})", code="upstream_error")


class _Asked:
    """A call under way: what goes wrong with it becomes a Failure, also a status that is worth another try."""

    def __init__(self, request: Any, key: Key) -> None:
        self._request, self._key = request, key
        self._response: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            self._response = response = await self._request
            if response.status >= 400:
                body = await response.read()
                failure = of_status(
                    response.status, self._key.hidden(body.decode("utf-8", "replace")), response.headers
                )
                if failure.transient or response.status in (401, 403):
                    response.release()
                    raise failure
            return response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _lost(error) from None

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if self._response is not None:
            self._response.release()
        if isinstance(error, (aiohttp.ClientError, TimeoutError, OSError)):
            raise _lost(error) from None


def _lost(error: BaseException) -> Failure:
    return Failure(f"{type(error).__name__}", transient=True, billed=False)


def _kind(failure: Failure) -> str:
    """A word for a failure, from a short list."""
    if failure.load:
        return "load"
    if failure.status is None:
        return "connection"
    return "client" if failure.status < 500 else "server"


def _passed_on(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name: response.headers[name] for name in HEADERS if name in response.headers}


def read_whole(reply: Reply) -> None:
    """Enter the usage, text and end of a whole reply. Raises Failure where it is none: a proxy's page, or half a reply."""
    try:
        content = json.loads(reply.body)
        choices = content["choices"]
    except (ValueError, KeyError, TypeError):
        raise Failure("a reply that is no JSON object with choices", transient=True, billed=True) from None
    said = usage(content)
    reply.cost = Cost(calls=1, generations=float(max(len(choices), 1)))
    if said is not None:
        reply.cost = Cost(said.prompt, said.cached, said.generated, calls=1, generations=float(max(len(choices), 1)))
    if choices:
        reply.text, reply.finish = _text_of(choices[0], "message")


def read_stream(reply: Reply, content: bytes) -> None:
    """Enter what a streamed reply said: its usage, where it tells one, else a token a piece."""
    texts: list[str] = []
    calls: list[Any] = []
    choices, said, pieces = {0}, None, 0
    for line in content.split(b"\n"):
        if not line.startswith(b"data: {"):
            continue
        try:
            piece = json.loads(line[6:])
        except ValueError:
            continue
        said = usage(piece) or said
        for one in piece.get("choices") or ():
            choices.add(one.get("index") or 0)
            delta = one.get("delta") or {}
            text, called = str(delta.get("content") or one.get("text") or ""), delta.get("tool_calls") or ()
            pieces += bool(text or called)
            if not one.get("index"):
                texts.append(text)
                calls += called
            reply.finish = one.get("finish_reason") or reply.finish
    reply.text = "".join(texts) or (json.dumps(calls) if calls else "")
    if said is None:
        reply.cost = Cost(generated_tokens=pieces, calls=1, generations=float(len(choices)))
    else:
        reply.cost = Cost(said.prompt, said.cached, said.generated, calls=1, generations=float(len(choices)))


def _text_of(choice: Mapping[str, Any], where: str) -> tuple[str, str]:
    message = choice.get(where) or {}
    text = message.get("content") or choice.get("text") or ""
    if not text and message.get("tool_calls"):
        text = json.dumps(message["tool_calls"])
    return str(text), str(choice.get("finish_reason") or "")
