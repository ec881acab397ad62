"""A table of answers, references and verdicts, written from what graders of mathematics are known to get wrong."""

import json
from collections import Counter
from pathlib import Path

import pytest

from outlay.tasks import equivalence

PAIRS = json.loads(Path(__file__).with_name("answer_pairs.json").read_text())


def verdict(answer, reference):
    if not equivalence.readable(answer):
        return "unparsable"
    return "equal" if equivalence.right(answer, reference) else "not equal"


@pytest.mark.parametrize("topic", sorted({pair["topic"] for pair in PAIRS}))
def test_every_pair_of_the_topic_gets_its_verdict(topic):
    wrong = [
        pair
        for pair in PAIRS
        if pair["topic"] == topic and verdict(pair["answer"], pair["reference"]) != pair["verdict"]
    ]
    assert wrong == []


def test_the_table_is_large_and_has_every_verdict():
    verdicts = Counter(pair["verdict"] for pair in PAIRS)
    assert sum(verdicts.values()) >= 300
    assert min(verdicts["equal"], verdicts["not equal"]) >= 100
    assert verdicts["unparsable"] >= 20
    assert len({(pair["answer"], pair["reference"]) for pair in PAIRS}) == len(PAIRS)


def test_an_answer_keeps_its_meaning_in_the_form_by_which_it_votes():
    readable = [pair["answer"] for pair in PAIRS if pair["verdict"] != "unparsable"]
    changed = [
        answer
        for answer in readable
        if equivalence.canonical(equivalence.written(answer)) != equivalence.canonical(answer)
    ]
    assert changed == []


def test_equal_answers_vote_together():
    """But for those that are only the end of somebody's working."""
    pairs = [pair for pair in PAIRS if pair["verdict"] == "equal"]
    together = [equivalence.equivalent(pair["answer"], pair["reference"]) for pair in pairs]
    apart = [
        pair
        for pair, same in zip(pairs, together, strict=True)
        if same and equivalence.written(pair["answer"]) != equivalence.written(pair["reference"])
    ]
    assert [pair for pair in apart if equivalence.canonical(pair["answer"])[:5] != "text:"] == []
