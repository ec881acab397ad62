"""Writing whole files: each appears under its name complete, or not at all; a place that cannot be written to is named early.

Used for everything that is written once (parts of a store, summaries, policies, reports). `check_folder` and `check_file` are
asked before long work begins; they create nothing, so what they say can only change if somebody else changes the disk.
"""

from __future__ import annotations

import glob
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from outlay.errors import UserError

LEFTOVER_SECONDS = 3600.0
"""A temporary file this old has no writer any more: the largest file that is written so takes some seconds."""


def write_whole(target: Path, write: Callable[[Path], object], *, durable: bool = False) -> None:
    """Have `write` fill a temporary file, then put it in the place of `target`; folders on the way are made.

    With `durable` it survives a crash of the machine once this returns. Raises UserError where the disk says no; nothing is
    left behind then, and an older file stays as it was. A writer that is killed leaves its temporary file; the next one who
    writes the same target an hour later, or who holds a store's lock, removes it.

    >>> write_whole(Path("out/a.txt"), lambda file: file.write_text("whole"))     # doctest: +SKIP
    """
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    waiting = _together.get()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        cleared_of_leftovers(target.parent, target.name, older_than=LEFTOVER_SECONDS)
        try:
            write(temporary)
            if durable:
                _to_disk(temporary)
            if waiting is None:
                temporary.replace(target)
            else:
                waiting[target] = temporary
        finally:
            if waiting is None or target not in waiting:
                temporary.unlink(missing_ok=True)
        if durable:
            _to_disk(target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error


@contextmanager
def together() -> Iterator[None]:
    """The files that are written whole in this block appear at its end, all of them; none where one of them cannot be written.

    So that a folder does not hold a new summary beside an old report when the disk is full between the two.
    """
    waiting: dict[Path, Path] = {}
    token = _together.set(waiting)
    try:
        yield
        for target, temporary in waiting.items():
            try:
                temporary.replace(target)
            except OSError as error:
                raise _unwritable(target, error) from error
    finally:
        _together.reset(token)
        for temporary in waiting.values():
            temporary.unlink(missing_ok=True)


_together: ContextVar[dict[Path, Path] | None] = ContextVar("together", default=None)
"""Targets of the `together` block that we are in, each with the temporary file that is to take its place."""


def _unwritable(target: Path, error: OSError) -> UserError:
    return UserError(f"{target} cannot be written ({reason(error)}); give another place, or make room there.")


def cleared_of_leftovers(folder: Path, name: str | None = None, *, older_than: float = 0.0) -> None:
    """Remove what killed writers of `name` (None: of anything) left in `folder`, if it has been there for `older_than` seconds."""
    now = time.time()
    for leftover in folder.glob(f".{'*' if name is None else glob.escape(name)}.{'[0-9a-f]' * 32}.tmp"):
        with suppress(OSError):  # another process was faster, or it is not ours to remove; it does no harm
            if now - leftover.stat().st_mtime >= older_than:
                leftover.unlink()


def write_text_whole(target: Path, text: str) -> None:
    """`write_whole` of a text, as UTF-8."""
    write_whole(target, lambda file: file.write_text(text, encoding="utf-8"))


def check_folder(folder: Path) -> None:
    """A UserError unless `folder` is one that can be written into, or can be made; nothing is made."""
    try:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder} is a file; a folder is wanted there, so give another name (it may be new).")
        _check_ancestor(folder, folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be a folder ({reason(error)}); give another name.") from error


def check_file(file: Path) -> None:
    """A UserError unless a file can be written at `file`; nothing is made, and a file that is there may be replaced."""
    try:
        if file.is_dir():
            raise UserError(f"{file} is a folder; a file is to be written there, so give a file's name.")
        _check_ancestor(file.parent, file)
    except OSError as error:
        raise UserError(f"{file} cannot be written ({reason(error)}); give another name.") from error


def _check_ancestor(folder: Path, wanted: Path) -> None:
    """The nearest thing on the way to `folder` that exists has to be a folder that can be written into."""
    nearest = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not nearest.is_dir():
        raise UserError(f"{wanted} cannot be made, because {nearest} is a file; give another place.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(f"{wanted} cannot be written: you may not write into {nearest}; give another place.")


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def reason(error: Exception) -> str:
    """Why it failed, in one line, without the path that the sentence names anyway.

    >>> reason(OSError(28, "No space left on device", "a.txt"))
    'No space left on device'
    """
    known = isinstance(error, OSError) and error.errno is not None
    told = os.strerror(error.errno) if known else str(error) or type(error).__name__  # type: ignore[attr-defined]
    return " ".join(told.split()).rstrip(".")
