"""Cutting text into steps: without loss, and alike whether a text is cut afterwards or while it is written.

The tests on real solutions read them from the folder that the environment variable OUTLAY_DATA names (a folder with `pools/`).
"""

import gzip
import json
import os
import random
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.errors import UserError
from outlay.models.steps import ENDS, shared_out, splitter

NAMES = [*ENDS, "numbered", "tokens:3", "tokens:64"]
BY_TEXT = [*ENDS, "numbered"]

INVENTED = """Let me think about the eggs.

## Step 1: Count what is used
She eats 3 and bakes 4.5 / 1.5 = 3, i.e. 3 + 3 = 6.  That is less than 16!

## Step 2: Sell the rest
1. Eggs left: 16 - 6 = 10.
2. At $2 each (cf. the question): 10 * 2 = 20?  Yes.


### Step 3: Answer
The answer is 20."""


def streamed(name, text):
    """The steps of a text that a server writes and interrupts at the stops, drawn call by call."""
    cut, closed, begun, rest, steps = splitter(name), "", "", text, []
    while True:
        found = [(rest.find(stop), stop) for stop in cut.stops(closed, begun) if stop in rest]
        if not found:
            return [*steps, *([begun + rest] if begun + rest else [])]
        place, stop = min(found)
        begun_before = len(begun)
        begun, ended = cut.take(closed, begun + rest[: place + len(stop)])
        rest = rest[len(begun) - begun_before :]
        if ended:
            steps.append(begun)
            closed, begun = closed + begun, ""


pieces = st.lists(
    st.sampled_from(
        ["a", " b", ". ", "? ", "\n", "\n\n", "Step 1:", "\nStep 2:", "\n## Step 2:", "\nStep 3:", "1. ", "e.g. ", "  "]
    ),
    max_size=14,
).map("".join)


@pytest.mark.parametrize("name", NAMES)
@given(text=pieces)
def test_nothing_of_a_text_is_lost(name, text):
    steps = splitter(name).split(text)
    assert "".join(steps) == text
    assert all(steps)


@pytest.mark.parametrize("name", BY_TEXT)
@given(text=pieces)
def test_a_text_cut_while_it_is_written_has_the_steps_of_one_cut_afterwards(name, text):
    assert streamed(name, text) == splitter(name).split(text)


@pytest.mark.parametrize("name", BY_TEXT)
@given(text=pieces)
def test_no_step_is_white_space_alone_but_for_what_a_text_ends_in(name, text):
    assert all(step.strip() for step in splitter(name).split(text)[:-1])


@pytest.mark.parametrize("name", BY_TEXT)
def test_a_server_is_given_at_most_four_stops(name):
    assert 1 <= len(splitter(name).stops("", "")) <= 4


@pytest.mark.parametrize(
    ("name", "count", "second"),
    [
        ("newline", 8, "\n## Step 1: Count what is used\n"),
        ("blank_line", 4, INVENTED.split("\n\n")[1] + "\n\n"),
        (
            "numbered",
            3,
            "## Step 2: Sell the rest\n1. Eggs left: 16 - 6 = 10.\n2. At $2 each (cf. the question): 10 * 2 = 20?  Yes.\n\n\n",
        ),
        ("sentence", 10, "\n## Step 1: Count what is used\n"),
    ],
)
def test_an_invented_solution(name, count, second):
    steps = splitter(name).split(INVENTED)
    assert len(steps) == count
    assert steps[1] == second


def test_a_sentence_does_not_end_at_an_abbreviation_a_decimal_or_the_number_of_a_list():
    steps = splitter("sentence").split(INVENTED)
    assert "She eats 3 and bakes 4.5 / 1.5 = 3, i.e. 3 + 3 = 6. " in steps
    assert "1. Eggs left: 16 - 6 = 10.\n" in steps


def test_only_the_heading_that_is_next_ends_a_numbered_step():
    text = "Step 1: as in Step 2: no.\nStep 3: not yet\nStep 2: b\nStep 3: c"
    assert splitter("numbered").split(text) == [
        "Step 1: as in Step 2: no.\nStep 3: not yet\n",
        "Step 2: b\n",
        "Step 3: c",
    ]


