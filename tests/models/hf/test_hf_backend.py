"""Local Hugging Face models: the same texts as the embedded engine and as transformers' own generate, whatever the batch."""

import asyncio
import gc
import math

import numpy as np
import pytest

import outlay
import tiny_models
from outlay import models, tasks
from outlay.errors import UserError
from outlay.models.embedded import GenerateJob
from outlay.models.hf.decoding import Wanted, Watched
from outlay.strategies import BeamSearch
from outlay.types import Budget

torch = pytest.importorskip("torch", reason="the backend runs on torch (extra hf)")
transformers = pytest.importorskip("transformers", reason="the backend runs transformers (extra hf)")

FOLDER = models.embedded_folder("countdown-small")


def draw(model, prompt, n=1, **options):
    asked = {"max_tokens": 24, "temperature": 0.0, "stop": (), "seed": 0} | options
    return asyncio.run(model.sample(prompt, n=n, **asked))


@pytest.fixture(scope="module")
def lab():
    return models.load(f"hf:{FOLDER}")


@pytest.fixture(scope="module")
def chat(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat")
    return models.load(f"hf:{tiny_models.save(folder, tiny_models.qwen(), tiny_models.tokenizer())}")


def questions(count):
    return tasks.load("countdown").questions("validation", count)


def test_greedy_texts_are_those_of_the_embedded_engine(lab):
    embedded = models.load("embedded:countdown-small")
    for question in questions(12):
        ours = outlay.solve(question, strategy="greedy", model=embedded).solutions[0]
        (theirs,) = draw(lab, question.text)
        assert theirs.text == ours.text
        assert theirs.generated_tokens == ours.tokens
        assert sum(theirs.logprobs) == pytest.approx(ours.logprob, abs=2e-3)
        assert theirs.finish_reason == "end"


def test_samples_by_the_same_keys_are_those_of_the_embedded_engine(lab):
    embedded = models.load("embedded:countdown-small")
    (question,) = questions(1)
    tokens = tuple(embedded.tokenizer.encode(question.text))
    ends = frozenset({embedded.tokenizer.id("<end>")})
    job = GenerateJob(tokens, tuple(range(100, 116)), 24, eos=ends)
    ours = {found.index: found.tokens for found in embedded._engine.run([job])}
    theirs = lab._joined._work([Wanted(tokens, key, 24) for key in range(100, 116)])
    same = [found.tokens == ours[index] for index, found in enumerate(theirs)]
    assert np.mean(same) >= 15 / 16  # a draw on the edge between two tokens may fall the other way
    assert len({found.tokens for found in theirs}) > 4


def test_log_probabilities_are_those_of_transformers_own_generate(chat):
    (ours,) = draw(chat, "Is it the one?", max_tokens=10)
    tokenizer, model = chat._tokenizer, chat._joined._work.__self__.model
    shown = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Is it the one?"}], tokenize=False, add_generation_prompt=True
    )
    ids = tokenizer(shown, return_tensors="pt", add_special_tokens=False)["input_ids"]
    out = model.generate(
        ids, max_new_tokens=10, do_sample=False, output_scores=True, return_dict_in_generate=True, pad_token_id=0
    )
    told = [torch.log_softmax(one[0], -1).max().item() for one in out.scores]
    assert ours.prompt_tokens == ids.shape[1]
    assert list(ours.logprobs) == pytest.approx(told, abs=1e-4)
    written = out.sequences[0, ids.shape[1] :]
    assert ours.text == tokenizer.decode(written, skip_special_tokens=True)


def test_what_is_drawn_does_not_depend_on_what_is_drawn_beside_it(chat):
    async def together():
        work = [
            chat.sample(text, n=3, max_tokens=12, temperature=1.0, stop=(), seed=seed)
            for seed, text in enumerate(["Is it?", "What is the answer to all of this?", "Then"])
        ]
        return await asyncio.gather(*work)

    beside = asyncio.run(together())
    for seed, text in enumerate(["Is it?", "What is the answer to all of this?", "Then"]):
        alone = draw(chat, text, n=3, max_tokens=12, temperature=1.0, seed=seed)
        assert [one.text for one in alone] == [one.text for one in beside[seed]]


