"""The client's end of the line: work that ends when nobody waits for it any more, and streams that are sent as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import Response

T = TypeVar("T")

SEND_SECONDS = 60.0
"""A client that does not take what is sent for so long is gone."""


class ClientGone(OSError):
    """The client went away before its answer."""


async def while_there(receive: Callable[[], Awaitable[Mapping[str, Any]]], work: Coroutine[Any, Any, T]) -> T:
    """The work's result. Where the client goes away first, the work is cancelled, its tidying up awaited, and ClientGone raised."""
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_until_gone(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientGone("the client went away")
    finally:
        for one in (task, gone):
            if not one.done():
                one.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await one


async def _until_gone(receive: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def until(pieces: AsyncIterator[bytes], seconds: float | None) -> AsyncIterator[bytes]:
    """The pieces as they come, for so many seconds from now; then TimeoutError."""
    loop = asyncio.get_running_loop()
    end = None if seconds is None else loop.time() + seconds
    while True:
        async with asyncio.timeout_at(end):
            try:
                piece = await anext(pieces)
            except StopAsyncIteration:
                return
        yield piece


class Stream(Response):
    """A reply whose pieces are sent as they come. When the client goes away they are closed (`aclose`), whatever they wait for."""

    def __init__(
        self, pieces: AsyncIterator[bytes], headers: Mapping[str, str], media_type: str = "text/event-stream"
    ) -> None:
        super().__init__(status_code=200, headers=dict(headers), media_type=media_type)
        del self.headers["content-length"]
        self._pieces = pieces

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Mapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Send it."""

        async def sent() -> None:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            try:
                async for piece in self._pieces:
                    async with asyncio.timeout(SEND_SECONDS):
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            except TimeoutError:
                raise ClientGone("the client takes nothing any more") from None
            finally:
                close = getattr(self._pieces, "aclose", None)
                if close is not None:
                    await close()

        await while_there(receive, sent())
