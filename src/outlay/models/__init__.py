"""What proposes: the model seams, and their backends by URL-like names (`embedded:countdown-small`)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from outlay.errors import UserError
from outlay.models.model import Completion, InProcessModel, Model
from outlay.registry import available, nearest, resolve


def embedded_folder(name: str) -> Path:
    """The folder of a shipped model, or of a folder that `name` itself points to."""
    if "/" in name or Path(name).is_dir():
        folder = Path(name)
        if not (folder / "config.json").is_file():
            raise UserError(f"{folder} is no model folder: there is no config.json in it")
        return folder
    shipped = Path(str(files("outlay"))) / "lab" / "weights"
    if not (shipped / name / "config.json").is_file():
        known = sorted(path.name for path in shipped.glob("*") if (path / "config.json").is_file())
        raise UserError(f'there is no embedded model "{name}": {nearest(name, known)}')
    return shipped / name


def _embedded(name: str, *, slots: int = 256) -> InProcessModel:
    """A shipped model, or a folder of your own, run by the NumPy engine in this process: embedded:NAME."""
    from outlay.models.embedded.backend import EmbeddedModel

    return EmbeddedModel.load(embedded_folder(name), slots=slots)


def _openai(
    address: str,
    *,
    key_file: str | Path | None = None,
    system: str = "",
    extra: Mapping[str, Any] | None = None,
    patience: Any = None,
    concurrency: Any = None,
) -> Model:
    """A model behind an OpenAI-compatible server (vLLM, SGLang, llama.cpp, OpenAI): openai:URL#MODEL."""
    from outlay.models.openai import OpenAIModel

    return OpenAIModel.load(
        address, key_file=key_file, system=system, extra=extra, patience=patience, concurrency=concurrency
    )


def _llamacpp(address: str) -> Model:
    """A GGUF file, run by llama.cpp in this process: llamacpp:PATH.gguf, or llamacpp:smollm2."""
    from outlay.models.llamacpp import LlamaCppModel

    return LlamaCppModel.load(address)


def _hf(name: str, *, rows: int = 64, system: str = "", cache: str | int | None = None) -> Model:
    """A local Hugging Face model, run by torch in this process: hf:FOLDER_OR_ID, hf:raw:FOLDER_OR_ID without chat template."""
    from outlay.models.hf.model import HuggingFaceModel

    return HuggingFaceModel.load(name, rows=rows, system=system, cache=cache)


BUILTIN: Mapping[str, Any] = {"embedded": _embedded, "openai": _openai, "llamacpp": _llamacpp, "hf": _hf}


def load(address: str, **options: Any) -> Any:
    """The model at `address`: a backend's name, a colon, and what that backend understands.

    >>> load("embedded:countdown-small").name
    'embedded:countdown-small'
    """
    backend, colon, rest = address.partition(":")
    if not colon or not rest:
        raise UserError(f'"{address}" names no model: write BACKEND:NAME, for example embedded:countdown-small')
    return resolve("outlay.models", backend, BUILTIN)(rest, **options)


def registered() -> dict[str, str]:
    """Every backend's name with where it comes from."""
    return available("outlay.models", BUILTIN)


__all__ = ["Completion", "InProcessModel", "Model", "embedded_folder", "load", "registered"]