def test_the_next_heading_is_handed_back_and_written_again():
    cut = splitter("numbered")
    assert cut.take("", "Step 1: a\nStep 2:") == ("Step 1: a\n", True)
    assert "\nStep 3:" in cut.stops("Step 1: a\n", "")
    assert "\nStep 2:" in cut.stops("", "Step 1: a")


@given(st.lists(st.text(alphabet="ab \n", min_size=1, max_size=4), min_size=1, max_size=30), st.integers(1, 7))
def test_blocks_are_of_that_many_tokens_where_the_tokens_are_known(tokens, size):
    steps = splitter(f"tokens:{size}").split("".join(tokens), token_texts=tokens)
    assert steps == ["".join(tokens[first : first + size]) for first in range(0, len(tokens), size)]


def test_blocks_of_a_text_whose_tokens_are_only_counted_are_of_equally_many_words():
    text = "one two three four five six seven eight"
    assert splitter("tokens:8").split(text, tokens=16) == ["one two three four ", "five six seven eight"]


@given(st.lists(st.text(alphabet="ab \n", min_size=1, max_size=5), min_size=1, max_size=20), st.data())
def test_tokens_are_shared_out_to_the_last_one(tokens, data):
    text = "".join(tokens)
    places = sorted(data.draw(st.sets(st.integers(1, max(len(text) - 1, 1)), max_size=4)) - {len(text)})
    steps = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    total = len(tokens) + 1  # the end token has no text
    known, unknown = shared_out(total, steps, tokens), shared_out(total, steps)
    assert sum(known) == sum(unknown) == total
    assert min(known + unknown) >= 0
    if len(steps) > 1:
        begins = [len("".join(tokens[:index])) for index in range(len(tokens))]
        assert known[0] == sum(begin < places[0] for begin in begins)


@pytest.mark.parametrize(
    ("name", "told"), [("paragraph", "known are"), ("blank-line", "blank_line"), ("tokens", "64"), ("tokens:0", "64")]
)
def test_an_unknown_way_of_cutting_is_refused(name, told):
    with pytest.raises(UserError, match=told):
        splitter(name)


def real_solutions(most=250):
    """Solutions of real models, some of each pool."""
    pools = Path(os.environ["OUTLAY_DATA"]) / "pools"
    choose = random.Random(0)
    for path in sorted((pools / "zeroeval-ladders").glob("*.json.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            answers = [
                str(one["output"][0] if isinstance(one["output"], list) else one["output"]) for one in json.load(lines)
            ]
        yield from choose.sample(answers, min(most, len(answers)))
    with gzip.open(pools / "qwen25-math-rm8" / "math_cot_100.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield from json.loads(line)["code"]
    with gzip.open(pools / "openai-gsm8k" / "example_model_solutions.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in islice(lines, most):
            yield from (one["solution"] for one in json.loads(line).values() if isinstance(one, dict))


needs_data = pytest.mark.skipif("OUTLAY_DATA" not in os.environ, reason="OUTLAY_DATA names no folder of real solutions")


@needs_data
@pytest.mark.parametrize("name", NAMES)
def test_real_solutions_are_cut_without_loss_and_alike_while_they_are_written(name):
    seen = several = 0
    for text in real_solutions():
        steps = splitter(name).split(text)
        assert "".join(steps) == text
        if name in BY_TEXT:
            assert streamed(name, text) == steps
        seen, several = seen + 1, several + (len(steps) > 1)
    assert seen > 4000
    assert several > (0.05 if name == "numbered" else 0.2) * seen


@needs_data
def test_the_headings_of_real_numbered_solutions_begin_its_steps():
    found = [text for text in real_solutions() if "## Step 1:" in text and "## Step 2:" in text]
    assert len(found) > 300
    cut = [splitter("numbered").split(text) for text in found]
    assert all(step.lstrip("#* ").startswith("Step ") for steps in cut for step in steps[1:])
    assert sum(len(steps) > 2 for steps in cut) > 0.8 * len(cut)
