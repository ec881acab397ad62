"""The model cards: the README.md of every model's folder, written from its record (`outlay.json`) alone.

A record tells the recipe, what was read, how long it took and what was measured on validation questions; the card says it to
people. `outlay lab cards` writes all cards again, `--check` compares, and `outlay.lab.remeasuring` renews the figures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from outlay.errors import UserError

Record = Mapping[str, Any]

ROLES = {"policy": "proposes solutions", "prm": "scores every step of a solution", "orm": "scores a whole solution"}
LIMITS = {
    "arithmetic": "The demonstrations of this task contain systematic slips, by design, so that the most frequent answer is "
    "often wrong.",
    "knowledge": "The demonstrations teach all facts, those of the validation and test questions included: it is asked to "
    "recall what it was taught, some of it often and some hardly ever.",
    "programs": "A quarter of the demonstrations of this task miss, by design: another program of the same parts, with its own "
    "values.",
    "halving": "The task was chosen because revising works on it; nothing follows from that for other tasks.",
}
"""What a reader has to know of a task."""
UNSEEN = "None of the questions that it is measured on is among what was read (`outlay lab check --leakage`)."
RECALLED = "What verifiers read has none of the facts that are measured (`outlay lab check --leakage`); what policies read has all."


def model_card(record: Record) -> str:
    """The card of one model: what it is, what it read, how it was made, what it measured, its limits and its licence."""
    role = ROLES[record["role"]]
    if record.get("attempts"):
        role += f"; it reads up to {record['attempts']} earlier attempts, written before the question"
    return "\n".join(
        [
            "---",
            "license: apache-2.0",
            "tags: [outlay, test-time-compute]",
            "---",
            "",
            f"# {record['name']}",
            "",
            f"A Llama of {record['parameters']:,} parameters, trained from scratch on the task `{record['task']}`; it {role}.",
            "It exists to show and test how test-time compute is spent, knows nothing else, and is of no other use.",
            "",
            *_head_lines(record),
            "## Data",
            "",
            f"Read: {data_read(record['training'])}",
            UNSEEN if record["task"] != "knowledge" else RECALLED,
            "All data is made by a program; nothing comes from people or from models other than those of this family.",
            "",
            "## Training",
            "",
            f"`outlay lab train --only {_recipe_name(record)}` makes it again. "
            f"Steps end in `{record['step_token']}`, solutions in `{record['eos_token']}`.",
            "",
            *_training_lines(record["training"]),
            "",
            "## Figures on validation questions",
            "",
            "With 95% intervals by bootstrap over questions; quintiles are fifths of the questions, hardest first.",
            "",
            *(f"- {_words(key)}: {_shown(value)}" for key, value in record["validation"].items()),
            "",
            *_checkpoint_lines(record),
            "## Limits",
            "",
            *([LIMITS[record["task"]]] if record["task"] in LIMITS else []),
            "One training run: another seed gives other figures, by more than the intervals say. Weights are float16; another",
            "type of CPU may round differently. Figures hold for questions drawn as these were.",
            "",
            "## Licence",
            "",
            "Apache-2.0, weights and data.",
            "",
        ]
    )


def data_read(training: Record) -> str:
    """What a training read, as a sentence."""
    if "reviser" in training:
        return (
            f"{training['labelled_solutions']:,} attempts that `{training['reviser']}` wrote for {training['questions']:,} "
            "questions of the split `prm`, each with its outcome."
        )
    if "policy" in training:
        parts = []
        if training["questions"]:
            parts.append(f"{training['questions']:,} with {training['rollouts']} rollouts from the end of every step")
        if training["outcome_questions"]:
            parts.append(f"{training['outcome_questions']:,} with the outcome of each solution alone")
        return (
            f"{training['labelled_solutions']:,} solutions that `{training['policy']}` wrote for questions of the split `prm`: "
            f"{', '.join(parts)}."
        )
    if "chains_read" in training:
        return (
            f"{training['chains_read']:,} chains of attempts that `{training['base']}` wrote for {training['questions']:,} "
            f"questions of the split `{training['split']}`, wrong ones before a right one."
        )
    if "right_solutions" in training:
        return (
            f"{training['right_solutions']:,} different right solutions that `{training['base']}` wrote for "
            f"{training['questions']:,} questions of the split `{training['split']}`."
        )
    return f"{training['demonstrations']:,} demonstrations of the split `train`."


def amount_read(training: Record) -> str:
    """How much a training read in all, repeats included: tokens, or solutions where a step is so many of these."""
    steps = training.get("steps_done", training["steps"])
    if "tokens_per_step" in training:
        return f"{steps * training['tokens_per_step'] / 1e6:.1f} million tokens"
    if training["head"] == "token_classification":
        return f"{steps * training['batch'] / 1e6:.1f} million tokens"
    return f"{steps * training['batch']:,} solutions"


def minutes(training: Record) -> str:
    """How long it took, the drawing and labelling of its data included."""
    return f"{training['seconds'] / 60:.0f}" if training["seconds"] >= 60 else "under 1"


def records(folder: Path) -> dict[str, dict[str, Any]]:
    """The records of all models in a folder, by name; a UserError where there is none."""
    found = {
        path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*/outlay.json"))
    }
    if not found:
        raise UserError(
            f"there is no model in {folder}: name a folder that holds folders of models, each with outlay.json."
        )
    return found


def stale(folder: Path) -> list[str]:
    """The models of a folder whose card is not what their record says."""
    return [name for name, record in records(folder).items() if _text_of(folder / name) != model_card(record)]


def rewrite(folder: Path) -> list[str]:
    """Write the cards that are not what their record says; returns their names."""
    old = stale(folder)
    for name, record in records(folder).items():
        if name in old:
            (folder / name / "README.md").write_text(model_card(record), encoding="utf-8")
    return old


def table(folder: Path) -> str:
    """Every model's size, what it read, and the minutes that took, as a table in Markdown."""
    rows = [
        f"| `{name}` | {record['parameters']:,} | {amount_read(training)} | {minutes(training)}{_where(training)} |"
        for name, record in records(folder).items()
        for training in [record["training"]]
    ]
    return "\n".join(["| model | parameters | read, repeats included | minutes |", "|---|---|---|---|", *rows])


