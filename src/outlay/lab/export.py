"""Writing a lab model down as a folder that transformers, vLLM and the embedded engine all load.

A folder appears whole or not at all: it is written beside its place and renamed. Weights are float16 under Hugging Face
names; `outlay.json` and the model card carry the recipe and the figures measured on validation questions.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from outlay.lab.cards import model_card
from outlay.lab.measure import json_ready
from outlay.lab.vocabulary import END, PAD, Vocabulary

Arrays = Mapping[str, NDArray[Any]]


def write_model(
    folder: Path,
    weights: Arrays,
    config: Mapping[str, Any],
    vocabulary: Vocabulary,
    about: Mapping[str, Any],
    value_head: Arrays | None = None,
) -> None:
    """Write a whole model folder, replacing an older one of that name.

    `config` is the Hugging Face configuration, `about` becomes `outlay.json`, `value_head` is a self-channel head's
    tensors where there is one.
    """
    staging = folder.with_name(folder.name + ".partial")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    _write_tensors(staging / "model.safetensors", weights)
    if value_head is not None:
        _write_tensors(staging / "value_head.safetensors", value_head)
    documents: dict[str, Any] = {
        "config.json": config,
        "tokenizer.json": tokenizer_document(vocabulary),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": END,
            "pad_token": PAD,
            "model_max_length": config["max_position_embeddings"],
            "clean_up_tokenization_spaces": False,
        },
        "special_tokens_map.json": {"eos_token": END, "pad_token": PAD},
        "generation_config.json": {
            "eos_token_id": vocabulary.end,
            "pad_token_id": vocabulary.ids[PAD],
            "max_new_tokens": about["max_tokens"],
            "do_sample": True,
            "temperature": 1.0,
        },
        "outlay.json": about,
    }
    for name, document in documents.items():
        (staging / name).write_text(json.dumps(json_ready(document), indent=2) + "\n", encoding="utf-8")
    (staging / "README.md").write_text(model_card(json_ready(about)), encoding="utf-8")
    old = folder.with_name(folder.name + ".old")
    if folder.exists():
        folder.rename(old)
    staging.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def tokenizer_document(vocabulary: Vocabulary) -> dict[str, Any]:
    """The word-level tokenizer in the `tokenizers` library's format."""
    special = [
        {
            "id": vocabulary.ids[word],
            "content": word,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for word in (PAD, END)
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocabulary.ids, "unk_token": PAD},
    }


def llama_config(
    vocabulary: Vocabulary, hidden: int, layers: int, heads: int, intermediate: int, positions: int, scorer: bool
) -> dict[str, Any]:
    """The Hugging Face configuration of a lab model; `scorer` for a token classifier with one label."""
    config: dict[str, Any] = {
        "architectures": ["LlamaForTokenClassification" if scorer else "LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(vocabulary.words),
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "head_dim": hidden // heads,
        "intermediate_size": intermediate,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": False,
        "max_position_embeddings": positions,
        "bos_token_id": None,
        "eos_token_id": vocabulary.end,
        "pad_token_id": vocabulary.ids[PAD],
        "torch_dtype": "float16",
    }
    if scorer:
        config |= {"num_labels": 1, "id2label": {"0": "right"}, "label2id": {"right": 0}, "classifier_dropout": 0.0}
    return config


def _write_tensors(path: Path, tensors: Arrays) -> None:
    save_file({name: np.ascontiguousarray(tensor, dtype=np.float16) for name, tensor in tensors.items()}, str(path))
