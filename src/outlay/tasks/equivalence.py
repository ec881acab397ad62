"""Whether two answers say the same: by what they mean in mathematics, never by how similar their texts look.

`canonical` maps an answer to a text that two answers share exactly when they are taken as the same, so that grouping a
thousand answers takes a thousand calls. Arithmetic is exact (see `exact`). What is not understood is compared as text.

Conventions, as in the usual graders of MATH and GSM8K: a unit, a currency or percent sign, and a degree sign are left
out (50% is 50); `x = 12` is 12; a bare list `1, 2` and a set are in any order, `(1, 2)` and intervals are not;
`1,234` is one number; `5 = 2 + 3`, an equation without unknowns, is compared as written, since its two sides are the
claim. Limits: no simplification of functions (`sin(x)` is a name), no sets given by conditions.
"""

from __future__ import annotations

import re
from functools import lru_cache

from outlay.tasks import exact
from outlay.tasks.expressions import CONSTANTS, FUNCTIONS, parse

LONGEST = 400
"""Characters beyond which an answer is prose, and compared as text."""

_UNICODE = {
    "−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "÷": "/", "⁄": "/", "π": "\\pi ", "∞": "\\infty ", "°": "",
    "²": "^2", "³": "^3", "½": "\\frac{1}{2}", "¼": "\\frac{1}{4}", "¾": "\\frac{3}{4}", "∪": "\\cup ", "€": "",
    "£": "", "\u00a0": " ", "≤": "\\le ", "≥": "\\ge ", "θ": "\\theta ", "{,}": "", ",\\!": ",",
}  # fmt: skip
_DROPPED = re.compile(
    r"\\(?:left|right|bigl|bigr|big|Big|displaystyle|limits|!|,|;|:|quad|qquad|\s)|~|\\?\$|\\?%|\^\s*\{?\s*\\circ\s*\}?"
    r"|\\degree|\b(?:degrees?|percent|dollars?|cents?)\b"
)
_TAG = re.compile(
    r"</?(?:answer|reasoning|think|thinking|solution|final|response|output|result|p|b|i|br)\s*/?>?"
    r"|\s*<(?:/?[a-zA-Z]*>?|/)\s*$|(?<![a-zA-Z0-9)}\\])\s*>\s*$|(?<=\d)>\s*$|^\s*<[a-zA-Z]+>",
    re.IGNORECASE,
)
_MATRIX = re.compile(r"\\begin\s*\{([pbvBV]?matrix|array)\}(?:\{[lcr|]*\})?(.*?)\\end\s*\{\1\}", re.DOTALL)
_TIDY_MATRIX = re.compile(r"^(.*?)\\matrix<(.*)>$", re.DOTALL)
_MIXED = re.compile(r"(?<![\w.,/^{}])(\d+)\s+(\d+)\s*/\s*(\d+)(?![\d.,])")
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf|textit|mbox|operatorname|bm|rm)\s*\{([^{}]*)\}")
_THOUSANDS = re.compile(r"(?<![\d.,(\[{])(\d{1,3}(?:,\d{3})+)(?![\d,])")
_ASSIGNMENT = re.compile(
    r"^\s*(?:[a-zA-Z]|\\[a-zA-Z]+)(?:_\{?\w+\}?)?(?:\([a-zA-Z](?:,\s*[a-zA-Z])*\))?\s*(?:=|\\in\b)\s*(.+)$", re.DOTALL
)
_UNIT = re.compile(
    r"^(?P<number>[-+]?\s*(?:[-+\d./^*()\s]|\\(?:frac|sqrt|pi)\b|[{}])*(?:[\d)}]|\\pi\b))\s*"
    r"(?P<unit>(?:(?:square|cubic|sq)\s+)?[a-zA-Z]+(?:[/ ][a-zA-Z]+)*)(?:\s*\^\s*\{?[23]\}?)?$"
)
_SHORT_UNITS = frozenset((
    "cm", "mm", "km", "m", "in", "ft", "yd", "mi", "kg", "g", "mg", "lb", "oz", "s", "h", "hr", "ms", "ml", "l", "mph",
    "kph", "hz", "km/h", "m/s", "units",
))  # fmt: skip
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
_NOT_UNITS = frozenset({"am", "pm", "a.m", "p.m", "base"}) | FUNCTIONS | CONSTANTS | frozenset(_SCALES)
_NAMED = re.compile(r"\b(" + "|".join(sorted(FUNCTIONS | CONSTANTS)) + r")\b")
_UNFINISHED = re.compile(r"(?:[-+*/^=_\\&]|\\(?:frac|sqrt|text|cdot|times))\s*$")
_IMPLIES = re.compile(r"\\(?:implies|Rightarrow|Longrightarrow)\b|⇒|=>")
_WORKED = re.compile(r"^[^a-zA-Z]+$")
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_MARKERS = (
    re.compile(r"<answer>(.*?)(?:</answer|</?\s*$|\Z)", re.DOTALL | re.IGNORECASE),
    re.compile(r"^####\s*(.+)$", re.MULTILINE),
    re.compile(r"^\W*(?:the\s+)?(?:final\s+)?(?:answer|a)(?:\s+is)?\W*:\s*(.+)$", re.MULTILINE | re.IGNORECASE),
)