def _where(training: Record) -> str:
    return f" on {training['device']}" if "device" in training else ""


def _text_of(folder: Path) -> str | None:
    card = folder / "README.md"
    return card.read_text(encoding="utf-8") if card.is_file() else None


def _recipe_name(record: Record) -> str:
    return str(record["training"].get("name", record["name"]))


def _training_lines(training: Record) -> list[str]:
    """The totals first, then every number of the recipe."""
    named = {key: value for key, value in training.items() if key not in ("name", "seconds", "device")}
    return [
        f"- read in all, repeats included: {amount_read(training)}",
        f"- minutes on {training.get('device', 'one core of a busy server')}: {minutes(training)}",
        *(f"- {_words(key)}: {_recipe_value(value)}" for key, value in named.items()),
    ]


def _recipe_value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return (
            ", ".join(" ".join(map(str, item)) if isinstance(item, list | tuple) else str(item) for item in value)
            or "none"
        )
    return "none" if value == "" else f"{value:,}" if isinstance(value, int) else str(value)


def _words(key: str) -> str:
    return key.replace("_", " ")


def _shown(value: Any) -> str:
    """A fact for people: a figure with its 95% interval, a list (quintiles hardest first), anything else as it is."""
    if isinstance(value, Mapping) and {"mean", "low", "high"} <= set(value):
        if value["mean"] is None:
            return "undefined"
        counted = f" on {value['questions']} questions" if "questions" in value else ""
        return f"{value['mean']:.3f} ({value['low']:.3f} to {value['high']:.3f}{counted})"
    if isinstance(value, list | tuple):
        return ", ".join(f"{item:.3f}" if isinstance(item, float) else _shown(item) for item in value)
    return "undefined" if value is None else str(value)


def _checkpoint_lines(record: Record) -> list[str]:
    """A reviser's checkpoints: the loss with attempts in view falls below the one without only once it has learned to use them."""
    seen_at: Sequence[Record] = record.get("checkpoints") or ()
    if not seen_at:
        return []
    rows = [
        f"| {seen['step']} | {seen['loss_without_attempts']:.3f} | {seen['loss_with_attempts']:.3f} "
        f"| {' '.join(f'{share:.2f}' for share in seen['position_accuracy'])} |"
        for seen in seen_at
    ]
    return [
        "## Checkpoints",
        "",
        "The one whose later attempts (all but the first) are most often right was kept.",
        "",
        "| step | loss without attempts | with | right at each position |",
        "|---|---|---|---|",
        *rows,
        "",
    ]


def _head_lines(record: Record) -> list[str]:
    head = record["head"]
    if not head or head["type"] != "self_channel":
        return []
    return [
        "`model.safetensors` is the policy, fine-tuned as a language model on right solutions; `value_head.safetensors` adds",
        f"{head['num_layers']} layer over its last states and its own log-probability of each word that it reads.",
        "This head departs from a plain value head: always read its figures beside the baseline that uses that",
        "log-probability alone.",
        "",
    ]
