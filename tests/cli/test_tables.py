import io
import itertools

import pytest
from rich.console import Console

from outlay.cli.tables import print_summary, rows, shown_budgets

BEAMS = [
    '{"distinct":true,"name":"beam_search","selection":"best_of_n","width":2}',
    '{"distinct":true,"name":"beam_search","width":2}',
    '{"name":"beam_search","selection":"best_of_n"}',
    '{"name":"beam_search","selection":"best_of_n","width":"sqrt"}',
]


def curve(*budgets: float, mean: float = 0.5, cost: float | None = None) -> dict[str, list[float]]:
    points = len(budgets)
    return {
        "n": list(budgets),
        "mean": [mean] * points,
        "low": [mean - 0.05] * points,
        "high": [mean + 0.05] * points,
        "cost": list(budgets) if cost is None else [cost] * points,
    }


def policy(*budgets: float) -> dict[str, object]:
    figure = {"mean": 0.7, "low": 0.6, "high": 0.8}
    return {"budget": list(budgets), "accuracy": [figure] * len(budgets), "cost": [b - 0.5 for b in budgets]}


def group(**curves: dict[str, list[float]]) -> dict[str, object]:
    pool = curve(1, 2, 4, 8, 16, 32, 64)
    return {
        "task": "countdown",
        "model": "m",
        "questions": 400,
        "curves": {"pass": pool, "best_of_n": pool, "greedy": curve(1), **curves},
        "policies": {name: policy(4, 16, 64) for name in ("best_fixed", "per_bin_predicted", "per_bin_pilot")},
    }


def printed(summary_group: dict[str, object], width: int = 80) -> str:
    out = io.StringIO()
    print_summary(Console(file=out, width=width), {"groups": [summary_group]})
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_figure_is_ever_cropped(width: int) -> None:
    text = printed(group(**{name: curve(4, 16, 64) for name in BEAMS}), width)
    assert "…" not in text and "..." not in text
    assert text.count("50.0 (45-55)") >= 6
    assert max(map(len, text.splitlines())) <= width


def test_four_budgets_and_a_long_label_fit_80_columns_in_one_line() -> None:
    lines = printed(group(**{BEAMS[1]: curve(4, 16, 64)})).splitlines()
    (line,) = [line for line in lines if line.startswith("beam search M=2, distinct")]
    assert line.count("(45-55)") == 3
    assert [n for n in (1, 4, 16, 64) if f"N = {n}" in lines[2]] == [1, 4, 16, 64]


def test_variants_of_one_search_are_told_apart() -> None:
    labels = [label for label, _ in rows(group(**{name: curve(4) for name in BEAMS}), [4.0])]
    assert all(a != b for a, b in itertools.combinations(labels, 2))
    assert {"beam search M=4", "beam search M=√N"} <= set(labels)


@pytest.mark.parametrize("name", ["my_search", '{"name":"my_search"}', '{"name":"my_search","depth":3}'])
def test_a_strategy_of_a_package_has_a_row(name: str) -> None:
    found = dict(rows(group(**{name: curve(4)}), [4.0]))
    (label,) = [label for label in found if label.startswith("my search")]
    assert found[label] == {4.0: "50.0 (45-55)"}


def test_a_search_at_other_budgets_stands_under_the_next_one_with_its_cost() -> None:
    found = dict(rows(group(my_search=curve(8)), [4.0, 16.0, 64.0]))
    assert found["my search"][16.0] == "50.0 (45-55)\n@ 8.0"


def test_never_more_than_four_budgets() -> None:
    assert shown_budgets({"curves": {"pass": curve(1, 2, 4, 8, 16, 32, 64, 100)}}) == [4, 16, 64, 100]


def test_a_larger_model_stands_in_the_first_column_whatever_it_is_called() -> None:
    found = dict(rows(group(**{"greedy (embedded:large)": curve(1)}), [4.0, 16.0]))
    assert found["greedy (embedded:large)"] == {4.0: "50.0 (45-55)\n@ 1.0"}


def pair(ratio: float, beyond: bool) -> dict[str, object]:
    rows = [
        {"method": name, "n": 12, "beyond": beyond, "difference": {"mean": mean, "low": mean - 0.1, "high": mean + 0.1}}
        for name, mean in (("majority", 0.0), ("best_of_n", 0.2), ("beam_search", 0.9))
    ]
    return {"label": f"R = {ratio:g}", "rows": rows}


def test_small_against_large_is_told_by_the_method_fixed_beforehand() -> None:
    summary = {
        "groups": [],
        "exchange": [{"task": "countdown", "scale": 14.0, "ratios": [pair(0.16, True), pair(22, False)]}],
    }
    out = io.StringIO()
    print_summary(Console(file=out, width=80), summary)
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert ["countdown", "14.0", "+20.0", "(+10", "to", "+30)", "+20.0", "(+10", "to", "+30)"] in lines
    assert ["N", "=", "12*", "N", "=", "12"] in lines
