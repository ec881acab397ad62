"""Ladders of the shipped models, whose records tell sizes and training; what their runs cost and gave is made up."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from claim_worlds import QUESTIONS, SAMPLES, evidence, names, of, verdicts
from size_worlds import HALF, TOKENS, price

from outlay import models
from outlay.models import embedded_folder
from outlay.study.claims_ladder import climbing, joint_part, ladders, sizes_of_ladder
from outlay.study.deciding import Realised
from outlay.study.evidence import Evidence
from outlay.study.exchanging import RATIOS
from outlay.study.pools import Bools, Pool
from outlay.study.training import training_of

EVERY, NONE = np.ones(QUESTIONS, dtype=bool), np.zeros(QUESTIONS, dtype=bool)
SMALL, MEDIUM, LARGE, STAR = (f"embedded:countdown-{name}" for name in ("small", "medium", "large", "small-star"))


def rung(model: str, right: Bools, greedy: Bools | None = None, first: int = SAMPLES) -> Evidence:
    """A model whose first samples are right on these questions (all of them, where not told otherwise), and its greedy answer."""
    correct = right[:, None] & (np.arange(SAMPLES) < first)[None, :]
    drawn = Pool("toy", model, names(), correct, scores=np.where(correct, 0.8, 0.2))
    count = float(models.load(model).parameters)
    answer = Realised(
        {"name": "greedy"},
        (1,),
        (right if greedy is None else greedy)[:, None].astype(float),
        np.ones((QUESTIONS, 1)),
        np.full((QUESTIONS, 1), 2 * count * TOKENS),
    )
    changes: dict[str, Any] = {"pool": drawn, "flops": price(model), "runs": (answer,), "verifier": "random:0"}
    return evidence(**changes)


def test_a_ladder_is_of_one_task_verifier_and_set_of_questions() -> None:
    one, other = rung(SMALL, EVERY), rung(LARGE, EVERY)
    assert [[r.name for r in found] for found in ladders([one, other])] == [["countdown-small", "countdown-large"]]
    others = replace(other.found, verifier="random:1")
    assert ladders([one, Evidence(others, one.settings)]) == []
    assert ladders([one, rung("embedded:countdown-reviser", EVERY)]) == []


def test_sizes_are_of_models_from_scratch() -> None:
    (found,) = ladders([rung(LARGE, EVERY), rung(STAR, EVERY), rung(SMALL, EVERY), rung(MEDIUM, EVERY)])
    assert [r.name for r in sizes_of_ladder(found)] == ["countdown-small", "countdown-medium", "countdown-large"]


THREE = [(EVERY, NONE, "holds"), (NONE, EVERY, "does not hold"), (HALF, ~HALF, "cannot be told")]


@pytest.mark.parametrize(("small", "tuned", "verdict"), THREE)
def test_samples_against_fine_tuning(small: Bools, tuned: Bools, verdict: str) -> None:
    claims = climbing([rung(SMALL, small), rung(STAR, EVERY, tuned, first=1)])
    against = of(claims, "samples_over_fine_tuning")
    assert {claim.verdict for claim in against} == {verdict}
    assert [claim.on for claim in against] == ["all, R = 0.16", "all, R = 0.79", "all, R = 22"]
    assert against[0].note.startswith("its further training is ")
    n = [int(claim.ahead.rpartition(" ")[2]) for claim in against]
    record, plain = training_of(STAR, 0.0), training_of(SMALL)
    assert record is not None and plain is not None
    share = record.flops / plain.flops  # a greedy answer costs as much as a sample
    assert n == [int(1 + share * 3 / ratio + 1e-9) for ratio in RATIOS]
    assert n[0] > n[2] == 1  # the less a model is used, the more its fine-tuning would have bought


@pytest.mark.parametrize(("first", "verdict"), [(1, "holds"), (SAMPLES, "cannot be told")])
def test_a_fine_tuned_model_may_gain_too(first: int, verdict: str) -> None:
    claims = climbing([rung(SMALL, EVERY), rung(STAR, EVERY, first=first)])
    assert verdicts(claims, "fine_tuned_gains_too") == [verdict]


def test_a_fine_tuned_model_that_more_samples_mislead() -> None:
    tuned = rung(STAR, EVERY, first=8)
    assert tuned.pool.scores is not None
    misled = replace(tuned.found.pool, scores=1.0 - tuned.pool.scores)
    claims = climbing([rung(SMALL, EVERY), Evidence(replace(tuned.found, pool=misled), tuned.settings)])
    assert verdicts(claims, "fine_tuned_gains_too") == ["does not hold"]


@pytest.fixture
def longer(tmp_path: Path) -> str:
    """The small model's folder again, whose record says that it read four times as much."""
    folder = tmp_path / "countdown-longer"
    shutil.copytree(embedded_folder("countdown-small"), folder)
    record = json.loads((folder / "outlay.json").read_text())
    record["name"] = "countdown-longer"
    record["training"]["steps"] *= 4
    (folder / "outlay.json").write_text(json.dumps(record))
    return f"embedded:{folder}"


