"""What a server does with a request: pass one sample through, or answer by the policy; account for it, keep it, watch for drift."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from outlay import models, verifiers
from outlay.cost import Prices
from outlay.errors import OutlayError, UserError
from outlay.policies import Policy, Spend
from outlay.serve.account import Account
from outlay.serve.admission import Admission
from outlay.serve.budgets import default_cap
from outlay.serve.drifting import Drifting
from outlay.serve.engines import Engine, Inside, engine_for
from outlay.serve.keys import Keys
from outlay.serve.limits import Limits
from outlay.serve.meeting import check_files, check_model
from outlay.serve.metrics import Metrics
from outlay.serve.outcome import Answered, Asked
from outlay.serve.passing import PATIENCE, Passing, Reply
from outlay.serve.questions import last_word, task_of, whole
from outlay.serve.recording import Log, Recorder
from outlay.serve.refusals import Refusal, refusal_of
from outlay.serve.requests import ChatRequest, CompletionRequest, Generating
from outlay.serve.samples import state_of
from outlay.serve.settings import Settings
from outlay.serve.spending import Spender, Tell
from outlay.serve.uniform import uniform_alternative
from outlay.tasks import Task
from outlay.types import Budget, Cost, Question, Solution, Step, Trace

log = logging.getLogger(__name__)

Before = Sequence[Mapping[str, Any]]
EXAMPLES = 4
NAME = "outlay"
"""The name of the policy among the models."""


class Service:
    """One server's state, without its HTTP: made from settings, `start`ed, `close`d.

    Raises UserError where the policy, the upstream or the keys cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        settings.check()
        self.settings = settings
        self.policy = Policy.load(settings.policy)
        self.keys = None if settings.key_file is None else Keys.load(settings.key_file)
        self.metrics, self.log = Metrics(), Log(settings.log_texts)
        self.draining = False
        self.started = False
        self.task = self._task(settings.task)
        self.verifier = settings.verifier or self.policy.verifier
        self.policy.check(verifier=self.verifier)
        self.model = loaded_model(settings.upstream or self.policy.model)
        check_model(self.policy, self.model.name)
        check_files(self.policy, self.verifier)
        self.engine, self.prices = self._engine(self.model)
        others = {name: self._engine(loaded_model(name))[0] for name in self.policy.models()[1:]}
        self.spender = Spender(self.policy, self.task, {self.policy.model: self.engine, **others}, self.prices)
        self.limits = Limits.of(settings, self.policy)
        self._last_word = last_word(self.task, self.model)
        self.passing = None
        if hasattr(self.model, "calls") and hasattr(self.model, "address"):
            failed = lambda kind: self.metrics.upstream_errors.labels(kind).inc()  # noqa: E731
            self.passing = Passing(self.model.address, self.model.calls.key, failed)
        self.admission = Admission(settings.at_once, settings.longest_wait)
        self.recorder = Recorder(settings.traces, settings.trace_share)
        self.drifting = Drifting(self.policy, default_cap(self.policy), settings.traces, self.metrics, self.log)

    def _task(self, address: str | None) -> Task:
        try:
            return task_of(address or self.policy.task)
        except UserError as error:
            if address is not None:
                raise
            raise UserError(
                f"the policy's task {self.policy.task} cannot be loaded ({error}); give it with --task, it says what an answer is"
            ) from None

    def _engine(self, model: Any) -> tuple[Engine, Prices]:
        """An engine of its own for a model, with a verifier of its own: engines of this process share none."""
        verifier = verifiers.load(self.verifier) if self.verifier else None
        prices = Prices(
            parameters=getattr(model, "parameters", 0) or 0,
            verifier_parameters=getattr(verifier, "parameters", 0) or 0,
            usd_prompt=self.settings.usd_prompt,
            usd_generated=self.settings.usd_generated,
        )
        return engine_for(self.task, model, verifier, prices), prices

    @property
    def budgets(self) -> Sequence[float]:
        """Budgets that are worth asking for: those of the plans of a policy per bin, powers of two of another's."""
        largest = self.limits.largest_budget
        if self.policy.kind == "per_bin":
            return [plan.budget for plan in getattr(self.policy, "plans", ()) if plan.budget <= largest]
        return [float(2**power) for power in range(int(largest).bit_length()) if 2**power <= largest]

    @property
    def examples(self) -> Sequence[str]:
        """Some questions of the policy's task, where the model knows no others."""
        if not self._last_word:
            return []
        return [question.text for question in self.task.questions("validation", EXAMPLES)]

    async def start(self) -> None:
        """Be ready to answer. Raises UserError where the upstream is not."""
        await self.spender.start()
        if self.passing is not None:
            await self.passing.start()
        self.recorder.start()
        self.started = True
        if self.recorder.recovered:
            self.log.line("recovered", traces=self.recorder.recovered)

    async def close(self) -> None:
        """Let go of everything; what was answered is in the store's parts then."""
        await self.spender.close()
        if self.passing is not None:
            await self.passing.close()
        self.drifting.keep()
        await self.recorder.close()

    @property
    def names(self) -> Sequence[str]:
        """Names that a client may give for the model."""
        served = self.model.name.partition("#")[2]
        known = [*([served] if served else []), *self.model.calls.known_models[:1]] if self.passing is not None else []
        return list(dict.fromkeys([NAME, self.policy.model, self.model.name, *known]))

    def ended(self, path: str, request_id: str, status: int, seconds: float, code: str | None) -> None:
        """A request ended (see `Gate`)."""
        if code == "client_gone":
            status = 499
        self.metrics.ended(path, status, seconds)
        if path not in ("/healthz", "/readyz", "/metrics"):
            known = path if len(path) <= 40 and path.startswith("/v1/") else "/" if path == "/" else "other"
            self.log.line("request", id=request_id, path=known, status=status, seconds=round(seconds, 4), code=code)

    # one request ---------------------------------------------------------------------------------

    def check(self, request: Generating) -> None:
        """Refuse what cannot be served as it is asked."""
        if request.model not in self.names:
            raise Refusal(
                404,
                f"there is no model of that name here: use one of {', '.join(self.names)}",
                code="model_not_found",
                param="model",
            )
        self.limits.check(request)

    def asked(self, request: Generating, request_id: str, texts: Sequence[str], before: Before = ()) -> list[Asked]:
        """The questions as the spender takes them, which share the request's caps; `before` are the messages before them."""
        return [
            self.limits.asked(request, request_id, whole(text, self._last_word), before, number, len(texts))
            for number, text in enumerate(texts)
        ]

    def passes(self, request: ChatRequest | CompletionRequest, asked: Asked) -> Spend | None:
        """What the policy spends where that is one sample that may pass through; None where the spender answers.

        Raises Refusal for a request that only a server could answer, where the model runs in this process.
        """
        reason = request.needs_one_sample()
        if reason is not None:
            if self.passing is None:
                raise Refusal(
                    400,
                    f"{self.model.name} answers questions in plain text: leave out or change {reason}",
                    param=reason,
                )
            return Spend(self.policy.model, {"name": "greedy"}, 1)
        if self.passing is None or asked.target_confidence is not None or asked.caps != Budget():
            return None
        action = self.spender.first(asked)
        if not isinstance(action, Spend) or action.generations != 1 or action.purpose != "answer":
            return None
        plain = action.model == self.policy.model and action.strategy.get("prompt", "{question}") == "{question}"
        return action if plain else None

    async def pass_through(self, call: Callable[[], Awaitable[Reply]], asked: Asked, spend: Spend) -> Reply:
        """A whole reply of the upstream's, accounted for and kept."""
        async with self.turn():
            try:
                async with asyncio.timeout(asked.deadline_seconds):
                    reply = await call()
            except TimeoutError:
                raise Refusal(
                    504, "the deadline struck before the model's server had answered", code="deadline_passed"
                ) from None
        if reply.status == 200:
            self.passed(reply, asked, spend)
        return reply

    def passed(self, reply: Reply, asked: Asked, spend: Spend, gone: bool = False) -> Answered:
        """Account for a reply that passed through, and keep it."""
        cost = self.prices.price(reply.cost)
        if gone:
            cost = replace(cost, cancelled=cost.generated_tokens)
        answer = self.task.extract(reply.text) if reply.finish == "stop" and reply.text else None
        solution = Solution(
            (Step(reply.text, cost.generated_tokens, None),), finished=reply.finish == "stop", answer=answer
        )
        answered = Answered(
            asked=asked,
            answer=answer,
            solution=solution,
            candidates=(solution,),
            chosen=None if gone else 0,
            strategy=spend.strategy,
            model=self.policy.model,
            verifier=None,
            cost=cost,
            bin=spend.bin,
            confidence=self._confidence_of_one(solution, asked.text),
            stopped_by="passed",
            stopped_because="the client went away" if gone else "one sample was passed through",
        )
        self.keep(answered.trace(self.policy.task))
        if gone:
            self.metrics.gone.inc()
            self.metrics.spent(cost)
        else:
            self.metrics.answered(answered)
            self._log_answer(answered)
        return answered

    def _confidence_of_one(self, solution: Solution, question: str) -> float | None:
        return self.policy.confidence(state_of(self.policy, 1.0, [solution], 1.0, question=question), solution.answer)

    async def answers(self, asked: Sequence[Asked], tell: Tell = lambda event: None) -> list[Answered]:
        """Answer each question by the policy, all at once. Cancelled, everything that was spent is kept, as cancelled.

        Raises Refusal for what the client can mend, and for an upstream that does not answer.
        """
        accounts = [Account() for _ in asked]
        try:
            async with self.turn():
                answered = await _all(
                    [self.spender.answer(one, account, tell) for one, account in zip(asked, accounts, strict=True)]
                )
        except asyncio.CancelledError:
            self.metrics.gone.inc()
            self._in_vain(asked, accounts, "the client went away")
            raise
        except OutlayError as error:
            self._in_vain(asked, accounts, "no answer was found")
            raise self.refusal(error) from None
        for one in answered:
            if isinstance(self.engine, Inside):
                one = self._shortened(one)
            self.keep(one.trace(self.policy.task))
            self.metrics.answered(one)
            self._log_answer(one)
            if len(answered) == 1:
                self.drifting.observe(one)
        return [self._shortened(one) if isinstance(self.engine, Inside) else one for one in answered]

    def turn(self) -> Any:
        """A request's turn in the queue. Raises Refusal (429, or 503 while the server ends)."""
        return self.admission.turn()

    def uniform(self, answered: Answered) -> dict[str, Any] | None:
        """What uniform best-of-N would have cost."""
        return uniform_alternative(self.policy, answered)

    def keep(self, trace: Trace) -> None:
        """Keep a trace, or count it as one that was not."""
        lost = self.recorder.lost
        kept = self.recorder.keep(trace)
        if kept or self.recorder.lost > lost:
            self.metrics.traces.labels("yes" if kept else "lost").inc()

    def _in_vain(self, asked: Sequence[Asked], accounts: Sequence[Account], why: str) -> None:
        for one, account in zip(asked, accounts, strict=True):
            cost = account.total()
            cost = replace(cost, cancelled=cost.generated_tokens)
            if cost == Cost():
                continue
            self.metrics.spent(cost)
            question = Question(one.id, one.text, None, self.policy.task, {"served": True})
            budget = Budget(int(one.budget))
            names = self.policy.model, self.policy.verifier
            self.keep(Trace(question, {"name": self.policy.kind}, budget, one.seed, *names, None, (), cost, note=why))

    def _shortened(self, answered: Answered) -> Answered:
        """The answer within the client's `max_tokens`, which an engine of this process does not take."""
        most, solution = answered.asked.max_tokens, answered.solution
        tokenizer = getattr(self.model, "tokenizer", None)
        if most is None or solution is None or solution.tokens <= most or tokenizer is None:
            return answered
        text = tokenizer.decode(tokenizer.encode(solution.text)[:most])
        short = replace(solution, steps=(Step(text, most, None),), finished=False, truncated=True)
        return replace(answered, solution=short)

    def _log_answer(self, answered: Answered) -> None:
        cost = answered.cost
        self.log.line(
            "answer",
            texts={"question": answered.asked.text, "answer": answered.answer},
            id=answered.asked.id,
            generations=answered.generations,
            tokens=cost.generated_tokens,
            verifier_tokens=cost.verifier_prompt_tokens + cost.verifier_generated_tokens or None,
            usd=cost.usd or None,
            bin=answered.bin,
            confidence=None if answered.confidence is None else round(answered.confidence, 4),
            stopped_by=answered.stopped_by,
            seconds=round(cost.seconds, 4),
        )

    def refusal(self, error: OutlayError) -> Refusal:
        """How a client is told of an error."""
        url = self.model.address.url if self.passing is not None else None
        told = refusal_of(error, url)
        if told.status == 502:
            self.metrics.upstream_errors.labels("gave_up").inc()
        return told


async def _all(work: Sequence[Any]) -> list[Answered]:
    """All results; where one fails, the others are cancelled and their end awaited, so that their accounts are whole."""
    if len(work) == 1:
        return [await work[0]]
    running = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*running))
    finally:
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def loaded_model(address: str) -> Any:
    """The model; calls to a server are given up sooner than in a study, since somebody waits."""
    return models.load(address, patience=PATIENCE) if address.startswith("openai:") else models.load(address)
