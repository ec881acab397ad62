"""A probe on disk: `probe.json` (what it is, what it was trained on, what it is worth), `probe.safetensors`, `README.md`.

Nothing in it can run code. The JSON names the features by their address; a probe is of use only with the very model it was
trained on, so a model of another width is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import numpy as np

from outlay.errors import UserError
from outlay.traces.files import check_folder, write_text_whole, write_whole
from outlay.verifiers.probes.head import Head

CARD, WEIGHTS, README = "probe.json", "probe.safetensors", "README.md"
Target = Literal["solutions", "difficulty"]
VERSION = 1
LEARNT, DIGEST = "learnt", 8
"""The tensor of digests, [questions, 8] bytes."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A head and what it looks at: the address of its `features`, their `layer` and `parts`. `about` is the rest of its card.

    `learnt` are digests of the questions that it was trained and stopped on; None where the folder does not say.
    """

    head: Head
    features: str
    layer: int
    parts: tuple[str, ...]
    target: Target
    about: Mapping[str, Any]
    learnt: frozenset[bytes] | None = None


def digest_of(question: str) -> bytes:
    """Eight bytes that stand for a question's text, whatever its spaces.

    >>> digest_of("2 + 2 = ?") == digest_of(" 2 + 2  = ?")
    True
    """
    return blake2b(" ".join(question.split()).encode(), digest_size=DIGEST).digest()


def save_probe(folder: Path, probe: Probe, readme: str) -> None:
    """Write the folder; its files appear whole, the card last."""
    from safetensors.numpy import save_file

    check_folder(folder)
    tensors: dict[str, Any] = {name: np.ascontiguousarray(one) for name, one in probe.head.tensors().items()}
    if probe.learnt is not None:
        tensors[LEARNT] = np.frombuffer(b"".join(sorted(probe.learnt)), np.uint8).reshape(-1, DIGEST)
    write_whole(folder / WEIGHTS, lambda file: save_file(tensors, str(file)))
    write_text_whole(folder / README, readme)
    card = {"version": VERSION, "features": probe.features, "layer": probe.layer, "parts": list(probe.parts)}
    card |= {"target": probe.target, **probe.about}
    write_text_whole(folder / CARD, json.dumps(card, indent=2, allow_nan=False) + "\n")


def load_probe(folder: str | Path) -> Probe:
    """The probe in a folder; UserError where there is none, or what there is cannot be one."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = Path(folder)
    try:
        card = json.loads((path / CARD).read_text(encoding="utf-8"))
        tensors = load_file(path / WEIGHTS)
        head = Head.of_tensors(tensors)
        learnt = frozenset(row.tobytes() for row in tensors[LEARNT]) if LEARNT in tensors else None
        if card["version"] > VERSION:
            raise UserError(f"{path} was written by a newer Outlay (version {card['version']}): update this one")
        if card["target"] not in ("solutions", "difficulty"):
            raise KeyError("target")
        return Probe(
            head, str(card["features"]), int(card["layer"]), tuple(card["parts"]), card["target"], card, learnt
        )
    except FileNotFoundError as error:
        raise UserError(
            f"there is no probe at {path} (no {Path(error.filename or CARD).name}): make one with outlay train probe CONFIG.yaml"
        ) from None
    except (ValueError, KeyError, TypeError, SafetensorError, OSError) as error:
        raise UserError(
            f"{path} holds no probe that can be read ({type(error).__name__}: {error}): train it again"
        ) from None
