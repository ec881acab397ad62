import pytest

from outlay.errors import UserError
from outlay.study.study import demo_study, load_study, parse_study

GOOD = {
    "name": "s",
    "entries": [
        {
            "task": "countdown",
            "model": "embedded:countdown-small",
            "verifier": "random:0",
            "searches": [{"strategy": "beam_search", "budgets": [4]}],
        }
    ],
}


def changed(**fields):
    return {**GOOD, "entries": [{**GOOD["entries"][0], **fields}]}


def test_a_strategy_may_be_a_bare_name():
    assert parse_study(GOOD, "s.yaml").entries[0].searches[0].strategy == {"name": "beam_search"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"name": "s"}, "s.yaml, field entries: Field required"),
        ({**GOOD, "sede": 1}, 'field sede: unknown; did you mean "seed"'),
        (changed(questoins=20), 'did you mean "questions"'),
        (changed(searches=[{"strategy": "beam_serch", "budgets": [4]}]), 'did you mean "beam_search"'),
        (changed(searches=[{"strategy": "beam_search", "budgets": [0]}]), "at least 1 generation"),
        (changed(searches=[{"strategy": "beam_search", "budget": [4]}]), "budgets"),
        (changed(verifier=None), "beam_search needs a verifier"),
        ({**GOOD, "pilot": 64}, "leaves nothing"),
        (changed(questions=2), "questions"),
    ],
)
def test_a_wrong_study_is_refused_with_file_field_and_remedy(content, message):
    with pytest.raises(UserError) as raised:
        parse_study(content, "s.yaml")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("text", "message"), [("- 1\n- 2\n", "must hold a mapping"), ("a: [", "is not YAML")])
def test_a_file_that_is_no_study_is_refused(tmp_path, text, message):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        load_study(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="there is no study file"):
        load_study(tmp_path / "none.yaml")


def test_the_demo_asks_at_least_500_questions_a_family():
    assert all(entry.questions >= 500 for entry in demo_study(quick=False).entries)


def test_the_quick_demo_is_the_demo_on_less():
    full, quick = demo_study(quick=False), demo_study(quick=True)
    assert [e.task for e in full.entries] == [e.task for e in quick.entries]
    assert all(q.questions < f.questions for q, f in zip(quick.entries, full.entries, strict=True))
