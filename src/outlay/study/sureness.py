"""What a policy's answers looked like when they were given: from which a calibrated confidence is fitted and a reference for drift
is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from outlay.errors import UserError
from outlay.policies import PerBinPolicy
from outlay.policies.fit_sequence import replay
from outlay.promises import Confidence, Drawn, Reference
from outlay.promises.confidence import Selection, chosen_class
from outlay.promises.fitting_confidence import MOST_KNOTS, evaluate, fit
from outlay.study.measure import budgets_up_to, in_order
from outlay.study.options import Option, best_method, replay_options, samples_for
from outlay.study.pools import Bools, Floats, Ints, Pool
from outlay.study.replays import bins_of, method_of, score_map
from outlay.study.runs import Recorded

SELECTIONS: dict[str, Selection] = {"majority": "majority", "weighted": "weighted", "best_of_n": "best_of_n"}
"""The methods of a pool whose answers can be followed sample by sample; a search's cannot."""
FITTING_ORDERS = 4
"""Orders of each question's samples that a confidence is fitted to, at every number of samples."""


@dataclass(frozen=True, eq=False)
class Answered:
    """R answers as they were given: what had been drawn, whether right (a share, where a class is mixed), and the question's
    row. Where a search gave the answer (`searched`), what had been drawn is its pilot.
    """

    drawn: Drawn
    right: Floats
    question: Ints
    searched: Bools


def after(pool: Pool, order: Ints, rows: Ints, count: int, selection: Selection) -> Answered:
    """The answers to these questions after `count` samples in this order, chosen by the selection rule; ties to the first."""
    at = order[rows][:, :count]
    right = np.take_along_axis(pool.correct[rows], at, axis=1)
    answers = at.copy() if pool.answers is None else np.take_along_axis(pool.answers[rows], at, axis=1)
    scores = None
    if pool.probabilities is not None and pool.scores is not None:
        given = np.take_along_axis(pool.scores[rows], at, axis=1)
        scores = np.where(np.isfinite(given), np.take_along_axis(pool.probabilities[rows], at, axis=1), np.nan)
    chosen = chosen_class(answers, scores, selection)
    same = (answers == chosen[:, None]) & (chosen >= 0)[:, None]
    if selection == "best_of_n" and scores is not None:
        best = np.where(same & np.isfinite(scores), scores, -np.inf).argmax(axis=1)
        credit = np.where(chosen >= 0, right[np.arange(rows.size), best], 0.0)
    else:
        credit = (same & right).sum(axis=1) / np.maximum(same.sum(axis=1), 1)
    return Answered(
        Drawn(answers, scores, np.full(rows.size, count), chosen),
        credit.astype(np.float64),
        rows,
        np.zeros(rows.size, dtype=np.bool_),
    )


def at_the_end(pool: Pool, order: Ints, option: Option, found: Recorded, *, partly: bool = False) -> Answered | None:
    """The answers that the option gives to every question in this order, by question; None where they cannot be followed.

    With `partly` those are left out that a search gives before any sample is drawn (a probe tells difficulty without any).
    """
    counts, methods = _followed(pool, order, option, found)
    if counts.max() < 1 or (counts.min() < 1 and not partly):
        return None
    correct, _ = replay_options(pool, [option], [order], found)
    parts = []
    for count, method in sorted({pair for pair in zip(counts.tolist(), methods, strict=True) if pair[0] > 0}):
        rows = np.flatnonzero((counts == count) & (np.array(methods) == method))
        searched = method not in SELECTIONS
        one = after(pool, order, rows, int(count), SELECTIONS[str(best_method(pool)) if searched else method])
        if searched:
            one = replace(one, right=correct[rows, 0], searched=np.ones(rows.size, dtype=np.bool_))
        parts.append(one)
    joined = together(parts)
    return taken(joined, np.argsort(joined.question, kind="stable"))


def _followed(pool: Pool, order: Ints, option: Option, found: Recorded) -> tuple[Ints, list[str]]:
    """How many plain samples the option draws for each question in this order, and what chooses the answer: a method, or a
    search.
    """
    if not isinstance(option.policy, PerBinPolicy):
        method = str(option.select)
        _, spent = replay(option.policy, samples_for(found, pool, method), order[None])
        return np.rint(spent[:, 0]).astype(np.int64), [method] * len(pool.questions)
    assert option.plan is not None
    choices, policy = option.plan.choices, option.policy
    bins = np.zeros(len(pool.questions), dtype=np.int64)
    if len(choices) > 1:
        bins = bins_of(in_order(pool, order), policy)
    pilot = policy.difficulty.samples if len(choices) > 1 else 0
    drawn = [one.generations if method_of(one) in SELECTIONS else pilot for one in choices]
    return np.array(drawn, dtype=np.int64)[bins], [method_of(choices[place]) for place in bins]


def together(parts: Sequence[Answered]) -> Answered:
    """All these answers, the shorter ones filled up with samples that were not drawn."""
    width = max(part.drawn.answers.shape[1] for part in parts)

    def filled(array: np.ndarray, value: float) -> np.ndarray:
        return np.pad(array, ((0, 0), (0, width - array.shape[1])), constant_values=value)

    scored = all(part.drawn.scores is not None for part in parts)
    scores = [filled(part.drawn.scores, np.nan) for part in parts if part.drawn.scores is not None] if scored else None
    return Answered(
        Drawn(
            np.concatenate([filled(part.drawn.answers, -1) for part in parts]),
            None if scores is None else np.concatenate(scores),
            np.concatenate([part.drawn.drawn for part in parts]),
            np.concatenate([part.drawn.chosen for part in parts]),
        ),
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.question for part in parts]),
        np.concatenate([part.searched for part in parts]),
    )


