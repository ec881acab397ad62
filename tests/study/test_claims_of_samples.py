"""Samples and chains from files are asked what they allow, and no file is too small to be read."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from outlay.study.samples import read
from outlay.study.settings import Settings
from outlay.study.summary import summarise_samples

FAST = {"resamples": 200, "splits": 2}


def written(path: Path, questions: int, samples: int, **options: Any) -> Path:
    generator = np.random.default_rng(1)
    with path.open("w") as lines:
        for question in range(questions):
            for sample in range(samples):
                right = bool(generator.random() < 0.9 - 0.8 * question / questions)
                answer = "1" if right else str(generator.integers(2, 4))
                row = {
                    "question_id": f"q{question}",
                    "sample": sample,
                    "model": "m",
                    "answer": answer,
                    "correct": right,
                }
                row |= {
                    "score": float(generator.random() * 0.5 + 0.5 * right),
                    "level": f"Level {1 + 3 * question // questions}",
                }
                lines.write(json.dumps({**row, **options}) + "\n")
    return path


def asked(path: Path, every: bool = True) -> list[dict[str, Any]]:
    summary = summarise_samples(read([path]), Settings(every_finding=every, **FAST))  # type: ignore[arg-type]
    claims: list[dict[str, Any]] = summary["claims"]
    return claims


def test_samples_are_asked_about_difficulty_and_deciding(tmp_path: Path) -> None:
    claims = asked(written(tmp_path / "samples.jsonl", 60, 8))
    names = {claim["name"] for claim in claims}
    assert {"over_optimised_on_easy", "human_levels_order", "human_levels_agree", "compute_optimal_ahead"} <= names
    assert {claim["bins"] for claim in claims if claim["name"] == "compute_optimal_ahead"} == {
        "oracle",
        "predicted",
        "level",
    }
    (orders,) = [claim for claim in claims if claim["name"] == "human_levels_order"]
    assert orders["verdict"] == "holds"
    assert not names & {"small_ahead_on_easy", "beam_ahead_at_small_n"}  # there is no search and no larger model


def test_nothing_is_asked_of_files_unless_it_is_wanted(tmp_path: Path) -> None:
    assert asked(written(tmp_path / "samples.jsonl", 60, 8), every=False) == []


@pytest.mark.parametrize(("questions", "samples"), [(1, 1), (1, 8), (5, 2), (5, 8), (60, 1)])
def test_what_is_too_small_is_asked_nothing(tmp_path: Path, questions: int, samples: int) -> None:
    assert asked(written(tmp_path / "samples.jsonl", questions, samples)) == []


def test_chains_are_asked_whether_revising_pays(tmp_path: Path) -> None:
    """The second attempt is always wrong where the first was right."""
    path = tmp_path / "chains.jsonl"
    with path.open("w") as lines:
        for question in range(40):
            for position, right in enumerate((question % 2 == 0, False)):
                row = {
                    "question_id": f"q{question}",
                    "chain": 0,
                    "position": position,
                    "model": "m",
                    "answer": str(position),
                }
                lines.write(json.dumps({**row, "correct": right, "level": str(1 + question % 2)}) + "\n")
    found = {claim["name"]: claim for claim in asked(path)}
    assert found["later_attempts_better"]["verdict"] == "does not hold"
    assert "100% of right ones made wrong" in found["later_attempts_better"]["note"]
    assert found["human_levels_order"]["difference"]["mean"] == 1.0
