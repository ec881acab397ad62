"""What a probe is to be trained on, as data: read from YAML, checked field by field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from outlay.errors import UserError
from outlay.registry import nearest


class ProbeConfig(BaseModel):
    """A probe's training.

    `traces` is a folder of traces or a file of samples (with `question`, `text` and `correct`), of which those of one `task` and
    `model` are taken where these are named; `features` the address of what the
    probe looks at, `layer` of whose states, and which `parts` (the state, the mean of the states so far, the model's own
    confidence). The `target` is whether a solution is right (`solutions`), or how often a question is answered rightly
    (`difficulty`). `hidden` is the width of a hidden layer, 0 for a logistic probe. `places` says whether a
    solution is learnt from at its last token or at the end of every step. Questions are dealt to training, validation (when to
    stop) and test by `shares`; what is reported is of the test questions alone. `bins` are those of the difficulty report, `out` is
    the folder that is written.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    traces: Path
    features: str
    out: Path
    task: str | None = None
    model: str | None = None
    target: Literal["solutions", "difficulty"] = "solutions"
    layer: int = Field(-1, ge=-1)
    parts: tuple[Literal["state", "mean", "confidence"], ...] = Field(("state", "mean", "confidence"), min_length=1)
    hidden: int = Field(0, ge=0, le=4096)
    places: Literal["steps", "last"] = "steps"
    shares: tuple[float, float, float] = (0.5, 0.2, 0.3)
    epochs: int = Field(200, ge=1, le=10_000)
    learning_rate: float = Field(0.003, gt=0, le=1)
    weight_decay: float = Field(0.01, ge=0, le=10)
    bins: int = Field(5, ge=2, le=20)
    seed: int = Field(0, ge=0)


def load_config(path: Path) -> ProbeConfig:
    """The configuration in a YAML file; paths in it are relative to the working folder.

    Raises UserError that names file and field where something is wrong.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"there is no configuration {path}: give a YAML file with traces, features and out") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read as YAML ({' '.join(str(error).split())[:160]})") from None
    if not isinstance(content, Mapping):
        raise UserError(f"{path} must hold a mapping with traces, features and out")
    try:
        config = ProbeConfig.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise UserError(f"{path}, field {field}: {_sentence(first)}") from None
    if (
        any(share < 0 for share in config.shares)
        or min(config.shares[0], config.shares[2]) <= 0
        or abs(sum(config.shares) - 1) > 1e-6
    ):
        raise UserError(
            f"{path}, field shares: three shares that sum to 1, training and test above 0, not {list(config.shares)}"
        )
    return config


def _sentence(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return f"unknown; {nearest(str(error['loc'][-1]), ProbeConfig.model_fields)}"
    if error["type"] == "missing":
        return "missing; add it"
    return f"{str(error['msg']).removeprefix('Input ')}, not {error['input']!r:.40}"
