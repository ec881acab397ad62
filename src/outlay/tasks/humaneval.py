"""HumanEval: Python functions to be written from their signature and docstring (Chen et al., arXiv 2107.03374).

A row has `task_id`, `prompt`, `entry_point` and `test` (a function `check`). The prompt is shown in a code block with the
request to write the whole function; for a base model that continues text, give `template={{ prompt }}`.
"""

from __future__ import annotations

from outlay.tasks.code_task import CodeTask
from outlay.tasks.file_task import Asked, Family, found_field
from outlay.tasks.options import Options
from outlay.tasks.question_rows import Row

TEMPLATE = """Write the following Python function. Answer with the whole function, its imports included, in one code block.

```python
{{ prompt }}
```"""

HIDDEN = ("test", "canonical_solution", "code", "test_list", "challenge_test_list")
"""Fields that no template may show: tests and solutions."""


def humaneval_row(where: str, row: Row, options: Options) -> Asked:
    """A row of HumanEval; raises UserError where it lacks prompt, tests or the function's name."""
    prompt = found_field(row, where, ("prompt",), options.question_field, "question_field", "prompt")
    test = found_field(row, where, ("test",), options.answer_field, "answer_field", "tests")
    name = str(row[found_field(row, where, ("entry_point",), None, "`entry_point`", "name of the function")])
    identifier = row.get(options.id_field or "task_id")
    return Asked(
        {key: value for key, value in row.items() if key not in HIDDEN}
        | {"prompt": str(row[prompt]).rstrip("\n") + "\n"},
        (str(row.get("canonical_solution") or "(tests)"),),
        None if identifier is None else str(identifier),
        {"prompt": str(row[prompt]), "entry_point": name, "test": f"{row[test]}\n\ncheck({name})"},
        test,
    )


FAMILY = Family("humaneval", humaneval_row, TEMPLATE, "code", "string", max_solution_tokens=768, answers_can_vote=False)


def humaneval_task(argument: str) -> CodeTask:
    """The task `humaneval:ARGUMENT`."""
    return CodeTask(FAMILY, argument)
