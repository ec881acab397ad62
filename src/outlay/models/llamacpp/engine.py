"""llama.cpp in this process (`xllamacpp`): one copy of a file's weights, slots that run side by side, and a way to ask.

Its own native interface (`/completion`, `/apply-template`) tells more than the one in OpenAI's form: every choice's own count of
tokens, what ended it, and how much of the prompt came from the cache. It is spoken over a socket in a folder that only this
user can enter, so nothing listens on the network. Models of the same file and settings share an engine.

How many slots and threads there are changes no address: `OUTLAY_LLAMACPP_SLOTS` (32) and `OUTLAY_LLAMACPP_THREADS` (the cores
that are usable; one in a study's worker processes).
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import tempfile
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from outlay.errors import OutlayError, UserError
from outlay.models.llamacpp.header import Header

SLOTS_VARIABLE, THREADS_VARIABLE = "OUTLAY_LLAMACPP_SLOTS", "OUTLAY_LLAMACPP_THREADS"
SLOTS = 32
"""Sequences that run at the same time, unless the environment says otherwise."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How llama.cpp runs: `slots` sequences at once with room for `context` tokens each, on `threads` threads."""

    slots: int
    context: int
    threads: int


def settings(context: int) -> Settings:
    """The settings for that context length; slots and threads are the environment's, and a UserError where these are no numbers."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    worker = os.environ.get("OMP_NUM_THREADS", "")
    return Settings(
        slots=_whole(SLOTS_VARIABLE, SLOTS),
        context=context,
        threads=_whole(THREADS_VARIABLE, int(worker) if worker.isdecimal() and int(worker) else usable),
    )


def _whole(variable: str, otherwise: int) -> int:
    value = os.environ.get(variable) or str(otherwise)
    if not value.isdecimal() or not 0 < int(value) <= 1024:
        raise UserError(f'the environment variable {variable} is a whole number from 1 to 1024, not "{value}"')
    return int(value)


class Refused(OutlayError):
    """llama.cpp did not do what it was asked; `kind` is its own word for why."""

    def __init__(self, says: str, kind: str = "") -> None:
        super().__init__(says)
        self.kind = kind


class Engine:
    """A running llama.cpp. `calls` is a pool of threads, one a slot, in which `post` and `Stream` may wait."""

    def __init__(self, path: Path, header: Header, chosen: Settings) -> None:
        self.path, self.settings = path, chosen
        self._folder = tempfile.TemporaryDirectory(prefix="outlay-llamacpp-")
        self.address = str(Path(self._folder.name) / "llama.sock")
        self._server = _started(path, header, chosen, self.address)
        self.calls = ThreadPoolExecutor(max_workers=chosen.slots, thread_name_prefix="llamacpp")

    def connection(self) -> http.client.HTTPConnection:
        """A new connection to it."""
        return _Local(self.address)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What it answers to one request. Raises Refused."""
        connection = self.connection()
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            reply = connection.getresponse()
            return _read(reply.status, reply.read())
        except OSError as error:
            raise OutlayError(f"llama.cpp does not answer ({error}): it ran out of memory, or was ended") from None
        finally:
            connection.close()


class Stream:
    """One request for text whose pieces are read as they come; `cancel`, from any thread, ends it, and the work behind it."""

    def __init__(self, engine: Engine, body: dict[str, Any]) -> None:
        self._engine, self._body = engine, body
        self._connection: http.client.HTTPConnection | None = None
        self._lock = threading.Lock()
        self.cancelled = False

    def pieces(self) -> Iterator[dict[str, Any]]:
        """The pieces, each for one choice, whose number is its `index`. Raises Refused; ends early where it was cancelled."""
        with self._lock:
            if self.cancelled:
                return
            connection = self._connection = self._engine.connection()
            connection.connect()
        try:
            body = json.dumps(self._body | {"stream": True})
            connection.request("POST", "/completion", body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            if reply.status != 200:
                _read(reply.status, reply.read())
            for line in reply:
                name, _, content = line.partition(b": ")
                if name in (b"data", b"error") and content.strip() != b"[DONE]":
                    yield _read(200, content)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if not self.cancelled:
                raise OutlayError(f"llama.cpp broke off ({error}): it ran out of memory, or was ended") from None
        finally:
            connection.close()

    def cancel(self) -> None:
        """End it."""
        with self._lock:
            self.cancelled = True
            if self._connection is not None and self._connection.sock is not None:
                try:
                    self._connection.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    return  # it had ended


class _Local(http.client.HTTPConnection):
    """A connection over a socket file."""

    def __init__(self, address: str) -> None:
        super().__init__("localhost")
        self._address = address

    def connect(self) -> None:
        """Open the socket file."""
        if self.sock is None:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.connect(self._address)


def _read(status: int, content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        raise OutlayError(f"llama.cpp gave no JSON (status {status}): {content[:80]!r}") from None
    error = found.get("error", found if status != 200 else None) if isinstance(found, dict) else None
    if error is not None:
        told = error if isinstance(error, dict) else {"message": error}
        raise Refused(str(told.get("message", f"status {status}")), str(told.get("type", "")))
    return dict(found)


def _started(path: Path, header: Header, chosen: Settings, address: str) -> Any:
    """The `xllamacpp.Server`, its weights loaded. Raises UserError where they cannot be."""
    require_llama_cpp()
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.hostnames = [address]
    parameters.n_parallel, parameters.n_ctx = chosen.slots, chosen.slots * chosen.context
    parameters.kv_unified = False
    for threads in (parameters.cpuparams, parameters.cpuparams_batch):
        threads.n_threads, threads.poll = chosen.threads, 0  # who waits sleeps: spinning would take cores from others
    parameters.fit_params, parameters.verbosity, parameters.cache_ram_mib = False, -1, 0
    try:
        return xllamacpp.Server(parameters)
    except RuntimeError:
        raise UserError(
            f'llama.cpp cannot run {path} (architecture "{header.architecture}", {header.parameters:,} parameters): a newer '
            f"xllamacpp may know it; where memory is short, fewer slots ({SLOTS_VARIABLE}, now {chosen.slots}) or a smaller "
            "context do"
        ) from None


def require_llama_cpp() -> None:
    """A UserError that says how to install llama.cpp, where it is not there."""
    if find_spec("xllamacpp") is None:
        raise UserError('models in GGUF files need the package xllamacpp: install it with pip install "outlay[llm]"')


_running: weakref.WeakValueDictionary[tuple[Path, Settings], Engine] = weakref.WeakValueDictionary()
_starting = threading.Lock()


def shared(path: Path, header: Header, chosen: Settings) -> Engine:
    """The engine for a file, started at its first use; it ends with the last model that uses it."""
    key = (path.resolve(), chosen)
    with _starting:
        engine = _running.get(key)
        if engine is None:
            engine = _running[key] = Engine(path, header, chosen)
        return engine
