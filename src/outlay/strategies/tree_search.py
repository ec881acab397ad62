"""Monte-Carlo tree search over steps, with a process reward model for value (after Silver et al. 2016 and 2017).

Every node is a partial solution, every edge a step. A simulation descends from the question by PUCT or UCT to a node that
has not had its `width` draws yet, draws a next step there (the expansion), goes on from it to the end of the solution (the
rollout), and enters the verifier's value of the whole at all nodes above. Each simulation ends in a complete solution, which is a
candidate for the answer, and draws at most one step at each depth: N simulations are what N generations pay for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from outlay.errors import UserError
from outlay.strategies.beam_search import Width, check_width
from outlay.strategies.step_search import chosen, finished_or_all
from outlay.strategies.strategy import QUESTION, Solving, Spec, generations, score_all
from outlay.types import Budget, Question, Sample, Solution


@dataclass(frozen=True)
class TreeSearch(Spec):
    """N simulations; a node is given `width` draws (side by side) before the search descends to one of its children.

    `rule` says how a child is chosen. "puct": mean value + `exploration` x prior x sqrt(visits of the parent) / (1 + visits),
    the prior being the share of the parent's draws that gave this step (equal steps are one child). "uct": mean value +
    `exploration` x sqrt(ln(visits of the parent) / visits). Where every path has been followed to its end, each node is given
    `width` draws more.

    >>> TreeSearch(rule="uct").spec()
    {'name': 'tree_search', 'rule': 'uct'}
    """

    name: ClassVar[str] = "tree_search"
    needs_verifier: ClassVar[bool] = True
    width: Width = 4
    exploration: float = 1.0
    rule: Literal["puct", "uct"] = "puct"
    temperature: float = 1.0
    top_p: float = 1.0
    aggregation: str = "last"
    selection: str = "weighted"
    prompt: str = QUESTION

    def __post_init__(self) -> None:
        """Refuse a width that is no width, a rule that is none, and a negative exploration."""
        super().__post_init__()
        check_width(self.width)
        if self.rule not in ("puct", "uct"):
            raise UserError(f'a tree search descends by "puct" or "uct", not {self.rule!r}')
        if not self.exploration >= 0:
            raise UserError(f"tree_search: exploration is at least 0, not {self.exploration:g}")

    def solve(self, question: Question, budget: Budget) -> Solving:
        """Select, expand, roll out, back up; N times, then the selection rule over all N solutions."""
        n = generations(budget)
        width = math.isqrt(n) if self.width == "sqrt" else self.width
        asked, most, root = self.asked(question), width, Node()
        candidates: list[Solution] = []
        while len(candidates) < n:
            if root.closed(most):
                most += width
            path = self._select(root, most)
            draws = min(most - path[-1].drawn, n - len(candidates))
            steps = yield Sample(
                asked, path[-1].solution, draws, "step", temperature=self.temperature, top_p=self.top_p
            )
            rollouts = yield [
                Sample(asked, one, temperature=self.temperature, top_p=self.top_p) for one in steps if not one.ended
            ]
            rest = iter(rollouts)
            wholes = [one if one.ended else next(rest)[0] for one in steps]
            scored = yield from score_all(question, wholes, self.aggregation)
            for one, whole in zip(steps, scored, strict=True):
                back_up([*path, path[-1].child(one)], whole.score)
            candidates += scored
        return (yield from chosen(self.selection, finished_or_all(candidates)))

    def _select(self, root: Node, most: int) -> list[Node]:
        """The path from the root to a node that may still be expanded."""
        path = [root]
        while path[-1].drawn >= most:
            parent = path[-1]
            path.append(max(parent.open_children(most), key=lambda child: self._promise(parent, child)))
        return path

    def _promise(self, parent: Node, child: Node) -> float:
        if self.rule == "uct":
            return child.mean + self.exploration * math.sqrt(math.log(parent.visits) / child.visits)
        prior = child.drawings / parent.drawn
        return child.mean + self.exploration * prior * math.sqrt(parent.visits) / (1 + child.visits)


@dataclass(slots=True)
class Node:
    """A partial solution (None: the bare question) and what simulations through it have shown.

    `drawn` counts the steps drawn from here, `drawings` how often its own last step was drawn. `total` is the sum of the values
    of its simulations, of which `valued` had one.
    """

    solution: Solution | None = None
    drawings: int = 0
    drawn: int = 0
    visits: int = 0
    valued: int = 0
    total: float = 0.0
    children: dict[str, Node] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """Mean value of its simulations; nothing is expected of one whose values are all missing."""
        return self.total / self.valued if self.valued else 0.0

    def child(self, solution: Solution) -> Node:
        """Enter a step that was drawn here; one that was drawn before is the same child."""
        child = self.children.setdefault(solution.text, Node(solution))
        child.drawings += 1
        self.drawn += 1
        return child

    def closed(self, most: int) -> bool:
        """Whether nothing below may be drawn: the solution has ended, or all draws are made and all children are closed."""
        if self.solution is not None and self.solution.ended:
            return True
        return self.drawn >= most and not self.open_children(most)

    def open_children(self, most: int) -> list[Node]:
        """The children below which something may be drawn."""
        return [child for child in self.children.values() if not child.closed(most)]


def back_up(path: Sequence[Node], value: float | None) -> None:
    """Enter a simulation's value at every node that it passed; a missing one counts as a visit and no more."""
    for node in path:
        node.visits += 1
        if value is not None:
            node.valued += 1
            node.total += value
