"""Models that answer each step with + or -: one pass for all steps gives what a pass a step gives."""

import asyncio
import math

import numpy as np
import pytest

import tiny_models
from outlay import verifiers
from outlay.errors import UserError
from outlay.models.model import Completion
from outlay.types import Question, Solution, Step
from outlay.verifiers.layouts import shepherd_text
from outlay.verifiers.token_scores import Served

QUESTION = Question("q", "What is 2 + 3?")
STEPS = ("Step 1: Add the two.\n", "Step 2: That gives 5.\n", "Step 3: The answer is 5.")


def solution(*steps):
    return Solution(tuple(Step(text, 3) for text in steps), finished=True)


def scores(verifier, *solutions):
    return asyncio.run(verifier.score(QUESTION, solutions))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("torch", reason="they run on torch (extra hf)")
    pytest.importorskip("transformers", reason="they run on transformers (extra hf)")
    return tiny_models.save(tmp_path_factory.mktemp("causal"), tiny_models.qwen(), tiny_models.tokenizer(words=["ки"]))


def next_token(folder, ids):
    """Logits of the token after these, by a pass of its own."""
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0, -1]


def share(logits, tokenizer):
    good, bad = (logits[tokenizer.convert_tokens_to_ids(mark)].item() for mark in "+-")
    return 1 / (1 + math.exp(bad - good))


def test_math_shepherd_all_steps_in_one_pass(folder):
    from outlay.models.hf.loading import read_tokenizer

    (found,) = scores(verifiers.load(f"tokens:math-shepherd:hf:{folder}"), solution(*STEPS))
    tokenizer, text = read_tokenizer(folder), "What is 2 + 3?"
    expected = []
    for number, step in enumerate(STEPS):
        text += f"{' ' if number == 0 else chr(10)}{step.strip()} ки"
        expected.append(share(next_token(folder, tokenizer(text)["input_ids"]), tokenizer))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert max(found) - min(found) > 0.01


def test_rlhflow_all_steps_in_one_pass(folder):
    from outlay.models.hf.loading import read_tokenizer

    (found,) = scores(verifiers.load(f"tokens:rlhflow:hf:{folder}"), solution(*STEPS))
    tokenizer, said, expected = read_tokenizer(folder), [], []
    for number, step in enumerate(STEPS):
        content = f"What is 2 + 3? {step.strip()}" if number == 0 else step.strip()
        said.append({"role": "user", "content": content})
        ids = tokenizer.apply_chat_template(said, add_generation_prompt=True, return_dict=True)["input_ids"]
        expected.append(share(next_token(folder, ids), tokenizer))
        said.append({"role": "assistant", "content": "+"})
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_reading_is_once_a_solution_whatever_its_steps(folder):
    given = scores(verifiers.load(f"tokens:math-shepherd:hf:{folder}"), solution(*STEPS))
    text, _ = shepherd_text(QUESTION.text, STEPS)
    from outlay.models.hf.loading import read_tokenizer

    assert given.spent.verifier_prompt_tokens == len(read_tokenizer(folder)(text)["input_ids"])


def test_a_tokenizer_without_the_marks_is_refused(tmp_path):
    pytest.importorskip("torch", reason="they run on torch (extra hf)")
    import transformers

    from outlay import models

    made = transformers.AutoTokenizer.from_pretrained(models.embedded_folder("knowledge-small"))
    folder = tiny_models.save(tmp_path, tiny_models.qwen(), made)
    with pytest.raises(UserError, match=r"no single token for '\+'"):
        verifiers.load(f"tokens:math-shepherd:hf:{folder}")


class Answers:
    """A served model whose next token is + with a probability that grows with what it is shown."""

    name, parameters = "answers", 1000

    def __init__(self, tells=True):
        self.tells, self.asked = tells, []

    async def sample(self, prompt, *, n, max_tokens, temperature, stop, seed, prefix=""):
        assert (n, max_tokens, temperature) == (1, 1, 0.0)
        self.asked.append(prompt)
        good = min(len(prompt) / 200, 0.8)
        told = {" +": math.log(good), " -": math.log(0.9 - good), "x": math.log(0.1)}
        return [Completion(" +", "length", 50, 40, 1, (math.log(good),), (told,) if self.tells else None)]


def test_a_served_model_is_asked_for_one_token_a_step():
    model = Answers()
    given = scores(Served("tokens:math-shepherd:answers", model), solution(*STEPS))
    text, ends = shepherd_text(QUESTION.text, STEPS)
    assert sorted(model.asked, key=len) == [text[:end] for end in ends]
    assert given[0] == pytest.approx([min(end / 200, 0.8) / 0.9 for end in ends])
    assert (given.spent.calls, given.spent.verifier_prompt_tokens, given.spent.verifier_cached_tokens) == (3, 150, 120)
    assert given.spent.verifier_generated_tokens == 3


def test_a_served_model_that_tells_no_alternatives_has_no_score():
    assert scores(Served("tokens:math-shepherd:answers", Answers(tells=False)), solution(*STEPS)) == [()]
