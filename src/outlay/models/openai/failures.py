"""What can go wrong with a call: whether to try again, whether it was paid for, and one sentence for people."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from outlay.errors import OutlayError, UserError

LOAD = (429, 503, 529)
"""Statuses that say that the server has too much to do."""
TRANSIENT = (408, 409, 425, 500, 502, 504, *LOAD)
CONTEXT = re.compile(
    r"context.{0,12}(length|size|window)|maximum context|exceeds? the available context|too many tokens", re.I
)
NO_MODEL = re.compile(
    r"model.{0,200}(not (found|exist|available|supported)|does(n't| not) exist|no such)|unknown model", re.I | re.S
)


class ServerFailed(OutlayError):
    """A server did not answer a request, however often it was asked; the message says which and how."""


class Refused(UserError):
    """A server does not do what it is asked for, whoever asks; the message says why."""


@dataclass
class Failure(Exception):
    """One call that failed.

    `transient` failures are worth another try, after `retry_after` seconds where the server says so; `load` ones say that it has
    too much to do. A call whose reply had begun, or that was given up while the server worked at it, is `billed`. `refusal` is
    what the server itself said with its `status`, `tries` how often it was asked by then.
    """

    says: str
    transient: bool
    billed: bool = False
    status: int | None = None
    load: bool = False
    retry_after: float | None = None
    refusal: str = ""
    tries: int = 1

    def __str__(self) -> str:
        return self.says


def of_status(status: int, body: str, headers: Any) -> Failure:
    """The failure that an error status is."""
    refusal = said(body)
    return Failure(
        f"status {status}{f' ({refusal})' if refusal else ''}",
        transient=status in TRANSIENT,
        status=status,
        load=status in LOAD,
        retry_after=wait_asked_for(headers.get("retry-after-ms"), headers.get("retry-after")),
        refusal=refusal,
    )


def said(body: str) -> str:
    """The server's own words in the body of an error, in one line."""
    try:
        content = json.loads(body)
    except ValueError:
        content = "" if body.lstrip().startswith("<") else body
    while isinstance(content, dict):
        content = next((content[name] for name in ("error", "message", "detail", "msg") if content.get(name)), "")
    return " ".join(str(content).split())[:300]


def wait_asked_for(milliseconds: str | None, retry_after: str | None) -> float | None:
    """Seconds that a `Retry-After` header asks for: a number or a date; None where there is none that can be read.

    >>> wait_asked_for(None, "1.5"), wait_asked_for("20", None), wait_asked_for(None, "soon")
    (1.5, 0.02, None)
    """
    for value, unit in ((milliseconds, 1000.0), (retry_after, 1.0)):
        try:
            seconds = float(value or "") / unit
        except ValueError:
            continue
        return max(seconds, 0.0) if math.isfinite(seconds) else None
    try:
        return max(parsedate_to_datetime(retry_after or "").timestamp() - time(), 0.0)
    except (TypeError, ValueError):
        return None


def lasting(failure: Failure, url: str, model: str, known: tuple[str, ...] = ()) -> OutlayError:
    """What a caller is told of a failure that lasts: a UserError where the user can mend it, else ServerFailed.

    `known` are the models that the server has, where it says.
    """
    status, refusal, tries = failure.status, failure.refusal, failure.tries
    if status in (401, 403):
        return UserError(
            f"{url} refuses the key ({failure.says}): put the right one into the environment variable OUTLAY_API_KEY, or its "
            "file's name into OUTLAY_API_KEY_FILE"
        )
    if status in (400, 413, 422) and CONTEXT.search(refusal):
        return UserError(
            f"a question with its solution is longer than the context of {model or 'the model'} at {url} ({refusal}): ask shorter "
            "questions, allow shorter solutions, or start the server with a longer context"
        )
    if status in (400, 404, 422) and NO_MODEL.search(refusal):
        return UserError(no_such_model(url, model, known))
    if status == 404:
        return UserError(
            f"there is no such API at {url} (status 404): give the URL as the server states it, most end in /v1"
        )
    if status is not None and not failure.transient:
        return Refused(f"{url} refuses the request ({failure.says})")
    if status is None and not failure.billed:
        return UserError(f"no server answers at {url} ({failure.says}): start it, or mend the URL")
    return ServerFailed(
        f"{url} failed {tries} time{'s' if tries > 1 else ''} in a row, the last time with {failure.says}"
    )


def no_such_model(url: str, model: str, known: tuple[str, ...]) -> str:
    """The sentence about a model that the server does not have; it lists those that it has."""
    listed = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    return f'the server at {url} has no model "{model}": ' + (
        f"it has {listed}" if known else "it does not say which it has"
    )
