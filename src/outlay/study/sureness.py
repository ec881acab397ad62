"""What a policy's answers looked like when they were given: from which a calibrated confidence is fitted and a reference for drift
is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from outlay.errors import UserError
from outlay.policies import PerBinPolicy
from outlay.policies.fit_sequence import followed
from outlay.promises import Confidence, Drawn, Reference
from outlay.promises.confidence import Selection, chosen_class, nothing_drawn, only
from outlay.promises.fitting_confidence import MOST_KNOTS, evaluate, fit
from outlay.study.measure import budgets_up_to
from outlay.study.options import Option, best_method, samples_under
from outlay.study.pools import Floats, Ints, Pool
from outlay.study.replays import PlanReplay, method_of, score_map, told_before
from outlay.study.runs import Recorded

SELECTIONS: dict[str, Selection] = {"majority": "majority", "weighted": "weighted", "best_of_n": "best_of_n"}
"""The methods of a pool whose answers can be followed sample by sample; a search's cannot."""
FITTING_ORDERS = 4
"""Orders of each question's samples that a confidence is fitted to, at every number of samples."""


SAMPLES, SEARCH = "", "search"
"""Who gave an answer: one of the samples carries it, or a search of the own model; else it is another model's name."""


@dataclass(frozen=True, eq=False)
class Answered:
    """R answers as they were given: what had been drawn, whether right (a share, where a class is mixed), the question's row, and
    who gave it. Where a search or another model did, what had been drawn is what was there before.
    """

    drawn: Drawn
    right: Floats
    question: Ints
    by: np.ndarray

    def on(self, rows: np.ndarray) -> Answered:
        """These answers alone (indices or a mask)."""
        return Answered(only(self.drawn, rows), self.right[rows], self.question[rows], self.by[rows])


@dataclass(frozen=True, eq=False)
class Ends:
    """How one order of every question's samples ends: `[Q]` each."""

    counts: Ints
    methods: list[str]
    by: list[str]
    right: Floats
    cost: Floats


@dataclass(frozen=True, eq=False)
class Sureness:
    """Confidences of a policy's answers: chosen among samples, given by a search, and by other models."""

    sampled: Confidence | None
    searched: Confidence | None
    handed: Mapping[str, Confidence] = field(default_factory=dict)


def after(
    pool: Pool, order: Ints, rows: Ints, count: int, selection: Selection, difficulty: Floats | None = None
) -> Answered:
    """The answers to these questions after `count` samples in this order, chosen by the selection rule; ties to the first."""
    told = None if difficulty is None else difficulty[rows]
    nobody = np.full(rows.size, SAMPLES, dtype=object)
    if count == 0:
        drawn = nothing_drawn(rows.size, told, scored=pool.probabilities is not None and pool.scores is not None)
        return Answered(drawn, np.zeros(rows.size), rows, nobody)
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
    drawn = Drawn(answers, scores, np.full(rows.size, count), chosen, told)
    return Answered(drawn, credit.astype(np.float64), rows, nobody)


def at_the_end(
    pool: Pool, order: Ints, option: Option, found: Recorded, lots: Floats | None = None
) -> tuple[Answered, Floats]:
    """The answers that the option gives to every question in this order, by question, and what each cost.

    `lots` `[Q]` part the bins of a policy across questions; drawn here where they are not given.
    """
    ends = _ends(pool, order, option, found, lots_of(pool, 0) if lots is None else lots)
    told = difficulty_of(option, found)
    parts = []
    for count, method, by in sorted(set(zip(ends.counts.tolist(), ends.methods, ends.by, strict=True))):
        rows = np.flatnonzero((ends.counts == count) & (np.array(ends.methods) == method) & (np.array(ends.by) == by))
        one = after(pool, order, rows, int(count), SELECTIONS.get(method, SELECTIONS[str(best_method(pool))]), told)
        if by != SAMPLES:
            one = replace(one, right=ends.right[rows], by=np.full(rows.size, by, dtype=object))
        parts.append(one)
    joined = together(parts)
    return joined.on(np.argsort(joined.question, kind="stable")), ends.cost


def lots_of(pool: Pool, number: int, seed: int = 0) -> Floats:
    """Lots of the questions in the order of this number: `[Q]`."""
    lots: Floats = np.random.default_rng([seed, number, 0x10757]).random(len(pool.questions))
    return lots


def difficulty_of(option: Option, found: Recorded) -> Floats | None:
    """What the option's policy knows of each question before anything is drawn: `[Q]`, or None."""
    return told_before(option.policy, found) if isinstance(option.policy, PerBinPolicy) else None


