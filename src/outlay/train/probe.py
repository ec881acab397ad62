"""Training a probe on one's own traces, and what it is worth on questions that it has not seen.

Features are read once. A probe of solutions learns, at the end of each step or of the last one alone, whether the solution ended
right; a probe of difficulty learns the share of right solutions from the question alone. When to stop is decided on validation
questions; every figure in the card is of the test questions, beside what costs nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outlay.curves.intervals import interval
from outlay.curves.quality import Estimate, auc, auc_by_question, auc_within_question, brier
from outlay.difficulty import Bins, agreement, consensus, shuffled
from outlay.errors import UserError
from outlay.models.hf.reading import Text
from outlay.train.config import ProbeConfig
from outlay.train.data import PARTS, Graded, dealt, graded_in, rectangle
from outlay.train.fitting import Fitted, Rows, fit
from outlay.types import Score
from outlay.verifiers.agreement import shares
from outlay.verifiers.logprob import confidence
from outlay.verifiers.probes.difficulty import question_features
from outlay.verifiers.probes.features import Embeddings, States, features_of
from outlay.verifiers.probes.folder import Probe, digest_of, save_probe
from outlay.verifiers.probes.head import Array, Head

LEAST_QUESTIONS = 10
"""Training and test questions without which nothing can be learnt or said."""
TOGETHER = 512
PILOT = 4
"""Samples of the pilot that a difficulty probe is compared with."""
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Trained:
    """A probe, and its folder's model card."""

    probe: Probe
    readme: str


def train_probe(config: ProbeConfig, log: Callable[[str], None] = lambda line: None) -> Trained:
    """Train and measure; nothing is written (`save_probe` does).

    Raises UserError for traces that cannot be learnt from, and for features that are none.
    """
    began = time.monotonic()
    graded = graded_in(config.traces, config.task, config.model)
    parts = dealt(graded, config.shares, config.seed)
    for part in ("training", "test"):
        if len(parts[part]) < LEAST_QUESTIONS:
            raise UserError(
                f"{config.traces} has {len(graded)} graded questions, which leaves {len(parts[part])} for {part}: at least "
                f"{LEAST_QUESTIONS} are needed there"
            )
    features = features_of(config.features, config.layer, config.parts)
    log(f"reading {sum(len(one.solutions) for one in graded):,} solutions of {len(graded):,} questions")
    made = _of_solutions if config.target == "solutions" else _of_difficulty
    head, fitted, figures = made(config, parts, features, log)
    about = {
        "head": {
            "hidden": config.hidden,
            "features": head.features,
            "parameters": head.parameters,
            "epoch": fitted.epoch,
        },
        "training": {
            "traces": config.traces.name,
            "questions": {part: len(parts[part]) for part in PARTS},
            "solutions": {part: sum(len(one.solutions) for one in parts[part]) for part in PARTS},
            **{name: getattr(config, name) for name in ("places", "epochs", "learning_rate", "weight_decay", "seed")},
            "shares": list(config.shares),
            "seconds": round(time.monotonic() - began, 1),
        },
        "test": figures,
    }
    learnt = frozenset(digest_of(one.question.text) for part in ("training", "validation") for one in parts[part])
    probe = Probe(head, config.features, config.layer, config.parts, config.target, about, learnt)
    return Trained(probe, readme(probe))


def write(config: ProbeConfig, trained: Trained) -> None:
    """Write the folder that the configuration names."""
    save_probe(config.out, trained.probe, trained.readme)


# ---- solutions


def _of_solutions(
    config: ProbeConfig, parts: dict[str, list[Graded]], features: States | Embeddings, log: Callable[[str], None]
) -> tuple[Head, Fitted, dict[str, Any]]:
    states = {part: solution_features(features, parts[part]) for part in PARTS}
    rows = {part: _rows(parts[part], states[part], config.places) for part in ("training", "validation") if parts[part]}
    if len({float(label) for label in rows["training"].labels}) < 2:
        raise UserError(
            f"all training solutions in {config.traces} have the same grade, so there is nothing to tell apart"
        )
    log(f"fitting {len(rows['training'].labels):,} rows of {rows['training'].features.shape[1]} features")
    fitted = _fitted(config, rows)
    scores = [
        np.array([float(fitted.head(one[-1:])[0]) if len(one) else np.nan for one in of_question])
        for of_question in states["test"]
    ]
    return fitted.head, fitted, solution_figures(parts["test"], scores)


def solution_features(features: States | Embeddings, graded: Sequence[Graded]) -> list[list[Array]]:
    """For each question and solution its features [steps, features] ([1, features] from embeddings); none where it does not fit."""
    if isinstance(features, Embeddings):
        return asyncio.run(_embedded(features, graded))
    texts, owners = [], []
    found: list[list[Array]] = [[np.zeros((0, 0), np.float32)] * len(one.solutions) for one in graded]
    for row, one in enumerate(graded):
        for column, solution in enumerate(one.solutions):
            if not solution.steps:
                continue
            laid = features.lay(one.question, solution)
            if len(laid.tokens) <= features.context:
                texts.append(Text(laid.tokens, laid.places, laid.start))
                owners.append((row, column))
    for start in range(0, len(texts), TOGETHER):
        states = features.states(texts[start : start + TOGETHER])
        for (row, column), one_text in zip(owners[start : start + TOGETHER], states, strict=True):
            found[row][column] = one_text
    return found


