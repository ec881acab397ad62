"""What a folder of traces was made from: hashes of the questions and of the weights of models that run here.

A study that goes on with other questions or other weights under the same names would mix two experiments; comparing
fingerprints finds that before any work is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from os import SEEK_END

from outlay.models import embedded_folder
from outlay.models.llamacpp.address import parse
from outlay.study.study import Study
from outlay.study.work import questions

ENDS = 4 * 2**20
"""Bytes that are read at both ends of a large file of weights."""


def fingerprints(study: Study) -> dict[str, str]:
    """A hash for each entry's questions and each model in this process that the study names."""
    found: dict[str, str] = {}
    for entry in study.entries:
        digest = blake2b(digest_size=16)
        for question in questions(entry, study.seed):
            digest.update(repr((question.id, question.text, question.reference)).encode())
        found[f"questions of {entry.task}, {entry.split}, {entry.questions}"] = digest.hexdigest()
        for address in (entry.model, entry.verifier, entry.large, *entry.weak_verifiers):
            if address is not None and address.startswith("embedded:"):
                found[address] = _weights(address)
            elif address is not None and address.startswith("llamacpp:"):
                found[address] = _file(address)
    return found


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What both know and what is not the same any more."""
    return sorted(name for name, digest in now.items() if before.get(name, digest) != digest)


def _weights(address: str) -> str:
    digest = blake2b(digest_size=16)
    for file in sorted(embedded_folder(address.partition(":")[2]).glob("*.safetensors")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _file(address: str) -> str:
    """Of a GGUF file, which may be large, its length and both its ends."""
    path = parse(address.partition(":")[2]).path
    digest = blake2b(str(path.stat().st_size).encode(), digest_size=16)
    with path.open("rb") as file:
        digest.update(file.read(ENDS))
        file.seek(-min(ENDS, path.stat().st_size), SEEK_END)
        digest.update(file.read())
    return digest.hexdigest()
