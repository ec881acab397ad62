"""A world of letters for searches: the i-th continuation of anything is the letter i, and a greedy one is z."""

from collections.abc import Callable
from typing import Any

from outlay.types import Question, Score, Solution, Step

QUESTION = Question("q", "q")


def grow(prefix: Solution | None, name: str, depth: int) -> Solution:
    """One step more; a solution of `depth` steps is finished, and its answer is its text."""
    steps = (prefix.steps if prefix else ()) + (Step(name, 1),)
    done = len(steps) >= depth
    return Solution(
        steps,
        finished=done,
        answer="".join(s.text for s in steps) if done else None,
        step_scores=prefix.step_scores if prefix else (),
    )


def letters(depth: int, value: Callable[[str], float]) -> Callable[[Any], Any]:
    """Serves requests in a world of solutions of `depth` letters, which `value(text)` scores."""

    def answer(request: Any) -> Any:
        if isinstance(request, Score):
            return [
                tuple(value("".join(s.text for s in sol.steps[: i + 1])) for i in range(len(sol.steps)))
                for sol in request.solutions
            ]
        grown = []
        for index in range(request.n):
            solution = request.prefix
            for _ in range(request.steps):
                if solution is None or not solution.finished:
                    solution = grow(solution, "z" if request.temperature == 0 else chr(ord("a") + index), depth)
            grown.append(solution)
        return grown

    return answer


def hash_text(text: str) -> int:
    """A number that looks random."""
    return sum(ord(c) * 31**i for i, c in enumerate(text))
