"""Shipped policies are plain Llamas, and a plain PRM a Llama with a token-classification head: transformers reads the folders."""

from pathlib import Path

import numpy as np
import pytest

from outlay import models, tasks
from outlay.lab.recipes import MODEL_NAMES
from outlay.models.embedded import Engine, LogprobJob, ScoreJob, load_weights, read_tokenizer
from outlay.models.embedded.backend import Card
from outlay.models.embedded.weights import Weights

torch = pytest.importorskip("torch", reason="transformers runs on torch")
transformers = pytest.importorskip("transformers", reason="the folders are read by it")

TOLERANCE = 2e-4
QUESTIONS = 6


def folder_of(name: str) -> Path:
    return models.embedded_folder(name)


def is_plain_prm(name: str) -> bool:
    folder = folder_of(name)
    return Card.load(folder).role != "policy" and not (folder / "value_head.safetensors").exists()


POLICIES = [name for name in MODEL_NAMES if Card.load(folder_of(name)).role == "policy"]
PLAIN_PRMS = [name for name in MODEL_NAMES if is_plain_prm(name)]


def read(name: str) -> tuple[Weights, list[tuple[int, ...]]]:
    """The weights, and the tokens of some questions, each followed by random words."""
    folder = folder_of(name)
    tokenizer, weights = read_tokenizer(folder), load_weights(folder)
    random = np.random.default_rng(3)
    questions = tasks.load(Card.load(folder).task).questions("validation", QUESTIONS)
    lists = []
    for question in questions:
        more = random.integers(0, weights.shape.vocabulary, 8).tolist()
        lists.append((*tokenizer.encode(question.text), *more)[: weights.shape.positions])
    return weights, lists


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_is_a_causal_llama(name: str) -> None:
    weights, lists = read(name)
    model = transformers.LlamaForCausalLM.from_pretrained(folder_of(name), dtype=torch.float32)
    for found in Engine(weights).run([LogprobJob(tokens, 1, index) for index, tokens in enumerate(lists)]):
        tokens = lists[found.tag]
        with torch.no_grad():
            expected = torch.log_softmax(model(torch.tensor([tokens])).logits[0].double(), -1).numpy()
        np.testing.assert_allclose(
            found.logprobs, expected[np.arange(len(tokens) - 1), list(tokens[1:])], atol=TOLERANCE
        )


@pytest.mark.parametrize("name", PLAIN_PRMS)
def test_a_plain_prm_is_a_llama_for_token_classification(name: str) -> None:
    weights, lists = read(name)
    model = transformers.LlamaForTokenClassification.from_pretrained(folder_of(name), dtype=torch.float32)
    jobs = [ScoreJob(tokens, tuple(range(len(tokens))), index) for index, tokens in enumerate(lists)]
    for found in Engine(weights).run(jobs):
        with torch.no_grad():
            expected = torch.sigmoid(model(torch.tensor([lists[found.tag]])).logits[0, :, 0]).numpy()
        np.testing.assert_allclose(found.values, expected, atol=TOLERANCE)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_the_tokenizer_is_one_that_transformers_reads(name: str) -> None:
    folder = folder_of(name)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ours = read_tokenizer(folder)
    for question in tasks.load(Card.load(folder).task).questions("validation", QUESTIONS):
        assert tokenizer(question.text, add_special_tokens=False)["input_ids"] == list(ours.encode(question.text))