def test_a_prompt_is_read_once_for_all_its_samples(chat):
    chat._decoder.memory.clear()
    drawn = draw(chat, "What is it?", n=5, temperature=1.0)
    assert drawn[0].prompt_tokens > 0 and drawn[0].cached_tokens == 0
    assert all(one.prompt_tokens == 0 for one in drawn[1:])


def test_without_a_cache_a_prompt_that_fills_several_batches_is_paid_for_in_each(tmp_path):
    folder = tiny_models.save(tmp_path, tiny_models.qwen(), tiny_models.tokenizer())
    model = models.load(f"hf:{folder}", rows=2, cache=0)
    drawn = draw(model, "What is it?", n=5, temperature=1.0)
    once = drawn[0].prompt_tokens
    assert [one.prompt_tokens for one in drawn] == [once, 0, once, 0, once]


def test_a_stop_string_ends_the_text_and_is_in_it(chat):
    whole = draw(chat, "Go on", n=1, max_tokens=40, temperature=1.0, seed=4)[0]
    stop = whole.text[len(whole.text) // 2 :][:2]
    (cut,) = draw(chat, "Go on", n=1, max_tokens=40, temperature=1.0, seed=4, stop=(stop,))
    assert cut.finish_reason == "stop"
    assert cut.text == whole.text[: whole.text.index(stop) + len(stop)]
    assert "".join(cut.token_texts) == cut.text
    assert cut.generated_tokens == len(cut.logprobs) == len(cut.token_texts)


def test_a_beginning_is_gone_on_from_by_its_own_tokens(chat):
    (whole,) = draw(chat, "Say it", max_tokens=20, temperature=1.0, seed=9)
    (begun,) = draw(chat, "Say it", max_tokens=8, temperature=1.0, seed=9)
    (rest,) = draw(chat, "Say it", max_tokens=12, temperature=1.0, seed=9, prefix=begun.text)
    assert begun.finish_reason == "length" and begun.text + rest.text == whole.text


def test_a_beginning_that_somebody_else_wrote_is_gone_on_from(chat):
    (rest,) = draw(chat, "Say it", max_tokens=6, prefix="Well, the answer is")
    ids = chat._tokens("Say it", "Well, the answer is", None)
    assert chat._tokenizer.decode(ids).endswith("<|im_start|>assistant\nWell, the answer is")
    assert rest.prompt_tokens == len(ids)


def test_raw_leaves_the_chat_template_out(tmp_path):
    folder = tiny_models.save(tmp_path, tiny_models.qwen(), tiny_models.tokenizer())
    raw = models.load(f"hf:raw:{folder}")
    assert raw._tokenizer.decode(raw._tokens("2 + 2 =", "", ())) == "2 + 2 ="


def test_the_likeliest_tokens_are_told_where_that_is_asked_for(chat):
    (one,) = draw(chat.with_alternatives(5), "Is it?", max_tokens=3)
    assert len(one.top_logprobs) == one.generated_tokens
    for told, logprob in zip(one.top_logprobs, one.logprobs, strict=True):
        assert (
            1 <= len(told) <= 5 and max(told.values()) >= logprob - 1e-5
        )  # greedy takes the likeliest; texts alike are one
        assert sum(map(math.exp, told.values())) < 1 + 1e-5
    assert draw(chat, "Is it?")[0].top_logprobs is None


def test_letters_that_take_several_tokens_are_whole_in_the_text(tmp_path):
    made = tiny_models.tokenizer()
    folder = tiny_models.save(tmp_path, tiny_models.qwen(), made)
    from outlay.models.hf.loading import read_tokenizer
    from outlay.models.hf.writing import Writing

    tokenizer = read_tokenizer(folder)
    text = " an ß and a 🌙 then"
    writing = Writing(tokenizer, tokenizer("Say:", add_special_tokens=False)["input_ids"])
    for token in tokenizer(text, add_special_tokens=False)["input_ids"]:
        writing.add(token)
    writing.end()
    assert writing.text == text == "".join(writing.pieces)


def test_searches_and_verifiers_of_the_lab_run_beside_it(lab):
    (question,) = questions(1)
    trace = outlay.solve(
        question,
        strategy="best_of_n",
        model=lab,
        verifier="embedded:countdown-prm",
        budget=Budget(generations=4),
        seed=1,
    )
    assert trace.question.task == "countdown" and trace.correct is not None
    assert all(solution.score is not None for solution in trace.solutions if solution.finished)
    assert trace.cost.prompt_tokens == len(question.text.split())


def test_a_search_goes_step_by_step(chat):
    trace = outlay.solve(
        "Is it?",
        strategy=BeamSearch(width=2),
        model=chat,
        verifier="random:1",
        budget=Budget(generations=4),
        steps="tokens:6",
    )
    assert trace.cost.generations == 4
    assert any(len(solution.steps) > 1 for solution in trace.solutions)
    steps = [step for solution in trace.solutions for step in solution.steps]
    assert all(step.tokens <= 6 and not math.isnan(step.logprob) for step in steps)


def test_a_text_longer_than_the_context_is_told_of(chat):
    with pytest.raises(UserError, match=r"tokens long, and hf:.* reads 512 at most"):
        draw(chat, "word " * 600)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nothing-here", "there is no folder nothing-here"),
        ("./a/b", "there is no folder"),
        ("", "names no model"),
    ],
)
def test_an_address_of_nothing_is_one_sentence(name, says):
    with pytest.raises(UserError, match=says):
        models.load(f"hf:{name}")


