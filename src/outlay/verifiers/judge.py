"""A generative judge: a model is asked to rate a solution, and its rating is parsed.

Zheng et al., arXiv 2306.05685. The rating is asked for as one JSON object on the last line, {"rating": 7}, so that a server's
structured output can enforce it; a line "Rating: 7" or "7/10" is read too. Anything else is an unreadable rating: the score is
missing, never 0, because a judge that lost its thread has said nothing about the solution.
"""

from __future__ import annotations

import json
import re
from typing import Any

from outlay.models.model import Completion
from outlay.verifiers.asking import Asking

BEST = 10
"""Ratings run from 0 to it."""

MOST_TOKENS = 512

PROMPT = """Judge whether the answer to this question is right.

Question:
{question}

Answer:
{solution}

Check it step by step. Then give, on a line of its own and as the last thing you write, your rating from 0 (surely wrong) to 10 \
(surely right) as a JSON object: {"rating": N}
"""

_OBJECT = re.compile(r"\{[^{}]*\}")
_LINE = re.compile(r"(?im)^\W*(?:final\s+)?rating\W*[:=]\W*(\S+)")
_OUT_OF = re.compile(rf"(?<![\d.])(\d+(?:\.\d+)?)\s*/\s*{BEST}(?![\d.])")


def rating_in(text: str) -> float | None:
    """The last rating in a text, 0 to 10; None where there is none, or one beyond the scale.

    >>> rating_in('Step 2 is wrong. {"rating": 2}'), rating_in("Rating: 7/10"), rating_in("It is right."), rating_in("Rating: 11")
    (2.0, 7.0, None, None)
    """
    for found in (_objects(text), _LINE.findall(text), _OUT_OF.findall(text)):
        if found:
            return _on_scale(found[-1])
    return None


def _objects(text: str) -> list[Any]:
    """What the JSON objects in a text give for `rating`."""
    found = []
    for candidate in _OBJECT.findall(text):
        try:
            content = json.loads(candidate)
        except ValueError:
            continue
        if "rating" in content:
            found.append(content["rating"])
    return found


def _on_scale(said: Any) -> float | None:
    written = str(said).strip().rstrip(".,;*").removesuffix(f"/{BEST}")
    if isinstance(said, bool) or not re.fullmatch(r"\d{1,4}(\.\d+)?", written):
        return None
    value = float(written)
    return value if value <= BEST else None


class Judge(Asking):
    """`rating_in` what `model` writes, as a score: the rating over 10."""

    def __init__(self, model: Any, prompt: str = PROMPT, most: int = MOST_TOKENS) -> None:
        super().__init__(f"judge:{getattr(model, 'name', model)}", model, prompt, most, _score)


def _score(completion: Completion) -> float | None:
    rating = None if completion.finish_reason == "length" else rating_in(completion.text)
    return None if rating is None else rating / BEST
