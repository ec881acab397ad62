"""What a GGUF file says of itself, read before llama.cpp sees it: so that a file that is none, or half of one, is one sentence.

The layout is that of ggml's `docs/gguf.md`, versions 2 and 3: key-value pairs, then a table of tensors, then their data.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from outlay.errors import UserError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
STRING, ARRAY = 8, 9
NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
"""How the kinds of numbers in a key-value pair are written."""

BLOCKS = {
    0: (1, 4),  # F32
    1: (1, 2),  # F16
    2: (32, 18),  # Q4_0
    3: (32, 20),  # Q4_1
    6: (32, 22),  # Q5_0
    7: (32, 24),  # Q5_1
    8: (32, 34),  # Q8_0
    10: (256, 84),  # Q2_K
    11: (256, 110),  # Q3_K
    12: (256, 144),  # Q4_K
    13: (256, 176),  # Q5_K
    14: (256, 210),  # Q6_K
    30: (1, 2),  # BF16
}
"""Weights and bytes of a block, by a tensor's type; of a type that is not here only the beginning of the data is checked."""

MOST_ENTRIES = 1 << 20
MOST_LETTERS = 1 << 26
"""Beyond these a count cannot be meant: the file is damaged."""


@dataclass(frozen=True, slots=True)
class Header:
    """A GGUF file's own words: `parameters` are all its weights, `context` the length it was trained on, in tokens.

    `fields` holds the key-value pairs, long lists left out; `has_template` says whether it brings a chat template.
    """

    name: str
    architecture: str
    parameters: int
    context: int | None
    has_template: bool
    fields: Mapping[str, Any]


def read_header(path: Path) -> Header:
    """The header of the file at `path`.

    Raises UserError where there is no such file, it cannot be read, is no GGUF file, or ends before its weights do.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return _header(path, file, size)
    except FileNotFoundError:
        raise UserError(f"there is no file {path}: give the path of a GGUF file, or llamacpp:smollm2") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder: give the path of a GGUF file in it") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}): check its permissions") from None
    except (_Ends, struct.error):
        raise UserError(
            f"{path} ends in the middle of its header ({size:,} bytes): it was not copied whole; fetch it again"
        ) from None
    except (ValueError, OverflowError) as error:
        raise UserError(f"{path} is damaged ({error}): fetch it again") from None


class _Ends(Exception):
    """The file ended where more was expected."""


def _header(path: Path, file: BinaryIO, size: int) -> Header:
    if (magic := file.read(4)) != MAGIC:
        seen = "it is empty" if not magic else f'it begins with {magic!r} and not with "GGUF"'
        raise UserError(f"{path} is no GGUF file ({seen}): llama.cpp runs models in this format alone")
    version = _number(file, "<I")
    if version not in VERSIONS:
        raise UserError(
            f"{path} is a GGUF file of version {version}; versions {VERSIONS[0]} and {VERSIONS[1]} are read"
        )
    tensors, pairs = _number(file, "<Q"), _number(file, "<Q")
    if max(tensors, pairs) > MOST_ENTRIES:
        raise ValueError(f"a table of {max(tensors, pairs):,} entries")
    fields = {}
    for _ in range(pairs):
        key = _text(file)
        fields[key] = _value(file, _number(file, "<I"))
    parameters, data_end = 0, 0
    for _ in range(tensors):
        _text(file)
        shape = [_number(file, "<Q") for _ in range(_number(file, "<I"))]
        kind, offset = _number(file, "<I"), _number(file, "<Q")
        weights = prod(shape)
        parameters += weights
        block, width = BLOCKS.get(kind, (1, 0))
        data_end = max(data_end, offset + weights // block * width)
    alignment = int(fields.get("general.alignment") or 32)
    needed = -(-file.tell() // alignment) * alignment + data_end
    if size < needed:
        raise UserError(
            f"{path} ends too early: it has {size:,} bytes and its weights take {needed:,}; it was not copied whole; fetch it again"
        )
    architecture = str(fields.get("general.architecture", ""))
    context = fields.get(f"{architecture}.context_length")
    return Header(
        name=str(fields.get("general.name") or path.stem),
        architecture=architecture,
        parameters=parameters,
        context=int(context) if context else None,
        has_template=bool(fields.get("tokenizer.chat_template")),
        fields=fields,
    )


def _number(file: BinaryIO, form: str) -> Any:
    return struct.unpack(form, _bytes(file, struct.calcsize(form)))[0]


def _bytes(file: BinaryIO, count: int) -> bytes:
    found = file.read(count)
    if len(found) < count:
        raise _Ends
    return found


def _text(file: BinaryIO) -> str:
    length = _number(file, "<Q")
    if length > MOST_LETTERS:
        raise ValueError(f"a text of {length:,} bytes")
    return _bytes(file, length).decode("utf-8", "replace")


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == STRING:
        return _text(file)
    if kind == ARRAY:
        _skip(file)
        return None
    if kind not in NUMBERS:
        raise ValueError(f"a value of the unknown kind {kind}")
    return _number(file, NUMBERS[kind])


def _skip(file: BinaryIO) -> None:
    """Pass over a list: vocabularies and merges are long and nobody asks for them."""
    kind, count = _number(file, "<I"), _number(file, "<Q")
    if count > MOST_LETTERS:
        raise ValueError(f"a list of {count:,} items")
    if kind in NUMBERS:
        file.seek(count * struct.calcsize(NUMBERS[kind]), os.SEEK_CUR)
        return
    for _ in range(count):
        if kind == STRING:
            file.seek(_number(file, "<Q"), os.SEEK_CUR)
        else:
            _value(file, kind)