async def _embedded(features: Embeddings, graded: Sequence[Graded]) -> list[list[Array]]:
    texts = [Embeddings.text(one.question, solution) for one in graded for solution in one.solutions]
    try:
        vectors, _, _ = await features.vectors(texts)
    finally:
        await features.close()
    left = iter(vectors)
    return [[next(left)[None] for _ in one.solutions] for one in graded]


def _rows(graded: Sequence[Graded], states: Sequence[Sequence[Array]], places: str) -> Rows:
    """Rows to learn from: every solution counts alike, however many steps it has."""
    features, labels, weights = [], [], []
    for one, of_question in zip(graded, states, strict=True):
        for right, steps in zip(one.correct, of_question, strict=True):
            if len(steps):
                chosen = steps if places == "steps" else steps[-1:]
                features.append(chosen)
                labels += [float(right)] * len(chosen)
                weights += [1.0 / len(chosen)] * len(chosen)
    if not features:
        raise UserError("no solution fits the model that gives the features: name one with a longer context")
    return Rows(np.concatenate(features), np.array(labels, np.float32), np.array(weights, np.float32))


def solution_figures(graded: Sequence[Graded], scores: Sequence[NDArray[np.float64]]) -> dict[str, Any]:
    """What a verifier's scores of these questions' solutions are worth, beside the free ones."""
    correct, valid = rectangle([one.correct.astype(np.float64) for one in graded])
    right = correct > 0.5
    table, _ = rectangle([np.nan_to_num(one, nan=-np.inf) for one in scores])
    rated = valid & np.isfinite(table)
    table = np.where(rated, table, 0.0)
    told: dict[str, Any] = {
        "auc_within_question": _estimate(auc_within_question(right, table, valid=rated)),
        "auc": _estimate(auc(right, table, valid=rated)),
        "brier": _estimate(brier(right, table, valid=rated)),
        "questions": len(graded),
        "solutions": int(rated.sum()),
    }
    for name, free in (("logprob", _confidences(graded)), ("agreement", _agreements(graded))):
        if free is None:
            continue
        values, _ = rectangle(free)
        told[f"{name}_auc_within_question"] = _estimate(auc_within_question(right, values, valid=valid))
        told[f"gain_over_{name}"] = _paired(right, table, values, rated)
    return told


def _paired(
    right: NDArray[np.bool_], ours: NDArray[np.float64], theirs: NDArray[np.float64], valid: NDArray[np.bool_]
) -> dict[str, float]:
    """The difference of the AUCs within a question, over the questions that have both, resampled together."""
    difference = auc_by_question(right, ours, valid=valid) - auc_by_question(right, theirs, valid=valid)
    return _interval(difference[~np.isnan(difference)])


def _confidences(graded: Sequence[Graded]) -> list[NDArray[np.float64]] | None:
    rows = []
    for one in graded:
        given = [confidence(one.question, solution) for solution in one.solutions]
        if not all(given):
            return None
        rows.append(np.array([values[-1] for values in given]))
    return rows


def _agreements(graded: Sequence[Graded]) -> list[NDArray[np.float64]]:
    given = [shares(Score(one.question, one.solutions)) for one in graded]
    return [np.array([values[-1] if values else 0.0 for values in of_question]) for of_question in given]


# ---- difficulty


def _of_difficulty(
    config: ProbeConfig, parts: dict[str, list[Graded]], features: States | Embeddings, log: Callable[[str], None]
) -> tuple[Head, Fitted, dict[str, Any]]:
    rows = {
        part: Rows(
            question_features(features, [one.question for one in parts[part]]),
            np.array([one.correct.mean() for one in parts[part]], np.float32),
            np.ones(len(parts[part]), np.float32),
        )
        for part in PARTS
        if parts[part]
    }
    log(f"fitting {len(rows['training'].labels):,} questions of {rows['training'].features.shape[1]} features")
    fitted = _fitted(config, rows)
    seen = [*parts["training"], *parts["validation"]]
    seen_rows = [rows[part] for part in ("training", "validation") if part in rows]
    fit_values = np.concatenate([fitted.head(one.features) for one in seen_rows]).astype(np.float64)
    test_values = fitted.head(rows["test"].features).astype(np.float64)
    return (
        fitted.head,
        fitted,
        difficulty_figures(seen, fit_values, parts["test"], test_values, config.bins, config.seed),
    )


