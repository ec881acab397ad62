"""What is said of verifiers, fed with scores whose quality is known."""

import json
from pathlib import Path

import numpy as np
import pytest

from outlay.errors import UserError
from outlay.report import render
from outlay.study.pools import Pool
from outlay.study.settings import Settings
from outlay.study.verifier_report import Judged, as_summary, judged_in, selected, verifier_report
from outlay.verifiers.rescaled import along

SETTINGS = Settings(resamples=300, splits=4)
QUESTIONS, SAMPLES = 60, 16


def judged(name: str, scores: np.ndarray, right: np.ndarray, **more: object) -> Judged:
    names = tuple(f"q{i:02}" for i in range(len(right)))
    answers = np.where(right, 0, 1 + np.arange(right.shape[1])[None, :] % 3)
    return Judged(name, Pool("t", "m", names, right, answers, scores, can_vote=True), **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def report() -> dict[str, object]:
    rng = np.random.default_rng(0)
    right = rng.random((QUESTIONS, SAMPLES)) < np.linspace(0.9, 0.2, QUESTIONS)[:, None]
    trap = ~right & (rng.random(right.shape) < 0.3)
    found = [
        judged("perfect", right.astype(float), right, tokens=12.0, flops=3e6),
        judged("constant", np.full(right.shape, 0.5), right),
        judged("fooled", np.where(trap, 0.99, 0.2 + 0.5 * right), right),
    ]
    return verifier_report(found, SETTINGS)


def entry(report: dict, name: str) -> dict:
    return next(one for one in report["groups"][0]["verifiers"] if one["name"] == name)


def test_a_perfect_verifier_reaches_coverage(report: dict) -> None:
    perfect, group = entry(report, "perfect"), report["groups"][0]
    assert perfect["quality"]["auc_within_question"]["mean"] == 1
    assert perfect["quality"]["accuracy"]["mean"] == 1 and perfect["quality"]["brier"]["mean"] == 0
    assert perfect["usefulness"]["best_of_n"]["mean"] == pytest.approx(group["pass"]["mean"])
    assert perfect["cost"] == {"tokens": 12.0, "flops": 3e6}
    assert perfect["gains"]["pass"]["low"] > 0


def test_a_constant_is_worth_one_sample_by_itself_and_majority_in_a_vote(report: dict) -> None:
    constant, group = entry(report, "constant"), report["groups"][0]
    assert constant["quality"]["auc_within_question"]["mean"] == 0.5
    assert constant["usefulness"]["best_of_n"]["mean"] == pytest.approx([group["pass_at_1"]["mean"]] * 5, abs=1e-5)
    assert constant["usefulness"]["weighted"]["mean"] == group["majority"]["mean"]
    assert any("cannot be told from nothing" in text for text in constant["sentences"])
    assert "peak" not in constant["usefulness"]["best_of_n"]


def test_a_fooled_one_has_its_peak_named(report: dict) -> None:
    fooled = entry(report, "fooled")
    assert fooled["usefulness"]["best_of_n"]["peak"]["surely"]
    assert any("peaks at N=" in text and "over-optimisation" in text for text in fooled["sentences"])
    assert not any("peaks at N=" in text for text in entry(report, "perfect")["sentences"])


def test_every_bin_is_told_with_an_interval(report: dict) -> None:
    bins = entry(report, "fooled")["quality"]["per_bin"]["auc_within_question"]
    assert [len(bins[part]) for part in ("mean", "low", "high")] == [5, 5, 5]


def test_the_calibration_curve_can_be_used(report: dict) -> None:
    mapped = along([tuple(point) for point in entry(report, "fooled")["calibration"]])
    assert mapped(0.2) == 0 and mapped(0.99) == pytest.approx(mapped(0.7), abs=1)
    assert along([tuple(point) for point in entry(report, "perfect")["calibration"]])(1.0) == 1


def test_missing_scores_are_counted_and_take_no_part() -> None:
    rng = np.random.default_rng(1)
    right = rng.random((QUESTIONS, SAMPLES)) < 0.5
    scores = np.where(rng.random(right.shape) < 0.2, -np.inf, right.astype(float))
    one = judged("judge", scores, right)
    found = verifier_report([Judged("judge", Pool(**{**vars_of(one.pool), "partly_rated": True}))], SETTINGS)
    told = entry(found, "judge")
    assert told["missing"] == int(np.isinf(scores).sum()) > 0
    assert told["quality"]["auc_within_question"]["mean"] == 1


def vars_of(pool: Pool) -> dict:
    return {name: getattr(pool, name) for name in pool.__dataclass_fields__}


def test_files_of_samples_are_named_by_their_verifier(tmp_path: Path) -> None:
    rows = [
        {"question_id": q, "answer": str(i), "correct": i == 1, "score": 0.5 + 0.1 * i, "verifier": "judge:x"}
        for q in range(3)
        for i in range(4)
    ]
    named, plain = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    named.write_text("".join(json.dumps(row) + "\n" for row in rows))
    plain.write_text("".join(json.dumps({**row, "verifier": None}) + "\n" for row in rows))
    found = judged_in([named, plain])
    assert [one.verifier for one in found] == ["judge:x", "score"]
    assert [one.verifier for one in selected(found, ["score"])] == ["score"]
    with pytest.raises(UserError, match='did you mean "judge:x"'):
        selected(found, ["judge:y"])


def test_samples_without_scores_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"question_id": 1, "correct": true}\n{"question_id": 1, "correct": false}\n')
    with pytest.raises(UserError, match="outlay verify first"):
        judged_in([file])


def test_the_page_is_made_of_the_same_figures(report: dict) -> None:
    page = render(as_summary(report))
    assert "What the verifier is worth" in page and "fooled" in page


def test_where_all_samples_are_right_nothing_is_told_but_that() -> None:
    right = np.ones((30, 4), dtype=bool)
    found = verifier_report([judged("v", np.full(right.shape, 0.5), right)], SETTINGS)
    assert found["groups"][0]["verifiers"] == []
    assert "Every sample of every question is right" in found["groups"][0]["warnings"][0]
