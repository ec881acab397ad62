"""Which model to ask: the best single model, a router, a cascade, on a ladder of models that answered the same questions once.

Costs are what each answer cost (its tokens at the model's price), budgets are means over questions. A *router* predicts from the
question alone how likely each model is right, and asks one; a *cascade* asks a cheap model first and, seeing its answer, a dearer
one where that promises enough (the sequential policy of `outlay.policies.walking`, its state whether the answers so far agree,
whether there is one, how long it is, and the router's predictions). A *mixture* asks one of two models by lot: what any router
must beat. All are fitted on some folds of the questions and measured on the others. The *oracle* router knows which models are
right: a bound, no policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from outlay.curves import interval, paired_difference
from outlay.errors import UserError
from outlay.policies.across import concave
from outlay.policies.crossfit_sequences import folds_of
from outlay.policies.prefixes import Prefixes
from outlay.policies.walking import Fitting, Walk
from outlay.policies.wording import columns_of, logistic
from outlay.study.figures import as_points, plain
from outlay.study.pools import Bools, Floats, Ints

FOLDS = 5
LONGEST_CHAIN = 3
BUDGETS = 8
"""Mean costs that are looked at, between the cheapest model's and the dearest's."""

PRICES_TRIED = 24


@dataclass(frozen=True)
class Ladder:
    """M models' answers to the same Q questions: `correct` `[Q, M]`, `answers` `[Q, M]` (equal numbers for equal answers, -1 for
    none),
    `cost` `[Q, M]`, and `features` `[Q, F]` of the questions. Models stand in the order of their mean cost."""

    models: tuple[str, ...]
    correct: Bools
    answers: Ints
    cost: Floats
    features: Floats

    @property
    def questions(self) -> int:
        """How many questions."""
        return len(self.correct)


def features_of(texts: Sequence[str]) -> Floats:
    """What a router sees of a question (`outlay.policies.wording`), scaled: `[Q, F]`."""
    table = columns_of(texts)
    spread = table.std(axis=0)
    scaled: Floats = (table - table.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return scaled


def route(ladder: Ladder, seed: int = 0, resamples: int = 2000) -> dict[str, Any]:
    """Accuracy at mean costs of every way of choosing a model, with intervals, and what an oracle would reach.

    Raises:
        UserError: a single model, or too few questions.
    """
    if len(ladder.models) < 2 or ladder.questions < 10 * FOLDS:
        raise UserError(
            f"Routing needs at least two models and {10 * FOLDS} questions that all of them answered; here are "
            f"{len(ladder.models)} models and {ladder.questions} questions."
        )
    means = ladder.cost.mean(axis=0)
    budgets = np.geomspace(means.min() * 1.05, means.max(), BUDGETS)
    ways = ("single", "mixture", "router", "cascade")
    accuracy = {way: np.zeros((ladder.questions, BUDGETS)) for way in ways}
    cost = {way: np.zeros((ladder.questions, BUDGETS)) for way in ways}
    fold = folds_of(ladder.questions, FOLDS, seed)
    for number in range(FOLDS):
        fit, own = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        told = predictions(ladder, fit, seed)
        for way, picked in {
            "single": _single(ladder, fit, own, budgets),
            "mixture": _mixture(ladder, fit, own, budgets),
            "router": _routed(ladder, told, fit, own, budgets),
            "cascade": _cascaded(ladder, told, fit, own, budgets),
        }.items():
            accuracy[way][own], cost[way][own] = picked
    options: dict[str, Any] = {"resamples": resamples, "seed": seed}
    found: dict[str, Any] = {
        "questions": ladder.questions,
        "models": {
            name: {
                "accuracy": as_points(interval(ladder.correct[:, m].astype(float), **options))[0],
                "cost": plain_cost(means[m]),
            }
            for m, name in enumerate(ladder.models)
        },
        "budgets": [plain_cost(b) for b in budgets],
        "ways": {},
        "oracle": _oracle(ladder, options),
    }
    for way in ways:
        entry = {
            "accuracy": as_points(interval(accuracy[way], **options)),
            "cost": [plain_cost(c) for c in cost[way].mean(axis=0)],
        }
        if way != "single":
            entry["gain_over_single"] = as_points(paired_difference(accuracy[way], accuracy["single"], **options))
        if way in ("router", "cascade"):
            entry["gain_over_mixture"] = as_points(paired_difference(accuracy[way], accuracy["mixture"], **options))
        found["ways"][way] = entry
    found["to_match_the_best"] = {way: _to_match(ladder, accuracy[way], cost[way], options) for way in ways[1:]}
    return found


def plain_cost(value: float) -> float:
    """A cost with four significant digits."""
    return float(f"{value:.4g}")


def predictions(ladder: Ladder, fit: Ints, seed: int, ridge: float = 30.0) -> Floats:
    """P(each model is right) of every question `[Q, M]`, by logistic regression on the questions that fit.

    For those themselves it is cross-fitted, so that what is fitted on top of it sees it as it is elsewhere.
    """
    found = np.zeros(ladder.correct.shape)
    inner = np.random.default_rng([seed, 0x5071]).permutation(fit.size) % FOLDS
    outside = np.setdiff1d(np.arange(ladder.questions), fit)
    parts = [(fit, outside), *((fit[inner != k], fit[inner == k]) for k in range(FOLDS))]
    for learn, tell in parts:
        for m in range(len(ladder.models)):
            found[tell, m] = _logistic(ladder.features[learn], ladder.correct[learn, m], ladder.features[tell], ridge)
    return found


def _logistic(x: Floats, y: Bools, at: Floats, ridge: float) -> Floats:
    """P(right) elsewhere, by ridge logistic regression."""
    weights, intercept = logistic(x, y.astype(np.float64), ridge)
    told: Floats = 1 / (1 + np.exp(-np.clip(at @ weights + intercept, -30, 30)))
    return told


def _single(ladder: Ladder, fit: Ints, own: Ints, budgets: Floats) -> tuple[Floats, Floats]:
    """The model that is best on the fitting questions among those whose mean cost fits."""
    cost, right = ladder.cost[fit].mean(axis=0), ladder.correct[fit].mean(axis=0)
    picked = [int(np.argmax(np.where(cost <= b * (1 + 1e-9), right, -1.0))) for b in budgets]
    picked = [m if cost[m] <= b * (1 + 1e-9) else int(np.argmin(cost)) for m, b in zip(picked, budgets, strict=True)]
    return ladder.correct[np.ix_(own, np.array(picked))].astype(float), ladder.cost[np.ix_(own, np.array(picked))]


def _mixture(ladder: Ladder, fit: Ints, own: Ints, budgets: Floats) -> tuple[Floats, Floats]:
    """Two neighbours on the concave hull of accuracy over cost, by lot (the expectation over lots)."""
    cost, right = ladder.cost[fit].mean(axis=0), ladder.correct[fit].mean(axis=0)
    hull = concave(cost, right)
    accuracy, paid = np.zeros((own.size, budgets.size)), np.zeros((own.size, budgets.size))
    for column, budget in enumerate(budgets):
        place = max((i for i, m in enumerate(hull) if cost[m] <= budget * (1 + 1e-9)), default=0)
        low = hull[place]
        high = hull[min(place + 1, hull.size - 1)]
        share = 0.0 if high == low else float(np.clip((budget - cost[low]) / (cost[high] - cost[low]), 0, 1))
        accuracy[:, column] = (1 - share) * ladder.correct[own, low] + share * ladder.correct[own, high]
        paid[:, column] = (1 - share) * ladder.cost[own, low] + share * ladder.cost[own, high]
    return accuracy, paid


def _routed(ladder: Ladder, told: Floats, fit: Ints, own: Ints, budgets: Floats) -> tuple[Floats, Floats]:
    """The model with the most P(right) less price times its mean cost; the price by the fitting questions' mean cost."""
    cost = ladder.cost[fit].mean(axis=0)
    prices = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 4 * PRICES_TRIED) / cost.mean()])
    picks = [np.argmax(told - price * cost, axis=1) for price in prices]
    paid = np.array([ladder.cost[fit, pick[fit]].mean() for pick in picks])
    right = np.array([ladder.correct[fit, pick[fit]].mean() for pick in picks])
    chosen = []
    for budget in budgets:
        fits = paid <= budget * (1 + 1e-9)
        place = int(np.argmax(np.where(fits, right, -1.0))) if fits.any() else int(np.argmin(paid))
        chosen.append(picks[place][own])
    pick = np.stack(chosen, axis=1)
    rows = own[:, None]
    return ladder.correct[rows, pick].astype(float), ladder.cost[rows, pick]


