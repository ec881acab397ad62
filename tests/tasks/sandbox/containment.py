"""The sandbox of this machine, or the reason why there is none."""

import pytest

from outlay.errors import UserError
from outlay.tasks.sandbox import Sandbox


def sandbox_or_skip():
    try:
        found = Sandbox.found()
    except UserError as error:
        if "bubblewrap runs, but" in str(error):  # then the fault is ours
            raise
        pytest.skip(str(error))
    if not found.contains:
        pytest.skip("programs were allowed to run without a sandbox")
    return found
