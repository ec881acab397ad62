"""The words of each lab family, and their numbers.

Every word is one token and words are separated by single spaces, so reading and writing need no library. The same list
is exported as a Hugging Face `tokenizer.json` beside each model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from outlay.errors import UserError
from outlay.tasks.arithmetic import MODULUS
from outlay.tasks.countdown import MAX_VALUE
from outlay.tasks.knowledge import ATTRIBUTES, FAMILY_NAMES, GIVEN_NAMES, VALUES
from outlay.tasks.programs import MAX_SHOWN, MIN_SHOWN
from outlay.tasks.straight_line import INPUTS, OPERATIONS, RESULTS

PAD, END, STEP_END = "<pad>", "<end>", ";"


@dataclass(frozen=True)
class Vocabulary:
    """An ordered list of words.

    >>> vocabulary = vocabulary_of("countdown")
    >>> vocabulary.decode(vocabulary.encode("4 7 > 11 |"))
    ' 4 7 > 11 |'
    """

    words: tuple[str, ...]

    @cached_property
    def ids(self) -> dict[str, int]:
        """Each word's number."""
        return {word: number for number, word in enumerate(self.words)}

    @property
    def end(self) -> int:
        """The number of the word that ends a solution."""
        return self.ids[END]

    @property
    def step_end(self) -> int:
        """The number of the word that ends a step."""
        return self.ids[STEP_END]

    def encode(self, text: str) -> list[int]:
        """A text's token numbers; a UserError for a word that the family does not know."""
        try:
            return [self.ids[word] for word in text.split()]
        except KeyError as error:
            raise UserError(
                f"the word {error.args[0]!r} is not in this lab model's vocabulary of {len(self.words)}: ask it only "
                "questions of its own task."
            ) from None

    def decode(self, tokens: Iterable[int]) -> str:
        """The text, every word preceded by a space."""
        return "".join(f" {self.words[token]}" for token in tokens)


def vocabulary_of(task: str) -> Vocabulary:
    """The vocabulary of a lab family."""
    if task == "countdown":
        return Vocabulary((PAD, END, STEP_END, "|", ">", "=", *"+-*/", *map(str, range(MAX_VALUE + 1))))
    if task == "halving":
        digits = [str(digit) for digit in range(10)]
        columns = [f"{kind}{digit}" for kind in "+=" for digit in digits]
        return Vocabulary((PAD, END, STEP_END, "|", *digits, *columns))
    if task == "knowledge":
        return Vocabulary((PAD, END, STEP_END, "|", *GIVEN_NAMES, *FAMILY_NAMES, *ATTRIBUTES, *VALUES))
    if task == "programs":
        numbers = map(str, range(MIN_SHOWN, MAX_SHOWN + 1))
        signs = ("|", ",", ">", "=", "test")
        return Vocabulary((PAD, END, STEP_END, *signs, *OPERATIONS, *INPUTS, *RESULTS, *numbers))
    return Vocabulary((PAD, END, STEP_END, "|", "(", ")", "=", *"+-*", *map(str, range(MODULUS))))
