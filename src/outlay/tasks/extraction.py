"""Which part of a solution's text is its answer: the extractors that a task file names.

`stated` (the last box, answer tag, `####` or `Answer:` line), `boxed`, `last_number`, `last_line`, `whole`, `choice` (a letter),
`code` (the last fenced block, or the whole text), `json:FIELD`, `regex:PATTERN`, or a Python callable `module:function` that takes
the text and returns the answer or None. None means that the solution states no answer; an extractor never guesses one.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from outlay.errors import OutlayError, UserError
from outlay.registry import nearest
from outlay.tasks.equivalence import extract_answer, last_box

Extractor = Callable[[str], str | None]

_NUMBER = re.compile(r"(?<![\w.])[-+−]?\$?\s?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d))(?:/\d+)?(?:[eE][+-]?\d+)?")
_FENCE = re.compile(r"```[ \t]*[\w+.-]*[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
_LETTER = (
    re.compile(r"\\boxed\s*\{\s*(?:\\text\w*\s*\{)?\s*\(?([A-J])\b", re.IGNORECASE),
    re.compile(
        r"\b(?i:answer|option|choice)\b[^\n.;]{0,30}?(?:\bis\b|:)[\s*$(\[\"']*([A-J](?![\w'])|[a-j](?=[\s)*\].\"']*$))",
        re.MULTILINE,
    ),
    re.compile(r"^[\s*(\[]*([A-J])[\s*)\].:]*$", re.MULTILINE),
    re.compile(r"[(\[]([A-J])[)\]]"),
)


def extractor(spec: str, where: str = "`extract`") -> Extractor:
    """The extractor of this name.

    >>> extractor("last_number")("She pays 3 * $1,200 = $3,600.")
    '3600'

    Raises UserError for a name that does not exist, a pattern that is none, and a callable that cannot be imported.
    """
    if spec in NAMED:
        return NAMED[spec]
    kind, _, argument = spec.partition(":")
    if kind == "regex" and argument:
        return _by_pattern(argument, where)
    if kind == "json" and argument:
        return _by_field(argument)
    if argument and kind not in ("regex", "json"):
        return _guarded(callable_at(spec, where), spec)
    known = [*NAMED, "json:FIELD", "regex:PATTERN", "module:function"]
    raise UserError(f'{where}: there is no way to extract named "{spec}"; {nearest(spec, known)}')


def callable_at(address: str, where: str) -> Callable[..., Any]:
    """The Python function at `module:function`; the module is imported, so its file is trusted as any program is.

    Raises UserError where there is none.
    """
    module, _, name = address.partition(":")
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise UserError(
            f"{where}: {address} cannot be imported ({type(error).__name__}: {error}); expected module:function of an "
            "installed module, or of one in the folder that PYTHONPATH names."
        ) from error
    if not callable(found):
        raise UserError(f"{where}: {address} is no function; name one that takes the text of a solution.")
    return found


def last_number(text: str) -> str | None:
    """The last number, without thousands separators or a currency sign; a fraction of whole numbers stays one.

    >>> last_number("between -3 and 1,234.50 dollars"), last_number("no idea")
    ('1234.50', None)
    """
    found = [match.group() for match in _NUMBER.finditer(text) if any(c.isdigit() for c in match.group())]
    return re.sub(r"[$,\s]", "", found[-1]).replace("−", "-").removeprefix("+") if found else None


def number_stated(text: str) -> str | None:
    """The last number of the stated answer, or of the whole text where none is stated.

    >>> number_stated("5 + 3 = 8\\n#### 8 apples\\nQuestion 2"), number_stated("That makes 8.")
    ('8', '8')
    """
    stated = extract_answer(text)
    if stated is None:
        return last_number(text)
    return last_number(stated)


def stated_or_last_line(text: str) -> str | None:
    """The stated answer, or the last line that is not blank, without quotation marks and a final stop.

    >>> stated_or_last_line("Answer: Paris."), stated_or_last_line("Paris.")
    ('Paris.', 'Paris')
    """
    found = extract_answer(text)
    if found is not None:
        return found
    line = last_line(text)
    return None if line is None else line.rstrip(".").strip("\"'“”") or None


def last_line(text: str) -> str | None:
    """The last line that is not blank."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else None


def whole(text: str) -> str | None:
    """The whole text."""
    return text.strip() or None


def choice(text: str) -> str | None:
    """The letter that is chosen: in a box, after "answer is", alone on a line, or in brackets; the last such one.

    >>> choice("(A) is too small, so the answer is (C)."), choice("A man walks home.")
    ('C', None)
    """
    for pattern in _LETTER:
        found = pattern.findall(text)
        if found:
            return str(found[-1]).upper()
    alone = text.strip().strip("()[].:*\"'")
    return alone.upper() if re.fullmatch(r"[A-Ja-j]", alone) else None


def code(text: str) -> str | None:
    """The last fenced block that holds something; without any fence the whole text, leading white space kept.

    >>> code("Here:\\n```python\\nreturn 1\\n```\\nDone.")
    'return 1'
    """
    blocks = [block for block in _FENCE.findall(text) if block.strip()]
    if blocks:
        return str(blocks[-1])
    return text.rstrip() if text.strip() and "```" not in text else None


def _by_pattern(pattern: str, where: str) -> Extractor:
    try:
        compiled = re.compile(pattern, re.MULTILINE | re.DOTALL)
    except re.error as error:
        raise UserError(f"{where}: {pattern!r} is no regular expression ({error}); mend it.") from error

    def extract(text: str) -> str | None:
        last = None
        for last in compiled.finditer(text):  # noqa: B007 the last match is what is wanted
            pass
        if last is None:
            return None
        return (last.group(1 if compiled.groups else 0) or "").strip() or None

    return extract


def _by_field(path: str) -> Extractor:
    names = path.split(".")
    loose = re.compile(rf'"{re.escape(names[-1])}"\s*:\s*(?:"((?:[^"\\]|\\.)*)"|([-+\d.eE]+|true|false))')

    def extract(text: str) -> str | None:
        for value in _objects(text):
            for name in names:
                value = value.get(name) if isinstance(value, Mapping) else None
            if value is not None:
                return str(value).strip() or None
        found = loose.findall(text)  # models write LaTeX into JSON without doubling the backslashes
        return (found[-1][0] or found[-1][1]).strip() or None if found else None

    return extract


def _objects(text: str) -> list[Any]:
    """Every JSON object in a text, the last first; those inside another are part of it."""
    decoder = json.JSONDecoder()
    found, position = [], text.find("{")
    while position >= 0:
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            end = position + 1
        else:
            found.append(value)
        position = text.find("{", end)
    return found[::-1]


def _guarded(function: Callable[..., Any], address: str) -> Extractor:
    def extract(text: str) -> str | None:
        try:
            found = function(text)
        except Exception as error:
            raise OutlayError(
                f"{address} failed on {text[-60:]!r} ({type(error).__name__}: {error}); mend it."
            ) from error
        return None if found is None else str(found)

    return extract


NAMED: Mapping[str, Extractor] = {
    "stated": extract_answer,
    "boxed": last_box,
    "last_number": last_number,
    "number_stated": number_stated,
    "stated_or_last_line": stated_or_last_line,
    "last_line": last_line,
    "whole": whole,
    "choice": choice,
    "code": code,
}
