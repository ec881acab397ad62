"""The gate in front of the application: sizes and times of what comes in, keys, and errors as OpenAI's clients read them.

Headers are bounded in bytes and time before they are parsed (`GuardedProtocol`), bodies as they arrive, keys are looked at before a
body is read. What goes wrong inside becomes a 500 that says nothing of the request.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from outlay.serve.keys import Keys
from outlay.serve.outcome import new_id
from outlay.serve.refusals import Refusal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = ("/", "/healthz", "/readyz")
"""Paths that need no key: what load balancers ask, and the page, which asks for the key itself."""
HEAD_BYTES, HEAD_SECONDS, IDLE_SECONDS = 32 * 1024, 10.0, 75.0
BODY_BYTES, BODY_SECONDS = 2**20, 20.0


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with an end to its patience.

    A request's head is there in time and of a sensible size, or the connection ends.
    """

    _head = 0
    _in_head = True
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A connection: its first request has to come."""
        super().connection_made(transport)
        self._wait(IDLE_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came; those of a head are counted."""
        if self._in_head and not self._head:
            self._wait(HEAD_SECONDS, b"408 Request Timeout")  # the first bytes of a request: the others have to follow
        self._head += len(data) if self._in_head else 0
        super().data_received(data)
        if self._in_head and self._head > HEAD_BYTES:
            self._end(b"431 Request Header Fields Too Large")

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        self._stop()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole: what comes next is another one's head."""
        super().on_message_complete()
        self._in_head, self._head = True, 0

    def _wait(self, seconds: float, status: bytes = b"") -> None:
        self._stop()
        self._timer = self.loop.call_later(seconds, self._end, status)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self, status: bytes) -> None:
        self._stop()
        if not self.transport.is_closing():
            if status:
                self.transport.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self.transport.close()


class Gate:
    """ASGI middleware: reads the body within its limits, checks the key, and answers for whatever is raised.

    `ended` is told of every request: path, status, seconds, and the error's code where there was one.
    """

    def __init__(
        self,
        app: App,
        keys: Keys | None,
        ended: Callable[[str, str, int, float, str | None], None],
        *,
        body_bytes: int = BODY_BYTES,
        body_seconds: float = BODY_SECONDS,
        head_bytes: int = HEAD_BYTES,
    ) -> None:
        self.app, self.keys, self.ended = app, keys, ended
        self.body_bytes, self.body_seconds, self.head_bytes = body_bytes, body_seconds, head_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, code = time.perf_counter(), 0, None
        request_id = new_id()
        scope.setdefault("state", {})["request_id"] = request_id

        async def noted(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            self._head(scope)
            body = await self._body(scope, receive)
            await self.app(scope, _replayed(body, receive), noted)
        except Refusal as refusal:
            code = refusal.code
            if not status:
                await _refuse(refusal, noted, close=refusal.status in (408, 413, 431))
        except OSError:
            code = "client_gone"
        except Exception as error:  # noqa: BLE001 nothing that is raised may show a request, or end the server
            code = f"internal:{type(error).__name__}"
            if not status:
                await _refuse(Refusal(500, "the server failed at this request; it is not the request's fault"), noted)
        finally:
            self.ended(scope["path"], request_id, status, time.perf_counter() - began, code)

    def _head(self, scope: Scope) -> None:
        headers = scope["headers"]
        if sum(len(name) + len(value) for name, value in headers) > self.head_bytes:
            raise Refusal(
                431, f"the request's headers are larger than {self.head_bytes:,} bytes", code="headers_too_large"
            )
        named = dict(headers)
        if self.keys is not None and scope["path"] not in OPEN:
            shown = named.get(b"authorization")
            holder = self.keys.holder(shown.decode("latin-1") if shown else None)
            if holder is None:
                raise Refusal(
                    401,
                    "no valid key was given: send the header Authorization: Bearer KEY",
                    code="invalid_api_key",
                    headers={"WWW-Authenticate": "Bearer"},
                )
            scope["state"]["holder"] = holder
        length = named.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.body_bytes:
            raise self._too_large()

    def _too_large(self) -> Refusal:
        return Refusal(413, f"the request's body is larger than {self.body_bytes:,} bytes", code="request_too_large")

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            return b""
        parts, size = [], 0
        try:
            async with asyncio.timeout(self.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise OSError("the client went away")
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > self.body_bytes:
                        raise self._too_large()
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError:
            raise Refusal(
                408, f"the request's body was not there within {self.body_seconds:g} s", code="request_timeout"
            ) from None


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body, which has been read, and then what else comes (that the client is gone)."""
    given = False

    async def again() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(refusal: Refusal, send: Send, *, close: bool = False) -> None:
    body = json.dumps(refusal.body()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in refusal.headers.items()]
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
