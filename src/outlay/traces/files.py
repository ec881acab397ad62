"""Writing whole files: each appears under its name complete, or not at all; a place that cannot be written to is named early.

Used for everything that is written once (parts of a store, summaries, policies, reports). `check_folder` and `check_file` are
asked before long work begins; they create nothing, so what they say can only change if somebody else changes the disk.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path

from outlay.errors import UserError


def write_whole(target: Path, write: Callable[[Path], object], *, durable: bool = False) -> None:
    """Have `write` fill a temporary file, then put it in the place of `target`; folders on the way are made.

    With `durable` it survives a crash of the machine once this returns. Raises UserError where the disk says no; nothing is
    left behind then, and an older file stays as it was.

    >>> write_whole(Path("out/a.txt"), lambda file: file.write_text("whole"))     # doctest: +SKIP
    """
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(temporary)
            if durable:
                _to_disk(temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        if durable:
            _to_disk(target.parent)
    except OSError as error:
        raise UserError(
            f"{target} cannot be written ({_reason(error)}); give another place, or make room there."
        ) from error


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
        raise UserError(f"{folder} cannot be a folder ({_reason(error)}); give another name.") from error


def check_file(file: Path) -> None:
    """A UserError unless a file can be written at `file`; nothing is made, and a file that is there may be replaced."""
    try:
        if file.is_dir():
            raise UserError(f"{file} is a folder; a file is to be written there, so give a file's name.")
        _check_ancestor(file.parent, file)
    except OSError as error:
        raise UserError(f"{file} cannot be written ({_reason(error)}); give another name.") from error


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


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
