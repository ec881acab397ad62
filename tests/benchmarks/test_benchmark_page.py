import json
import re

from benchmarks.__main__ import TEMPLATE, about, page
from benchmarks.tables import Results, Table, Target

PLACES = set(re.findall(r"{{(\w+)}}", TEMPLATE.read_text(encoding="utf-8")))
TABLES = PLACES - {"targets", "machine", "versions", "date"}


def results():
    tables = {name: Table(name, ("what", "x"), (("a", f"found of {name}"),)) for name in TABLES}
    return Results(
        about(), tables, [Target("engine", ">= 3 x", "2.9 x", False), Target("memory", "< 1 GiB", "-", None)]
    )


def test_the_page_has_every_table_in_its_place():
    text = page(results())
    assert "{{" not in text
    assert all(f"| a | found of {name} |" in text for name in TABLES)


def test_the_page_says_which_targets_are_not_met_and_which_were_not_measured():
    text = page(results())
    assert "| engine | >= 3 x | 2.9 x | **not met** |" in text
    assert "| memory | < 1 GiB | - | not measured |" in text


def test_results_survive_being_written_and_read():
    assert Results.from_plain(json.loads(json.dumps(results().plain()))) == results()
