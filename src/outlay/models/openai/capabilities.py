"""What a server really does with what it is asked: seen, not promised, and remembered for each server, version and model."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

log = logging.getLogger(__name__)

SECONDS_KEPT = 86_400.0
"""How long it is remembered of a server that does not tell its version."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One server and model. None stands for what could not be found out.

    `prefix` says how a beginning of an answer is gone on from: as a raw prompt, as an assistant's turn with
    `continue_final_message`, as an assistant's turn alone, by the server's own chat template, or not at all; with
    `repeats_prefix` the reply begins with it.
    `stop`: a reply that ended at a stop string "says" so, "includes" the string, or is "silent", as if it had ended by itself.
    `usage` counts "all" generated tokens of a call, those of the "first" choice, or "none". `count` is the shape of a `/tokenize`.
    """

    server: str
    model: str
    api: Literal["chat", "completions"]
    models: tuple[str, ...] = ()
    context: int | None = None
    parameters: int | None = None
    n: bool = False
    seed: bool | None = None
    logprobs: bool = False
    prefix: Literal["prompt", "continue", "assistant", "template", "no"] = "no"
    repeats_prefix: bool = False
    stop: Literal["says", "includes", "silent"] = "silent"
    stream: bool = False
    cancel: bool | None = None
    usage: Literal["all", "first", "none"] = "all"
    count: Literal["content", "prompt", "no"] = "no"
    length: str = "max_tokens"
    probed: float = 0.0

    def plain(self) -> dict[str, Any]:
        """What `outlay doctor` says of it."""
        prefixes = {"prompt": "a raw prompt", "continue": "continue_final_message", "assistant": "an assistant's turn"}
        said = asdict(self) | {"prefix": {**prefixes, "template": "the server's template", "no": False}[self.prefix]}
        said |= {"models": ", ".join(self.models) or None, "server": self.server or None}
        named = {"stop": "a_stop_string_in_the_reply", "prefix": "goes_on_from", "usage": "usage_counts"}
        left_out = (
            "probed",
            "length",
            "count",
            "repeats_prefix",
            "logprobs",
        )  # log-probabilities are tried by `doctor` itself
        return {named.get(name, name): value for name, value in said.items() if name not in left_out}


def remembered(url: str, model: str, api: str, server: str) -> Capabilities | None:
    """What was found before of this server, in this version, and this model; None where that is not known, or too old."""
    path = _file(url, model, api, server)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        known = {one.name for one in fields(Capabilities)}
        if set(content) != known:
            return None  # another version of Outlay wrote it
        found = Capabilities(**content)
    except (OSError, ValueError, TypeError):
        return None
    told = any(letter.isdigit() for letter in server)
    if not told and time.time() - found.probed > SECONDS_KEPT:
        return None
    return replace(found, models=tuple(found.models))


def remember(url: str, asked: str, api: str, found: Capabilities) -> None:
    """Keep what was found. A folder that cannot be written is no reason to fail: it is found again next time."""
    path = _file(url, asked, api, found.server)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps(asdict(found), indent=1), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        log.info("what %s can do is not remembered: %s", url, error)


def folder() -> Path:
    """Where it is kept: below XDG_CACHE_HOME, or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "outlay" / "servers"


def _file(url: str, model: str, api: str, server: str) -> Path:
    name = hashlib.blake2b("\x1f".join((url, model, api, server)).encode(), digest_size=12).hexdigest()
    return folder() / f"{name}.json"
