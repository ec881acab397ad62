"""Which answer `studies/ladders.py` reads from a public reply."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "studies" / "ladders.py"


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ('{"reasoning": "so", "answer": "-13"}', "-13"),
        ('{"answer": "1"} no: {"answer": "2"}', "2"),
        ('{"answer": 7, "x": 1}', "7"),
        (r'{"answer": "\\frac{1}{2}"}', r"\frac{1}{2}"),
        (r"The final answer is: $\boxed{\frac{8}{3}}$", r"\frac{8}{3}"),
        ("I do not know", None),
    ],
)
def test_answers_stand_in_the_json_or_else_in_the_last_box(reply: str, answer: str | None) -> None:
    spec = importlib.util.spec_from_file_location("studies_ladders", SCRIPT)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script._stated(reply) == answer
