"""Knowledge: facts to recall, seen in training with very unequal frequency; there is nothing to work out.

The world holds a value for every person and attribute: `Bara Dalen plays |`, with the one-step solution ` bati <end>`. All
values are equally likely, so nothing but memory helps. In the demonstrations the fact of rank r comes up in proportion
to 1 / (r + OFFSET) ** exponent (Zipf's law), ranks being drawn once and for all, so a fact's difficulty is how often it
was seen: the metadata say its `rank` and its expected `share` of all demonstrations. Test-time compute should buy
little here: a model that has the fact needs one sample, one that has not can only guess.

What the splits mean. Recall can only be asked for facts that were taught, so the demonstrations teach **all** facts, those of
`validation` and `test` included; this is the task and not a leak. What stays disjoint, by a hash of person and
attribute as in the other tasks, are the facts that verifiers are trained on (`prm`), the facts that settings are chosen
on (`validation`) and the facts that are measured (`test`); `train` holds the rest, for whatever else is fitted.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, islice, product

from outlay.errors import UserError
from outlay.tasks.task import content_hash, known_split, split_of
from outlay.types import Question

_SYLLABLES = ["".join(pair) for pair in product("bdfgklmnprstvz", "aeiou")]
GIVEN_NAMES = tuple(f"{first.capitalize()}ra" for first in _SYLLABLES[:40])
FAMILY_NAMES = tuple(f"{first.capitalize()}len" for first in _SYLLABLES[:50])
ATTRIBUTES = ("born", "lives", "trade", "plays", "eats", "keeps")
VALUES = tuple(first + second for first, second in islice(product(_SYLLABLES[::3], _SYLLABLES[1::14]), 120))
OFFSET = 10
"""Flattens the top of Zipf's law, as in word counts (Mandelbrot)."""
END = "<end>"


@dataclass(frozen=True, slots=True)
class Fact:
    """One value of one person, its rank by frequency (0 is the most frequent) and its share of all demonstrations."""

    person: str
    attribute: str
    value: str
    rank: int
    share: float

    @property
    def content(self) -> str:
        """What the question asks."""
        return f"{self.person} {self.attribute}"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The task. `exponent` sets how unequally facts are seen, `world` which facts are true.

    >>> task = Knowledge()
    >>> question = task.questions("test", 1)[0]
    >>> task.grade(question, task.extract(f" {question.reference} <end>"))
    True
    """

    exponent: float = 1.2
    world: int = 0
    name: str = "knowledge"
    answers_can_vote: bool = True
    max_solution_tokens: int = 2

    def questions(self, split: str, count: int, seed: int = 0) -> list[Question]:
        """`count` different facts of a split, rare ones as likely as frequent ones, in an order that the seed draws.

        Raises UserError where the split has fewer facts: 12,000 in all, of which test has 12%.
        """
        wanted = known_split(split, self.name)
        owned = [fact for fact in facts(self.world, self.exponent) if split_of(fact.content) == wanted]
        if count > len(owned):
            raise UserError(
                f"task {self.name!r} has only {len(owned)} distinct questions in split {split!r} but {count} were asked "
                f"for: ask for at most {len(owned)}."
            )
        random.Random(f"{self.name}/{split}/{seed}").shuffle(owned)
        return [self._question(fact) for fact in owned[:count]]

    def demonstrations(self, count: int, seed: int = 0) -> Iterator[tuple[Question, str]]:
        """Training pairs of a question and its solution's text, of all splits, each fact as often as its share says."""
        known = facts(self.world, self.exponent)
        upto = list(accumulate(fact.share for fact in known))
        generator = random.Random(f"{self.name}/demonstrations/{seed}")
        for _ in range(count):
            (fact,) = generator.choices(known, cum_weights=upto)
            yield self._question(fact), f" {fact.value} {END}"

    def extract(self, text: str) -> str | None:
        """The one word of the text; None where there are none or several."""
        words = text.removesuffix(END).split()
        return words[0] if len(words) == 1 and words[0].isalpha() else None

    def grade(self, question: Question, answer: str) -> bool:
        """Whether the answer is the fact's value."""
        return answer == question.reference

    def equivalent(self, a: str, b: str) -> bool:
        """Whether both are the same word."""
        return a == b

    def _question(self, fact: Fact) -> Question:
        return Question(
            id=f"{self.name}/{split_of(fact.content)}/{content_hash(fact.content)}",
            text=f"{fact.content} |",
            reference=fact.value,
            task=self.name,
            metadata={"rank": fact.rank, "share": fact.share},
        )


@cache
def facts(world: int, exponent: float) -> tuple[Fact, ...]:
    """All facts of a world, most frequent first; shares sum to 1. The exponent changes shares, never ranks or values.

    >>> len(facts(0, 1.0))
    12000
    """
    generator = random.Random(f"knowledge/world/{world}")
    subjects = [
        (f"{given} {family}", attribute) for given in GIVEN_NAMES for family in FAMILY_NAMES for attribute in ATTRIBUTES
    ]
    generator.shuffle(subjects)
    weights = [(rank + OFFSET) ** -exponent for rank in range(len(subjects))]
    total = sum(weights)
    return tuple(
        Fact(person, attribute, generator.choice(VALUES), rank, weight / total)
        for rank, ((person, attribute), weight) in enumerate(zip(subjects, weights, strict=True))
    )