def test_a_folder_without_a_model_and_one_that_only_scores_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"no config\.json"):
        models.load(f"hf:{tmp_path}")
    with pytest.raises(UserError, match="writes nothing"):
        models.load(f"hf:{models.embedded_folder('countdown-prm')}")


def test_weights_that_could_run_code_are_refused(tmp_path):
    tiny_models.save(tmp_path, tiny_models.qwen(), tiny_models.tokenizer())
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match="no weights in safetensors"):
        models.load(f"hf:{tmp_path}")


def test_a_truncated_file_is_one_sentence(tmp_path):
    tiny_models.save(tmp_path, tiny_models.qwen(), tiny_models.tokenizer())
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="cannot be read as AutoModelForCausalLM"):
        models.load(f"hf:{tmp_path}")


def test_what_nobody_waits_for_any_more_is_not_drawn_on_and_stands_as_cancelled(tmp_path):
    """A view with an account of its own: given up in the middle, both continuations end with the token under way."""
    model = models.load(f"hf:{tiny_models.save(tmp_path, tiny_models.qwen(), tiny_models.tokenizer())}")
    model._joined._work.__self__.ends = frozenset()  # it would go on to the last token
    view = model.talking()

    async def begun():
        asked = {"n": 2, "max_tokens": 400, "temperature": 1.0, "stop": (), "seed": 3}
        drawing = asyncio.create_task(view.sample("Tell me a story.", **asked))
        while not (watched := [one for one in gc.get_objects() if type(one) is Watched and one.made]):
            await asyncio.sleep(0.01)
        drawing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await drawing
        while model._joined._one_at_a_time.locked():
            await asyncio.sleep(0.01)
        return watched[-1]

    gc.collect()
    watch = asyncio.run(begun())
    assert 0 < view.spent.generated_tokens == view.spent.cancelled <= watch.made < 800
    assert model.spent.generated_tokens == 0


def test_a_conversation_is_read_through_the_template(chat):
    before = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
    ]
    view = chat.talking(before)
    assert view._shown("And now?") == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n"
        "<|im_start|>user\nAnd now?<|im_end|>\n<|im_start|>assistant\n"
    )
    with pytest.raises(UserError, match="no chat template"):
        models.load(f"hf:{FOLDER}").talking(before)
