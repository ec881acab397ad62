"""Ladders of models from files: one answer of each model to each question, and what a million of its tokens costs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from outlay.errors import UserError
from outlay.registry import nearest
from outlay.study.routing import Ladder, features_of
from outlay.tasks import equivalence

FIELDS = ("question_id", "model", "answer", "correct", "tokens")


def read_prices(path: Path) -> dict[str, float]:
    """Each model's price of a million tokens.

    Raises:
        UserError: no such file, or something else than a mapping of names to numbers above 0.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"There is no file of prices {path}; give a YAML file of model: price.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} is no YAML file that can be read: {' '.join(str(error).split())}.") from error
    if not isinstance(found, dict) or not found:
        raise UserError(f"{path} must map each model to the price of a million of its tokens.")
    for name, price in found.items():
        if isinstance(price, bool) or not isinstance(price, int | float) or not price > 0:
            raise UserError(f"{path}: the price of {name!r} must be a number above 0, not {price!r:.40}.")
    return {str(name): float(price) for name, price in found.items()}


def read_ladder(path: Path, prices: dict[str, float]) -> Ladder:
    """The models' answers to the questions that all of them answered, models in the order of their mean cost.

    Raises:
        UserError: no such file, a bad line, or a model without a price.
    """
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for number, line in enumerate(_lines(path), 1):
        try:
            row = json.loads(line)
        except ValueError:
            raise UserError(f"{path}, line {number}: not JSON; give one JSON object a line.") from None
        missing = [name for name in FIELDS if not isinstance(row, dict) or name not in row]
        if missing:
            raise UserError(f"{path}, line {number}: the field `{missing[0]}` is missing.")
        if row["model"] not in prices:
            raise UserError(
                f"{path}, line {number}: {row['model']!r} has no price: {nearest(str(row['model']), prices)}."
            )
        if str(row["question_id"]) in rows.setdefault(str(row["model"]), {}):
            raise UserError(
                f"{path}, line {number}: {row['model']} answered {row['question_id']!r} twice; a ladder has one answer of each."
            )
        rows[str(row["model"])][str(row["question_id"])] = row
    if not rows:
        raise UserError(f"{path} is empty; give one answer of each model to each question, a line each.")
    shared = sorted(set.intersection(*(set(of_model) for of_model in rows.values())))
    models = list(rows)
    tokens = np.array([[float(rows[m][q]["tokens"]) for m in models] for q in shared]).reshape(len(shared), len(models))
    cost = tokens * np.array([prices[m] for m in models]) / 1e6
    order = np.argsort(cost.mean(axis=0)) if len(shared) else np.arange(len(models))
    correct = np.array([[bool(rows[m][q]["correct"]) for m in models] for q in shared]).reshape(tokens.shape)
    answers = np.array([_classes([rows[m][q]["answer"] for m in models]) for q in shared]).reshape(tokens.shape)
    texts = [str(rows[models[0]][q].get("question", "")) for q in shared]
    return Ladder(
        tuple(models[m] for m in order),
        correct[:, order],
        answers[:, order].astype(np.int64),
        cost[:, order],
        features_of(texts) if shared else np.zeros((0, 1)),
    )


def _classes(answers: list[Any]) -> list[int]:
    numbers: dict[Any, int] = {}
    return [
        -1 if answer is None else numbers.setdefault(equivalence.canonical(str(answer)), len(numbers))
        for answer in answers
    ]


def _lines(path: Path) -> list[str]:
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8") as file:
                return file.read().splitlines()
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise UserError(f"There is no file {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from error
