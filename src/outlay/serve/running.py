"""A service as a process: it opens its port when it is ready, and asked to end it takes no more and finishes what it has."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from outlay.errors import UserError
from outlay.serve.application import application
from outlay.serve.guarding import GuardedProtocol
from outlay.serve.service import Service
from outlay.traces.files import reason

KEEP_ALIVE_SECONDS = 75
BACKLOG = 4096


class Draining(uvicorn.Server):
    """uvicorn's server, whose end by a signal is an end like any other: it drains, and the process goes on to tidy up."""

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending

    def end(self) -> None:
        """Take no more requests, finish what is under way, and come back; from any thread."""
        self._ending()
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal asks to end; a second Ctrl-C does not wait for what is under way."""
        self._ending()
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals while the server runs."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def bound(host: str, port: int) -> socket.socket:
    """A socket at that address. Raises UserError where it is taken, or none of this machine's."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError as error:
        raise UserError(
            f"{host}:{port} cannot be served on ({reason(error)}); give another --host or --port"
        ) from error
    return made


async def serve(
    service: Service, listening: socket.socket, ready: Callable[[Draining], None] = lambda server: None
) -> None:
    """Serve until asked to end, then drain and tidy up; `ready` gets the server when it is.

    Raises UserError where the service cannot start.
    """
    settings = service.settings
    try:
        await service.start()
        config = uvicorn.Config(
            application(service),
            http=GuardedProtocol,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="critical",
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
        )

        def ending() -> None:
            if not service.draining:
                service.draining = True
                service.log.line("draining", running=service.admission.running, waiting=service.admission.waiting)

        server = Draining(config, ending)
        ready(server)
        await server.serve(sockets=[listening])
    finally:
        await service.close()


def run(service: Service, listening: socket.socket, ready: Callable[[Draining], None] = lambda server: None) -> None:
    """`serve` on an event loop of its own, the fast one where it is installed."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if sys.platform != "win32":
        try:
            import uvloop

            factory = uvloop.new_event_loop
        except ImportError:
            factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(service, listening, ready))
