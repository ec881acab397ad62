import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from outlay.cli.exchange import spread
from outlay.cli.main import app

SIZES = ("--parameters", "small=1e6", "--parameters", "large=8e6")


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """Two models on thirty questions: four samples of the small one, half of them right, one of the large one."""
    rows = []
    for question in range(30):
        for sample in range(4):
            right = (question + sample) % 2 == 0
            rows.append(
                {
                    "question_id": question,
                    "model": "small",
                    "correct": right,
                    "answer": f"{right}",
                    "score": 0.5 + 0.4 * right,
                    "tokens": 10,
                }
            )
        rows.append(
            {"question_id": question, "model": "large", "correct": question % 3 == 0, "answer": "x", "tokens": 10}
        )
    path = tmp_path / "samples.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def outlay(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["exchange", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_several_ratios_follow_one_option() -> None:
    assert list(spread(["x", "--ratio", "0.16", "22", "--json"], "--ratio")) == [
        "x",
        "--ratio",
        "0.16",
        "--ratio",
        "22",
        "--json",
    ]


def test_a_number_elsewhere_is_left_alone() -> None:
    arguments = ["--bins", "3", "--ratio", "1", "--seed", "7", "9"]
    assert list(spread(arguments, "--ratio")) == arguments


def test_a_file_of_samples_says_what_the_budget_buys(samples: Path) -> None:
    code, out, _ = outlay(samples, "--small", "small", "--large", "large", *SIZES, "--ratio", 22, 1000, "--json")
    told = json.loads(out)["exchange"]
    assert code == 0
    assert [at["ratio"] for at in told[0]["ratios"]] == [22.0, 1000.0]
    best = next(row for row in told[0]["ratios"][0]["rows"] if row["method"] == "best_of_n")
    assert (best["bought"], best["n"], best["beyond"], best["accuracy"]["mean"]) == (8, 4, True, 1.0)
    assert best["large"]["mean"] == pytest.approx(1 / 3, abs=1e-6)


def test_the_table_names_ways_and_differences(samples: Path) -> None:
    code, out, _ = outlay(samples, "--small", "small", "--large", "large", *SIZES)
    assert code == 0
    assert "(large, greedy)" in out and "best-of-N" in out and "beyond the pool" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--small", "small"), "--small and --large go together"),
        ((), "name two of large, small with --small and --large"),
        (("--small", "smal", "--large", "large", *SIZES), "did you mean"),
        (("--small", "small", "--large", "large"), "--parameters small=COUNT"),
        (("--small", "small", "--large", "large", "--parameters", "small"), "is not NAME=COUNT"),
        (("--small", "small", "--large", "large", *SIZES, "--ratio", "0"), "must be above 0"),
    ],
)
def test_a_mistake_is_one_sentence(samples: Path, arguments: tuple[str, ...], said: str) -> None:
    code, out, error = outlay(samples, *arguments)
    assert (code, out) == (2, "")
    assert said in error and error.count("\n") == 1
