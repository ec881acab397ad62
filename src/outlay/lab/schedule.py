"""Which models are made, and when: what a model needs comes before it, several at once, and nothing twice.

A model counts as made where its card tells of the same recipe and the same seed, so that a run which was ended goes on where
it was. What is under way when a run ends is lost and made again: one model, some minutes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import MISSING, asdict, fields
from functools import partial
from pathlib import Path
from typing import Any

from outlay.errors import OutlayError, UserError
from outlay.lab.recipes import FAMILIES, MODEL_NAMES, RECIPES, Recipe, made_by
from outlay.lab.train import make_one, use_device

Log = Callable[[str], None]


def make(
    family: str | None, only: Sequence[str], out: Path, seed: int, log: Log, processes: int = 1, device: str = "cpu"
) -> list[str]:
    """Make the models of one family, or of all; with `only`, just the models named. Returns those that were made now.

    What `only` leaves out must be in `out` where something named needs it.
    """
    use_device(device)
    return follow(chosen(family, only), out, seed, log, processes, device)


def follow(
    recipes: Sequence[Recipe], out: Path, seed: int, log: Log, processes: int = 1, device: str = "cpu"
) -> list[str]:
    """Make the models of recipes that are in an order of need, leaving alone what is made; returns those made now."""
    waiting = []
    for recipe in recipes:
        if is_made(recipe, out, seed):
            log(f"{recipe.name}: already made")
        else:
            waiting.append(recipe)
    if processes == 1 or len(waiting) == 1:
        for recipe in waiting:
            make_one(recipe, out, seed, log, device)
    elif waiting:
        _make_side_by_side(waiting, out, seed, log, min(processes, len(waiting)), device)
    return [name for recipe in waiting for name in made_by(recipe)]


def chosen(family: str | None, only: Sequence[str]) -> list[Recipe]:
    """The recipes to follow, in an order in which nothing comes before what it needs."""
    if family is not None and family not in FAMILIES:
        raise UserError(f"there is no lab family {family!r}: use one of {', '.join(FAMILIES)}.")
    for name in only:
        if name not in MODEL_NAMES:
            raise UserError(f"there is no lab model {name!r}: use one of {', '.join(sorted(MODEL_NAMES))}.")
    return [
        recipe
        for recipe in RECIPES
        if (family is None or recipe.task == family) and (not only or set(only) & set(made_by(recipe)))
    ]


def is_made(recipe: Recipe, out: Path, seed: int) -> bool:
    """Whether all models of a recipe stand in `out`, made by the same recipe from the same seed.

    What a record does not say, because recipes did not have it yet, is what recipes do by default.
    """
    wanted = json.loads(json.dumps(asdict(recipe) | {"seed": seed}))
    usual = json.loads(
        json.dumps({field.name: field.default for field in fields(recipe) if field.default is not MISSING})
    )
    for name in made_by(recipe):
        card = out / name / "outlay.json"
        if not card.is_file():
            return False
        training = json.loads(card.read_text(encoding="utf-8")).get("training", {})
        if any(training.get(key, usual.get(key)) != value for key, value in wanted.items()):
            return False
    return True


def ready(waiting: Sequence[Recipe], unfinished: Sequence[Recipe]) -> list[Recipe]:
    """Those of `waiting` that need nothing of what is not finished yet."""
    missing = {name for recipe in unfinished for name in made_by(recipe)}
    return [recipe for recipe in waiting if missing.isdisjoint(recipe.needs)]


def _make_side_by_side(wanted: Sequence[Recipe], out: Path, seed: int, log: Log, processes: int, device: str) -> None:
    from outlay.study import workers

    jobs, said = workers.queues(2)
    waiting, unfinished = list(wanted), list(wanted)

    def hand_out() -> None:
        for recipe in ready(waiting, unfinished):
            waiting.remove(recipe)
            jobs.put(recipe)

    with workers.running(processes, _serve, (jobs, said, out, seed, device)) as started:
        hand_out()
        for kind, name, told in workers.heard(said, started):
            if kind == "line":
                log(told)
                continue
            if kind == "failed":
                raise told
            unfinished = [recipe for recipe in unfinished if recipe.name != name]
            if not unfinished:
                return
            hand_out()


def _serve(jobs: Any, said: Any, out: Path, seed: int, device: str) -> None:
    """What a worker process does: follow the recipes that come, until it is ended."""
    while True:
        recipe = jobs.get()
        try:
            make_one(recipe, out, seed, partial(_tell, said, recipe.name), device)
        except (UserError, OutlayError) as error:
            said.put(("failed", recipe.name, error))
        else:
            said.put(("made", recipe.name, None))


def _tell(said: Any, name: str, line: str) -> None:
    said.put(("line", name, line if line.startswith(name) else f"{name}: {line}"))
