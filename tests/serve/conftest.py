import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """What is found out about servers is kept in a folder of the test's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
