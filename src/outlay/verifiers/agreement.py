"""Agreement: the share of the candidates of a request that give the same answer (self-consistency as a score).

Wang et al., arXiv 2203.11171. Best-of-N by it is majority. Scored one at a time a solution agrees with itself alone, so the
candidates have to come in one request, as selection strategies and `outlay verify` send them; a search that scores its beams
by it would count beams, not answers, and solutions without an answer have no score.
"""

from __future__ import annotations

from collections import Counter

from outlay.types import Score, StepScores
from outlay.verifiers.immediate import AtOnce


def shares(request: Score) -> list[StepScores]:
    """For each solution the share of all solutions of the request that have its answer; `()` without an answer.

    >>> from outlay.types import Question, Solution
    >>> shares(Score(Question("q", "q"), tuple(Solution(answer=a) for a in ("4", "4", "5", None))))
    [(0.5,), (0.5,), (0.25,), ()]
    """
    votes = Counter(solution.answer for solution in request.solutions if solution.answer is not None)
    return [
        () if solution.answer is None else (votes[solution.answer] / len(request.solutions),)
        for solution in request.solutions
    ]


class Agreement(AtOnce):
    """`shares` as a verifier."""

    def __init__(self) -> None:
        super().__init__("agreement", shares, looks_around=True)
