"""The page on servers: its Python runs, and its study is one, against a server that stands for the reader's."""

import re
from pathlib import Path

import pytest
from fault_server import Behaviour, FaultServer

from outlay.study.study import parse_study

pytestmark = pytest.mark.system

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "use-your-server.md").read_text(encoding="utf-8")
URL, MODEL = "http://localhost:8000/v1", "Qwen/Qwen2.5-7B-Instruct"


def test_the_code_on_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names = {}
    with FaultServer(Behaviour(models=(MODEL,))) as server:
        for block in blocks:
            exec(compile(block.replace(URL, server.url), "page", "exec"), names)
    assert names["trace"].cost.generations == 8


def test_the_study_on_the_page_is_one():
    import yaml

    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    study = parse_study(yaml.safe_load(block), "page")
    assert study.entries[0].model == f"openai:{URL}#{MODEL}"


def test_what_the_page_says_of_patience_is_so():
    from outlay.models.openai import Patience

    patience = Patience()
    assert (patience.connect, patience.token, patience.reply) == (10, 120, 900)
    assert (patience.tries, patience.load) == (6, 600)
