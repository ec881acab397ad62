"""A study as data: which task, models, verifier, strategies and budgets. Read from YAML, checked field by field.

A study never says how it is to be run (workers, batch sizes, folders): that cannot change its results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from outlay import models, tasks, verifiers
from outlay.errors import UserError
from outlay.registry import nearest
from outlay.strategies import Strategy, from_spec
from outlay.strategies.strategy import QUESTION
from outlay.study.probing import PILOT, check_estimator


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Search(_Strict):
    """A strategy that needs runs of its own, at each of these budgets (in generations).

    `verifier` is one of the entry's `weak_verifiers`, where the search is to be run with that one instead of the entry's own.
    """

    strategy: dict[str, Any]
    budgets: tuple[int, ...] = Field(min_length=1)
    verifier: str | None = None

    @field_validator("strategy", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("strategy")
    @classmethod
    def _known(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            strategy = from_spec(value)
        except UserError as error:  # as a ValueError it is told with file and field
            raise ValueError(str(error)) from error
        return strategy.spec()

    @field_validator("budgets")
    @classmethod
    def _positive(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if min(value) < 1:
            raise ValueError(f"a budget is at least 1 generation, not {min(value)}")
        return value


class OtherPool(_Strict):
    """A further pool: this many independent samples of every question at another temperature."""

    temperature: float = Field(gt=0)
    samples: int = Field(ge=2, le=4096)


class Entry(_Strict):
    """One task with the models that are tried on it.

    `questions` of `split` are asked. `pool` independent samples of each are drawn, scored where there is a `verifier`, and
    read at every N up to that; `searches` are run besides. `difficulty_samples` further samples estimate difficulty and are
    used for nothing else. `large` is a larger model that is compared with the first at equal compute: its greedy answer, and
    `large_pool` samples of its own. Where matched compute buys more samples than `pool`, the first `deep_questions`
    questions have a pool of `deep_pool`. Plain samples, greedy ones too, are drawn with the `prompt`, the pools at
    `temperature` and `top_p`; `other_pools` are drawn at other temperatures, and every way of choosing among their samples stands
    beside the pool's own, at every N, also among what a policy may choose. Each of the `weak_verifiers` scores the pool's samples
    again. `recall` says that the questions ask for what a model has to know, not to work out. `difficulty` is how a question's
    difficulty is told before anything else is spent on it: `pilot`, by the first samples, or `probe:FOLDER`, from the question
    alone.
    """

    task: str
    model: str
    verifier: str | None = None
    weak_verifiers: tuple[str, ...] = ()
    large: str | None = None
    large_pool: int = Field(0, ge=0, le=4096)
    deep_pool: int = Field(0, ge=0, le=65536)
    deep_questions: int = Field(0, ge=0)
    split: str = "test"
    questions: int = Field(500, ge=10)
    pool: int = Field(64, ge=2, le=4096)
    temperature: float = Field(1.0, gt=0)
    top_p: float = Field(1.0, gt=0, le=1)
    other_pools: tuple[OtherPool, ...] = ()
    prompt: str = QUESTION
    recall: bool = False
    difficulty: str = "pilot"
    difficulty_samples: int = Field(32, ge=2)
    searches: tuple[Search, ...] = ()

    @model_validator(mode="after")
    def _searches_have_a_verifier(self) -> Entry:
        for search in self.searches:
            if self.verifier is None and is_scored(from_spec(search.strategy)):
                raise ValueError(f'{search.strategy["name"]} needs a verifier: give one beside "model"')
        return self

    @field_validator("prompt")
    @classmethod
    def _asks_the_question(cls, value: str) -> str:
        if QUESTION not in value:
            raise ValueError(f'a prompt says with {QUESTION} where the question stands; "{value}" does not')
        return value

    @model_validator(mode="after")
    def _weak_verifiers_are_others(self) -> Entry:
        if self.weak_verifiers and self.verifier is None:
            raise ValueError('weak_verifiers are compared with a good one: give it as "verifier"')
        if len({self.verifier, *self.weak_verifiers}) <= len(self.weak_verifiers):
            raise ValueError("weak_verifiers: each is named once, and none is the entry's own verifier")
        for search in self.searches:
            if search.verifier is not None and search.verifier not in self.weak_verifiers:
                raise ValueError(f"{search.strategy['name']}: {search.verifier} is none of the entry's weak_verifiers")
        return self

    @model_validator(mode="after")
    def _temperatures_differ(self) -> Entry:
        all_of_them = [self.temperature, *(other.temperature for other in self.other_pools)]
        twice = next((one for place, one in enumerate(all_of_them) if one in all_of_them[:place]), None)
        if twice is not None:
            raise ValueError(f"other_pools: two pools have the temperature {twice:g}; give each its own")
        return self

    @model_validator(mode="after")
    def _pools_make_sense(self) -> Entry:
        if self.large_pool and self.large is None:
            raise ValueError('large_pool is drawn from the larger model: give one as "large"')
        if bool(self.deep_pool) != bool(self.deep_questions):
            raise ValueError("deep_pool and deep_questions go together: give both, or neither")
        if self.deep_pool and self.deep_pool <= self.pool:
            raise ValueError(f"a deep_pool of {self.deep_pool} is no deeper than the pool of {self.pool}")
        if self.deep_questions > self.questions:
            raise ValueError(f"deep_questions is at most the number of questions, {self.questions}")
        return self


class Study(_Strict):
    """A named list of entries, and how they are read.

    `bins` difficulty bins; `pilot` samples of the pool estimate difficulty cheaply and are then part of the budget;
    `headline_budget` (generations) is where policies are compared in one sentence. All are fixed here, before any test
    question has been looked at. `every_finding` asks all findings of `docs/reproduction.md` of the runs, not the first nine alone.
    """

    name: str
    seed: int = Field(0, ge=0)
    headline_budget: int = Field(16, ge=1)
    bins: int = Field(5, ge=1)
    pilot: int = Field(4, ge=1)
    every_finding: bool = False
    entries: tuple[Entry, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _entries_differ(self) -> Study:
        pairs = [(entry.task, entry.model) for entry in self.entries]
        twice = next((pair for number, pair in enumerate(pairs) if pair in pairs[:number]), None)
        if twice is not None:
            raise ValueError(
                f"entries: two of them have the task {twice[0]} and the model {twice[1]}, and their runs would be mixed; "
                "give each its own study"
            )
        return self

    @model_validator(mode="after")
    def _pilots_leave_something(self) -> Study:
        for entry in self.entries:
            if self.pilot >= entry.pool:
                raise ValueError(
                    f"a pilot of {self.pilot} samples leaves nothing of a pool of {entry.pool} ({entry.task}); take a smaller "
                    "pilot or a larger pool"
                )
        return self


def is_scored(strategy: Strategy) -> bool:
    """Whether a verifier scores what the strategy draws: it cannot do without, or its selection is the verifier's."""
    return strategy.needs_verifier or getattr(strategy, "selection", None) == "verifier"


