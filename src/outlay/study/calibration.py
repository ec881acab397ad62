"""What fitting a policy file takes, from a pool and the runs beside it. The figures that go with a policy are `analysis`'s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from outlay import difficulty
from outlay.errors import UserError
from outlay.policies.candidates import Candidates
from outlay.study.deciding import Realised, View, candidates_of, pilot_values
from outlay.study.measure import budgets_up_to, expected, with_probabilities
from outlay.study.pools import Pool
from outlay.study.settings import Settings


def calibration_view(
    pool: Pool,
    *,
    difficulty_pool: Pool | None = None,
    runs: Sequence[Realised] = (),
    sampling: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
) -> View:
    """Candidates on all questions, and difficulty `pilot`, `probe`, `predicted` and `oracle` of each (those that can be told).

    `pilot` is read from the pool's first samples in the order of asking, as a server would, `probe` from the question alone where
    the pool was probed; the other two from the difficulty pool, or from the whole pool where there is none. `sampling` are the
    pool's own options (its temperature), which become part of the strategies that a policy names.

    Raises UserError where nothing can choose among the samples, and where a pilot would leave nothing of the pool.
    """
    settings = settings or Settings()
    if settings.pilot >= pool.size:
        raise UserError(
            f"A pilot of {settings.pilot} samples leaves nothing of a pool of {pool.size} ({pool.task}, {pool.model}); "
            "take a smaller pilot."
        )
    pool = with_probabilities(pool, settings.seed)
    ks = budgets_up_to(pool.size)
    tables, _ = expected(pool, ks, settings.seed)
    candidates: Candidates | None = candidates_of(pool, tables, ks, runs, sampling=sampling)
    if candidates is None:
        raise UserError(
            f"Nothing can choose among the samples of {pool.model} on {pool.task} (no scores, no answers that vote), so no "
            "policy can be fitted; score the samples with a verifier first."
        )
    judging = pool if difficulty_pool is None else with_probabilities(difficulty_pool, settings.seed)
    values = {"oracle": difficulty.oracle(judging.correct)}
    costs = {"oracle": float(judging.size)}
    for kind, samples, size in (("predicted", judging, judging.size), ("pilot", pool, settings.pilot)):
        told = pilot_values(samples, size)
        if told is not None:
            values[kind], costs[kind] = told, float(size)
    if pool.probed is not None:
        values["probe"], costs["probe"] = pool.probed.values, pool.probed.cost
    return View(candidates, values, costs)
