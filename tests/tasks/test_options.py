import json

import pytest

from outlay import tasks
from outlay.errors import UserError
from outlay.tasks.templates import Template

ROW = {"id": "a", "country": "France", "capital": "Paris", "hint": "P"}


@pytest.fixture
def questions(tmp_path):
    (tmp_path / "capitals.jsonl").write_text(json.dumps(ROW))
    return tmp_path / "capitals.jsonl"


def asked(address):
    return tasks.load(address).questions("all")[0]


def test_a_task_file_says_how_to_ask_and_judge(questions, tmp_path):
    (tmp_path / "capitals.yaml").write_text(
        "path: capitals.jsonl\ntemplate: 'The capital of {{ country }} is'\nanswer_field: capital\nextract: 'regex:^\\W*(\\w+)'\n"
        "equal: text\nvotes: false\nmax_solution_tokens: 8\n"
    )
    task = tasks.load(f"jsonl:{tmp_path / 'capitals.yaml'}")
    question = task.questions("all")[0]
    assert (question.text, question.reference) == ("The capital of France is", "Paris")
    assert (task.answers_can_vote, task.max_solution_tokens) == (False, 8)
    assert task.grade(question, task.extract(" PARIS, of course"))


def test_the_same_may_stand_in_the_address(questions):
    address = f"jsonl:{questions}?template={{{{ country }}}}%26{{{{ hint }}}}&answer_field=capital&extract=last_line&equal=string"
    assert asked(address).text == "France&P"
    assert tasks.load(address).extract("a\nb") == "b"


def test_a_template_may_have_a_file_of_its_own(questions, tmp_path):
    (tmp_path / "prompt.jinja").write_text("{% for n in range(2) %}\n{{ n }}: {{ country }}\n{% endfor %}\n")
    (tmp_path / "t.yaml").write_text("path: capitals.jsonl\ntemplate_file: prompt.jinja\nanswer_field: capital\n")
    assert asked(f"jsonl:{tmp_path / 't.yaml'}").text == "0: France\n1: France\n"


def test_a_callable_of_the_users_own(questions, tmp_path, monkeypatch):
    (tmp_path / "judge_by_letter.py").write_text(
        "def found(text):\n    return text.split()[0] if text.split() else None\n\n\ndef same(answer, reference):\n"
        "    return answer[0] == reference[0]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    task = tasks.load(
        f"jsonl:{questions}?question_field=country&answer_field=capital&extract=judge_by_letter:found&equal=judge_by_letter:same"
    )
    assert task.extract("Prague it is") == "Prague"
    assert task.grade(task.questions("all")[0], "Prague")
    assert not task.grade(task.questions("all")[0], "Lyon")


BASE = "question_field=country&answer_field=capital"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("question_field=country", "no answer in it; expected `answer` or `reference`.*there is `id`, `country`"),
        ("question_field=town&answer_field=capital", "expected `town`.*name the right field with question_field="),
        (
            f"{BASE}&template={{{{ cuntry }}}}",
            'uses the field `cuntry`, which the row does not have; did you mean "country"',
        ),
        (f"{BASE}&template={{{{ capital }}}}", "shows `capital`, the reference answer"),
        (f"{BASE}&template={{{{ id", "not a Jinja template"),
        (f"{BASE}&template=%20", "line 1: the prompt that the template makes is empty"),
        (f"{BASE}&template={{{{ country.__class__ }}}}", "line 1: the template"),
        (f"{BASE}&template={{{{ 1 / 0 }}}}", "ZeroDivisionError"),
        (f"{BASE}&template_file=nothing.jinja", "nothing.jinja cannot be read"),
        (f"{BASE}&template=a&template_file=b", "are both given"),
        (f"{BASE}&extract=last_numbr", 'did you mean "last_number"'),
        (f"{BASE}&equal=maths", 'did you mean "math"'),
        (f"{BASE}&extrakt=boxed", 'there is no option "extrakt"; did you mean "extract"'),
        (f"{BASE}&max_solution_tokens=many", "`max_solution_tokens`.*'many'"),
        (f"{BASE}&max_solution_tokens=0", "greater than or equal to 1"),
        ("boxed", "'boxed' is no option"),
    ],
)
def test_a_wrong_option_is_refused_in_one_sentence(questions, options, says):
    with pytest.raises(UserError, match=says) as refused:
        tasks.load(f"jsonl:{questions}?{options}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("path: [", "is no YAML"),
        ("- a", "must hold a mapping"),
        ("extract: boxed", "`path` is missing"),
        ("", "mapping"),
    ],
)
def test_a_task_file_that_is_none_is_refused(tmp_path, content, says):
    (tmp_path / "t.yaml").write_text(content)
    with pytest.raises(UserError, match=says):
        tasks.load(f"jsonl:{tmp_path / 't.yaml'}")


def test_a_template_cannot_reach_python():
    attack = "{{ question.__class__.__mro__[1].__subclasses__() }}"
    with pytest.raises(UserError, match=r"fails|uses"):
        Template(attack).prompt({"question": "x"}, "line 1")


@pytest.mark.parametrize("family", ["gsm8k", "svamp", "math", "multiple-choice", "qa", "jsonl"])
def test_a_family_wants_a_path(family):
    with pytest.raises(UserError, match=f"write {family}:PATH"):
        tasks.load(family)


def test_a_question_mark_may_be_part_of_the_files_name(tmp_path):
    path = tmp_path / "what?.jsonl"
    path.write_text('{"question": "1+1?", "answer": 2}')
    assert asked(f"jsonl:{path}").reference == "2"
