"""Every card says what its record says, and a record whose figures change changes its card."""

import json
import shutil

import pytest

from outlay import models
from outlay.errors import UserError
from outlay.lab.cards import amount_read, minutes, model_card, records, rewrite, stale, table
from outlay.lab.recipes import MODEL_NAMES
from outlay.lab.remeasuring import measure_again, validation_figures

WEIGHTS = models.embedded_folder("countdown-small").parent
RECORDS = records(WEIGHTS)


@pytest.fixture
def copied(tmp_path):
    """A folder with a copy of one shipped policy."""
    shutil.copytree(WEIGHTS / "halving-small", tmp_path / "halving-small")
    return tmp_path


def test_every_shipped_card_is_what_its_record_says():
    assert set(RECORDS) == set(MODEL_NAMES)
    assert stale(WEIGHTS) == []


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_a_card_tells_data_training_figures_limits_and_licence(name):
    card, record = model_card(RECORDS[name]), RECORDS[name]
    for heading in ("## Data", "## Training", "## Figures on validation questions", "## Limits", "## Licence"):
        assert heading in card
    computed_on = record["training"].get("device", "one core of a busy server")
    assert f"- minutes on {computed_on}: {minutes(record['training'])}" in card
    assert amount_read(record["training"]) in card
    assert f"- seed: {record['training']['seed']}" in card
    main = record["validation"].get("pass_at_1") or record["validation"]["auc_within_question"]
    assert f"{main['mean']:.3f} ({main['low']:.3f} to {main['high']:.3f})" in card


def test_tokens_are_steps_times_tokens_a_step():
    assert amount_read({"steps": 6000, "tokens_per_step": 3200}) == "19.2 million tokens"
    assert amount_read({"steps": 8000, "batch": 1600, "head": "token_classification"}) == "12.8 million tokens"
    assert amount_read({"steps": 1000, "batch": 64, "head": "self_channel"}) == "64,000 solutions"
    assert amount_read({"steps": 1000, "steps_done": 50, "batch": 64, "head": "self_channel"}) == "3,200 solutions"


def test_a_changed_record_makes_the_card_stale_until_it_is_written_again(copied):
    path = copied / "halving-small" / "outlay.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["validation"]["greedy"]["mean"] = 0.1234
    path.write_text(json.dumps(record), encoding="utf-8")
    assert stale(copied) == ["halving-small"]
    assert rewrite(copied) == ["halving-small"]
    assert stale(copied) == [] and rewrite(copied) == []
    assert "0.123" in (copied / "halving-small" / "README.md").read_text(encoding="utf-8")


def test_the_table_has_a_line_for_every_model():
    lines = table(WEIGHTS).splitlines()
    assert len(lines) == 2 + len(MODEL_NAMES)
    assert all(line.count("|") == 5 for line in lines)


def test_measuring_again_renews_the_figures_and_keeps_the_rest(copied):
    before = records(copied)["halving-small"]
    assert measure_again(copied, ["halving-small"], 1) == ["halving-small"]
    after = records(copied)["halving-small"]
    assert after["validation"].keys() == before["validation"].keys()
    assert {**after, "validation": None} == {**before, "validation": None}
    # Other samples of the same model: the engine draws other numbers than training did.
    assert after["validation"]["pass_at_1"]["mean"] == pytest.approx(
        before["validation"]["pass_at_1"]["mean"], abs=0.03
    )


def test_a_verifier_is_measured_beside_what_is_free():
    figures = validation_figures(str(WEIGHTS / "countdown-prm"), questions=30, samples=8)
    assert {"auc", "auc_within_question", "baseline_auc_within_question_of_policy_log_probability"} <= set(figures)
    assert [set(fifth) for fifth in figures["quintile_auc_within_question"]] == [
        {"mean", "low", "high", "questions"}
    ] * 5


@pytest.mark.parametrize(("name", "said"), [("nothing", "no model 'nothing'"), ("halving-orm", "judged on chains")])
def test_what_cannot_be_measured_is_refused(name, said):
    with pytest.raises(UserError, match=said):
        measure_again(WEIGHTS, [name], 1)


def test_a_folder_without_models_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no model in"):
        rewrite(tmp_path)
