"""Difficulty from a question's words: learned, read from the file as it was fitted, and not seen by what is told of a question."""

import numpy as np
import pytest

from outlay.errors import UserError
from outlay.policies import AcrossPlan, AcrossPolicy, Choice, Difficulty, Policy, State
from outlay.policies.wording import COLUMNS, Wording, columns_of, cross_fitted_values

TEXTS = tuple(f"{'prove' if n % 2 else 'add'} {n} and {n % 5}" for n in range(120))
RATES = np.array([0.1 if n % 2 else 0.9 for n in range(120)])


def test_words_that_tell_are_learned():
    told = Wording.fit(TEXTS, RATES).values(["prove 3 and 4", "add 3 and 4"])
    assert told[0] < 0.35 < 0.65 < told[1]


def test_what_is_told_of_a_question_did_not_see_it():
    told = cross_fitted_values(TEXTS, RATES)
    changed = RATES.copy()
    changed[7] = 1.0
    again = cross_fitted_values(TEXTS, changed)
    assert again[7] == told[7] and (np.delete(again, 7) != np.delete(told, 7)).any()


def test_a_question_reads_alone_as_it_does_among_others():
    reader = Wording.fit(TEXTS, RATES)
    assert reader.values(TEXTS)[5] == pytest.approx(reader.values([TEXTS[5]])[0])
    assert columns_of(["", "x y"]).shape == (2, COLUMNS)


def policy(**difficulty):
    choices = (
        Choice(strategy={"name": "majority"}, generations=1),
        Choice(strategy={"name": "majority"}, generations=4),
    )
    return AcrossPolicy(
        task="t",
        model="m",
        difficulty=Difficulty(source="question", reader=Wording.fit(TEXTS, RATES), **difficulty),
        edges=(0.5,),
        plans=(AcrossPlan(budget=3, choices=choices),),
    )


def test_the_file_decides_as_what_was_fitted_and_a_value_that_is_given_wins(tmp_path):
    policy().save(tmp_path / "p.yaml")
    loaded = Policy.load(tmp_path / "p.yaml")
    assert loaded == policy()
    assert [loaded.decide(State(budget=4, question=text)).generations for text in TEXTS[:2]] == [1, 4]
    assert loaded.decide(State(budget=4, question=TEXTS[0], difficulty=0.2)).generations == 4


def test_a_reader_and_its_source_go_together(tmp_path):
    policy().save(tmp_path / "p.yaml")
    text = (tmp_path / "p.yaml").read_text()
    (tmp_path / "q.yaml").write_text(text.replace("source: question", "source: predicted"))
    with pytest.raises(UserError, match="goes with the source `question`"):
        Policy.load(tmp_path / "q.yaml")
    short = text.replace("    weights:\n    - ", "    weights:\n    - 0.5\n    - ", 1)
    (tmp_path / "q.yaml").write_text(short)
    with pytest.raises(UserError, match=f"has {COLUMNS} weights, not {COLUMNS + 1}"):
        Policy.load(tmp_path / "q.yaml")
