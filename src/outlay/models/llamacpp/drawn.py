"""The pieces of a streamed reply put together: one choice's text, tokens and log-probabilities, and what ended it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from outlay.models.model import Completion


@dataclass
class Drawn:
    """One choice as its pieces come in (`take`), and in the end as a Completion.

    llama.cpp tells no log-probability for the parts of a letter that takes several tokens; a choice with such a letter has none.
    """

    texts: list[str] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    alternatives: list[Mapping[str, float]] = field(default_factory=list)
    generated: int = 0
    prompt: int = 0
    cached: int = 0
    ended_by: str = ""
    stopping_word: str = ""

    def take(self, piece: Mapping[str, Any]) -> None:
        """One piece: a token, or the account at the end."""
        self.generated = max(self.generated, int(piece.get("tokens_predicted") or 0))
        if piece.get("stop"):
            self.prompt = int(piece.get("tokens_evaluated") or 0)
            self.cached = min(int((piece.get("timings") or {}).get("cache_n") or 0), self.prompt)
            self.ended_by, self.stopping_word = str(piece.get("stop_type")), str(piece.get("stopping_word") or "")
        elif piece.get("tokens") or piece.get("content"):
            self.texts.append(str(piece.get("content") or ""))
            for told in piece.get("completion_probabilities") or ():
                self.logprobs.append(float(told["logprob"]))
                self.alternatives.append(_by_text(told.get("top_logprobs") or ()))

    def completion(self, ends: Sequence[str], *, first: bool, alternatives: bool, before: str = "") -> Completion:
        """The whole. `ends` are the texts that end an answer; the prompt's account is with the `first` choice of a call.

        `before` is the beginning that was gone on from: an end may have begun in it.
        """
        texts, finish = list(self.texts), self._finish(ends)
        if finish == "stop":
            texts = [*texts[:-1], (texts[-1] if texts else "") + self.stopping_word]
        if _ends_across(before, "".join(texts), ends):
            texts, finish = [""] * len(texts), "end"
        whole = len(self.logprobs) == self.generated
        return Completion(
            "".join(texts),
            finish,
            prompt_tokens=self.prompt if first else 0,
            cached_tokens=self.cached if first else 0,
            generated_tokens=self.generated,
            logprobs=tuple(self.logprobs) if whole else None,
            top_logprobs=tuple(self.alternatives) if whole and alternatives else None,
            token_texts=tuple(texts) if len(texts) == self.generated else None,
        )

    def _finish(self, ends: Sequence[str]) -> Literal["stop", "length", "end"]:
        if self.ended_by == "eos" or (self.ended_by == "word" and self.stopping_word in ends):
            return "end"
        return "stop" if self.ended_by == "word" else "length"


def _ends_across(before: str, text: str, ends: Sequence[str]) -> bool:
    """Whether an end begins in `before` and ends in `text`, of which nothing is then left.

    >>> _ends_across("12\\n", "\\nQ", ["\\n\\n"]), _ends_across("12", "\\nQ", ["\\n\\n"])
    (True, False)
    """
    joined = before + text
    return any(0 <= joined.find(end, max(len(before) - len(end) + 1, 0)) < len(before) for end in ends)


def _by_text(told: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The likeliest tokens by their text; of two that look alike the likelier."""
    found: dict[str, float] = {}
    for one in told:
        found.setdefault(str(one.get("token", "")), float(one["logprob"]))
    return found
