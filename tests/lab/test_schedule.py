"""What is made before what, what counts as made, and that a second run makes nothing again."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="training needs torch (extra lab)")

from outlay.errors import UserError
from outlay.lab import schedule, train
from outlay.lab.recipes import FAMILIES, MODEL_NAMES, POLICIES, RECIPES, VERIFIERS, StarRecipe, made_by
from outlay.lab.schedule import is_made
from outlay.lab.train import shipped_weights

SMALL = replace(
    next(recipe for recipe in POLICIES if recipe.name == "halving-small"),
    demonstrations=200,
    steps=2,
    tokens_per_step=400,
)
SECOND = replace(SMALL, name="halving-second", seed_offset=1)
STAR = StarRecipe(
    name="countdown-small-star",
    task="countdown",
    base="countdown-small",
    split="train",
    questions=40,
    samples=2,
    steps=3,
    tokens_per_step=60,
    learning_rate=1e-3,
)


def test_in_the_order_of_the_recipes_nothing_comes_before_what_it_needs():
    made = set()
    for recipe in RECIPES:
        assert set(recipe.needs) <= made
        made |= set(made_by(recipe))
    assert sorted(made) == sorted(MODEL_NAMES)
    assert len(set(MODEL_NAMES)) == len(MODEL_NAMES)


def test_what_needs_something_unfinished_is_not_ready():
    policy, star = POLICIES[0], replace(STAR, base=POLICIES[0].name)
    assert schedule.ready([policy, star], [policy, star]) == [policy]
    assert schedule.ready([star], [star]) == [star]


def test_a_family_is_its_recipes_and_only_names_models():
    assert {recipe.task for recipe in schedule.chosen("halving", [])} == {"halving"}
    assert {recipe.task for recipe in schedule.chosen(None, [])} == set(FAMILIES)
    assert [recipe.name for recipe in schedule.chosen(None, ["countdown-prm"])] == ["countdown-prm"]
    with pytest.raises(UserError, match="no lab model 'countdown-tiny'"):
        schedule.chosen(None, ["countdown-tiny"])


def test_a_verifier_that_is_stopped_early_is_made_with_the_one_that_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "VALIDATION_QUESTIONS", 10)
    monkeypatch.setattr(train, "VALIDATION_SAMPLES", 4)
    (tmp_path / "countdown-small").symlink_to(train.shipped_weights() / "countdown-small")
    full = next(recipe for recipe in VERIFIERS if recipe.name == "countdown-prm")
    toy = replace(full, questions=12, steps=4, batch=100, stops=(("weak", 2),))
    assert schedule.follow([toy], tmp_path, 0, print) == ["countdown-prm", "countdown-prm-weak"]
    cards = [json.loads((tmp_path / name / "outlay.json").read_text()) for name in made_by(toy)]
    assert [card["training"]["steps_done"] for card in cards] == [4, 2]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in made_by(toy)]
    assert weights[0] != weights[1]
    assert schedule.is_made(toy, tmp_path, 0)


def test_side_by_side_makes_the_same_weights_as_alone_and_a_second_run_makes_none(tmp_path):
    together, alone, told = tmp_path / "together", tmp_path / "alone", []
    assert schedule.follow([SMALL, SECOND], together, 0, told.append, processes=2) == [SMALL.name, SECOND.name]
    assert any(line.startswith("halving-second: ") for line in told)
    train.make_one(SMALL, alone, 0, print)
    weights = [folder / SMALL.name / "model.safetensors" for folder in (together, alone)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert weights[0].read_bytes() != (together / SECOND.name / "model.safetensors").read_bytes()
    assert schedule.follow([SMALL, SECOND], together, 0, told.append, processes=2) == []
    assert told[-2:] == ["halving-small: already made", "halving-second: already made"]


def test_another_seed_or_another_recipe_is_not_made_yet(tmp_path):
    train.make_one(SMALL, tmp_path, 0, print)
    assert schedule.is_made(SMALL, tmp_path, 0)
    assert not schedule.is_made(SMALL, tmp_path, 1)
    assert not schedule.is_made(replace(SMALL, steps=3), tmp_path, 0)
    assert not schedule.is_made(SECOND, tmp_path, 0)


def test_what_is_needed_and_not_there_is_told_from_a_process_too(tmp_path):
    lost = [replace(STAR, name="first-star"), replace(STAR, name="second-star")]
    with pytest.raises(UserError, match="train countdown-small before"):
        schedule.follow(lost, tmp_path, 0, print, processes=2)


def test_a_star_learns_from_its_own_right_solutions_and_leaves_its_base_alone(tmp_path):
    base = train.shipped_weights() / "countdown-small"
    (tmp_path / "countdown-small").symlink_to(base)
    before = (base / "model.safetensors").read_bytes()
    told = []
    train.make_one(STAR, tmp_path, 0, told.append)
    assert (base / "model.safetensors").read_bytes() == before
    right = [line for line in told if "different right solutions of 40 questions" in line]
    assert 5 <= int(right[0].split(": ")[1].split()[0]) <= 40
    assert (tmp_path / STAR.name / "model.safetensors").read_bytes() != before


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_what_ships_was_made_by_the_recipes_as_they_stand(recipe):
    assert is_made(recipe, shipped_weights(), 0)


def test_a_device_that_is_not_there_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(UserError, match="torch cannot compute on 'abacus' here"):
        schedule.make("countdown", ["countdown-small"], tmp_path / "made", 0, print, device="abacus")
    assert not (tmp_path / "made").exists()
