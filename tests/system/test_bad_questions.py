"""Bad files of questions: the real program says one sentence each that names the place and the remedy, and makes nothing."""

import json

import pytest
from programs import STUDY, contents, outlay

pytestmark = pytest.mark.system

GOOD = {"question": "1 + 1?", "answer": 2}
CASES = {
    "no answer column": (
        [{"id": 1, "question": "1 + 1?"}],
        "jsonl:q.jsonl",
        ("q.jsonl, line 1: no answer in it", "`id`, `question`", "answer_field="),
    ),
    "a template with an unknown field": (
        [GOOD],
        "jsonl:q.jsonl?template={{ questoin }}",
        ("q.jsonl, line 1", "`questoin`", 'did you mean "question"'),
    ),
    "an empty prompt": (
        [GOOD, {"question": " ", "answer": 2}],
        "jsonl:q.jsonl",
        ("q.jsonl, line 2", "the prompt that the template makes is empty"),
    ),
    "a template that shows the answer": (
        [GOOD],
        "jsonl:q.jsonl?template={{ question }} {{ answer }}",
        ("shows `answer`, the reference answer", "take it out"),
    ),
    "questions of another family": ([{"problem": "1 + 1?"}], "gsm8k:q.jsonl", ("no question in it", "`problem`")),
    "a file that is not there": ([], "gsm8k:questions.jsonl", ("no file questions.jsonl",)),
    "an empty file": ([], "jsonl:q.jsonl", ("q.jsonl has no questions",)),
    "an unknown option": ([GOOD], "jsonl:q.jsonl?extrct=boxed", ("extrct", 'did you mean "extract"')),
    "an unknown extractor": ([GOOD], "jsonl:q.jsonl?extract=boxd", ("boxd", 'did you mean "boxed"')),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_questions_get_one_sentence_before_anything_is_spent(name, tmp_path):
    questions, task, says = CASES[name]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in questions))
    study = STUDY.format(questions=12).replace("task: countdown", f"task: {json.dumps(task)}")
    (tmp_path / "study.yaml").write_text(study)
    before = contents(tmp_path)
    failed = outlay("run", "study.yaml", "--out", "new", cwd=tmp_path)
    assert failed.returncode == 2, failed.stderr
    assert len(failed.stderr.splitlines()) == 1, failed.stderr
    assert "field entries.0.task" in failed.stderr
    for part in says:
        assert part in failed.stderr
    assert contents(tmp_path) == before


def test_a_file_that_is_no_log_gets_one_sentence(tmp_path):
    (tmp_path / "s.json").write_text("{}")
    failed = outlay("analyse", "s.json", "--out", "report", cwd=tmp_path)
    assert failed.returncode == 2
    assert len(failed.stderr.splitlines()) == 1
    assert "s.json cannot be read as a log of inspect_ai" in failed.stderr
