"""Where the small real language model is, or why the tests that run it are skipped."""

from importlib.util import find_spec

import pytest

from outlay.errors import UserError
from outlay.models.llamacpp.address import packaged


def required():
    """The path of SmolLM2's GGUF file; the calling module is skipped where that or llama.cpp is not installed."""
    if find_spec("xllamacpp") is None:
        pytest.skip("needs llama.cpp: pip install -e '.[llm]'", allow_module_level=True)
    try:
        return packaged("smollm2")
    except UserError as absent:
        pytest.skip(str(absent), allow_module_level=True)
