"""Models in GGUF files, run by llama.cpp in this process: `llamacpp:PATH.gguf`, or `llamacpp:smollm2` for the one from PyPI."""

from outlay.models.llamacpp.address import Address
from outlay.models.llamacpp.model import LlamaCppModel

__all__ = ["Address", "LlamaCppModel"]
