"""A shipped verifier verifies: within the same question it tells right from wrong, on questions that no training saw."""

import json
from pathlib import Path

import pytest

import outlay
from outlay.lab.measure import verifier_figures
from outlay.lab.pools import drawn_pool, verifier_scores
from outlay.tasks import load

WEIGHTS = Path(outlay.__file__).parent / "lab" / "weights"


@pytest.mark.parametrize(("family", "least"), [("countdown", 0.80), ("arithmetic", 0.80)])
def test_within_question_auc_on_validation_questions(family, least):
    asked = load(family).questions("validation", 40, seed=1)
    pool = drawn_pool(f"{family}-small", asked, 16, seed=1)
    scores = verifier_scores(f"{family}-prm", pool)
    assert verifier_figures(scores, pool.correct, pool.valid).auc_within_question.mean > least


@pytest.mark.parametrize("family", ["countdown", "arithmetic", "arithmetic-clean"])
def test_engine_reproduces_the_card_accuracy(family):
    card = json.loads((WEIGHTS / f"{family}-small" / "outlay.json").read_text(encoding="utf-8"))
    asked = load(family).questions("validation", 100)
    pool = drawn_pool(f"{family}-small", asked, 16, seed=0)
    assert pool.correct.mean() == pytest.approx(card["validation"]["pass_at_1"]["mean"], abs=0.12)
