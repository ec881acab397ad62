"""The exchange of a summary: a small model with test-time compute against a larger one, at equal cost in all.

For each ratio R the small model gets what the larger one's greedy answer and its pretraining cost more; the verifier is paid for,
and so is difficulty where it is estimated. What the small model does with it is read off its pools and runs: nothing is
chosen on the questions that are measured. Where the budget is beyond what was drawn, a deeper pool on some of the questions
is read; where it is beyond that too, the entry says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from outlay import difficulty
from outlay.curves import interval, paired_difference
from outlay.exchange import Pair, Spending, inference_factor, matched
from outlay.policies.candidates import Candidates
from outlay.policies.crossfit import PolicyCurve, best_fixed, per_bin
from outlay.study import exchange_telling as telling
from outlay.study.binning import difficulty_values
from outlay.study.deciding import FLOPS, Realised, baseline_method, candidates_of, keyed
from outlay.study.drawn import Drawn, bought, expected_longest
from outlay.study.figures import as_curve, as_points, plain
from outlay.study.measure import COVERAGE, budgets_up_to, expected, with_probabilities
from outlay.study.pools import Floats, Ints, Pool
from outlay.study.runs import Larger, Recorded
from outlay.study.settings import Settings

RATIOS = (0.16, 0.79, 22.0)
"""Tokens of inference over tokens of pretraining, as in figure 9 of Snell et al. (arXiv 2408.03314)."""


@dataclass(frozen=True)
class Sizes:
    """Of the models of an exchange their parameters (or prices a token); `verifier` is 0 where none scores."""

    small: float
    large: float
    verifier: float = 0.0


def exchange_of(
    found: Recorded,
    larger: Larger,
    sizes: Sizes,
    settings: Settings,
    ratios: Sequence[float] = RATIOS,
    verifier_tuning: float = 0.0,
    prices: Sizes | None = None,
) -> dict[str, Any] | None:
    """The entry of `exchange` for one task and pair of models; None where the runs tell no FLOPs.

    `prices` are dollars per million tokens of each model: with them the same comparison is made in money, without pretraining.
    Raises UserError where `larger` has fewer parameters than the small model, or for a ratio that is not above 0.
    """
    if found.flops is None or larger.greedy.flops is None:
        return None
    answer = float(larger.greedy.flops[:, 0].mean())
    pair = Pair(sizes.small, sizes.large, sizes.verifier, answer, verifier_tuning)
    exchange = _Exchange(found, larger, pair, settings)
    entry = exchange.entry(ratios)
    return entry if prices is None else {**entry, "money": exchange.in_money(prices)}


@dataclass(frozen=True)
class _Exchange:
    found: Recorded
    larger: Larger
    pair: Pair
    settings: Settings

    @cached_property
    def drawn(self) -> Drawn:
        assert self.found.flops is not None
        pool = with_probabilities(self.found.pool, self.settings.seed)
        return Drawn(pool, self.found.flops, np.arange(len(pool.questions)))

    @cached_property
    def deeper(self) -> Drawn | None:
        deep = self.found.deeper
        if deep is None or deep.flops is None:
            return None
        return Drawn(with_probabilities(deep.pool, self.settings.seed), deep.flops, deep.rows)

    @cached_property
    def tables(self) -> Mapping[str, Floats]:
        return expected(self.drawn.pool, budgets_up_to(self.drawn.pool.size), self.settings.seed)[0]

    @property
    def methods(self) -> list[str]:
        return [method for method in self.tables if method != COVERAGE]

    @cached_property
    def baseline(self) -> str | None:
        return baseline_method(self.tables)

    @cached_property
    def searches(self) -> dict[str, Realised]:
        runs = keyed([run for run in self.found.runs if run.candidate], list(self.tables))
        return {key: run for key, run in runs.items() if run.flops is not None and run.spec["name"] != "greedy"}

    @cached_property
    def greedy(self) -> Floats:
        """Whether the larger model's greedy answer is right: `[Q]`."""
        right: Floats = self.larger.greedy.correct[:, 0].astype(np.float64)
        return right

    @cached_property
    def values(self) -> dict[str, Floats]:
        """Difficulty of each question, by samples that measure nothing here."""
        judging = self.found.difficulty_pool
        if judging is None:
            return {}
        return difficulty_values(with_probabilities(judging, self.settings.seed))

    @cached_property
    def bins(self) -> Ints | None:
        """The bin of each question by the small model's true difficulty; None without samples that tell it."""
        if "oracle" not in self.values:
            return None
        return difficulty.Bins.fit(self.values["oracle"], self.settings.bins).assign(self.values["oracle"])

    def entry(self, ratios: Sequence[float]) -> dict[str, Any]:
        pair = self.pair
        entry: dict[str, Any] = {
            "task": self.found.pool.task,
            "small": self.found.pool.model,
            "large": self.larger.model,
            "questions": len(self.found.pool.questions),
            "parameters": {"small": pair.small, "large": pair.large, "verifier": pair.verifier or None},
            "scale": plain(pair.scale),
            "answer_flops": {"large": pair.answer_flops},
            "verifier_tuning": pair.verifier_tuning,
        }
        if self.bins is not None:
            count = int(self.bins.max()) + 1
            entry["bins"] = {
                "source": "oracle",
                "count": [int((self.bins == number).sum()) for number in range(count)],
            }
        entry["large_greedy"] = self._level(self.greedy)
        own = next((run for run in self.found.runs if run.spec["name"] == "greedy" and run.candidate), None)
        if own is not None and own.flops is not None:
            entry["small_greedy"] = self._level(own.correct[:, 0].astype(np.float64))
            entry["answer_flops"]["small"] = float(own.flops[:, 0].mean())
        entry["ratios"] = [self._at(ratio) for ratio in sorted(ratios)]
        entry["curves"] = {"small": self._small_curves(), "large": self._large_curves()}
        entry["joint"] = [joint for ratio in sorted(ratios) if (joint := self._joint(ratio)) is not None]
        entry["sentences"] = telling.sentences(entry, self.baseline)
        entry["warnings"] = telling.warnings(entry, self.baseline)
        return entry

    def _at(self, ratio: float) -> dict[str, Any]:
        budget = self.pair.budget(ratio)
        rows = [self._pool_row(method, budget) for method in self.methods]
        rows += [self._search_row(key, run, budget) for key, run in self.searches.items()]
        rows += self._policy_rows(budget)
        return {
            "ratio": plain(ratio),
            "label": f"R = {ratio:g}",
            "factor": plain(inference_factor(self.pair.scale, ratio)),
            "budget": budget,
            "rows": [row for row in rows if row is not None],
        }

    def _pool_row(self, method: str, budget: float) -> dict[str, Any] | None:
        """A way of choosing among as many samples as the budget buys; from the deeper pool where the pool is too small."""
        return self._bought(method, budget, self.drawn, self.deeper)

    def _bought(self, method: str, budget: float, drawn: Drawn, deeper: Drawn | None) -> dict[str, Any] | None:
        found = bought(method, budget, drawn, deeper, self.settings.seed)
        if found is None:
            return None
        pool, n = found.drawn.pool, found.n
        row = self._row(method, n, found.flops, found.wanted > n, found.accuracy, found.drawn.rows)
        return {**row, "bought": found.wanted, "pool": pool.size, "latency": self._latency(pool, n)}

    def in_money(self, prices: Sizes) -> dict[str, Any]:
        """What the price of the large model's greedy answer buys of the small one: dollars a million tokens, no pretraining."""
        a_token, read = prices.small / (2e6 * self.pair.small), 0.0
        if self.pair.verifier:
            read = prices.verifier / (2e6 * self.pair.verifier)
        budget = self.pair.tokens * prices.large / 1e6
        drawn = self.drawn.priced(a_token, read)
        deeper = None if self.deeper is None else self.deeper.priced(a_token, read)
        rows = [self._bought(method, budget, drawn, deeper) for method in self.methods]
        return {
            "label": "equal money",
            "prices": {"small": prices.small, "large": prices.large, "verifier": prices.verifier},
            "budget": budget,
            "rows": [{**row, "usd": row.pop("flops")} for row in rows if row is not None],
        }

    def _search_row(self, key: str, run: Realised, budget: float) -> dict[str, Any] | None:
        assert run.flops is not None
        spending = Spending(key, np.array(run.budgets), run.correct, run.flops, any_size=False)
        reach = matched(spending, budget)
        if reach.place is None:
            return None
        place = reach.place
        every = np.arange(len(run.correct))
        return self._row(
            key, run.budgets[place], spending.mean_flops[place], reach.beyond, spending.accuracy[:, place], every
        )

    def _policy_rows(self, budget: float) -> list[dict[str, Any] | None]:
        """The best that is the same for all, and the best for each bin, each chosen on other questions."""
        table = self._in_flops()
        if table is None or not (table.budget <= budget * (1 + 1e-9)).any():
            return []
        options: dict[str, Any] = {"splits": self.settings.splits, "seed": self.settings.seed}
        curves = {"best_fixed": (best_fixed(table, [budget], **options), 0.0)}
        for kind, values in self.values.items():
            cost = 0.0 if kind == "oracle" else self._difficulty_flops()
            curve = per_bin(
                table,
                values,
                self.settings.bins,
                [budget],
                difficulty_cost=cost,
                shrinkage=self.settings.shrinkage,
                name=kind,
                **options,
            )
            curves[f"per_bin_{kind}"] = (curve, cost if curve.pays_for_difficulty[0] else 0.0)
        largest = self._pool_row(self.baseline, budget) if self.baseline else None
        beyond = largest is not None and largest["bought"] > self.drawn.pool.size
        return [self._policy_row(name, curve, extra, beyond) for name, (curve, extra) in curves.items()]

    def _policy_row(self, name: str, curve: PolicyCurve, extra: float, beyond: bool) -> dict[str, Any]:
        spent = float(curve.other_costs[FLOPS].mean()) + extra
        row = self._row(name, None, spent, beyond, curve.accuracy[:, 0], np.arange(len(curve.accuracy)))
        chosen = curve.most_chosen()[0]
        return {**row, "pool": self.drawn.pool.size, "choices": chosen, "difficulty_flops": extra}

    def _in_flops(self) -> Candidates | None:
        """What a policy chooses from, with the mean FLOPs a question as the cost: budgets here are means over questions."""
        ks = budgets_up_to(self.drawn.pool.size)
        runs = list(self.searches.values())
        table = candidates_of(self.drawn.pool, self.tables, ks, runs, flops=self.drawn.flops)
        if table is None or FLOPS not in table.other_costs:
            return None
        means = table.other_costs[FLOPS].mean(axis=0)
        return replace(
            table,
            budget=means,
            cost=np.broadcast_to(means, table.cost.shape),
            reuses_pilot=(False,) * len(table),
        )

    def _difficulty_flops(self) -> float:
        """What predicting difficulty costs a question: drawing the samples, and scoring them where scores tell it."""
        judging = self.found.difficulty_pool
        assert judging is not None
        method = "majority" if judging.scores is None else "best_of_n"
        return float(self.drawn.flops.of(method, [judging.size]).mean())

    def _row(
        self, method: str, n: int | None, flops: float, beyond: bool, accuracy: Floats, rows: Ints
    ) -> dict[str, Any]:
        """One way of spending against the larger model's greedy answer, on the questions at `rows`; bin by bin too."""
        against = self.greedy[rows]
        row: dict[str, Any] = {
            "method": method,
            "n": n,
            "flops": float(flops),
            "beyond": bool(beyond),
            "questions": len(rows),
            **self._compared(accuracy, against),
            "latency": None,
        }
        if self.bins is not None:
            places = self.bins[rows]
            row["bins"] = [
                {"questions": int(inside.sum()), **self._compared(accuracy[inside], against[inside])}
                for inside in (places == number for number in range(int(self.bins.max()) + 1))
            ]
        return row

    def _compared(self, accuracy: Floats, against: Floats) -> dict[str, Any]:
        if not len(accuracy):
            return {"accuracy": None, "large": None, "difference": None}
        return {
            "accuracy": as_points(interval(accuracy, **self._options))[0],
            "large": as_points(interval(against, **self._options))[0],
            "difference": as_points(paired_difference(accuracy, against, **self._options))[0],
        }

    def _level(self, right: Floats) -> dict[str, Any]:
        level: dict[str, Any] = {"accuracy": as_points(interval(right, **self._options))[0]}
        if self.bins is not None:
            level["bins"] = [
                as_points(interval(right[self.bins == number], **self._options))[0]
                for number in range(int(self.bins.max()) + 1)
            ]
        return level

    @property
    def _options(self) -> dict[str, Any]:
        return {"resamples": self.settings.resamples, "seed": self.settings.seed}

    def _latency(self, pool: Pool, n: int) -> float | None:
        """Serial compute: the longest of n samples x the small model, against a greedy answer of the large one."""
        if pool.tokens is None or not self.larger.answer_tokens:
            return None
        serial = expected_longest(pool.tokens, n) * self.pair.small
        return float(serial / (self.larger.answer_tokens * self.pair.large))

    def _small_curves(self) -> dict[str, Any]:
        ks = budgets_up_to(self.drawn.pool.size)
        curves = {
            method: self._curve(ks, self.tables[method], self.drawn.flops.of(method, list(ks)))
            for method in self.methods
        }
        return curves | {
            key: self._curve(run.budgets, run.correct, run.flops)
            for key, run in self.searches.items()
            if run.flops is not None
        }

    def _large_curves(self) -> dict[str, Any]:
        greedy = self.larger.greedy
        assert greedy.flops is not None
        curves = {"greedy": self._curve([1], greedy.correct[:, :1], greedy.flops[:, :1])}
        pool = self._large_pool
        if pool is not None:
            ks = budgets_up_to(pool.pool.size)
            tables = expected(pool.pool, ks, self.settings.seed)[0]
            curves |= {
                method: self._curve(ks, table, pool.flops.of(method, list(ks)))
                for method, table in tables.items()
                if method != COVERAGE
            }
        return curves

    @cached_property
    def _large_pool(self) -> Drawn | None:
        pool, flops = self.larger.pool, self.larger.flops
        if pool is None or flops is None:
            return None
        return Drawn(with_probabilities(pool, self.settings.seed), flops, np.arange(len(pool.questions)))

    def _curve(self, ks: Sequence[int], accuracy: Floats, flops: Floats) -> dict[str, Any]:
        found = interval(accuracy.astype(np.float64), **self._options)
        return {"n": [int(k) for k in ks], "flops": [float(f) for f in flops.mean(axis=0)], **as_curve(found)}

    def _joint(self, ratio: float) -> dict[str, Any] | None:
        """Both models with more and more samples, pretraining in the price; and the better one at each price of the large one.

        The same way of choosing for both, and nothing is chosen but how many samples a price buys.
        """
        method, large = self.baseline, self._large_pool
        if method is None or large is None:
            return None
        tables = expected(large.pool, budgets_up_to(large.pool.size), self.settings.seed)[0]
        if method not in tables:
            return None
        small_share = self.pair.pretraining(self.pair.small, ratio) + self.pair.tuning(ratio)
        large_share = self.pair.pretraining(self.pair.large, ratio) + self.pair.tuning(ratio)
        ks = budgets_up_to(large.pool.size)
        small = self._curve(
            own := budgets_up_to(self.drawn.pool.size), self.tables[method], self.drawn.flops.of(method, list(own))
        )
        big = self._curve(ks, tables[method], large.flops.of(method, list(ks)))
        for side, share in ((small, small_share), (big, large_share)):
            side["total"] = [flops + share for flops in side.pop("flops")]
        best = [
            self._better(method, k, total - small_share, tables[method][:, place], total)
            for place, (k, total) in enumerate(zip(ks, big["total"], strict=True))
        ]
        return {
            "ratio": plain(ratio),
            "label": f"R = {ratio:g}",
            "small": {"method": method, **small},
            "large": {"method": method, **big},
            "best": best,
        }

    def _better(self, method: str, large_n: int, budget: float, accuracy: Floats, total: float) -> dict[str, Any]:
        """What the small model gives for what the large one costs with `large_n` samples, and the paired difference."""
        bought = self.drawn.affordable(method, budget)
        n = min(bought, self.drawn.pool.size)
        mine = self.drawn.spending(method, [n], self.settings.seed).accuracy[:, 0] if n else np.zeros(len(accuracy))
        difference = as_points(paired_difference(mine, accuracy, **self._options))[0]
        return {
            "total": float(total),
            "large_n": large_n,
            "small_n": n,
            "beyond": bought > n,
            "difference": difference if n else None,
        }
