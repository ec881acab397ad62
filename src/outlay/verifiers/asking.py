"""Asking a model for its opinion of each solution: the calls, their cost, and what becomes of an answer that says nothing.

One call a solution, all of a request at once. An answer that cannot be read gives no score (`()`), and is paid for all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from outlay.cost import Reads, Scored
from outlay.errors import OutlayError, UserError
from outlay.models.model import Completion, InProcessModel, Model
from outlay.types import Cost, Question, Solution, StepScores

QUESTION, SOLUTION = "{question}", "{solution}"


class Asking:
    """An asynchronous verifier that asks `model` about every solution and makes a score of what it writes.

    Args:
        name: the verifier's name.
        model: a `Model`; engines of this process read no free text.
        prompt: what is asked, with {question} and {solution} in it.
        most: the most tokens that it may write.
        read: a score in [0, 1] from what it wrote, or None where that says nothing.

    Raises UserError for a model of another kind, and for a prompt without the question or the solution.
    """

    def __init__(
        self, name: str, model: Any, prompt: str, most: int, read: Callable[[Completion], float | None]
    ) -> None:
        if isinstance(model, InProcessModel) or not isinstance(model, Model):
            raise UserError(
                f"{name} asks a model in words, and {getattr(model, 'name', model)!s:.60} runs in this process and reads "
                "nothing but its own task: name a served model, or an object with an async sample method"
            )
        for part in (QUESTION, SOLUTION):
            if part not in prompt:
                raise UserError(f"{name}: the prompt says with {part} where that stands; {prompt!r:.60} does not")
        self.name, self.model, self.prompt, self.most = name, model, prompt, most
        self.parameters = getattr(model, "parameters", 0) or 0
        self.reads = Reads(writes=most, reported=True)
        self._read = read

    async def score(self, question: Question, solutions: Sequence[Solution]) -> list[StepScores]:
        """One score for each solution as a whole, `()` where the answer could not be read."""
        calls = [asyncio.ensure_future(self._ask(question, solution)) for solution in solutions]
        try:
            answers = await asyncio.gather(*calls)
        finally:
            for call in calls:
                call.cancel()
        spent = Cost()
        for answer in answers:
            spent += Cost(
                verifier_prompt_tokens=answer.prompt_tokens,
                verifier_cached_tokens=answer.cached_tokens,
                verifier_generated_tokens=answer.generated_tokens,
                calls=1,
            )
        values = [self._read(answer) for answer in answers]
        return Scored([() if value is None else (value,) for value in values], spent=spent)

    async def _ask(self, question: Question, solution: Solution) -> Completion:
        asked = self.prompt.replace(QUESTION, question.text).replace(SOLUTION, solution.text.strip())
        found = await self.model.sample(asked, n=1, max_tokens=self.most, temperature=0.0, stop=(), seed=0)
        if len(found) != 1:
            raise OutlayError(f"{self.model.name} was asked for one completion and gave {len(found)}")
        completion: Completion = found[0]
        return completion
