"""What ships is complete, small, and says what it is."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import outlay
from outlay import tasks
from outlay.lab.recipes import MODEL_NAMES as NAMES
from outlay.lab.recipes import REVISERS
from outlay.lab.vocabulary import vocabulary_of

WEIGHTS = Path(outlay.__file__).parent / "lab" / "weights"
FILES = {
    "README.md",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "outlay.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
}


def document(name, file):
    return json.loads((WEIGHTS / name / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_folder_is_complete(name):
    head = document(name, "outlay.json")["head"]
    extra = {"value_head.safetensors"} if head and head["type"] == "self_channel" else set()
    assert {path.name for path in (WEIGHTS / name).iterdir()} == FILES | extra


def test_nothing_else_ships():
    assert {path.name for path in WEIGHTS.iterdir() if path.is_dir()} == set(NAMES)


def test_all_weights_stay_under_60_megabytes():
    assert sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file()) < 60e6


@pytest.mark.parametrize("name", NAMES)
def test_tensors_are_finite_half_floats_and_counted(name):
    folder = WEIGHTS / name
    tensors = load_file(folder / "model.safetensors")
    if (folder / "value_head.safetensors").exists():
        tensors |= load_file(folder / "value_head.safetensors")
    assert all(tensor.dtype == np.float16 and np.isfinite(tensor).all() for tensor in tensors.values())
    assert document(name, "outlay.json")["parameters"] == sum(tensor.size for tensor in tensors.values())


@pytest.mark.parametrize("name", NAMES)
def test_shapes_are_those_of_the_configuration(name):
    config, tensors = document(name, "config.json"), load_file(WEIGHTS / name / "model.safetensors")
    assert tensors["model.embed_tokens.weight"].shape == (config["vocab_size"], config["hidden_size"])
    last = f"model.layers.{config['num_hidden_layers'] - 1}.mlp.gate_proj.weight"
    assert tensors[last].shape == (config["intermediate_size"], config["hidden_size"])
    assert ("score.weight" in tensors) == (config["architectures"] == ["LlamaForTokenClassification"])


@pytest.mark.parametrize("name", NAMES)
def test_tokenizer_is_the_family_vocabulary(name):
    card = document(name, "outlay.json")
    vocabulary = vocabulary_of(card["task"])
    assert document(name, "tokenizer.json")["model"]["vocab"] == vocabulary.ids
    assert document(name, "config.json")["eos_token_id"] == vocabulary.end


@pytest.mark.parametrize("name", NAMES)
def test_longest_solutions_fit_the_positions(name):
    card, config = document(name, "outlay.json"), document(name, "config.json")
    prompts = [len(q.text.split()) for q in tasks.load(card["task"]).questions("test", 300)]
    longest = (card.get("attempts", 0) + 1) * card["max_tokens"]
    assert max(prompts) + longest <= config["max_position_embeddings"]


@pytest.mark.parametrize("name", NAMES)
def test_card_tells_the_recipe_and_the_validation_figures(name):
    card = document(name, "outlay.json")
    assert card["name"] == name
    assert {"steps", "seed", "learning_rate"} <= set(card["training"])
    assert "auc_within_question" in card["validation"] or "pass_at_1" in card["validation"]


@pytest.mark.parametrize(("family", "times"), [("countdown", 12), ("arithmetic", 12), ("arithmetic-clean", 7)])
def test_large_is_many_times_small(family, times):
    small, large = (document(f"{family}-{size}", "outlay.json")["parameters"] for size in ("small", "large"))
    assert large >= times * small


@pytest.mark.parametrize("family", ["countdown", "arithmetic", "arithmetic-clean"])
def test_small_and_large_learned_from_the_same_demonstrations(family):
    small, large = (document(f"{family}-{size}", "outlay.json")["training"] for size in ("small", "large"))
    assert [small[key] for key in ("task", "demonstrations", "seed")] == [
        large[key] for key in ("task", "demonstrations", "seed")
    ]
    assert small["steps"] == large["steps"]


@pytest.mark.parametrize("name", [recipe.name for recipe in REVISERS])
def test_a_reviser_stays_under_a_megabyte_and_shows_its_checkpoints(name):
    assert (WEIGHTS / name / "model.safetensors").stat().st_size < 1e6
    seen = document(name, "outlay.json")["checkpoints"]
    assert [checkpoint["step"] for checkpoint in seen] == sorted(checkpoint["step"] for checkpoint in seen)
    assert all(len(checkpoint["position_accuracy"]) == 8 for checkpoint in seen)
