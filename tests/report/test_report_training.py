from typing import Any

from example_summary import example_summary

from outlay.report import render
from outlay.report.parts import Figure, Table
from outlay.report.training import training_section

POINT = {"mean": 0.5, "low": 0.4, "high": 0.6}


def verifier(name: str, flops: float | None, mean: float) -> dict[str, Any]:
    return {"name": name, "role": "prm" if flops else "", "flops": flops, "accuracy": {**POINT, "mean": mean}}


TRAINING = {
    "task": "sums",
    "model": "embedded:small",
    "trained": "verifier",
    "method": "weighted",
    "n": 16,
    "without": {"name": "majority", **POINT},
    "points": [verifier("weak", 1e12, 0.55), verifier("good", 1e13, 0.75), verifier("random:0", None, 0.5)],
}
JOINT = {
    "task": "sums",
    "models": ["small", "large"],
    "ratio": 0.16,
    "large_n": 1,
    "n": [16, None],
    "accuracy": [0.75, None],
    "beyond": [True, False],
    "best": "small",
    "low": "small",
    "high": "large",
    "sentence": "R = 0.16, the price of large with N = 1: small with N = 16 is best (75.0%)",
}


def claim(name: str, on: str, verdict: str) -> dict[str, Any]:
    return {"task": "sums", "name": name, "on": on, "verdict": verdict}


def test_a_curve_of_what_was_trained_and_a_table_of_all() -> None:
    section = training_section({"training": [TRAINING]})
    assert section is not None
    figure, table = section.blocks
    assert isinstance(figure, Figure) and isinstance(table, Table)
    assert [(row["x"], row["y"]) for row in figure.rows] == [(1e12, 0.55), (1e13, 0.75)]
    assert figure.finding.startswith("sums, small: from 55.0% at ")
    assert [row[0] for row in table.rows] == ["weak", "good", "random:0", "without: majority"]
    assert table.rows[2][2] == "–" and table.rows[3][2] == "0"


def test_one_trained_verifier_draws_no_curve() -> None:
    section = training_section({"training": [{**TRAINING, "points": TRAINING["points"][1:]}]})
    assert section is not None
    assert [type(block) for block in section.blocks] == [Table]


def test_the_joint_optimum_says_what_each_size_can_do() -> None:
    section = training_section({"joint": [JOINT]})
    assert section is not None
    (table,) = section.blocks
    assert isinstance(table, Table)
    assert table.rows == (
        ("sums", "0.16", "1", "small N = 16 (all drawn): 75.0%; large no sample", "small (small to large)"),
    )
    assert section.findings == (f"sums, {JOINT['sentence']}.",)


def test_whose_gain_it_is_is_said_in_words() -> None:
    claims = [
        claim("gain_is_the_weak_models", "all, N = 16", "holds"),
        claim("gain_is_the_weak_models", "easy (oracle) for the smallest, N = 16", "cannot be told"),
        claim("large_model_gains_too", "all, N = 16", "holds"),
    ]
    section = training_section({"training": [TRAINING], "claims": claims})
    assert section is not None
    assert section.findings == (
        "sums: is the verifier's gain only a weak model's? That it is smaller for the largest model than for the smallest holds on "
        "all questions, cannot be told on easy questions; that the largest gains too holds on all questions.",
    )


def test_without_either_part_there_is_no_section() -> None:
    assert training_section(example_summary()) is None
    page = render({**example_summary(), "training": [TRAINING], "joint": [JOINT]})
    assert '<section id="training">' in page
    assert '<section id="training">' not in render(example_summary())
