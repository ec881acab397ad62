"""Model folders: what is read, what is refused and in which words."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from outlay.errors import UserError
from outlay.models.embedded import Weights, load_weights


def test_every_array_is_float32(models: dict[str, Weights]) -> None:
    layer = models["policy"].layers[0]
    arrays = [models["policy"].embedding, layer.query_key_value, layer.attention_out, layer.gate_up, layer.down]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_parameters_are_counted_over_all_files(folders: dict[str, Path], models: dict[str, Weights]) -> None:
    folder = folders["self-channel"]
    tensors = [
        *load_file(folder / "model.safetensors").values(),
        *load_file(folder / "value_head.safetensors").values(),
    ]
    assert models["self-channel"].parameters == sum(tensor.size for tensor in tensors)


def test_a_scoring_model_has_a_head_and_predicts_no_tokens(models: dict[str, Weights]) -> None:
    assert models["prm"].head is not None
    assert models["prm"].unembedding is None


def test_the_head_s_own_layers_are_cached_too(models: dict[str, Weights]) -> None:
    assert (models["policy"].cached_layers, models["self-channel"].cached_layers) == (2, 3)


def test_tied_embeddings_serve_as_unembedding(make_folder) -> None:
    folder = make_folder()
    tensors = load_file(folder / "model.safetensors")
    del tensors["lm_head.weight"]
    save_file(tensors, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": True}))
    expected = tensors["model.embed_tokens.weight"].astype(np.float32) * tensors["model.norm.weight"].astype(np.float32)
    np.testing.assert_array_equal(load_weights(folder).unembedding, expected)


def test_the_end_token_of_outlay_json_goes_before_the_config_s(make_folder) -> None:
    folder = make_folder()
    (folder / "outlay.json").write_text(json.dumps({"name": "mine", "eos_token": ";"}))
    weights = load_weights(folder)
    assert (weights.end_token, weights.name) == (2, "mine")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architectures": ["MistralForCausalLM"]}, "the architecture MistralForCausalLM"),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "scaled rotary embeddings"),
        ({"attention_bias": True}, "biases"),
        ({"hidden_act": "gelu"}, "the activation gelu"),
        ({"architectures": ["LlamaForTokenClassification"], "num_labels": 2}, "2 labels"),
    ],
)
def test_what_the_engine_does_not_compute_is_refused(make_folder, change: dict, words: str) -> None:
    folder = make_folder()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(UserError, match=words):
        load_weights(folder)


def test_a_missing_size_is_named(make_folder) -> None:
    folder = make_folder()
    config = json.loads((folder / "config.json").read_text())
    del config["intermediate_size"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="lacks the field 'intermediate_size'"):
        load_weights(folder)


def test_a_missing_tensor_is_named(make_folder) -> None:
    folder = make_folder()
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.down_proj.weight"]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(UserError, match=r"model\.layers\.1\.mlp\.down_proj\.weight"):
        load_weights(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(make_folder, name: str) -> None:
    folder = make_folder()
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name} does not exist"):
        load_weights(folder)


def test_a_broken_weights_file_is_named(make_folder) -> None:
    folder = make_folder()
    (folder / "model.safetensors").write_bytes(b"not tensors")
    with pytest.raises(UserError, match=r"model\.safetensors cannot be read"):
        load_weights(folder)
