"""Whether a question that is measured was read in training: `outlay lab check --leakage`.

Every recipe's questions (demonstrations, and those that verifiers, revisers and STaR draw solutions for) are compared with the
validation and test questions, as sets of *forms*: what makes two questions the same to a learner, however they are written.
All counts must be 0, but for the demonstrations of `knowledge`: recall can only be asked for facts that were taught.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from typing import Any

from outlay import tasks
from outlay.errors import UserError
from outlay.lab.recipes import FAMILIES, RECIPES, OutcomeVerifierRecipe, PolicyRecipe, Recipe, VerifierRecipe, made_by
from outlay.lab.side_by_side import side_by_side
from outlay.tasks.arithmetic import form_of, read_expression
from outlay.types import Question

VALIDATION, TEST = 400, 1000
"""Questions of each split that are compared: those that figures are measured on."""

Form = Callable[[Question], str]


@dataclass(frozen=True, slots=True)
class Sameness:
    """What makes two questions of a family the same, as a function and in words."""

    form: Form
    meaning: str


def _arithmetic(question: Question) -> str:
    return form_of(read_expression(question.text))


def _countdown(question: Question) -> str:
    return f"{sorted(question.metadata['numbers'])} > {question.metadata['target']}"


def _text(question: Question) -> str:
    return question.text


_OPERANDS = Sameness(_arithmetic, "the expression, operands of + and * in any order")
SAMENESS: Mapping[str, Sameness] = {
    "countdown": Sameness(_countdown, "the numbers in any order, and the target"),
    "arithmetic": _OPERANDS,
    "arithmetic-clean": _OPERANDS,
    "halving": Sameness(_text, "the columns"),
    "knowledge": Sameness(_text, "the fact"),
    # A program with its operands exchanged or its results renamed has the same outputs, so the text finds it.
    "programs": Sameness(_text, "the examples, which are the same for a program however it is written"),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What the training of some models reads, and how many questions of it are also measured.

    `meant` says that they have to be: the demonstrations of facts that are asked for.
    """

    models: tuple[str, ...]
    stream: str
    questions: int
    in_validation: int
    in_test: int
    meant: bool = False


def leakages(family: str | None, processes: int, seed: int = 0) -> dict[str, Any]:
    """What `leakage` finds for one family, or for all."""
    if family is not None and family not in FAMILIES:
        raise UserError(f"there is no lab family {family!r}: use one of {', '.join(FAMILIES)}.")
    wanted = FAMILIES if family is None else (family,)
    found = side_by_side(partial(leakage, seed=seed), {name: name for name in wanted}, processes)
    return {name: found[name] for name in wanted}


def leakage(family: str, seed: int = 0, most: int | None = None, recipes: Sequence[Recipe] = RECIPES) -> dict[str, Any]:
    """What training and measuring of a family have in common; `most` cuts every stream short, for a quick look."""
    task, same = tasks.load(family), SAMENESS[family]
    validation, test = (
        {same.form(question) for question in task.questions(split, count)}
        for split, count in (("validation", VALIDATION), ("test", TEST))
    )
    readings = []
    for stream, readers in _streams(recipe for recipe in recipes if recipe.task == family).items():
        counts = [_count(recipe) if most is None else min(most, _count(recipe)) for recipe in readers]
        seen = first_seen(map(same.form, _questions(task, stream, max(counts), seed)), validation | test)
        readings += [
            Reading(
                models=made_by(recipe),
                stream=stream,
                questions=count,
                in_validation=common(validation, seen, count),
                in_test=common(test, seen, count),
                meant=family == "knowledge" and stream == "demonstrations",
            )
            for recipe, count in zip(readers, counts, strict=True)
        ]
    return {
        "same": same.meaning,
        "seed": seed,
        "validation": len(validation),
        "test": len(test),
        "in_validation_and_test": len(validation & test),
        "training": [asdict(reading) for reading in readings],
    }


def first_seen(stream: Iterable[str], wanted: set[str]) -> dict[str, int]:
    """The place in a stream of forms at which each wanted one comes up first.

    >>> first_seen(["a", "b", "a"], {"a", "c"})
    {'a': 0}
    """
    seen: dict[str, int] = {}
    for place, form in enumerate(stream):
        if form in wanted:
            seen.setdefault(form, place)
    return seen


def common(measured: Iterable[str], seen: Mapping[str, int], count: int) -> int:
    """How many measured forms were seen among the first `count` of a stream."""
    return sum(seen.get(form, count) < count for form in measured)


def leaks(found: Mapping[str, Any]) -> int:
    """How many questions, of all families in `found`, are measured and should not be."""
    return sum(
        facts["in_validation_and_test"]
        + sum(read["in_validation"] + read["in_test"] for read in facts["training"] if not read["meant"])
        for facts in found.values()
    )


def shown(found: Mapping[str, Any]) -> str:
    """The counts as a text for people."""
    lines = []
    for family, facts in found.items():
        lines.append(
            f"{family}: {facts['validation']:,} validation and {facts['test']:,} test questions, "
            f"{facts['in_validation_and_test']:,} of them in both; the same means {facts['same']}"
        )
        lines += [
            f"  {', '.join(read['models'])}: {read['questions']:,} {_named(read['stream'])}, of which "
            f"{read['in_validation']:,} are in validation and {read['in_test']:,} in test"
            f"{' (meant: recall is asked of what was taught)' if read['meant'] else ''}"
            for read in facts["training"]
        ]
    return "\n".join(lines)


def _named(stream: str) -> str:
    return stream if stream == "demonstrations" else f"questions of {stream}"


def _streams(recipes: Iterable[Recipe]) -> dict[str, list[Recipe]]:
    """Recipes by what they read: `demonstrations`, or the questions of a split."""
    streams: dict[str, list[Recipe]] = {}
    for recipe in recipes:
        streams.setdefault(_stream(recipe), []).append(recipe)
    return streams


def _stream(recipe: Recipe) -> str:
    if isinstance(recipe, PolicyRecipe):
        return "demonstrations"
    return "prm" if isinstance(recipe, VerifierRecipe | OutcomeVerifierRecipe) else recipe.split


def _count(recipe: Recipe) -> int:
    if isinstance(recipe, PolicyRecipe):
        return recipe.demonstrations
    return recipe.questions + (recipe.outcome_questions if isinstance(recipe, VerifierRecipe) else 0)


def _questions(task: tasks.Task, stream: str, count: int, seed: int) -> Iterator[Question]:
    if stream != "demonstrations":
        return iter(task.questions(stream, count, seed))
    pairs = task.demonstrations(count, seed)  # type: ignore[attr-defined]
    return (question for question, _ in islice(pairs, count))