def taken(answered: Answered, rows: Ints | Bools) -> Answered:
    """These answers alone."""
    d = answered.drawn
    scores = None if d.scores is None else d.scores[rows]
    drawn = Drawn(d.answers[rows], scores, d.drawn[rows], d.chosen[rows])
    return Answered(drawn, answered.right[rows], answered.question[rows], answered.searched[rows])


def confidences_of(
    pool: Pool, orders: Sequence[Ints], option: Option, found: Recorded, learn: Ints, seed: int = 0
) -> tuple[Confidence | None, Confidence | None]:
    """A confidence for the answers that the option chooses among samples, and one for those that its searches give.

    The first is fitted to all questions at 1, 2, 4, ... samples and at the option's end in four orders, so that it also holds for
    answers that are given earlier (a deadline, a smaller budget); the second reads the pilot. Their quality is that of the option's
    answers in the first order, on questions that the fit did not see. None where there are no such answers, or too few, or all
    are alike.
    """
    told = [at_the_end(pool, order, option, found, partly=True) for order in orders[:FITTING_ORDERS]]
    ends = [end for end in told if end is not None]
    every = np.arange(len(pool.questions))
    selection = SELECTIONS.get(str(option.select) if option.plan is None else method_of(option.plan.choices[-1]))
    selection = selection or SELECTIONS[str(best_method(pool))]
    plain = [taken(end, ~end.searched) for end in ends]
    largest = max((int(one.drawn.drawn.max()) for one in plain if one.question.size), default=pool.size)
    earlier = [
        after(pool, order, every, k, selection) for order in orders[:FITTING_ORDERS] for k in budgets_up_to(largest)
    ]
    by_search = [taken(end, end.searched) for end in ends]
    return (
        _fitted([*plain, *earlier], plain, pool, learn, selection, seed),
        _fitted(by_search, by_search, pool, learn, SELECTIONS[str(best_method(pool))], seed),
    )


def _fitted(
    parts: Sequence[Answered], ends: Sequence[Answered], pool: Pool, learn: Ints, selection: Selection, seed: int
) -> Confidence | None:
    """Fitted to all parts; measured on the first of them if it is an end, else told without its quality."""
    if not parts or not sum(part.question.size for part in parts):
        return None
    rows = together(parts)
    counted = np.zeros(rows.right.size, dtype=np.bool_)
    counted[: ends[0].question.size if ends else 0] = True
    try:
        fitted = fit(rows.drawn, rows.right, rows.question, selection, seed)
        quality = None
        if counted.any():
            quality = evaluate(rows.drawn, rows.right, rows.question, selection, counted=counted, seed=seed)
    except UserError:
        return None
    knots, values = _map_of(pool, learn)
    return fitted.model_copy(update={"reliability": quality, "score_knots": knots, "score_values": values})


def reference_of(pool: Pool, order: Ints, option: Option, found: Recorded, learn: Ints, test: Ints) -> Reference:
    """What the option's answered questions look like: edges from the learning questions, counts from the tested ones."""
    known = statistics_of(pool, order, option, found)
    split = [{name: _known(values[rows]) for name, values in known.items()} for rows in (learn, test)]
    usable = [name for name in known if all(len(side[name]) > 0 for side in split)]
    learned, tested = ({name: side[name] for name in usable} for side in split)
    return Reference.of(learned, tested, about=option.name)


def statistics_of(pool: Pool, order: Ints, option: Option, found: Recorded) -> dict[str, Floats]:
    """`outlay.promises.statistics` of every question's samples in this order `[Q]`, NaN where one is not known."""
    _, cost = replay_options(pool, [option], [order], found)
    told = {"cost": cost[:, 0]}
    end = at_the_end(pool, order, option, found)
    if end is None:
        return told
    number, width = end.drawn.drawn, end.drawn.answers.shape[1]
    if pool.answers is not None:
        counts = np.stack(
            [(end.drawn.answers == kind).sum(axis=1) for kind in range(int(pool.answers.max(initial=0)) + 1)]
        )
        told["agreement"] = np.where(number > 1, counts.max(axis=0) / number, np.nan)
    if pool.scores is not None:
        raw = np.take_along_axis(pool.scores, order[:, :width], axis=1)
        drawn = np.isfinite(raw) & (np.arange(width)[None, :] < number[:, None])
        best = np.where(drawn, raw, -np.inf).max(axis=1)
        told["score"] = np.where(np.isfinite(best), best, np.nan)
    return told


def _known(values: Floats) -> list[float]:
    return [float(value) for value in values if np.isfinite(value)]


def _map_of(pool: Pool, learn: Ints) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The map from scores to probabilities as knots and values; empty where scores are probabilities."""
    mapped = score_map(pool, learn)
    if mapped is None:
        return (), ()
    knots, values = np.column_stack([mapped.lower, mapped.upper]).ravel(), np.repeat(mapped.value, 2)
    kept = np.unique(np.linspace(0, knots.size - 1, min(knots.size, MOST_KNOTS)).round().astype(np.int64))
    return tuple(float(k) for k in knots[kept]), tuple(float(v) for v in values[kept])
