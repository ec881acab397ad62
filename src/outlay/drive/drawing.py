"""Solutions in free text: one Sample request as calls of a `Model`.

A request to the end of the solution is one call, whose texts are then cut into steps. A request for a step is interrupted at the
splitter's stops, and gone on with where such a stop turns out not to end the step. What has been written is never
drawn again: each call continues the text so far.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from outlay.drive.running import Address
from outlay.drive.serving import Served
from outlay.errors import OutlayError, Unsupported
from outlay.models.model import NOTHING, Completion, Model
from outlay.models.steps import Splitter, shared_out
from outlay.types import Cost, Sample, Solution, Step


@dataclass(slots=True)
class Drawing:
    """One Sample request under way at a model. `reported` is what the model says that it has cost beside what it generated."""

    served: Served
    model: Model
    request: Sample
    address: Address
    splitter: Splitter
    calls: int = 0
    place: Address = ()
    reported: Cost = NOTHING

    async def solutions(self) -> list[Solution]:
        """Its `n` continuations, prefix included."""
        request, name = self.request, self.model.name
        if request.attempts:
            raise Unsupported(f"{name} cannot revise: nothing says how it reads earlier attempts")
        if request.top_p != 1.0:
            raise Unsupported(f"{name} takes no top_p through this interface: leave it at 1")
        if request.prefix is not None and not getattr(self.model, "continues_prefix", True):
            raise Unsupported(
                f"{name} cannot go on from a given beginning of a solution, which this strategy needs: "
                "use one that draws whole solutions, or a server that continues a prefix"
            )
        prefix = request.prefix or Solution()
        if request.append:
            prefix = replace(prefix, finished=False, truncated=False, answer=None)
        limit = self.served.task.max_solution_tokens + (prefix.tokens if request.append else 0)
        drawn = [prefix] * request.n
        for round_ in range(request.steps if request.until == "step" else 1):
            if round_ and self.served.late:
                break
            self.place = (*self.address, round_) if round_ else self.address
            drawn = await self._extended(drawn, limit, "" if round_ else request.append)
        return drawn

    async def _extended(self, prefixes: Sequence[Solution], limit: int, append: str) -> list[Solution]:
        """Each prefix continued once: to the next step's end or to the end of the solution; what has ended stays."""
        if all(prefix == prefixes[0] for prefix in prefixes):
            prefix = prefixes[0]
            if prefix.ended:
                return list(prefixes)
            first = await self._call(prefix, append, limit, 0, n=len(prefixes))
            return list(
                await asyncio.gather(
                    *(self._completed(prefix, append, limit, index, one) for index, one in enumerate(first))
                )
            )

        async def alone(index: int, prefix: Solution) -> Solution:
            if prefix.ended:
                return prefix
            (first,) = await self._call(prefix, append, limit, index)
            return await self._completed(prefix, append, limit, index, first)

        return list(await asyncio.gather(*(alone(index, prefix) for index, prefix in enumerate(prefixes))))

    async def _call(
        self, prefix: Solution, written: str, limit: int, index: int, *, n: int = 1, used: int = 0, again: int = 0
    ) -> list[Completion]:
        """`n` continuations of the prefix and what is `written` after it, `used` tokens of its room being taken."""
        most = max(limit - prefix.tokens - used, 1)
        by_step = self.request.until == "step"
        place = (*self.place, index, again) if again else self.place
        drawn = await self.model.sample(
            self.request.question.text,
            n=n,
            max_tokens=min(most, self.splitter.block - used) if by_step and self.splitter.block else most,
            temperature=self.request.temperature,
            stop=self.splitter.stops(prefix.text, written) if by_step else [],
            seed=(self.served.keys(place, 1)[0] + (0 if again else index)) % 2**31,
            prefix=prefix.text + written,
        )
        if len(drawn) != n:
            raise OutlayError(f"{self.model.name} was asked for {n} completions and gave {len(drawn)}")
        told = Cost(
            prompt_tokens=sum(c.prompt_tokens for c in drawn),
            cached_tokens=sum(c.cached_tokens for c in drawn),
            calls=int(self.calls > 0),
        )
        for completion in drawn:
            if completion.wasted != NOTHING:
                told += completion.wasted
        self.served.ledger.reported(told)
        self.reported += told
        self.calls += 1
        return drawn

    async def _completed(
        self, prefix: Solution, append: str, limit: int, index: int, completion: Completion
    ) -> Solution:
        """The prefix with what was drawn, once that has come to the end of its step or of the solution."""
        if self.request.until == "end":
            return self._whole(prefix, append, limit, completion)
        text, tokens, logprobs, again = append + completion.text, completion.generated_tokens, _logprob(completion), 0
        while True:
            finished = completion.finish_reason == "end"
            truncated = not finished and prefix.tokens + tokens >= limit
            if finished or truncated:
                break
            if completion.finish_reason == "length":
                truncated = not self.splitter.block
                break
            text, closed = self.splitter.take(prefix.text, text)
            if closed or not completion.generated_tokens or self.served.late:
                break
            again += 1
            (completion,) = await self._call(prefix, text, limit, index, used=tokens, again=again)
            text, tokens = text + completion.text, tokens + completion.generated_tokens
            logprobs = _added(logprobs, _logprob(completion))
        steps = (*prefix.steps, Step(text, tokens, logprobs))
        return Solution(steps, finished=finished, truncated=truncated, step_scores=prefix.step_scores)

    def _whole(self, prefix: Solution, append: str, limit: int, completion: Completion) -> Solution:
        """The prefix with a completion that went to the end, cut into steps."""
        tokens = completion.generated_tokens
        pieces = self.splitter.split(
            completion.text, prefix.text + append, tokens=tokens, token_texts=completion.token_texts or ()
        ) or [""]
        counts = shared_out(tokens, pieces, completion.token_texts or ())
        logprobs, done = completion.logprobs, 0
        steps = []
        for index, (piece, count) in enumerate(zip(pieces, counts, strict=True)):
            last = index == len(pieces) - 1
            own = None if logprobs is None else math.fsum(logprobs[done:] if last else logprobs[done : done + count])
            steps.append(Step(piece if index else append + piece, count, own))
            done += count
        finished = completion.finish_reason == "end"
        truncated = not finished and (completion.finish_reason == "length" or prefix.tokens + tokens >= limit)
        return Solution((*prefix.steps, *steps), finished=finished, truncated=truncated, step_scores=prefix.step_scores)


def _logprob(completion: Completion) -> float | None:
    return None if completion.logprobs is None else math.fsum(completion.logprobs)


def _added(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
