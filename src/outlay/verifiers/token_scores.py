"""Process reward models that answer each step with a token, + or -: `tokens:LAYOUT:MODEL`.

The score of a step is P(+) / (P(+) + P(-)) at its place (Wang et al., Math-Shepherd, arXiv 2312.08935; Xiong et al., RLHFlow). With
a local model (`hf:`) all steps of a solution are scored in one forward pass. With a served one (`openai:`) each step is a call of
one token with its alternatives, so the server's prefix cache does the sharing; what it reports is what is charged.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any

from outlay.cost import Reads, Scored
from outlay.errors import UserError
from outlay.models.hf.loading import check_installed, context_of, folder_of, read_model, read_tokenizer
from outlay.models.hf.reading import Reader, Text
from outlay.types import Cost, Question, Solution, StepScores
from outlay.verifiers.layouts import Layout, layout, shepherd_text
from outlay.verifiers.reading import ReadingVerifier

GOOD, BAD = "+", "-"
KNOWN = ("math-shepherd", "rlhflow")
EXAMPLE = "tokens:math-shepherd:hf:FOLDER or tokens:rlhflow:hf:FOLDER"
ALTERNATIVES = 20
"""Tokens that a server is asked for at each place: + and - should be among them."""


def token_verifier(rest: str, load_model: Any) -> Any:
    """The verifier at `LAYOUT:MODEL-ADDRESS`; `load_model` makes the served ones.

    Raises UserError for another layout or backend, and for a tokenizer in which + or - is no single token.
    """
    name, _, address = rest.partition(":")
    backend, _, model = address.partition(":")
    if name not in KNOWN or not model:
        raise UserError(f'"tokens:{rest}" names no verifier that answers with tokens: write {EXAMPLE}')
    if backend == "hf":
        return local(layout(name), model)
    if backend == "openai" and name == "math-shepherd":
        return Served(f"tokens:{rest}", load_model(address))
    served = " and with openai:URL/completions#MODEL" if name == "math-shepherd" else ""
    raise UserError(f'"tokens:{rest}": {name} runs with hf:FOLDER{served}, not with {backend}:')


def local(laid: Layout, name: str) -> ReadingVerifier:
    """A causal model of a folder that scores by tokens."""
    import torch

    check_installed(f"tokens:{laid.name}:hf:{name}")
    folder = folder_of(name)
    model, tokenizer = read_model(folder, "AutoModelForCausalLM"), read_tokenizer(folder)
    good, bad = (mark_token(tokenizer, mark) for mark in (GOOD, BAD))
    output = model.get_output_embeddings()
    rows = output.weight[[bad, good]].detach().float()
    offsets = torch.zeros(2, device=rows.device) if output.bias is None else output.bias[[bad, good]].detach().float()
    capped = getattr(model.config, "final_logit_softcapping", None)
    reader = Reader(model.base_model)

    def judge(texts: Sequence[Text]) -> list[list[float]]:
        found = []
        for states in reader.states(texts):
            logits = states @ rows.T + offsets
            if capped:
                logits = torch.tanh(logits / capped) * capped
            found.append(torch.softmax(logits, -1)[:, 1].tolist())
        return found

    return ReadingVerifier(
        f"tokens:{laid.name}:hf:{name}",
        sum(weights.numel() for weights in model.parameters()),
        lambda question, solution: laid(tokenizer, question, solution),
        judge,
        context_of(model),
    )


def mark_token(tokenizer: Any, mark: str) -> int:
    """The token that a mark is where it stands alone; UserError where it is several."""
    ids = tokenizer(mark, add_special_tokens=False)["input_ids"]
    if len(ids) != 1 or ids[0] == tokenizer.unk_token_id:
        raise UserError(f"this tokenizer has no single token for {mark!r}, so its model cannot answer a step with it")
    return int(ids[0])


class Served:
    """Math-Shepherd's format with a served model: P(+) against P(-) among the alternatives of the next token after each tag."""

    reads = Reads(writes=1, reported=True)

    def __init__(self, name: str, model: Any) -> None:
        self.name, self.parameters = name, getattr(model, "parameters", 0) or 0
        self.model = model.with_alternatives(ALTERNATIVES) if hasattr(model, "with_alternatives") else model

    async def score(self, question: Question, solutions: Sequence[Solution]) -> list[StepScores]:
        """One probability a step; `()` where neither + nor - was among the alternatives of some step."""
        each = await asyncio.gather(*(self._steps(question, solution) for solution in solutions))
        spent = Cost()
        for _, cost in each:
            spent += cost
        return Scored([scores for scores, _ in each], spent=spent)

    async def _steps(self, question: Question, solution: Solution) -> tuple[StepScores, Cost]:
        text, ends = shepherd_text(question.text, [step.text for step in solution.steps])
        calls = [self.model.sample(text[:end], n=1, max_tokens=1, temperature=0.0, stop=(), seed=0) for end in ends]
        answers = [completions[0] for completions in await asyncio.gather(*calls)]
        spent = Cost()
        for answer in answers:
            spent += Cost(
                verifier_prompt_tokens=answer.prompt_tokens,
                verifier_cached_tokens=answer.cached_tokens,
                verifier_generated_tokens=answer.generated_tokens,
                calls=1,
            )
        found = [share_of_good(answer.top_logprobs[0]) if answer.top_logprobs else None for answer in answers]
        known = [one for one in found if one is not None]
        return (tuple(known) if len(known) == len(found) else ()), spent


def share_of_good(alternatives: Mapping[str, float]) -> float | None:
    """P(+) / (P(+) + P(-)) among a place's alternatives, None where neither is.

    >>> round(share_of_good({" +": math.log(0.6), " -": math.log(0.2), "\\n": math.log(0.2)}), 6)
    0.75
    """
    mass = {GOOD: 0.0, BAD: 0.0}
    for token, logprob in alternatives.items():
        if token.strip() in mass:
            mass[token.strip()] += math.exp(logprob)
    total = sum(mass.values())
    return mass[GOOD] / total if total > 0 else None
