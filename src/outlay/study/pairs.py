"""Which pairs of models of a store are compared at equal compute, and how large they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from outlay import models, verifiers
from outlay.errors import UserError
from outlay.registry import nearest
from outlay.study.deciding import Realised
from outlay.study.exchanging import RATIOS, Sizes, exchange_of
from outlay.study.flops import PoolFlops
from outlay.study.pools import Pool, on_questions, read_pools
from outlay.study.roles import roles_between
from outlay.study.runs import Larger, Recorded, recorded, recorded_in
from outlay.study.settings import Settings
from outlay.traces import Store

VERIFIER = "verifier"
"""Whose parameters `--parameters verifier=COUNT` gives, where a file of samples does not name what scored them."""


def exchanges(
    found: Sequence[Recorded],
    settings: Settings,
    ratios: Sequence[float] = RATIOS,
    verifier_tuning: float = 0.0,
    parameters: Mapping[str, float] | None = None,
    prices: Sizes | None = None,
) -> tuple[list[dict[str, Any]], list[str]]:
    """The entries of every pair of models that was recorded, and warnings for those that could not be compared.

    `parameters` gives the parameters of models and verifiers that cannot be loaded, by name.
    """
    entries: list[dict[str, Any]] = []
    warnings: list[str] = []
    for one in found:
        for larger in one.larger:
            name = f"{one.pool.task}: {one.pool.model} against {larger.model}"
            sizes = sizes_of(one, larger, parameters or {})
            if sizes is None:
                warnings.append(f"{name} at equal compute is absent: the parameters of these models are not known.")
            elif sizes.large < sizes.small:
                warnings.append(
                    f"{name} at equal compute is absent: the second has fewer parameters ({sizes.large:g} against {sizes.small:g})."
                )
            else:
                entry = exchange_of(one, larger, sizes, settings, ratios, verifier_tuning, prices)
                if entry is None:
                    warnings.append(f"{name} at equal compute is absent: the runs do not tell FLOPs.")
                else:
                    entries.append(entry)
    return entries, warnings


def sizes_of(found: Recorded, larger: Larger, given: Mapping[str, float]) -> Sizes | None:
    """Parameters of small model, large model and verifier: as given, else as their addresses load; None where unknown.

    A verifier may have none (an oracle, chance); a model that says 0 does not know.
    """
    small = _parameters(found.pool.model, given, models.load)
    large = _parameters(larger.model, given, models.load)
    verifier = 0.0 if found.verifier is None else _parameters(found.verifier, given, verifiers.load)
    return None if not small or not large or verifier is None else Sizes(small, large, verifier)


def _parameters(address: str, given: Mapping[str, float], load: Callable[[str], Any]) -> float | None:
    return given[address] if address in given else _loaded_parameters(address, load)


@lru_cache(maxsize=256)
def _loaded_parameters(address: str, load: Callable[[str], Any]) -> float | None:
    try:
        loaded = load(address)
    except UserError:
        return None
    known = getattr(loaded, "parameters", None)
    return None if known is None else float(known)


def recorded_pairs(path: Path, small: str | None, large: str | None, parameters: Mapping[str, float]) -> list[Recorded]:
    """What a folder of traces, or a file of samples, holds on these two models; on every pair that its study names, without.

    Raises UserError where a model is not there, or a file of samples is given without saying which models to compare.
    """
    if path.is_dir():
        store = Store(path, create=False)
        if small is None or large is None:
            return [one for one in recorded_in(store) if one.larger]
        runs = store.runs()
        known = sorted(set(runs["model"].to_pylist()))
        _check_names(path, (small, large), known)
        return recorded(store.solutions(), runs, roles_between(runs, small, large))
    pools = [pool for pool in read_pools([path]) if isinstance(pool, Pool)]
    names = sorted({pool.model for pool in pools})
    if small is None or large is None:
        raise UserError(
            f"{path} does not say which models to compare: name two of {', '.join(names)} with --small and --large"
        )
    _check_names(path, (small, large), names)
    first = {pool.task: pool for pool in pools if pool.model == small}
    second = {pool.task: pool for pool in pools if pool.model == large}
    return [_of_files(first[task], second[task], parameters) for task in sorted(first.keys() & second.keys())]


def _check_names(path: Path, wanted: Sequence[str], known: Sequence[str]) -> None:
    for name in wanted:
        if name not in known:
            raise UserError(f"{path} has no samples of the model {name}: {nearest(name, known)}")


def _of_files(small: Pool, large: Pool, parameters: Mapping[str, float]) -> Recorded:
    """Two pools of samples as what a store would hold: a single sample of the large model stands for its greedy answer."""
    for pool in (small, large):
        if pool.model not in parameters:
            raise UserError(
                f"a file of samples does not say how large {pool.model} is: give --parameters {pool.model}=COUNT"
            )
    shared = sorted(set(small.questions) & set(large.questions))
    if not shared:
        raise UserError(
            f"{small.model} and {large.model} answered no question in common ({small.task}); give pools of the same questions"
        )
    small, large = on_questions(small, shared), on_questions(large, shared)
    warnings = list(small.warnings)
    if small.tokens is None or large.tokens is None:
        warnings.append("There are no token counts, so every answer of both models is taken to be equally long.")
        small, large = (replace(pool, tokens=np.ones(pool.correct.shape, dtype=np.int64)) for pool in (small, large))
    judge = parameters.get(VERIFIER, 0.0) if small.scores is not None else 0.0
    if small.scores is not None and VERIFIER not in parameters:
        warnings.append(
            f"What the scores cost is not counted: give --parameters {VERIFIER}=COUNT for what reads the samples."
        )
    spent = {pool.model: _file_flops(pool, parameters[pool.model], judge) for pool in (small, large)}
    one = spent[large.model].drawing([1])
    greedy = Realised({"name": "greedy"}, (1,), large.correct.mean(axis=1, keepdims=True), np.ones(one.shape), one)
    assert large.tokens is not None
    return Recorded(
        pool=replace(small, warnings=tuple(warnings)),
        difficulty_pool=None,
        runs=(),
        verifier=VERIFIER if judge else None,
        sampling={},
        flops=spent[small.model],
        cost={},
        larger=(
            Larger(
                large.model, greedy, float(large.tokens.mean()), large if large.size > 1 else None, spent[large.model]
            ),
        ),
    )


def _file_flops(pool: Pool, parameters: float, verifier: float) -> PoolFlops:
    """2 x parameters a token generated, and the verifier's for every token of a sample; prompts are not known."""
    assert pool.tokens is not None
    tokens = pool.tokens.mean(axis=1)
    ks = np.arange(1, pool.size + 1)
    return PoolFlops(np.zeros(len(tokens)), 2.0 * parameters * tokens, 2.0 * verifier * tokens[:, None] * ks[None, :])