def load_study(path: Path) -> Study:
    """The study in a YAML file; a `UserError` that names file and field where something is wrong."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"there is no study file {path}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); give a study's YAML file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = path if mark is None else f"{path}, line {mark.line + 1}"
        why = getattr(error, "problem", None) or str(error)
        raise UserError(
            f"{where}: not YAML ({' '.join(why.split())}); a study is a YAML file with name and entries"
        ) from None
    if content is None:
        raise UserError(f"{path} is empty; a study has a name and entries")
    if not isinstance(content, Mapping):
        raise UserError(f"{path} must hold a mapping with name and entries, not {type(content).__name__}")
    return parse_study(content, str(path))


def parse_study(content: Mapping[str, Any], where: str) -> Study:
    """The study that `content` describes; `where` names it in error messages."""
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ", field " + ".".join(map(str, first["loc"])) if first["loc"] else ""
        raise UserError(f"{where}{field}: {_sentence(first)}") from None


def check_addresses(study: Study) -> None:
    """Load every task, model and verifier that a study names, once, so that a wrong name is found before anything is sampled.

    Raises UserError that names the entry's field.
    """
    known: set[tuple[str, str]] = set()
    loaders: Mapping[str, Callable[[str], Any]] = {
        "task": tasks.load,
        "model": models.load,
        "large": models.load,
        "verifier": verifiers.load,
    }
    for number, entry in enumerate(study.entries):
        named = [(field, field, getattr(entry, field)) for field in loaders]
        named += [("verifier", f"weak_verifiers.{place}", weak) for place, weak in enumerate(entry.weak_verifiers)]
        for kind, field, address in named:
            if address is None or (kind, address) in known:
                continue
            try:
                loaders[kind](address)
            except UserError as error:
                raise UserError(f"study {study.name}, field entries.{number}.{field}: {error}") from error
            known.add((kind, address))
        try:
            check_estimator(entry.difficulty)
            if entry.difficulty != PILOT:
                asked = tasks.load(entry.task).questions(entry.split, entry.questions, study.seed)
                check_estimator(entry.difficulty, asked)
        except UserError as error:
            raise UserError(f"study {study.name}, field entries.{number}.difficulty: {error}") from error


def demo_study(quick: bool) -> Study:
    """The study that `outlay demo` runs; `quick` is the same on fewer questions and samples."""
    name = "demo-quick.yaml" if quick else "demo.yaml"
    return load_study(Path(str(files("outlay"))) / "study" / name)


_KINDS = {"int": "a whole number", "float": "a number", "string": "a text", "tuple": "a list", "dict": "a mapping"}
"""What YAML calls the types whose names begin pydantic's kinds of mistakes."""


def _sentence(error: Mapping[str, Any]) -> str:
    kind = error["type"].partition("_")[0]
    if error["type"] == "extra_forbidden":
        inside: dict[Any, type[BaseModel]] = {"searches": Search, "other_pools": OtherPool}
        within = next((inside[at] for at in error["loc"] if at in inside), Entry)
        model = Study if len(error["loc"]) == 1 else within
        return f"unknown; {nearest(str(error['loc'][-1]), model.model_fields)}"
    if error["type"] == "missing":
        return "missing; add it"
    if error["type"] == "model_type":
        return f"should be a mapping of field to value, not {error['input']!r:.40}"
    if kind in _KINDS and error["type"].endswith(("_type", "_parsing", "_from_float")):
        return f"should be {_KINDS[kind]}, not {error['input']!r:.40}"
    if error["msg"].startswith("Input should be"):
        return f"{str(error['msg']).removeprefix('Input ')}, not {error['input']!r:.40}"
    return str(error["msg"]).removeprefix("Value error, ")
