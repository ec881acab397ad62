"""Answers by a policy, from the shipped models: what comes back, what it cost, and what is kept of it."""

import json

import pytest
from serving import PILOT, QUESTION, measured, policy_file, serving

from outlay.traces import Store


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(policy_file(tmp_path_factory.mktemp("served"), PILOT), usd_prompt=1.0, usd_generated=2.0) as running:
        yield running


def test_an_answer_has_the_chosen_text_the_ledgers_usage_and_our_own_fields(server):
    said = server.chat(seed=3, outlay={"explain": True, "budget": {"generations": 16}})
    own = said["outlay"]
    cost = own["cost"]
    assert said["usage"]["prompt_tokens"] == cost["prompt_tokens"] + cost["verifier_prompt_tokens"]
    assert said["usage"]["completion_tokens"] == cost["generated_tokens"] == sum(c["tokens"] for c in own["candidates"])
    assert said["usage"]["verifier"]["prompt_tokens"] == cost["verifier_prompt_tokens"] > 0
    (chosen,) = [one for one in own["candidates"] if one["chosen"]]
    assert chosen["text"] == said["choices"][0]["message"]["content"]
    assert chosen["score"] == max(one["score"] for one in own["candidates"])
    assert own["generations"] == len(own["candidates"]) in (4, 16)
    assert own["stopped_by"] == "plan" and own["bin"] in (0, 1)
    assert cost["pilot"] == sum(one["tokens"] for one in own["candidates"][:4])
    assert cost["usd"] == pytest.approx(
        (cost["prompt_tokens"] - cost["cached_tokens"] + 2 * cost["generated_tokens"]) / 1e6
    )


def test_the_same_seed_gives_the_same_answer_whatever_runs_beside(server):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as many:
        said = list(
            many.map(
                lambda seed: server.chat("3 5 7 9 > 41", seed=seed, outlay={"explain": True}), [1, 2, 3, 1, 2, 3, 4, 1]
            )
        )
    texts = [[one["text"] for one in each["outlay"]["candidates"]] for each in said]
    assert texts[0] == texts[3] == texts[7] and texts[1] == texts[4] and texts[0] != texts[1]


def test_the_easy_get_less_than_the_hard(server):
    easy = server.chat("1 2 3 > 6", seed=1, outlay={"budget": {"generations": 16}})["outlay"]
    hard = server.chat("9 3 5 7 > 64", seed=1, outlay={"budget": {"generations": 16}})["outlay"]
    assert (easy["bin"], easy["generations"]) == (0, 4)
    assert (hard["bin"], hard["generations"]) == (1, 16)


