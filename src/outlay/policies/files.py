"""Policy files on disk: YAML behind a comment in words, written whole or not at all, read with errors one can act on."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from outlay.errors import UserError
from outlay.policies.reading import plain_fields
from outlay.strategies.names import described
from outlay.traces.files import write_text_whole

if TYPE_CHECKING:
    from outlay.policies.policy import Policy

Model = TypeVar("Model", bound=BaseModel)


def write(fields: dict[str, Any], comment: list[str], path: Path) -> None:
    """Write fields as YAML under comment lines, replacing the file in one step; a UserError where that cannot be done."""
    text = "".join(f"# {line}\n" for line in comment) + yaml.safe_dump(
        fields, sort_keys=False, allow_unicode=True, width=110
    )
    write_text_whole(path, text)


def read(model: type[Model], path: Path) -> Model:
    """Read a YAML file as a model.

    Raises:
        UserError: no such file, not YAML, or a field that is missing, unknown (with the nearest known name) or wrong.
    """
    fields = plain_fields(path)
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise UserError(f"{path}: {_first_problem(model, error)}") from None


def _first_problem(model: type[BaseModel], error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"]) or "the file"
    if problem["type"] == "extra_forbidden":
        known = sorted(_known_names(model))
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0.0)
        return f"unknown field `{where}`; did you mean `{near[0]}`?"
    if where == "format" and problem["type"] == "literal_error":
        return (
            f"`format` is {problem['input']!r:.60}, and this Outlay reads {problem['ctx']['expected']}; upgrade Outlay, or "
            "calibrate the policy again."
        )
    if problem["type"] == "missing":
        return f"the field `{where}` is missing; add it."
    return f"`{where}`: {problem['msg'].removeprefix('Value error, ')} (found {problem['input']!r:.60})."


def _known_names(model: type[BaseModel]) -> set[str]:
    """Field names of a model and of the models inside it."""
    names: set[str] = set()
    for name, field in model.model_fields.items():
        names.add(name)
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                names |= _known_names(inner)
    return names


def describe(policy: Policy) -> list[str]:
    """What a policy does, in words, a line each."""
    source = policy.difficulty
    lines = [
        f"Outlay policy for the task {policy.task!r}, the model {policy.model!r} and "
        + (f"the verifier {policy.verifier!r}." if policy.verifier else "no verifier."),
    ]
    bins = len(policy.edges) + 1
    if bins > 1:
        measure = {"score": "mean verifier score", "consensus": "agreement (share of the most frequent answer)"}[
            source.measure
        ]
        how = {
            "pilot": f"the {measure} of {source.samples} first samples",
            "predicted": f"the {measure} of earlier samples, given by the caller",
            "oracle": "the true solve rate, given by the caller (a yardstick: no server knows it)",
        }[source.source]
        lines.append(
            f"A question goes into one of {bins} difficulty bins (0 = easiest) by {how}; cost {source.cost:g}."
        )
    for plan in policy.plans:
        parts = []
        for number, choice in enumerate(plan.choices):
            who = f"bin {number}: " if len(plan.choices) > 1 else ""
            label, options = described(choice.strategy)
            told = f" ({', '.join(options)})" if options else ""
            parts.append(f"{who}{label}{told} x {choice.generations}")
        result = ""
        if plan.measured is not None:
            accuracy = plan.measured.accuracy
            result = (
                f" -> {accuracy.mean:.1%} right ({accuracy.low:.1%} to {accuracy.high:.1%}) "
                f"at {plan.measured.cost.mean:.1f} generations"
            )
        lines.append(f"Up to {plan.budget:g} generations: {'; '.join(parts)}{result}.")
    if policy.calibrated.questions:
        orders = f", over {policy.calibrated.orders} random orders of their samples" if policy.calibrated.orders else ""
        how = "on" if policy.promise is not None and policy.promise.tested_on else "by cross-validation on"
        lines.append(f"Measured {how} {policy.calibrated.questions} questions{orders}; refuses other models.")
    return [*lines, *policy.told()]