def difficulty_figures(
    seen: Sequence[Graded],
    seen_values: NDArray[np.float64],
    test: Sequence[Graded],
    test_values: NDArray[np.float64],
    bins: int,
    seed: int,
) -> dict[str, Any]:
    """Agreement of predicted with oracle bins on the test questions; all edges are fitted on the others.

    Beside it a pilot of the first samples (mean confidence, or consensus where none is told), which is compared with the oracle of
    the *other* samples, and the same prediction dealt to the wrong questions.
    """
    first = PILOT if min(len(one.solutions) for one in (*seen, *test)) > PILOT else 0
    rest = [np.array([one.correct[first:].mean()]) for one in (*seen, *test)]
    values = np.concatenate(rest)
    oracle_bins = Bins.fit(values[: len(seen)], bins)
    truth = oracle_bins.assign(values[len(seen) :])
    placed = Bins.fit(seen_values, bins).assign(test_values)
    told: dict[str, Any] = {
        "questions": len(test),
        "bins": oracle_bins.count,
        "agreement": _agreeing(placed, truth),
        "chance": round(agreement(placed, truth, max(bins, oracle_bins.count)).chance, 4),
        "shuffled_agreement": _agreeing(Bins.fit(seen_values, bins).assign(shuffled(test_values, seed)), truth),
        "precision": [None if np.isnan(p) else round(float(p), 4) for p in agreement(placed, truth, bins).precision],
        "correlation": _correlation(test_values, values[len(seen) :], seed),
    }
    if first:
        pilot = [_pilot_value(one, first) for one in (*seen, *test)]
        piloted = Bins.fit(pilot[: len(seen)], bins).assign(pilot[len(seen) :])
        told[f"pilot_of_{first}_agreement"] = _agreeing(piloted, truth)
        told["gain_over_pilot"] = _interval((placed == truth).astype(np.float64) - (piloted == truth))
    return told


def _pilot_value(one: Graded, first: int) -> float:
    """What the first samples say without a grade: their mean confidence, or the share of the commonest answer."""
    given = [confidence(one.question, solution) for solution in one.solutions[:first]]
    if all(given):
        return float(np.mean([values[-1] for values in given]))
    known = sorted({solution.answer for solution in one.solutions[:first] if solution.answer is not None})
    answers = [known.index(s.answer) if s.answer is not None else -1 for s in one.solutions[:first]]
    return float(consensus([answers])[0])


def _agreeing(placed: NDArray[np.int64], truth: NDArray[np.int64]) -> dict[str, float]:
    return _interval((placed == truth).astype(np.float64))


def _correlation(values: NDArray[np.float64], truth: NDArray[np.float64], seed: int) -> dict[str, float]:
    """Spearman's rank correlation with an interval over questions."""
    generator = np.random.default_rng([seed, 0xC0])
    draws = [
        _spearman(values[rows], truth[rows])
        for rows in (generator.integers(0, len(values), len(values)) for _ in range(RESAMPLES // 4))
    ]
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return {"value": _rounded(_spearman(values, truth)), "low": _rounded(low), "high": _rounded(high)}


def _spearman(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    ranks = [np.unique(values, return_inverse=True, return_counts=True) for values in (one, other)]
    means = [(np.cumsum(counts) - (counts - 1) / 2)[inverse] for _, inverse, counts in ranks]
    if min(float(values.std()) for values in means) == 0:
        return 0.0
    return float(np.corrcoef(means[0], means[1])[0, 1])


# ---- both


def _fitted(config: ProbeConfig, rows: dict[str, Rows]) -> Fitted:
    return fit(
        rows["training"],
        rows.get("validation"),
        hidden=config.hidden,
        epochs=config.epochs,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        seed=config.seed,
    )


def _estimate(found: Estimate) -> dict[str, float | None]:
    return {name: _rounded(getattr(found, name)) for name in ("value", "low", "high")} | {"questions": found.questions}


def _interval(values: NDArray[np.float64]) -> dict[str, float]:
    if not len(values):
        return {"value": float("nan"), "low": float("nan"), "high": float("nan")}
    found = interval(values[:, None], resamples=RESAMPLES)
    return {
        "value": _rounded(found.mean[0]),
        "low": _rounded(found.low[0]),
        "high": _rounded(found.high[0]),
    }


def _rounded(value: Any) -> Any:
    return None if np.isnan(value) else round(float(value), 4)


def readme(probe: Probe) -> str:
    """The folder's model card."""
    test, training = probe.about["test"], probe.about["training"]
    kind = "an MLP" if probe.about["head"]["hidden"] else "logistic"
    lines = [
        "# A probe made by `outlay train probe`",
        "",
        f"Looks at: `{probe.features}` (layer {probe.layer}; {', '.join(probe.parts)}), {probe.head.features} features. "
        f"Target: {probe.target}. Head: {kind}, {probe.head.parameters:,} parameters.",
        f"Trained on {training['questions']['training']:,} questions of `{training['traces']}`; stopped by "
        f"{training['questions']['validation']:,} others; measured on {test['questions']:,} that neither has seen:",
        "",
        "| figure | value | interval (95%, over questions) |",
        "|---|---|---|",
    ]
    for name, found in test.items():
        if isinstance(found, dict):
            lines.append(f"| {name.replace('_', ' ')} | {found['value']} | {found['low']} to {found['high']} |")
    use = "`probe:FOLDER` as a verifier" if probe.target == "solutions" else "`difficulty: probe:FOLDER` in a study"
    return "\n".join(
        [*lines, "", f"Use: {use}. Valid for the model that gives its features, on questions like those above.", ""]
    )