def _cascaded(ladder: Ladder, told: Floats, fit: Ints, own: Ints, budgets: Floats) -> tuple[Floats, Floats]:
    """The best chain and price on the fitting questions, at each budget."""
    tried: list[tuple[tuple[int, ...], Walk, float, float]] = []
    scale = float(ladder.cost[fit].mean(axis=0).max())
    for length in range(1, LONGEST_CHAIN + 1):
        for chain in combinations(range(len(ladder.models)), length):
            rows = along(ladder, told, chain, fit)
            names = [name for name in rows.signals if length == 1 or np.ptp(rows.signals[name]) > 0]
            fitted = Fitting(rows, names, ridge=5.0)
            for price in np.geomspace(10.0, 1e-3, PRICES_TRIED) / scale if length > 1 else [0.0]:
                walk, cost = fitted.at(float(price))
                tried.append((chain, walk, cost, float(walk.end(rows).credit(rows).mean())))
    paid, right = np.array([one[2] for one in tried]), np.array([one[3] for one in tried])
    accuracy, spent = np.zeros((own.size, budgets.size)), np.zeros((own.size, budgets.size))
    for column, budget in enumerate(budgets):
        fits = paid <= budget * (1 + 1e-9)
        place = int(np.argmax(np.where(fits, right, -1.0))) if fits.any() else int(np.argmin(paid))
        chain, walk, _, _ = tried[place]
        rows = along(ladder, told, chain, own)
        ended = walk.end(rows)
        accuracy[:, column], spent[:, column] = ended.credit(rows), ended.cost(rows)
    return accuracy, spent


