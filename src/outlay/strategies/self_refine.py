"""Self-refine: draft, critique, rewrite, by prompts alone (Madaan et al., arXiv 2303.17651, algorithm 1).

One model plays all parts. It criticises its own solution and writes a new one with the critique before it, until a critique
finds nothing wrong or the budget is spent. A critique is drawn like a solution and costs as much: one generation each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from outlay.errors import BudgetExhausted, UserError
from outlay.selection import majority, newest
from outlay.strategies.strategy import QUESTION, Solving, Spec, generations
from outlay.types import Budget, Draw, Question, Sample, Solution

CRITIQUE = """{question}

A proposed solution:

{solution}

Check the solution step by step and say what is wrong with it. If nothing is wrong, write only: It is correct."""

REWRITE = """{question}

A proposed solution:

{solution}

What a reader says of it:

{critique}

Write a better solution of the question, complete in itself."""


@dataclass(frozen=True)
class SelfRefine(Spec):
    """A draft, then critique and rewrite in turn, all by the same model and its prompts; no verifier.

    `critique` and `rewrite` are the prompts, with `{question}`, `{solution}` and (in `rewrite`) `{critique}` where these stand. It
    ends when a line of the critique begins with `accept`, when fewer than the two generations of a round are left, or after
    `max_rounds`. The answer is the last solution's ("last", the paper's) or the majority of all ("majority"). A solution that was
    cut off is refined like any other.

    >>> SelfRefine(temperature=0.0).spec()
    {'name': 'self_refine', 'temperature': 0.0}
    """

    name: ClassVar[str] = "self_refine"
    critique: str = CRITIQUE
    rewrite: str = REWRITE
    accept: str = "It is correct"
    temperature: float = 0.7
    top_p: float = 1.0
    selection: Literal["last", "majority"] = "last"
    max_rounds: int = 40
    prompt: str = QUESTION

    def __post_init__(self) -> None:
        """Refuse prompts that leave out what they are about, and an unknown selection."""
        super().__post_init__()
        needed = {"critique": ("question", "solution"), "rewrite": ("question", "solution", "critique")}
        for option, parts in needed.items():
            for part in parts:
                if f"{{{part}}}" not in getattr(self, option):
                    raise UserError(
                        f"self-refine: the prompt `{option}` does not say with {{{part}}} where that stands"
                    )
        if not self.accept.strip():
            raise UserError("self-refine: `accept` is blank, so every critique would accept: give the words that do")
        if self.selection not in ("last", "majority"):
            raise UserError(f'self-refine takes the "last" answer or the "majority", not {self.selection!r}')

    def solve(self, question: Question, budget: Budget) -> Solving:
        """Draft; while there is something to mend and the budget pays for a round: critique, rewrite."""
        rounds = min((generations(budget) - 1) // 2, self.max_rounds)
        draw = Sample(self.asked(question), temperature=self.temperature, top_p=self.top_p)
        attempts: list[Solution] = list((yield draw))
        try:
            for _ in range(rounds):
                parts = {"question": question.text, "solution": attempts[-1].text}
                prompt = replace(question, text=filled(self.critique, parts))
                (critique,) = yield replace(draw, question=prompt, purpose="critique")
                if self.accepts(critique.text):
                    break
                prompt = replace(question, text=filled(self.rewrite, {**parts, "critique": critique.text}))
                (rewritten,) = yield replace(draw, question=prompt)
                attempts.append(replace(rewritten, position=len(attempts)))
        except BudgetExhausted:
            pass  # a cap other than generations was met; what there is is chosen from
        if self.selection == "last":
            return newest(attempts)
        (tie,) = yield Draw()
        return majority(attempts, tie)

    def accepts(self, critique: str) -> bool:
        """Whether the critique finds nothing wrong: one of its lines begins with the words of `accept`.

        >>> SelfRefine().accepts("I went through it.\\nIt is correct."), SelfRefine().accepts("I doubt that it is correct.")
        (True, False)
        """
        wanted = self.accept.strip().casefold()
        return any(line.strip().casefold().startswith(wanted) for line in critique.splitlines())


def filled(prompt: str, parts: Mapping[str, str]) -> str:
    """The prompt with each `{name}` replaced by that part; what is put in is not looked at again.

    >>> filled("{question} {other}", {"question": "2 + {other}"})
    '2 + {other} {other}'
    """
    return re.sub(r"\{(\w+)\}", lambda found: parts.get(found[1], found[0]), prompt)
