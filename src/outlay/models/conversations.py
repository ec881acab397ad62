"""What was said before a question, as a chat template reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def said(system: str, before: Sequence[Mapping[str, Any]], prompt: str) -> list[dict[str, str]]:
    """The messages of a conversation that ends with `prompt`; a system prompt of its own stands for `system`.

    >>> [one["role"] for one in said("Be brief.", [{"role": "assistant", "content": "Hello"}], "2 + 2?")]
    ['system', 'assistant', 'user']
    >>> said("Be brief.", [{"role": "system", "content": [{"type": "text", "text": "Be kind."}]}], "2 + 2?")[0]["content"]
    'Be kind.'
    """
    messages = [{"role": str(one.get("role", "user")), "content": _text(one.get("content"))} for one in before]
    if system and not any(one["role"] == "system" for one in messages):
        messages.insert(0, {"role": "system", "content": system})
    return [*messages, {"role": "user", "content": prompt}]


def _text(content: Any) -> str:
    """The text of a message, whose parts may stand in a list."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return "" if content is None else str(content)
