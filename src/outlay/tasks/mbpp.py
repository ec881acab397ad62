"""MBPP: short Python programs asked for in one sentence, with three assertions (Austin et al., arXiv 2108.07732).

A row has `text` or `prompt`, `test_list` and `code`, of which the function's name is read off the first assertion;
`test_setup_code` and `test_imports` go before the tests. As in the paper, the assertions are shown, since the sentence does not
name the function. Rows in the shape of HumanEval (`prompt`, `entry_point`, `test`) are asked as HumanEval is.
"""

from __future__ import annotations

import ast
import builtins

from outlay.errors import UserError
from outlay.tasks.code_task import CodeTask
from outlay.tasks.file_task import Asked, Family, found_field
from outlay.tasks.humaneval import HIDDEN, humaneval_row
from outlay.tasks.options import Options
from outlay.tasks.question_rows import Row

TEMPLATE = """{% if entry_point is defined %}
Write the following Python function. Answer with the whole function, its imports included, in one code block.

```python
{{ prompt }}```
{% else %}
{{ request }}

Your code should pass these tests:

{{ tests }}

Answer with the whole program in one code block.
{% endif %}"""


def mbpp_row(where: str, row: Row, options: Options) -> Asked:
    """A row of MBPP; raises UserError where it lacks a request or assertions."""
    if "entry_point" in row and "test" in row:
        return humaneval_row(where, row, options)
    request = found_field(row, where, ("text", "prompt"), options.question_field, "question_field", "request")
    listed = found_field(row, where, ("test_list",), options.answer_field, "answer_field", "list of tests")
    tests = row[listed]
    if not isinstance(tests, list) or not tests or not all(isinstance(test, str) for test in tests):
        raise UserError(f"{where}: `{listed}` is {tests!r:.40}; expected a list of assertions.")
    imports = row.get("test_imports") or []
    before = [*(imports if isinstance(imports, list) else [imports]), str(row.get("test_setup_code") or "")]
    identifier = row.get(options.id_field or "task_id")
    shown = {key: value for key, value in row.items() if key not in HIDDEN}
    return Asked(
        {**shown, "request": str(row[request]).strip(), "tests": "\n".join(tests)},
        (str(row.get("code") or "(tests)"),),
        None if identifier is None else f"mbpp/{identifier}",
        {"entry_point": _called(tests[0], where), "test": "\n".join([*before, *tests])},
        listed,
    )


def _called(assertion: str, where: str) -> str:
    """The name of the first function that an assertion calls and Python does not have."""
    try:
        tree = ast.parse(assertion)
    except SyntaxError as error:
        raise UserError(f"{where}: the test {assertion!r:.60} is not Python ({error.msg}); mend it.") from error
    called = [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return next((name for name in called if not hasattr(builtins, name)), "solution")


FAMILY = Family("mbpp", mbpp_row, TEMPLATE, "code", "string", max_solution_tokens=512, answers_can_vote=False)


def mbpp_task(argument: str) -> CodeTask:
    """The task `mbpp:ARGUMENT`."""
    return CodeTask(FAMILY, argument)
