"""One request to a server until it is answered: turns, time limits, repeats, and what the calls in vain were.

The official client speaks the protocol; repeats are `tenacity`'s. A repeat waits as long as `Retry-After` says, else exponentially
longer with jitter. A call whose reply had begun when it broke off was worked for by the server and is counted as *lost*, so
that whoever asked can enter it in the ledger; one that was refused was not.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

from outlay.errors import OutlayError
from outlay.models.openai.address import Address, Key
from outlay.models.openai.concurrency import Concurrency
from outlay.models.openai.failures import Failure, lasting, of_status

log = logging.getLogger(__name__)

SPARE_CONNECTIONS = 16
"""Connections beyond those of calls that have their turn: for the server's own pages, and for ones that are being closed."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Time limits in seconds, and how often a call is repeated.

    `connect` is for a connection to be there, `token` for the pause between two pieces of a streamed reply, `reply` for a whole
    call. A failing call is made `tries` times in all; one that the server refuses for load is repeated for `load` seconds. The
    first pause is at most `first_pause`, and none is longer than `longest_pause` unless the server asks for it.
    """

    connect: float = 10.0
    token: float = 120.0
    reply: float = 900.0
    tries: int = 6
    load: float = 600.0
    first_pause: float = 0.5
    longest_pause: float = 30.0


@dataclass(slots=True)
class _Call:
    """What is known of the call under way: whether its reply has begun."""

    began: bool = False


_under_way: ContextVar[_Call | None] = ContextVar("outlay_call", default=None)


@dataclass(slots=True)
class Lost:
    """What of one request was worked for in vain: `calls` of which nothing is known, and `partly` known ones with their tokens."""

    calls: int = 0
    partly: int = 0
    prompt: int = 0
    generated: int = 0


class Reader(Protocol):
    """What takes a streamed reply: `take` says whether that was enough; `ended`, whether all that is needed is there.

    `prompt` and `generated` are the tokens so far, where they are known.
    """

    @property
    def ended(self) -> bool: ...  # noqa: D102
    @property
    def prompt(self) -> int | None: ...  # noqa: D102
    @property
    def generated(self) -> int: ...  # noqa: D102

    def take(self, piece: Any) -> bool:
        """Take the next piece."""
        ...


R = TypeVar("R", bound=Reader)


@dataclass
class Calls:
    """Requests to one server. `known_models` is filled in by whoever asked for them, for the sentence about a wrong one."""

    address: Address
    key: Key
    concurrency: Concurrency = field(default_factory=Concurrency)
    patience: Patience = field(default_factory=Patience)
    known_models: tuple[str, ...] = ()
    _clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = field(default_factory=WeakKeyDictionary)

    def _client(self) -> Any:
        """The client of the running event loop; connections belong to a loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            import openai

            async def began(response: Any) -> None:
                call = _under_way.get()
                if call is not None and response.status_code == 200:
                    call.began = True

            patience, most = self.patience, self.concurrency.most + SPARE_CONNECTIONS
            limits = type(openai.DEFAULT_CONNECTION_LIMITS)(max_connections=most, max_keepalive_connections=most)
            self._clients[loop] = openai.AsyncOpenAI(
                api_key=self.key.value or "none",
                base_url=self.address.url,
                max_retries=0,
                timeout=openai.Timeout(patience.reply, connect=patience.connect),
                http_client=openai.DefaultAioHttpClient(limits=limits, event_hooks={"response": [began]}),
            )
        return self._clients[loop]

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    async def post(
        self, path: str, body: dict[str, Any], lost: Lost, units: Callable[[Any], float] = lambda _: 1.0
    ) -> Any:
        """The content of the reply to `body` at `path` (below the URL, or a whole URL), repeated while that may help.

        Calls in vain are counted in `lost`, whatever comes of it; `units` says how much a reply brought, for the concurrency.
        Raises UserError or ServerFailed.
        """
        try:
            return await self._repeated(lambda: self._once("post", path, body, units), lost)
        except Failure as failure:
            raise self.told(failure) from None

    async def stream(self, path: str, body: dict[str, Any], reader: Callable[[], R], lost: Lost) -> R:
        """The reader that has taken the reply to `body` piece by piece, until it had enough or the reply ended.

        A reply that breaks off is begun again with a new reader; what the old one had taken is entered in `lost`.
        """

        async def once() -> R:
            taking = reader()
            try:
                await self._in_pieces(path, body, taking)
            except Failure as failure:
                if failure.billed:
                    failure.billed = False
                    lost.partly += 1
                    lost.prompt += taking.prompt or 0
                    lost.generated += taking.generated
                raise
            return taking

        try:
            found: R = await self._repeated(once, lost)
            return found
        except Failure as failure:
            raise self.told(failure) from None

    async def _in_pieces(self, path: str, body: dict[str, Any], reader: Reader) -> None:
        import openai

        async with self.turn() as brought:
            client, patience = self._client(), self.patience
            async with self._failing() as call, asyncio.timeout(patience.reply):
                stream = await client.post(
                    path,
                    cast_to=object,
                    body=body | {"stream": True},
                    stream=True,
                    stream_cls=openai.AsyncStream[object],
                )
                async with stream:
                    pieces = aiter(stream)
                    while True:
                        async with asyncio.timeout(patience.token):
                            piece = await anext(pieces, None)
                        if piece is None or reader.take(piece):
                            break
            if not reader.ended:
                raise Failure("a reply that breaks off", transient=True, billed=call.began)
            brought.append(reader.generated)

    async def look(self, path: str, body: dict[str, Any] | None = None, tries: int | None = None) -> Any:
        """The content at `path`; raises Failure where it lasts. For finding out what a server does."""
        method = "get" if body is None else "post"
        return await self._repeated(lambda: self._once(method, path, body, lambda _: 1.0), Lost(), tries)

    async def page(self, path: str) -> str:
        """The text of a page of the server's own, beside its API. Raises Failure."""
        async with self._failing():
            return str(await self._client().get(self.address.root + path, cast_to=str))

    def told(self, failure: Failure) -> OutlayError:
        """A lasting failure as a caller is told of it."""
        return lasting(failure, self.address.url, self.address.model, self.known_models)

    async def _once(self, method: str, path: str, body: dict[str, Any] | None, units: Callable[[Any], float]) -> Any:
        async with self.turn() as brought:
            client = self._client()
            async with self._failing() as call:
                async with asyncio.timeout(self.patience.reply):
                    if method == "get":
                        text = await client.get(path, cast_to=str)
                    else:
                        text = await client.post(path, cast_to=str, body=body)
                content = decoded(text, call)
            brought.append(units(content))
            return content

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[list[float]]:
        """A call's turn; what is put into the list is what it brought."""
        brought: list[float] = []
        entered = await self.concurrency.enter()
        try:
            yield brought
        except Failure as failure:
            if failure.load:
                self.concurrency.too_much(failure.retry_after)
            raise
        finally:
            self.concurrency.leave(entered if brought else None, sum(brought))

    @asynccontextmanager
    async def _failing(self) -> AsyncIterator[_Call]:
        """Whatever the client raises becomes a Failure; the key is in none."""
        import openai

        call = _Call()
        token = _under_way.set(call)
        try:
            yield call
        except openai.APIStatusError as error:
            failure = of_status(error.status_code, self.key.hidden(error.response.text), error.response.headers)
            raise failure from None
        except (openai.APITimeoutError, TimeoutError) as error:
            connecting = "Connect" in type(error.__cause__).__name__
            says = f"no connection within {self.patience.connect:g} s" if connecting else "no reply in time"
            raise Failure(says, transient=True, billed=not connecting) from None
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            says = self.key.hidden(f"{type(cause).__name__}: {' '.join(str(cause).split())}")[:200]
            raise Failure(says, transient=True, billed=call.began) from None
        except (Failure, OutlayError):
            raise
        except Exception as error:  # noqa: BLE001 in the middle of a stream the client lets through what its transport raises
            says = self.key.hidden(f"{type(error).__name__}: {' '.join(str(error).split())}")[:200]
            raise Failure(says, transient=True, billed=call.began) from None
        finally:
            _under_way.reset(token)

    async def _repeated(self, once: Callable[[], Awaitable[Any]], lost: Lost, tries: int | None = None) -> Any:
        try:
            return await once()  # the usual case, without the machinery of repeating
        except Failure as failure:
            failures, told = [failure], [failure]
        from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

        patience, loop = self.patience, asyncio.get_running_loop()
        pause = wait_random_exponential(multiplier=patience.first_pause, max=patience.longest_pause)
        began = loop.time()

        async def again() -> Any:
            if told:
                raise told.pop()  # the call that was made above
            try:
                return await once()
            except Failure as failure:
                failures.append(failure)
                raise

        def wait(state: RetryCallState) -> float:
            asked = failures[-1].retry_after
            return pause(state) if asked is None else asked

        def enough(state: RetryCallState) -> bool:
            if failures[-1].load:
                return loop.time() - began + (failures[-1].retry_after or 0.0) > patience.load
            return sum(not failure.load for failure in failures) >= (tries or patience.tries)

        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, Failure) and error.transient),
            wait=wait,
            stop=enough,
            reraise=True,
            before_sleep=lambda state: log.info("%s: %s; it is asked again", self.address.url, failures[-1]),
        )
        try:
            return await retrying(again)
        except Failure as failure:
            failure.tries = len(failures)
            raise
        finally:
            lost.calls += sum(failure.billed for failure in failures)


def decoded(text: Any, call: _Call) -> Any:
    """The content of a reply that came with status 200. Raises Failure where it is no JSON object, or is an error after all."""
    try:
        content = json.loads(text)
    except (TypeError, ValueError):
        raise Failure("a reply that is no JSON", transient=True, billed=call.began) from None
    if not isinstance(content, dict | list):
        raise Failure("a reply that is no JSON object", transient=True, billed=call.began)
    if isinstance(content, dict) and content.get("error"):
        error = content["error"]
        code = error.get("code") if isinstance(error, dict) else None
        raise of_status(code if isinstance(code, int) and 400 <= code < 600 else 500, text, {})
    return content
