"""Whether answers vote: as the task's options say, and judged from the answers only where they say nothing."""

import json

import pytest

from outlay.study.runs import recorded
from outlay.traces import Store
from outlay.types import Budget, Cost, Question, Solution, Step, Trace


def pool(folder, options, answers):
    questions = folder / "sums.jsonl"
    rows = [{"id": f"q{place}", "question": f"{place} + 1?", "answer": str(place + 1)} for place in range(10)]
    questions.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    task, store = f"jsonl:{questions}{options}", Store(folder / "traces")
    for row in rows:
        solutions = tuple(
            Solution((Step(" x", 5),), True, answer, sample=place) for place, answer in enumerate(answers)
        )
        asked = Question(row["id"], row["question"], row["answer"], task)
        right = tuple(answer == row["answer"] for answer in answers)
        budget, cost = Budget(generations=len(answers)), Cost(generations=float(len(answers)))
        store.append(
            Trace(
                asked,
                {"name": "majority"},
                budget,
                0,
                "m",
                None,
                answers[0],
                solutions,
                cost,
                right[0],
                solution_correct=right,
            )
        )
    (found,) = recorded(store.solutions(), store.runs())
    return found.pool


@pytest.mark.parametrize(("options", "votes"), [("", False), ("?votes=true", True), ("?votes=false", False)])
def test_answers_that_seldom_agree_vote_where_the_task_says_so(tmp_path, options, votes):
    assert pool(tmp_path, options, ("3", "5", "7", "11")).can_vote is votes


@pytest.mark.parametrize(("options", "votes"), [("", True), ("?votes=false", False)])
def test_answers_that_agree_do_not_vote_where_the_task_says_so(tmp_path, options, votes):
    assert pool(tmp_path, options, ("3",) * 6 + ("5",) * 2).can_vote is votes
