"""The validity study of promises: `python -m studies.promises studies/promises.yaml [--workers 2] [--out FILE.jsonl]`.

A world is a population of questions with recorded samples; calibrating draws from it with replacement, so that a plan's true
accuracy and cost are means over the population, known up to the orders of its samples. In every world the whole way from traces
to a promise is gone (`outlay.study.promising`): how often is what is promised not true, how often is a promise made where one
could be, and does the drift monitor notice when hard questions come more often?
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict

from outlay.promises import Monitor, NotPromised
from outlay.promises.p_values import binomial_tail
from outlay.study.options import KINDS, replay_options
from outlay.study.pools import Pool
from outlay.study.promising import Kept, Ready, keep, ready
from outlay.study.replays import orders_of
from outlay.study.runs import Recorded
from outlay.study.settings import Settings
from outlay.study.sureness import reference_of, statistics_of

ENOUGH = 0.08
"""A promise is expected where a candidate truly exceeds the target by this much."""


class PromiseStudy(BaseModel):
    """The study as data; see the comments in `promises.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    worlds: int
    population: int
    questions: int
    samples: int
    orders: int
    level: float
    margins: tuple[float, ...]
    prices: tuple[float, ...]
    drift_worlds: int
    requests: int
    shift: float
    seed: int
    truth_orders: int = 4
    kinds: tuple[str, ...] = KINDS


def world(study: PromiseStudy, number: int) -> Pool:
    """The population of one world: how hard questions are, how wrong answers agree, and what the verifier knows are its own."""
    generator = np.random.default_rng([study.seed, number, 0x30])
    centre, spread = generator.uniform(-1.5, 1.5), generator.uniform(0.5, 2.5)
    ease = centre + spread * generator.standard_normal(study.population)
    rate = 1 / (1 + np.exp(-ease))
    shape = (study.population, study.samples)
    right = generator.random(shape) < rate[:, None]
    lures = generator.integers(
        1, 7, study.population
    )  # how many wrong answers there are: with one, the wrong ones agree
    wrong = 1 + (generator.random(shape) * lures[:, None]).astype(np.int64)
    insight = generator.uniform(0.0, 2.0)
    log_odds = insight * np.where(right, 1.0, -1.0) + 0.5 * ease[:, None] + generator.standard_normal(shape)
    return Pool(
        task="synthetic",
        model=f"world {number}",
        questions=tuple(f"{place:06d}" for place in range(study.population)),
        correct=right,
        answers=np.where(right, 0, wrong),
        scores=1 / (1 + np.exp(-log_odds)),
        can_vote=True,
    )


def drawn_from(population: Pool, rows: np.ndarray) -> Recorded:
    """What calibration sees: these questions of the population, under names of their own."""
    assert population.answers is not None and population.scores is not None
    pool = Pool(
        task=population.task,
        model=population.model,
        questions=tuple(f"{place:06d}" for place in range(rows.size)),
        correct=population.correct[rows],
        answers=population.answers[rows],
        scores=population.scores[rows],
        can_vote=True,
    )
    return Recorded(pool, None, (), "synthetic", {}, None, {})


def try_world(study: PromiseStudy, number: int) -> dict[str, Any]:
    """Everything that one world tells: for each goal the target, whether a promise was made, and whether it is true."""
    population = world(study, number)
    generator = np.random.default_rng([study.seed, number, 0xCA])
    rows = generator.integers(0, study.population, study.questions)
    candidates = ready(drawn_from(population, rows), Settings(seed=number), kinds=study.kinds, orders=study.orders)
    asked = replace(population, probabilities=population.scores)
    everything = Recorded(asked, None, (), "synthetic", {}, None, {})
    drawn = orders_of(asked, study.orders, number)
    correct, spent = replay_options(asked, candidates.options, drawn, everything)
    accuracy, cost = correct.mean(axis=0), spent.mean(axis=0)
    margin = study.margins[number % len(study.margins)]
    target = float(np.clip(accuracy[candidates.same_for_all].max() - margin, 0.02, 0.98))
    found: dict[str, Any] = {"world": number, "margin": margin, "excess": float(accuracy.max() - target)}
    kept = promised(candidates, study, target_accuracy=target)
    if kept is not None:
        able = accuracy >= target
        found["cost_over_cheapest"] = float(cost[kept.place] / cost[able].min()) if able.any() else None
    plan = int(generator.integers(len(cost)))
    budget = float(cost[plan] * (1 + generator.uniform(-0.02, 0.1)))
    other = promised(candidates, study, mean_budget=budget)
    price = study.prices[number % len(study.prices)]
    dear = promised(candidates, study, price_of_error=price)
    against = None
    if dear is not None and dear.policy.promise is not None:
        against = candidates.tested.names.index(dear.policy.promise.against)
    judged = sorted({one.place for one in (kept, other, dear) if one is not None} | ({against} - {None}))
    if judged and study.truth_orders != study.orders:
        more = orders_of(asked, study.truth_orders, number)
        correct, spent = replay_options(asked, [candidates.options[place] for place in judged], more, everything)
        accuracy[judged], cost[judged] = correct.mean(axis=0), spent.mean(axis=0)
    loss = price * (1 - accuracy) + cost
    found["accuracy"] = None if kept is None else bool(accuracy[kept.place] >= target)
    found["mean_cost"] = None if other is None else bool(cost[other.place] <= budget)
    found["price_of_error"] = None if dear is None or against is None else bool(loss[dear.place] < loss[against])
    if number < study.drift_worlds:
        place = len(candidates.options) - 1 if kept is None else kept.place
        found["drift"] = watch(study, candidates, population, place, generator)
    return found


def promised(candidates: Ready, study: PromiseStudy, **goal: float) -> Kept | None:
    """The promise, or None where it is refused."""
    try:
        return keep(candidates, level=study.level, **goal)
    except NotPromised:
        return None


def watch(
    study: PromiseStudy, candidates: Ready, population: Pool, place: int, generator: np.random.Generator
) -> dict[str, int | None]:
    """After how many requests the monitor raised its alarm (None: never), in a stream like the calibration's and in a shifted
    one.
    """
    option, parted = candidates.options[place], candidates.parted
    recorded = Recorded(candidates.pool, None, (), "synthetic", {}, None, {})
    reference = reference_of(candidates.pool, candidates.orders[0], option, recorded, parted.learn, parted.test)
    rates = population.correct.mean(axis=1)
    weight = np.where(rates < np.median(rates), np.exp(study.shift), 1.0)
    streams = {"same": np.ones(rates.size) / rates.size, "shifted": weight / weight.sum()}
    found: dict[str, int | None] = {}
    for name, chance in streams.items():
        requests = drawn_from(population, generator.choice(rates.size, size=study.requests, p=chance))
        asked = replace(requests.pool, probabilities=requests.pool.scores)
        fresh = orders_of(asked, 1, int(generator.integers(1 << 30)))[0]
        values = statistics_of(asked, fresh, option, requests)
        monitor, found[name] = Monitor(reference, seed=place), None
        for step in range(study.requests):
            if monitor.observe({kind: float(column[step]) for kind, column in values.items()}).alarm:
                found[name] = step + 1
                break
    return found


def share(successes: int, trials: int, level: float = 0.95) -> tuple[float, float, float]:
    """A share with its Clopper-Pearson interval."""
    if trials == 0:
        return float("nan"), 0.0, 1.0

    def end(target: float, count: int) -> float:
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if binomial_tail(count, trials, middle) < target else (low, middle)
        return low

    tail = (1 - level) / 2
    lower = 0.0 if successes == 0 else end(tail, successes)
    upper = 1.0 if successes == trials else end(1 - tail, successes + 1)
    return successes / trials, lower, upper


def summary(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Shares with intervals; how they are read is said in docs/explanation/promises.md."""
    told: dict[str, Any] = {"worlds": len(found)}
    for goal in ("accuracy", "mean_cost", "price_of_error"):
        made = [one for one in found if one[goal] is not None]
        broken = sum(one[goal] is False for one in made)
        told[goal] = {
            "made": share(len(made), len(found)),
            "kept": share(len(found) - broken, len(found)),
            "broken_of_made": share(broken, len(made)),
        }
    clear = [one for one in found if one["excess"] >= ENOUGH]
    told["made_where_clear"] = share(sum(one["accuracy"] is not None for one in clear), len(clear))
    told["by_margin"] = {
        str(margin): {
            "worlds": len(of),
            "made": share(sum(one["accuracy"] is not None for one in of), len(of)),
            "kept": share(sum(one["accuracy"] is not False for one in of), len(of)),
        }
        for margin in sorted({one["margin"] for one in found})
        if (of := [one for one in found if one["margin"] == margin])
    }
    over = [one["cost_over_cheapest"] for one in found if one.get("cost_over_cheapest")]
    told["cost_over_cheapest"] = [float(x) for x in np.quantile(over, [0.25, 0.5, 0.75])] if over else None
    watched = [one["drift"] for one in found if "drift" in one]
    if watched:
        delays = sorted(one["shifted"] for one in watched if one["shifted"] is not None)
        told["drift"] = {
            "false_alarms": share(sum(one["same"] is not None for one in watched), len(watched)),
            "noticed": share(len(delays), len(watched)),
            "requests_until_noticed": [float(x) for x in np.quantile(delays, [0.25, 0.5, 0.75, 0.95])]
            if delays
            else None,
        }
    return told


def run(study: PromiseStudy, workers: int = 1, kept: Path | None = None) -> list[dict[str, Any]]:
    """Every world, in order. With `kept`, a line is written there for each that is done; what stands there is not done again."""
    lines = kept.read_text(encoding="utf-8").splitlines() if kept is not None and kept.exists() else []
    done = {one["world"]: one for one in map(json.loads, (line for line in lines if line.endswith("}")))}
    left = [number for number in range(study.worlds) if number not in done]
    with ProcessPoolExecutor(workers) if workers > 1 else nullcontext() as pool:
        one = partial(try_world, study)
        for found in map(one, left) if pool is None else pool.map(one, left, chunksize=5):
            done[found["world"]] = found
            if kept is not None:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(found) + "\n")
    return [done[number] for number in range(study.worlds)]


def main(arguments: Sequence[str]) -> None:
    """Run the study that a YAML file describes, and print its summary as JSON."""
    import argparse

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--worlds", type=int, help="fewer or more worlds than the file says")
    parser.add_argument("--truth-orders", type=int, help="orders that judge what was promised, where 4 are not enough")
    parser.add_argument("--out", type=Path, help="keep every world's findings here, a line each, and go on from there")
    given = parser.parse_args(arguments)
    study = PromiseStudy.model_validate(yaml.safe_load(given.study.read_text(encoding="utf-8")))
    if given.worlds is not None:
        study = study.model_copy(update={"worlds": given.worlds})
    if given.truth_orders is not None:
        study = study.model_copy(update={"truth_orders": given.truth_orders})
    found = run(study, given.workers, given.out)
    print(json.dumps(summary(found), indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