def test_a_stream_is_the_same_answer_with_comments_while_the_work_goes_on(server):
    whole = server.chat(seed=5)
    body = {
        "model": "outlay",
        "stream": True,
        "seed": 5,
        "stream_options": {"include_usage": True},
        "outlay": {"progress": True},
    }
    _, headers, content = server.ask(body | {"messages": [{"role": "user", "content": QUESTION}]})
    lines = content.decode().split("\n\n")
    assert headers["Content-Type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix(": outlay ")) for line in lines if line.startswith(": outlay ")]
    assert [one["event"] for one in events][:2] == ["spend", "candidate"] and events[-1]["event"] == "stop"
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    assert data[-1] == "[DONE]"
    pieces = [json.loads(one) for one in data[:-1]]
    text = "".join(choice["delta"].get("content", "") for piece in pieces for choice in piece["choices"])
    assert text == whole["choices"][0]["message"]["content"]
    assert pieces[-1]["usage"] == whole["usage"] and pieces[-1]["choices"] == []
    assert all(piece["usage"] is None for piece in pieces[:-1])
    assert pieces[-2]["outlay"]["answer"] == whole["outlay"]["answer"]


def test_without_being_asked_a_stream_tells_no_usage_and_no_progress(server):
    body = {"model": "outlay", "stream": True, "messages": [{"role": "user", "content": QUESTION}]}
    _, _, content = server.ask(body)
    assert b'"usage"' not in content and b"candidate" not in content


def test_several_choices_are_several_answers_and_usage_is_their_sum(server):
    said = server.chat(n=3, seed=1)
    assert [choice["index"] for choice in said["choices"]] == [0, 1, 2]
    each = said["outlay"]["choices"]
    assert said["usage"]["completion_tokens"] == sum(one["cost"]["generated_tokens"] for one in each)
    assert said["outlay"]["generations"] == sum(one["generations"] for one in each)


def test_a_raw_completion_is_answered_too_and_several_prompts_are(server):
    _, _, said = server.ask({"model": "outlay", "prompt": [QUESTION, "1 2 3 > 6"]}, "/v1/completions")
    assert said["object"] == "text_completion" and len(said["choices"]) == 2
    assert all(choice["text"] for choice in said["choices"])


def test_max_tokens_and_stop_texts_end_the_answer(server):
    short = server.chat(seed=3, max_tokens=3)["choices"][0]
    assert short["finish_reason"] == "length" and len(short["message"]["content"].split()) == 3
    text = server.chat(seed=3)["choices"][0]["message"]["content"]
    stopped = server.chat(seed=3, stop=[" ;"])["choices"][0]
    assert stopped["message"]["content"] == text.partition(" ;")[0] and stopped["finish_reason"] == "stop"


def test_hard_caps_are_never_passed(server):
    for caps in ({"budget": {"generations": 16, "tokens": 150}}, {"budget": {"generations": 16, "flops": 4e7}}):
        own = server.chat("9 3 5 7 > 64", seed=1, outlay=caps)["outlay"]
        cost = own["cost"]
        assert cost["generated_tokens"] <= caps["budget"].get("tokens", 1e9) and cost["flops"] <= caps["budget"].get(
            "flops", 1e18
        )
        assert own["stopped_by"] == "budget"
    dear = server.chat("9 3 5 7 > 64", seed=1, outlay={"max_cost_usd": 3e-4})["outlay"]
    assert dear["cost"]["usd"] <= 3e-4


def test_a_budget_beyond_the_servers_or_too_small_to_draw_is_refused_in_a_sentence(server):
    body = {"model": "outlay", "messages": [{"role": "user", "content": QUESTION}]}
    status, _, said = server.ask(body | {"outlay": {"budget": {"generations": 33}}})
    assert (status, said["error"]["code"], said["error"]["param"]) == (
        400,
        "budget_too_large",
        "outlay.budget.generations",
    )
    status, _, said = server.ask(body | {"outlay": {"budget": {"tokens": 1}}})
    assert status == 400 and "too small" in said["error"]["message"]


def test_what_was_answered_is_in_the_store_with_its_cost(tmp_path):
    with serving(policy_file(tmp_path, PILOT)) as running:
        said = running.chat(seed=3)
        (trace,) = Store(tmp_path / "served", create=False).traces()  # while the server still runs
    assert (
        trace.answer == said["outlay"]["answer"]
        and trace.cost.generated_tokens == said["outlay"]["cost"]["generated_tokens"]
    )
    assert trace.solutions[trace.chosen].text == said["choices"][0]["message"]["content"]
    (after,) = Store(tmp_path / "served", create=False).traces()
    assert after == trace and list((tmp_path / "served" / "journal").iterdir()) == []


def test_the_confidence_without_calibration_is_what_was_measured_at_the_budget_and_uniform_is_what_is_as_accurate(
    tmp_path,
):
    plans = [
        plan | {"measured": measured(a, c, b)}
        for plan, a, c, b in zip(PILOT["plans"], (0.3, 0.8, 0.9), (1, 7, 14), (0.3, 0.6, 0.8))
    ]
    with serving(policy_file(tmp_path, PILOT, plans=plans)) as running:
        own = running.chat("9 3 5 7 > 64", seed=1, outlay={"budget": {"generations": 16}})["outlay"]
        assert own["confidence"] == 0.8
        assert own["uniform"]["generations"] == 32 and own["uniform"]["for"] == "the same accuracy"
        assert own["uniform"]["tokens"] == pytest.approx(32 / 16 * own["cost"]["generated_tokens"], abs=1)
        own = running.chat("9 3 5 7 > 64", seed=1, outlay={"target_confidence": 0.75, "budget": {"generations": 32}})[
            "outlay"
        ]
        assert own["stopped_by"] == "confident" and own["generations"] == 16