def equivalent(a: str, b: str) -> bool:
    """Whether two answers say the same.

    >>> equivalent("\\\\frac{1}{2}", "0.5"), equivalent("x=12", "x=13")
    (True, False)
    """
    return canonical(a) == canonical(b)


def readable(answer: str) -> bool:
    """Whether an answer can be compared at all: it says something, is no essay, and is not cut off in the middle of a formula.

    >>> readable("\\\\frac{1}{2}"), readable("\\\\frac{1}{"), readable("...")
    (True, False, False)
    """
    text = _tidy(answer)
    opened = sum(map(text.count, ("(", "[", "{", "\\lbrace", "\\begin")))
    closed = sum(map(text.count, (")", "]", "}", "\\rbrace", "\\end")))
    return (
        len(text) <= LONGEST
        and opened == closed
        and any(character.isalnum() for character in text)
        and not _UNFINISHED.search(text)
        and not re.search(r"/\s*0+(?![\d.])|\\frac\s*\{[^{}]*\}\s*\{\s*0+\s*\}", text)
    )


def right(answer: str, reference: str) -> bool:
    """Whether an answer says what the reference says; the end of its own working is enough: `9 + 8 + 6 = 23`, `2/6 or 1/3`.

    Not symmetric, so not for grouping answers: what the working claims on the way is not looked at.

    >>> right("9 + 8 + 6 = 23", "23"), right("23", "9 + 8 + 6 = 23"), right("x = 3 or x = 4", "4")
    (True, False, False)
    """
    if equivalent(answer, reference):
        return True
    text = _tidy(answer)
    if len(text) > LONGEST or "=" in reference:
        return False
    ends = [_end_of_working(one) for one in re.split(r"\s+or\s+", text)]
    return ends != [text] and all(equivalent(end, reference) for end in ends)


def _end_of_working(text: str) -> str:
    """`9 + 8 + 6 = 23` ends in 23, `total = 23` as well; `2x = 56` does not end in 56."""
    last = _IMPLIES.split(text)[-1].strip()
    *before, end = re.split(r"(?<![<>!:=])=(?!=)|\\approx\b", last)
    stated = all(_WORKED.match(re.sub(r"\\[a-zA-Z]+", "", part)) or re.match(r"^[a-zA-Z\s]+$", part) for part in before)
    return end.strip() if stated else last


@lru_cache(maxsize=1 << 16)
def canonical(answer: str) -> str:
    """The text that stands for an answer and for all that are equivalent to it.

    >>> canonical("1,234.50 dollars")
    '2469/2'
    """
    text = _tidy(answer)
    if len(text) > LONGEST:
        return _as_text(text)
    return _structure(text)


def is_text(answer: str) -> bool:
    """Whether an answer is compared as words, because it is no mathematics that is understood here.

    >>> is_text("Evelyn"), is_text("2x")
    (True, False)
    """
    return canonical(answer).startswith("text:")


