"""What scores: the verifier seams, and the verifiers by URL-like names (`embedded:countdown-prm`, `noisy:0.2:logprob`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from outlay.errors import UserError
from outlay.models import embedded_folder
from outlay.models import load as load_model
from outlay.registry import available, resolve
from outlay.verifiers.addresses import members, number, seed_of, setting
from outlay.verifiers.verifier import InProcessVerifier, Verifier

NOISY = "noisy:0.2:ADDRESS or noisy:0.2@SEED:ADDRESS"
RESCALED = "rescaled:A,B:ADDRESS or rescaled:FILE.json:ADDRESS"
CONSTANT = "constant:P"


def _embedded(name: str, *, slots: int = 256) -> InProcessVerifier:
    """A shipped process reward model, or a folder of your own, run by the NumPy engine: embedded:NAME."""
    from outlay.verifiers.embedded import EmbeddedVerifier

    return EmbeddedVerifier.load(embedded_folder(name), slots=slots)


def _agreement(rest: str = "") -> InProcessVerifier:
    """The share of the candidates that give the same answer: agreement."""
    from outlay.verifiers.agreement import Agreement

    _alone("agreement", rest)
    return Agreement()


def _logprob(rest: str = "") -> InProcessVerifier:
    """The proposer's own confidence, exp of the mean log-probability of the solution's tokens; free: logprob."""
    from outlay.verifiers.logprob import LogProbability

    _alone("logprob", rest)
    return LogProbability()


def _execution(rule: str = "") -> InProcessVerifier:
    """Programs are run on tests: execution (the question's examples), execution:written, execution:consensus (CodeT)."""
    from outlay.verifiers.execution import Execution

    return Execution(rule or "given")


def _judge(address: str, **options: Any) -> Verifier:
    """A model is asked to rate each solution, and its rating is parsed: judge:MODEL-ADDRESS."""
    from outlay.verifiers.judge import Judge

    return Judge(load_model(address, **options))


def _self_judge(address: str, **options: Any) -> Verifier:
    """A model is asked whether a solution is right; the score is its probability of Yes: self-judge:MODEL-ADDRESS."""
    from outlay.verifiers.self_judge import SelfJudge

    return SelfJudge(load_model(address, **options))


def _tokens(rest: str) -> Any:
    """A causal model that answers each step with + or -, all steps in one pass: tokens:LAYOUT:MODEL-ADDRESS."""
    from outlay.verifiers.token_scores import token_verifier

    return token_verifier(rest, load_model)


def _hf(name: str) -> Verifier:
    """A reward model with a head (Qwen2.5-Math-PRM, Skywork, token classification): hf:FOLDER_OR_ID or hf:LAYOUT:FOLDER."""
    from outlay.verifiers.reward_heads import reward_model

    return reward_model(name)


def _pooling(rest: str, **options: Any) -> Verifier:
    """A reward model behind vLLM's or SGLang's pooling endpoint: pooling:LAYOUT:URL#MODEL."""
    from outlay.verifiers.pooling import PoolingVerifier

    return PoolingVerifier.load(rest, **options)


def _probe(folder: str) -> Any:
    """A head on hidden states or embeddings that outlay train probe made of your traces: probe:FOLDER."""
    from outlay.verifiers.probes import probe_verifier

    return probe_verifier(folder)


def _oracle(task: str) -> InProcessVerifier:
    """The reference answer itself, as an upper limit: oracle:TASK."""
    from outlay.tasks import load as load_task
    from outlay.verifiers.baselines import Oracle

    return Oracle(load_task(task))


def _random(seed: str) -> InProcessVerifier:
    """Noise, as what a worthless verifier would give: random:SEED."""
    from outlay.verifiers.baselines import RandomScores

    return RandomScores(seed_of(seed, f"random:{seed}", "random:SEED"))


def _constant(value: str = "") -> InProcessVerifier:
    """The same score for every solution, so that a weighted vote is majority: constant or constant:P."""
    from outlay.verifiers.baselines import Constant

    return Constant(number(value, f"constant:{value}", CONSTANT) if value else 1.0)


def _noisy(rest: str, **options: Any) -> Any:
    """A worse verifier made of a good one, p turned into 1 - p for a share of the solutions: noisy:SHARE:ADDRESS."""
    from outlay.verifiers.noisy import noisy

    own, inner = setting("noisy", rest, NOISY)
    share, _, seed = own.partition("@")
    error = number(share, f"noisy:{rest}", NOISY)
    return noisy(load(inner, **options), error, seed_of(seed, f"noisy:{rest}", NOISY))


def _rescaled(rest: str, **options: Any) -> Any:
    """A verifier's scores mapped, a + b p or along a calibration curve: rescaled:A,B:ADDRESS or rescaled:FILE.json:ADDRESS."""
    from outlay.verifiers.rescaled import affine, along, read_points, rescaled

    file, json, inner = rest.partition(".json:")
    if json and inner:
        path = Path(f"{file}.json")
        return rescaled(load(inner, **options), along(read_points(path)), str(path))
    own, inner = setting("rescaled", rest, RESCALED)
    offset, comma, slope = own.partition(",")
    if not comma:
        raise UserError(f'"rescaled:{rest}" says not how to change a score: write {RESCALED}')
    a, b = (number(one, f"rescaled:{rest}", RESCALED) for one in (offset, slope))
    return rescaled(load(inner, **options), affine(a, b), f"{a:g},{b:g}")


def _ensemble(rest: str, **options: Any) -> Any:
    """The mean of several verifiers: ensemble:A+B, a member with a plus of its own in brackets."""
    from outlay.verifiers.ensembled import ensembled

    return ensembled([load(address, **options) for address in members(rest)])


def _cached(address: str, **options: Any) -> Any:
    """A verifier that never scores the same text of the same question twice: cached:ADDRESS."""
    from outlay.verifiers.cached import cached

    if not address:
        raise UserError('"cached:" wraps no verifier: write cached:ADDRESS')
    return cached(load(address, **options))


BUILTIN: Mapping[str, Any] = {
    "embedded": _embedded,
    "agreement": _agreement,
    "logprob": _logprob,
    "execution": _execution,
    "judge": _judge,
    "self-judge": _self_judge,
    "tokens": _tokens,
    "hf": _hf,
    "pooling": _pooling,
    "probe": _probe,
    "oracle": _oracle,
    "random": _random,
    "constant": _constant,
    "noisy": _noisy,
    "rescaled": _rescaled,
    "ensemble": _ensemble,
    "cached": _cached,
}

ALONE = ("agreement", "logprob", "execution", "constant")
"""Those whose name is an address already."""

WRAPPERS = ("noisy", "rescaled", "ensemble", "cached")
"""Those whose address goes on with another verifier's."""


def load(address: str, **options: Any) -> Any:
    """The verifier at `address`: a name, and after a colon what that name understands (`docs/reference/verifiers.md`).

    >>> load("random:3").name
    'random:3'
    >>> load("noisy:0.2:ensemble:random:1+random:2").name
    'noisy:0.2:ensemble:random:1+random:2'

    Raises UserError for an address that names no verifier, in one sentence that says how to write it.
    """
    backend, _, rest = address.partition(":")
    return resolve("outlay.verifiers", backend, BUILTIN)(rest, **options)


def registered() -> dict[str, str]:
    """Every verifier's name with where it comes from."""
    return available("outlay.verifiers", BUILTIN)


def _alone(name: str, rest: str) -> None:
    if rest:
        raise UserError(
            f'"{name}:{rest}" names no verifier: {name} takes nothing after its name, so write {name} alone'
        )


__all__ = ["InProcessVerifier", "Verifier", "load", "registered"]
