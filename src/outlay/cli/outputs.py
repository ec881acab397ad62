"""Whether what a command will write can be written, asked before it computes anything."""

from __future__ import annotations

from pathlib import Path

from outlay.traces.files import check_file, check_folder


def check_outputs(folder: Path, *names: str) -> None:
    """A UserError unless `folder` can hold the files of these names; nothing is made."""
    check_folder(folder)
    for name in names:
        check_file(folder / name)