@lru_cache(maxsize=1 << 16)
def written(answer: str) -> str:
    """The answer in the one way of writing it that its equivalents share, where that can be read back; else without trimmings.

    >>> written("$1,234.50"), written("\\\\text{Evelyn}")
    ('2469/2', 'evelyn')
    """
    form = canonical(answer)
    if form.startswith("text:"):
        return form.removeprefix("text:")
    latex = _NAMED.sub(r"\\\1", re.sub(r"√(\d+)", r"\\sqrt{\1}", form))
    if form.startswith("matrix["):
        rows = latex[len("matrix[") : -1].replace("; ", " & ").replace(" | ", r" \\ ")
        latex = rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"
    elif form.startswith("{"):
        latex = r"\{" + latex[1:-1].replace("; ", ", ") + r"\}"
    else:
        latex = latex.replace("; ", ", ")
    return latex if canonical(latex) == form else re.sub(r"\s+", " ", _with_marks(_tidy(answer)))


def _with_marks(text: str) -> str:
    """A tidied answer with LaTeX's own marks for sets and matrices again."""
    text = text.replace("\\lbrace ", "\\{").replace("\\rbrace", "\\}").replace("<row>", r"\\")
    return re.sub(r"\\matrix<(.*)>", r"\\begin{pmatrix}\1\\end{pmatrix}", text, flags=re.DOTALL)


def extract_answer(text: str) -> str | None:
    """The final answer that a solution states: in its last box, its last answer tag, or after its last `Answer:`.

    >>> extract_answer("so it is \\\\boxed{\\\\frac{1}{2}}.")
    '\\\\frac{1}{2}'
    """
    if _BOXED.search(text):
        return last_box(text)
    for marker in _MARKERS:
        found = marker.findall(text)
        if found:
            return str(found[-1]).strip() or None
    return None


def last_box(text: str) -> str | None:
    """What the last box of a solution holds; None where there is none, or where it is empty or never closed.

    >>> last_box("\\\\boxed{1}, no: \\\\boxed{2}")
    '2'
    """
    boxes = list(_BOXED.finditer(text))
    return _until_closed(text[boxes[-1].end() :]) if boxes else None


def _until_closed(text: str) -> str | None:
    depth = 1
    for position, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return text[:position].strip() or None
    return None


def _tidy(answer: str) -> str:
    """The answer without what carries no meaning: boxes, tags, spacing commands, currency, thousands separators."""
    text = answer.strip()
    while (bare := _TAG.sub(" ", text).strip()) != text:
        text = bare
    text = _MATRIX.sub(lambda match: f" \\matrix<{match[2].replace(chr(92) * 2, '<row>')}> ", text)
    for symbol, plain in _UNICODE.items():
        text = text.replace(symbol, plain)
    boxed = _BOXED.search(text)
    if boxed:
        text = _until_closed(text[boxed.end() :]) or text
    text = re.sub(r"√\s*\(", r"\\sqrt(", text)
    text = re.sub(r"√\s*(\d+|[a-zA-Z])", r"\\sqrt{\1}", text)
    text = re.sub(r"\\[dtc]frac", r"\\frac", text)
    text = re.sub(r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}", text)
    text = re.sub(r"\\[()\[\]]", "", text)
    text = re.sub(r"_\{(\w+)\}", r"_\1", text)
    text = re.sub(r"^(\*\*?)(?=[^\s*])(.*[^\s*])\1$", r"\2", text)
    text = _MIXED.sub(r"\1\\frac{\2}{\3}", text)
    text = _TEXT.sub(r" \1 ", text)
    text = _DROPPED.sub(" ", text)
    text = text.replace("\\{", "\\lbrace ").replace("\\}", "\\rbrace ")
    text = _THOUSANDS.sub(lambda match: match.group().replace(",", ""), text)
    return re.sub(r"\s+", " ", text).strip().rstrip(".;").strip()


def _as_text(text: str) -> str:
    return "text:" + re.sub(r"\s+", " ", text).strip().lower()


def _structure(text: str) -> str:
    """Sides of an equation, members of a list, then expressions."""
    matrix = _TIDY_MATRIX.match(text)
    if matrix:
        return _matrix(matrix[1].strip(), matrix[2])
    assigned = _ASSIGNMENT.match(text)
    if assigned and "=" not in assigned.group(1):
        right = assigned.group(1)
        if not re.search(r"[a-zA-Z]", re.sub(r"\\[a-zA-Z]+", "", right)) or "\\in" in text[: assigned.start(1)]:
            return _structure(right)
    assignments = [_ASSIGNMENT.match(member) for member in _split(text, ",")]
    if len(assignments) > 1 and all(assignments):
        return _assignments(text)
    if re.search(r"(?<![<>!:])=|\\[lg]eq?\b|[<>]|\\cup\b|\\pm\b|\\mid\b", text):
        return _relation(text)
    opening, inside, closing = _delimiters(text)
    members = _split(re.sub(r",?\s+(?:and|or)\s+", ",", inside) if not opening else inside, ",")
    if len(members) > 1 and all(member.strip() for member in members):
        parts = [_structure(member.strip()) for member in members]
        ordered = parts if opening in ("(", "[") else sorted(parts)
        kind = {"\\lbrace": "{", "": "{"}.get(opening, opening)
        return f"{kind}{'; '.join(ordered)}{'}' if kind == '{' else closing}"
    if opening == "\\lbrace":
        return "{" + _structure(inside.strip()) + "}"
    return _expression(text)