@pytest.mark.parametrize(("small", "more", "verdict"), THREE)
def test_samples_against_more_pretraining(longer: str, small: Bools, more: Bools, verdict: str) -> None:
    claims = climbing([rung(SMALL, small), rung(longer, more)])
    against = of(claims, "samples_over_more_pretraining")
    assert {claim.verdict for claim in against} == {verdict}
    assert {claim.note.partition(";")[0] for claim in against} == {"its further training is 3 of pretraining"}
    contrary = {"holds": "does not hold", "does not hold": "holds", "cannot be told": "cannot be told"}
    assert verdicts(claims, "overtrained_ahead_with_samples") == [contrary[verdict]]
    assert of(claims, "samples_over_fine_tuning") == []


def test_what_cannot_pay_for_a_sample_and_its_scoring_gives_a_greedy_answer() -> None:
    """At R = 22 a little fine-tuning pays for a twentieth of an answer; a verifier that reads each sample costs a whole one."""
    small = rung(SMALL, EVERY, HALF)
    read = np.full((QUESTIONS, SAMPLES), price(SMALL).sample[0]) * np.arange(1, SAMPLES + 1)
    dear = replace(small.found, flops=replace(price(SMALL), reading=read))
    claims = climbing([Evidence(dear, small.settings), rung(STAR, EVERY, ~HALF)])
    last = of(claims, "samples_over_fine_tuning")[-1]
    assert (last.on, last.ahead, last.verdict) == ("all, R = 22", "countdown-small, greedy", "cannot be told")
    assert last.mean == 0.0


@pytest.mark.parametrize(
    ("small", "large", "smallest", "largest"),
    [
        (EVERY, NONE, "holds", "does not hold"),
        (NONE, EVERY, "does not hold", "holds"),
        (HALF, ~HALF, "cannot be told", "cannot be told"),
    ],
)
def test_the_best_size_at_one_total(small: Bools, large: Bools, smallest: str, largest: str) -> None:
    claims = climbing([rung(SMALL, small), rung(LARGE, large)])
    assert {claim.verdict for claim in of(claims, "smallest_is_joint_optimum")} == {smallest}
    assert {claim.verdict for claim in of(claims, "largest_is_joint_optimum")} == {largest}
    assert {claim.on for claim in of(claims, "smallest_is_joint_optimum")} == {"all, R = 0.16"}
    assert len(of(claims, "largest_is_joint_optimum")) == 3  # the larger one with 1, 4 and 16 samples


def test_the_joint_optimum_is_told_with_its_range() -> None:
    told = joint_part([rung(SMALL, NONE), rung(MEDIUM, EVERY), rung(LARGE, HALF)])
    assert [(one["ratio"], one["large_n"]) for one in told] == [(r, n) for r in (0.16, 0.79, 22.0) for n in (1, 4, 16)]
    first = told[0]
    assert (first["best"], first["low"], first["high"]) == ("countdown-medium",) * 3
    assert first["accuracy"] == [0.0, 1.0, 0.5]
    assert first["n"][0] == SAMPLES
    sizes = [float(models.load(model).parameters) for model in (SMALL, MEDIUM, LARGE)]
    m = [sizes[2] / size for size in sizes]
    assert told[6]["n"] == [int(factor + 3 * (factor - 1) / 22) for factor in m]  # the paper's factor, section 7
    assert first["beyond"][0]  # so little use pays for far more than was drawn
    assert first["sentence"] == (
        f"R = 0.16, the price of countdown-large with N = 1: countdown-medium with N = {first['n'][1]} is best (100.0%)"
    )
