"""The word-level tokenizer of the embedded models: one whitespace-separated word, one token.

It reads the subset of the Hugging Face `tokenizer.json` format that such a tokenizer needs (model `WordLevel`,
pre-tokenizer `WhitespaceSplit`, no normalizer, no template), so that the same folder loads in other
programs. Any other kind of tokenizer is refused: guessing would feed a model tokens that it was not trained on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outlay.errors import UserError


@dataclass(frozen=True, slots=True)
class WordTokenizer:
    """Words to token ids and back.

    `words[i]` is the word of token `i` ("" for an id that no word has); `ids` is its inverse; `unknown` is the id for
    a word outside the vocabulary, or None where such a word is an error.

    >>> tokenizer = WordTokenizer.of(["<pad>", "<end>", "1", "+", "2"])
    >>> tokenizer.encode("1 + 2"), tokenizer.decode([2, 3])
    ((2, 3, 4), ' 1 +')
    """

    words: tuple[str, ...]
    ids: Mapping[str, int]
    unknown: int | None = None

    @classmethod
    def of(cls, words: Iterable[str], unknown: int | None = None) -> WordTokenizer:
        """A tokenizer whose token `i` is the i-th of `words`."""
        listed = tuple(words)
        return cls(listed, {word: index for index, word in enumerate(listed) if word}, unknown)

    def encode(self, text: str) -> tuple[int, ...]:
        """Token ids of `text`; raises UserError at a word that the model does not know."""
        return tuple(self._id(word, text) for word in text.split())

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of generated tokens: a space before every word, so that prompt + decoded text is well spaced."""
        return "".join(" " + self.words[token] for token in tokens)

    def id(self, word: str) -> int:
        """The id of one word; raises UserError where it is not in the vocabulary."""
        return self._id(word, word)

    def _id(self, word: str, text: str) -> int:
        token = self.ids.get(word, self.unknown)
        if token is None:
            raise UserError(
                f"The word {word!r} in {text[:80]!r} is not among the {len(self.ids)} words this embedded model knows; "
                "ask a question of the family it was trained on."
            )
        return token


def read_tokenizer(folder: Path) -> WordTokenizer:
    """The tokenizer of a model folder; raises UserError where `tokenizer.json` is missing or of another kind."""
    path = folder / "tokenizer.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; an embedded model folder needs a word-level tokenizer.json.") from None
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path} is not valid JSON ({error}); restore the file from where the model came from."
        ) from None
    model = _word_level(content, path)
    vocabulary: dict[str, int] = dict(model["vocab"])
    for added in content.get("added_tokens") or ():
        vocabulary.setdefault(added["content"], added["id"])
    words = [""] * (max(vocabulary.values()) + 1)
    for word, token in vocabulary.items():
        words[token] = word
    return WordTokenizer.of(words, vocabulary.get(model.get("unk_token") or ""))


def _word_level(content: Any, path: Path) -> dict[str, Any]:
    """The `model` part of a tokenizer.json, after a check that the whole file means "one word, one token"."""
    model = content.get("model") if isinstance(content, dict) else None
    splitter = (content.get("pre_tokenizer") or {}).get("type") if isinstance(content, dict) else None
    if (
        not isinstance(model, dict)
        or model.get("type") != "WordLevel"
        or not model.get("vocab")
        or splitter != "WhitespaceSplit"
        or content.get("normalizer") is not None
    ):
        raise UserError(
            f"{path} is not a word-level tokenizer (model WordLevel, pre_tokenizer WhitespaceSplit, no normalizer), "
            "the only kind the embedded engine reads; load this model through another backend."
        )
    return model
