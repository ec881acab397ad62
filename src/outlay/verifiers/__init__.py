"""What scores: the verifier seams, and the verifiers by URL-like names (`embedded:countdown-prm`, `oracle`, `random`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from outlay.errors import UserError
from outlay.models import embedded_folder
from outlay.registry import available, resolve
from outlay.verifiers.verifier import InProcessVerifier, Verifier


def _embedded(name: str, *, slots: int = 256) -> InProcessVerifier:
    """A shipped process reward model, or a folder of your own, run by the NumPy engine: embedded:NAME."""
    from outlay.verifiers.embedded import EmbeddedVerifier

    return EmbeddedVerifier.load(embedded_folder(name), slots=slots)


def _oracle(task: str) -> InProcessVerifier:
    """The reference answer itself, as an upper limit: oracle:TASK."""
    from outlay.tasks import load as load_task
    from outlay.verifiers.baselines import Oracle

    return Oracle(load_task(task))


def _random(seed: str) -> InProcessVerifier:
    """Noise, as what a worthless verifier would give: random:SEED."""
    from outlay.verifiers.baselines import RandomScores

    if seed and not seed.isdecimal():
        raise UserError(
            f'"random:{seed}" names no verifier: write random:SEED with a whole number, for example random:0'
        )
    return RandomScores(int(seed or 0))


BUILTIN: Mapping[str, Any] = {"embedded": _embedded, "oracle": _oracle, "random": _random}


def load(address: str, **options: Any) -> Any:
    """The verifier at `address`: `embedded:NAME`, `oracle:TASK` or `random:SEED`.

    >>> load("random:3").name
    'random:3'
    """
    backend, _, rest = address.partition(":")
    return resolve("outlay.verifiers", backend, BUILTIN)(rest, **options)


def registered() -> dict[str, str]:
    """Every verifier's name with where it comes from."""
    return available("outlay.verifiers", BUILTIN)


__all__ = ["InProcessVerifier", "Verifier", "load", "registered"]
