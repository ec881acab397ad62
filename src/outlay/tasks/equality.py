"""When two answers count as the same: the equalities that a task file names.

`math` (exact, see `equivalence`), `math-verify` (as the library of this name decides, by which figures are mostly published),
`either` (right by one of the two), `number`, `string` (as it stands, white space aside), `text` (as SQuAD compares: no case,
articles or punctuation), or a Python callable `module:function` of (answer, reference). Each comes with a form that equal answers
share, by which samples vote; an answer that cannot be read has none.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from outlay.errors import OutlayError, UserError
from outlay.registry import nearest
from outlay.tasks import equivalence
from outlay.tasks.extraction import callable_at, last_number

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class Equality:
    """How an answer is compared with the reference, and the form by which answers are grouped for a vote."""

    equal: Callable[[str, str], bool]
    form: Callable[[str], str | None]


def equality(spec: str, where: str = "`equal`") -> Equality:
    """The equality of this name.

    >>> equality("number").equal("1,200.0", "$1200"), equality("text").equal("The Beatles!", "beatles")
    (True, True)

    Raises UserError for a name that does not exist, and for a library or a callable that is not there.
    """
    if spec in ("math-verify", "either"):
        return Equality(_math_verify(where, spec == "either"), _math_form)
    if spec in NAMED:
        return NAMED[spec]
    if ":" in spec:
        return Equality(_guarded(callable_at(spec, where), spec), str.strip)
    known = [*NAMED, "math-verify", "either", "module:function"]
    raise UserError(f'{where}: there is no equality named "{spec}"; {nearest(spec, known)}')


def same_number(answer: str, reference: str) -> bool:
    """Whether both are the same number, compared exactly; a currency sign, separators and a unit are left out.

    >>> same_number("0.50", "1/2"), same_number("1/3", "0.33")
    (True, False)
    """
    one, other = _number(answer), _number(reference)
    return one is not None and one == other


def normalised(text: str) -> str:
    """Lower case, without punctuation, articles and surplus white space, as the graders of SQuAD and NQ-open compare.

    >>> normalised("The  Beatles, in an hour!")
    'beatles in hour'
    """
    plain = unicodedata.normalize("NFC", text).lower()
    bare = " ".join(_ARTICLES.sub(" ", plain.translate(_PUNCTUATION)).split())
    return bare or plain.strip()  # an answer may be nothing but punctuation, or an article


def _number(text: str) -> Fraction | None:
    found = last_number(text)
    if found is None or len(found) > 400:
        return None
    try:
        numerator, _, denominator = found.partition("/")
        return Fraction(numerator) / Fraction(denominator or 1)
    except (ValueError, ZeroDivisionError):
        return None


def _number_form(text: str) -> str:
    value = _number(text)
    if value is None:
        return text.strip()
    return str(value.numerator) if value.denominator == 1 else str(value)


def _same_normalised(answer: str, reference: str) -> bool:
    return normalised(answer) == normalised(reference)


def _same_string(answer: str, reference: str) -> bool:
    return answer.strip() == reference.strip()


def _math_form(answer: str) -> str | None:
    return equivalence.written(answer) if equivalence.readable(answer) else None


def _math_verify(where: str, either: bool) -> Callable[[str, str], bool]:
    from outlay.tasks import math_verifying

    if not math_verifying.installed():
        raise UserError(f"{where}: math-verify is not installed; run: pip install 'outlay[math]', or take `math`.")

    def equal(answer: str, reference: str) -> bool:
        if either and equivalence.right(answer, reference):
            return True
        verdict = math_verifying.verified(answer, reference)
        words = equivalence.is_text(answer) and equivalence.is_text(
            reference
        )  # which the library takes for products of letters
        return equivalence.right(answer, reference) if verdict is None or words else verdict

    return equal


def _guarded(function: Callable[[str, str], object], address: str) -> Callable[[str, str], bool]:
    def equal(answer: str, reference: str) -> bool:
        try:
            return bool(function(answer, reference))
        except Exception as error:
            raise OutlayError(
                f"{address} failed on {answer!r:.60} and {reference!r:.60} ({type(error).__name__}: {error}); mend it."
            ) from error

    return equal


NAMED: Mapping[str, Equality] = {
    "math": Equality(equivalence.right, _math_form),
    "number": Equality(same_number, _number_form),
    "string": Equality(_same_string, str.strip),
    "text": Equality(_same_normalised, normalised),
}
