"""Small random pools, and the estimators' definitions by enumeration of all k-subsets."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from hypothesis import strategies as st


@st.composite
def pools(draw, largest=8, score_levels=4):
    """One question: (correct, answers, scores) with ties, missing answers and classes of mixed correctness."""
    n = draw(st.integers(1, largest))
    correct = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    answers = np.array(draw(st.lists(st.integers(-1, 4), min_size=n, max_size=n)))
    levels = draw(st.lists(st.integers(0, score_levels), min_size=n, max_size=n))
    return correct, answers, np.array(levels) / score_levels


def by_enumeration(n: int, k: int, credit: Callable[[list[int]], float]) -> float:
    """The mean credit over all k-subsets of n samples."""
    return float(np.mean([credit(list(subset)) for subset in combinations(range(n), k)]))


def best_credit(correct, scores):
    """Highest score wins, ties shared."""

    def credit(subset):
        top = max(scores[i] for i in subset)
        return np.mean([correct[i] for i in subset if scores[i] == top])

    return credit


def vote_credit(correct, answers, worth):
    """The class with the largest worth(members of the subset) wins, ties shared; no answer wins only alone."""
    mean = {a: np.mean([c for c, b in zip(correct, answers, strict=True) if b == a]) for a in set(answers.tolist())}

    def credit(subset):
        drawn = {answers[i] for i in subset if answers[i] >= 0}
        if not drawn:
            return mean[-1]
        worths = {a: worth([i for i in subset if answers[i] == a]) for a in drawn}
        return np.mean([mean[a] for a in drawn if abs(worths[a] - max(worths.values())) < 1e-9])

    return credit