def along(ladder: Ladder, told: Floats, chain: Sequence[int], rows: Ints) -> Prefixes:
    """A chain of models as stages: after t models the last one's answer would be given.

    Signals: whether it answered, how many earlier answers are the same, how long it is, and P(right) of it and of the next by the
    router.
    """
    at = np.ix_(rows, np.array(chain))
    answers, cost = ladder.answers[at], ladder.cost[at]
    usual = ladder.cost[:, list(chain)].mean(axis=0)
    count = len(chain)
    same = np.zeros(answers.shape)
    for t in range(1, count):
        alike: Bools = (answers[:, :t] == answers[:, t : t + 1]) & (answers[:, t : t + 1] >= 0)
        same[:, t] = alike.mean(axis=1)
    own = told[at]
    following = np.column_stack([own[:, 1:], own[:, -1:]])
    nothing = np.zeros((rows.size, 0))
    return Prefixes(
        tuple(range(1, count + 1)),
        np.arange(rows.size),
        {
            "answered": (answers >= 0).astype(float),
            "agreement": same,
            "length": np.log(np.maximum(cost / usual, 1e-6)),
            "own": own,
            "gain": following - own,
        },
        ladder.correct[at].astype(float),
        np.cumsum(cost, axis=1),
        nothing,
        nothing,
    )


def _oracle(ladder: Ladder, options: Mapping[str, Any]) -> dict[str, Any]:
    """The cheapest model that is right, and the cheapest of all where none is."""
    some: Bools = np.asarray(ladder.correct.any(axis=1))
    dear = np.where(ladder.correct, ladder.cost, np.inf)
    paid = np.where(some, np.where(some[:, None], dear, 0.0).min(axis=1), ladder.cost.min(axis=1))
    return {
        "accuracy": as_points(interval(some.astype(float), **options))[0],
        "cost": plain_cost(float(paid.mean())),
    }


def _to_match(ladder: Ladder, accuracy: Floats, cost: Floats, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """The least budget at which it cannot be told from the best single model, and what share of that model's cost it is."""
    best = int(ladder.correct.mean(axis=0).argmax())
    own = ladder.correct[:, best].astype(float)
    lead = paired_difference(accuracy, own[:, None], **options)
    for column in range(accuracy.shape[1]):
        if lead.high[column] >= 0:
            return {
                "accuracy": as_points(interval(accuracy[:, column], **options))[0],
                "difference": as_points(lead)[column],
                "cost": plain_cost(float(cost[:, column].mean())),
                "share_of_its_cost": plain(cost[:, column].mean() / ladder.cost[:, best].mean()),
            }
    return None
