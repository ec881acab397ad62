"""Which weights and which tokenizer stand behind an address: hashes of their files, where they lie on this machine.

A policy calibrated with one tokenizer counts tokens, steps and scores of that one; under the same name another would mislead it.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from outlay.models import embedded_folder

HEADER_BYTES = 1 << 22
"""What is read of a large file: its size and its first 4 MiB (in a GGUF file these hold the tokenizer)."""


def weights_of(address: str) -> str | None:
    """A hash of the weights' files behind an address; None where they do not lie on this machine."""
    folder, _ = _place(address)
    if folder is None:
        return None
    files = [folder] if folder.is_file() else sorted(folder.glob("*.safetensors"))
    return _digest(files)


def tokenizer_of(address: str) -> str | None:
    """A hash of the tokenizer behind an address; None where it does not lie on this machine."""
    folder, _ = _place(address)
    if folder is None:
        return None
    return _digest([folder] if folder.is_file() else [folder / "tokenizer.json"])


def _place(address: str) -> tuple[Path | None, str]:
    kind, _, name = address.partition(":")
    if kind == "embedded":
        return embedded_folder(name), kind
    for text in (name.partition("#")[0], name.removeprefix("raw:").partition("?")[0]):
        place = Path(text)
        if text and place.exists():
            return place, kind
    return None, kind


def _digest(files: list[Path]) -> str | None:
    present = [file for file in files if file.is_file()]
    if not present:
        return None
    digest = sha256()
    for file in present:
        digest.update(f"{file.name} {file.stat().st_size} ".encode())
        with file.open("rb") as opened:
            digest.update(opened.read(HEADER_BYTES))
    return digest.hexdigest()