def _ends(pool: Pool, order: Ints, option: Option, found: Recorded, lots: Floats) -> Ends:
    """How the option ends each question in this order."""
    policy = option.policy
    if not isinstance(policy, PerBinPolicy):
        rows, ended = followed(policy, samples_under(found, pool, policy), order[None])
        switched = [policy.switching[place].model if place >= 0 else None for place in ended.switched]
        return Ends(
            np.array(rows.stages)[ended.stage],
            [str(option.select)] * len(pool.questions),
            [SAMPLES if one is None else SEARCH if one == policy.model else one for one in switched],
            ended.credit(rows),
            ended.cost(rows),
        )
    assert option.plan is not None
    right, cost, choices = PlanReplay(pool, policy, [option.plan], found).followed(0, order, lots)
    pilot = policy.difficulty.samples if len(option.plan.choices) > 1 else 0
    plain = [one.model is None and method_of(one) in SELECTIONS for one in choices]
    return Ends(
        np.array([one.generations if own else pilot for one, own in zip(choices, plain, strict=True)]),
        [method_of(one) for one in choices],
        [SAMPLES if own else one.model or SEARCH for one, own in zip(choices, plain, strict=True)],
        right,
        cost,
    )


def together(parts: Sequence[Answered]) -> Answered:
    """All these answers, the shorter ones filled up with samples that were not drawn."""
    width = max(part.drawn.answers.shape[1] for part in parts)

    def filled(array: np.ndarray, value: float) -> np.ndarray:
        return np.pad(array, ((0, 0), (0, width - array.shape[1])), constant_values=value)

    scored = all(part.drawn.scores is not None for part in parts)
    scores = [filled(part.drawn.scores, np.nan) for part in parts if part.drawn.scores is not None] if scored else None
    told = [part.drawn.difficulty for part in parts if part.drawn.difficulty is not None]
    return Answered(
        Drawn(
            np.concatenate([filled(part.drawn.answers, -1) for part in parts]),
            None if scores is None else np.concatenate(scores),
            np.concatenate([part.drawn.drawn for part in parts]),
            np.concatenate([part.drawn.chosen for part in parts]),
            np.concatenate(told) if told else None,
        ),
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.question for part in parts]),
        np.concatenate([part.by for part in parts]),
    )


def confidences_of(
    pool: Pool, orders: Sequence[Ints], option: Option, found: Recorded, learn: Ints, seed: int = 0
) -> Sureness:
    """Confidences for the answers that the option chooses among samples, for those that its searches give, and other models'.

    The first is fitted to all questions at 1, 2, 4, ... samples and at the option's end in four orders, so that it also holds for
    answers that are given earlier (a deadline, a smaller budget); the others read what was drawn before. Their quality is that of
    the option's answers in the first order, on questions that the fit did not see. None where there are no such answers, or too
    few, or all are alike.
    """
    ends = [
        at_the_end(pool, order, option, found, lots_of(pool, number, seed))[0]
        for number, order in enumerate(orders[:FITTING_ORDERS])
    ]
    every, usual = np.arange(len(pool.questions)), SELECTIONS[str(best_method(pool))]
    selection = SELECTIONS.get(str(option.select) if option.plan is None else method_of(option.plan.choices[-1]), usual)
    by = {str(one) for end in ends for one in end.by} - {SAMPLES}
    plain = [end.on(end.by == SAMPLES) for end in ends]
    largest = max((int(one.drawn.drawn.max()) for one in plain if one.question.size), default=pool.size)
    told = difficulty_of(option, found)
    earlier = [
        after(pool, order, every, k, selection, told)
        for order in orders[:FITTING_ORDERS]
        for k in budgets_up_to(largest)
    ]
    given = {name: [end.on(end.by == name) for end in ends] for name in by}
    sure = {name: _fitted(parts, parts, pool, learn, usual, seed, carried=False) for name, parts in given.items()}
    return Sureness(
        _fitted([*plain, *earlier], plain, pool, learn, selection, seed),
        sure.pop(SEARCH, None),
        {name: judge for name, judge in sorted(sure.items()) if judge is not None},
    )


def _fitted(
    parts: Sequence[Answered],
    ends: Sequence[Answered],
    pool: Pool,
    learn: Ints,
    selection: Selection,
    seed: int,
    *,
    carried: bool = True,
) -> Confidence | None:
    """Fitted to all parts; measured on the first of them if it is an end, else told without its quality."""
    if not parts or not sum(part.question.size for part in parts):
        return None
    rows = together(parts)
    counted = np.zeros(rows.right.size, dtype=np.bool_)
    counted[: ends[0].question.size if ends else 0] = True
    try:
        fitted = fit(rows.drawn, rows.right, rows.question, selection, seed, carried=carried)
        quality = None
        if counted.any():
            quality = evaluate(
                rows.drawn, rows.right, rows.question, selection, counted=counted, seed=seed, carried=carried
            )
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
    end, cost = at_the_end(pool, order, option, found)
    told = {"cost": cost}
    number, width = end.drawn.drawn, end.drawn.answers.shape[1]
    if pool.answers is not None:
        counts = np.stack(
            [(end.drawn.answers == kind).sum(axis=1) for kind in range(int(pool.answers.max(initial=0)) + 1)]
        )
        told["agreement"] = np.where(number > 1, counts.max(axis=0) / np.maximum(number, 1), np.nan)
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
