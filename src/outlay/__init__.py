"""Outlay: compute-optimal test-time scaling of language models.

Notation, used throughout: Q questions, n samples of each in a pool, N a budget in generations (complete solutions' worth of
sampling, rollouts included), M a beam width, k a subset size or a lookahead depth. Arrays over questions have shape [Q, ...].
Everything heavy is imported when it is first used.

>>> import outlay
>>> outlay.strategies.BeamSearch(width=2).spec()
{'name': 'beam_search', 'width': 2}
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_MODULES = (
    "cost",
    "curves",
    "difficulty",
    "drive",
    "errors",
    "exchange",
    "lab",
    "models",
    "policies",
    "report",
    "serve",
    "selection",
    "strategies",
    "study",
    "tasks",
    "traces",
    "verifiers",
)
_NAMES = {
    "asolve": "outlay.drive.solving",
    "solve": "outlay.drive.solving",
    "Budget": "outlay.types",
    "Cost": "outlay.types",
    "Question": "outlay.types",
    "Solution": "outlay.types",
    "Trace": "outlay.types",
    "OutlayError": "outlay.errors",
    "UserError": "outlay.errors",
}

__all__ = ["__version__", *_MODULES, *_NAMES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"outlay.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'outlay' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