def _assignments(text: str) -> str:
    """Several values of one unknown are a set; of several unknowns, each with its name."""
    pairs = [re.split(r"=|\\in\b", member, maxsplit=1) for member in _split(text, ",")]
    names = {name.strip() for name, _ in pairs}
    values = [_structure(value.strip()) for _, value in pairs]
    if len(names) > 1:
        values = [f"{name.strip()} = {value}" for (name, _), value in zip(pairs, values)]
    return f"{{{'; '.join(sorted(values))}}}"


def _matrix(before: str, inside: str) -> str:
    """A matrix entry by entry, each multiplied by the factor before it; `A =` in front of it says nothing."""
    factor = re.sub(r"^.*=", "", before).strip()
    if "\\matrix" in factor or "\\matrix" in inside:
        return _as_text(before + inside)
    rows = [row for row in inside.split("<row>") if row.strip()]
    entries = [
        [_structure(f"({factor})({entry})" if factor else entry.strip()) for entry in row.split("&")] for row in rows
    ]
    return "matrix[" + " | ".join("; ".join(row) for row in entries) + "]"


def _relation(text: str) -> str:
    """An equation or inequality: each side in normal form if there is an unknown in it, the text as it is if not."""
    if not re.search(r"[a-zA-Z]", re.sub(r"\\[a-zA-Z]+", "", text)):
        return "text:" + re.sub(r"\s+", "", text)
    pieces = re.split(r"(=|\\leq?\b|\\geq?\b|<|>|\\cup\b|\\pm\b|\\mid\b)", text)
    if any(not piece.strip() for piece in pieces):
        return "text:" + re.sub(r"\s+", "", text)
    signs = [re.sub("q$", "", piece.strip()) for piece in pieces[1::2]]
    sides = [_expression(piece.strip()) for piece in pieces[::2]]
    return sides[0] + "".join(f" {sign} {side}" for sign, side in zip(signs, sides[1:]))


def _delimiters(text: str) -> tuple[str, str, str]:
    """(opening, inside, closing) where one pair of delimiters encloses the whole text; ("", text, "") elsewhere."""
    for opening, closing in (("(", ")]"), ("[", ")]"), ("\\lbrace", "\\rbrace")):
        end = closing if closing == "\\rbrace" else text[-1:]
        if text.startswith(opening) and (text.endswith(closing) or (end and end in ")]" and end in closing)):
            inside = text[len(opening) : -len(end)]
            if _balanced(inside):
                return opening, inside, end
    return "", text, ""


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            return False
    return depth == 0


def _split(text: str, separator: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character == separator and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


def _expression(text: str) -> str:
    text, scale = _without_unit(text)
    try:
        return exact.show(exact.multiply(parse(text), exact.number(scale)))
    except exact.TooHard:
        return _as_text(text if scale == 1 else f"{text} times {scale}")


def _without_unit(text: str) -> tuple[str, int]:
    """`12 square inches` is (12, 1), `3 million` is (3, 10**6)."""
    match = _UNIT.match(text)
    if match is None:
        return text, 1
    words = match["unit"].lower().split()
    if words[0] in _SCALES and len(words) == 1:
        return match["number"], _SCALES[words[0]]
    is_unit = match["unit"].lower() in _SHORT_UNITS or all(len(word) >= 3 or word in _SHORT_UNITS for word in words)
    spaced = text[: match.start("unit")].endswith((" ", ")", "}")) or len(match["unit"]) >= 2
    if is_unit and spaced and not _NOT_UNITS & set(words):
        return match["number"], 1
    return text, 1
