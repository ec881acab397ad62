"""A real language model in this process: what `llamacpp:smollm2` draws, counts, and says when something is wrong."""

import asyncio
import json
import math
import os

import pytest
from programs import outlay as program
from programs import wait_until

import outlay
from outlay.cli.trying import try_model
from outlay.drive.solving import LastLine
from outlay.errors import UserError
from outlay.models import load
from outlay.strategies import BeamSearch
from outlay.types import Budget
from tests.smollm2 import required

SMOLLM2 = required()

pytestmark = pytest.mark.system

RAW = "llamacpp:smollm2?template=none&context=256"
SLOTS = 4
PROMPT = "Country: France. Capital: Paris\nCountry: Japan. Capital: Tokyo\nCountry: Germany. Capital:"


@pytest.fixture(scope="module", autouse=True)
def few_slots():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OUTLAY_LLAMACPP_SLOTS", str(SLOTS))
        patch.setenv("OUTLAY_LLAMACPP_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def model(few_slots):
    return load(RAW)


def drawn(model, **request):
    request = {"prompt": PROMPT, "n": 1, "max_tokens": 8, "temperature": 1.0, "stop": (), "seed": 1} | request
    return asyncio.run(model.sample(**request))


def slots(model):
    """What llama.cpp says of its slots."""
    connection = model._engine.connection()
    connection.request("GET", "/slots")
    return json.loads(connection.getresponse().read())


def test_it_knows_the_capital_of_germany(model):
    (found,) = drawn(model, temperature=0.0, stop=["\n"])
    assert (found.text, found.finish_reason) == (" Berlin\n", "stop")
    assert found.generated_tokens == len(found.token_texts) == len(found.logprobs) == 2
    assert all(-1.0 < one < 0.0 for one in found.logprobs)


def test_every_choice_has_its_own_seed_and_is_the_same_alone(model):
    several = drawn(model, n=SLOTS + 2, seed=5, temperature=2.0, max_tokens=4)
    assert len({one.text for one in several}) > SLOTS
    for index in (0, SLOTS - 1, SLOTS + 1):
        (alone,) = drawn(model, seed=5 + index, temperature=2.0, max_tokens=4)
        assert alone.text == several[index].text


def test_its_own_count_of_tokens_is_right_for_every_choice(model):
    before = model.spent
    several = drawn(model, n=4, max_tokens=6, seed=9)
    assert [one.generated_tokens for one in several] == [6] * 4
    assert model.spent.generated_tokens - before.generated_tokens == 24
    first, *others = several
    assert first.prompt_tokens > 20
    assert [one.prompt_tokens for one in others] == [0] * 3  # they share one reading of the prompt


def test_a_prompt_that_was_read_before_comes_from_the_cache(model):
    (first,), (again,) = (
        drawn(model, prompt="Never asked before: one, two, three,"),
        drawn(model, prompt="Never asked before: one, two, three,"),
    )
    assert again.prompt_tokens == first.prompt_tokens
    assert again.cached_tokens >= again.prompt_tokens - 1 > first.cached_tokens


def test_the_stop_string_that_ended_it_is_in_the_text_whichever_it_was(model):
    stops = [". ", "? ", "! ", "\n"]
    ended = {}
    for prompt in ("This is good. That is bad. This", "One? Two? Three? Four? Five", "One! Two! Three! Four! Five"):
        (one,) = drawn(model, prompt=prompt, stop=stops, temperature=0.0, max_tokens=8)
        assert "".join(one.token_texts) == one.text
        assert one.finish_reason == "stop"
        ended[one.text[-2:]] = sum(one.text.count(stop) for stop in stops)
    assert ended == {". ": 1, "? ": 1, "! ": 1}


def test_a_text_that_ends_an_answer_is_left_out(model):
    ending = load(RAW + "&end=%0A")
    (found,) = drawn(ending, temperature=0.0)
    assert (found.text, found.finish_reason, found.generated_tokens) == (" Berlin", "end", 2)


def test_a_beginning_is_gone_on_from_as_if_it_had_been_written(model):
    (whole,) = drawn(model, temperature=0.0, max_tokens=12)
    begun = "".join(whole.token_texts[:5])
    (rest,) = drawn(model, temperature=0.0, max_tokens=7, prefix=begun)
    assert begun + rest.text == whole.text
    assert math.isclose(sum(rest.logprobs), sum(whole.logprobs[5:]), rel_tol=0.02)


def test_the_likeliest_tokens_are_told_where_one_is_asked_for(model):
    (found,) = drawn(model, temperature=0.0, max_tokens=1)
    (alternatives,) = found.top_logprobs
    assert max(alternatives, key=alternatives.get) == found.text == " Berlin"
    assert alternatives[" Berlin"] == pytest.approx(found.logprobs[0])
    assert 0.5 < sum(map(math.exp, alternatives.values())) <= 1.0001


def test_a_chat_is_put_into_its_template_and_ended_by_the_model():
    chat = load("llamacpp:smollm2?context=256")
    (found,) = drawn(chat, prompt="What is the capital of Germany?", temperature=0.0, max_tokens=40)
    assert "Berlin" in found.text
    assert (found.finish_reason, "<|im_end|>" in found.text) == ("end", False)
    assert found.prompt_tokens > 15


def test_a_prompt_beyond_the_context_is_told_with_what_to_write(model):
    with pytest.raises(UserError, match=r"longer than the context .*256 tokens.*write context=512"):
        drawn(model, prompt="red " * 300)


def test_what_is_cancelled_ends_and_is_counted(model):
    before = model.spent

    async def begun():
        work = asyncio.create_task(
            model.sample("Once upon a time", n=4, max_tokens=200, temperature=1.0, stop=(), seed=1)
        )
        await asyncio.sleep(0.5)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    asyncio.run(begun())
    cancelled = model.spent.cancelled - before.cancelled
    assert model.spent.generated_tokens - before.generated_tokens == cancelled < 800
    wait_until(lambda: not any(one["is_processing"] for one in slots(model)))
    assert all(one["next_token"][0]["n_decoded"] < 200 for one in slots(model) if "next_token" in one)
    assert drawn(model, temperature=0.0)[0].text.startswith(" Berlin")


class Short(LastLine):
    max_solution_tokens = 24


def test_a_search_over_its_steps_is_paid_for_token_by_token_and_is_the_same_again(model):
    first, again = (
        outlay.solve(
            "Count.\n\n1\n2\n3\n\nCount.\n\n4\n5\n6\n\nCount.\n\n7\n",
            strategy=BeamSearch(width=2),
            model=load(RAW + "&end=%0A%0A"),
            verifier="logprob",
            budget=Budget(generations=4, tokens=200),
            steps="newline",
            seed=2,
            task=Short(),
        )
        for _ in range(2)
    )
    assert [one.text for one in first.solutions] == [one.text for one in again.solutions]
    assert any(len(one.steps) > 1 for one in first.solutions)
    assert all("\n\n" not in one.text for one in first.solutions)
    assert first.cost.generated_tokens == again.cost.generated_tokens <= 200
    assert first.cost.generated_tokens >= sum(one.tokens for one in first.solutions[:1]) > 0
    assert first.cost.prompt_tokens > first.cost.cached_tokens


def test_doctor_tries_it_and_says_what_it_is():
    tried = try_model(load(RAW))
    can = tried.capabilities
    assert "SmolLM2" in can["file"] and (can["architecture"], can["context"], can["slots"]) == ("llama", 256, SLOTS)
    assert can["parameters"] == 134_515_008
    assert can["log_probabilities"] and can["goes_on_from_a_prefix"]


PAIRS = "Germany/Berlin Italy/Rome Spain/Madrid Egypt/Cairo Cuba/Havana Peru/Lima Norway/Oslo Chad/Ndjamena Iran/Tehran Ghana/Accra"
STUDY = """
name: few
pilot: 2
headline_budget: 4
entries:
  - {task: 'jsonl:q.yaml', model: 'llamacpp:smollm2?template=none&context=128&end=%0A', verifier: logprob, split: all,
     questions: 10, pool: 4, difficulty_samples: 2, searches: [{strategy: early_stopping, budgets: [4]}]}
"""


@pytest.mark.skipif(os.environ.get("OUTLAY_REAL_SERVERS") != "1", reason="takes long: OUTLAY_REAL_SERVERS=1 runs it")
def test_a_study_runs_in_workers_and_finds_nothing_left_to_do_the_second_time(tmp_path):
    (tmp_path / "q.yaml").write_text(
        "path: q.jsonl\ntemplate: 'Country: Japan. Capital: Tokyo\n\n  Country: {{ country }}. Capital:'\n"
        "extract: whole\nequal: text\nmax_solution_tokens: 6\n"
    )
    rows = [dict(zip(("country", "answer"), pair.split("/"), strict=True)) for pair in PAIRS.split()]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "study.yaml").write_text(STUDY)
    found = program("run", "study.yaml", "--out", "out", "--json", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    (group,) = json.loads(found.stdout)["groups"]
    assert 0.2 < group["pass_at_1"]["mean"] <= 1.0
    again = program("run", "study.yaml", "--out", "out", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["groups"][0]["pass_at_1"] == group["pass_at_1"]
