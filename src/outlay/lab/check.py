"""What the shipped models can do, measured on test questions with the embedded engine: `outlay lab check`.

Every verifier stands beside baselines that cost nothing: the policy's own log-probability of the solution and, for a
self-channel verifier, the log-probability that its own language model gives. A verifier that does not beat them within
questions does not verify. Test questions are for this and for studies; settings were fixed on validation questions.

A job is a policy with all its verifiers, a reviser, or a verifier of attempts; jobs run side by side and share nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from outlay import tasks
from outlay.errors import UserError
from outlay.lab.measure import json_ready, policy_figures, share_right, verifier_figures
from outlay.lab.pools import (
    Pool,
    drawn_pool,
    greedy_outcomes,
    own_language_model,
    own_log_probabilities,
    verifier_scores,
)
from outlay.lab.recipes import (
    FAMILIES,
    OUTCOME_VERIFIERS,
    POLICIES,
    REVISERS,
    STARS,
    VERIFIERS,
    PolicyRecipe,
    RevisionRecipe,
    StarRecipe,
    made_by,
)
from outlay.lab.revising import check_outcome_verifier, check_reviser
from outlay.lab.side_by_side import side_by_side
from outlay.types import Question


@dataclass(frozen=True, slots=True)
class Extent:
    """How many test questions are asked, and how often."""

    questions: int
    samples: int


PLAIN = Extent(300, 16)
"""Of a policy without verifiers."""
VERIFIED = Extent(300, 32)
"""Of a policy with verifiers."""
GRADED = Extent(600, 32)
"""Of a policy with verifiers of several qualities: in the hardest fifth few questions have a right sample, and 50 have to."""
SEEDED = Extent(600, 8)
"""Of a policy's other training seeds, which are compared with it on the same questions."""
REVISED = Extent(100, 16)
"""Of a reviser: its chains are what costs."""
JUDGED = Extent(400, 16)
"""Of a verifier of attempts, which reads 16 of each question."""
LARGE_SHARE = 4
"""A large model draws so many times fewer samples, at least 4."""
OWN = Extent(300, 4)
"""Of the language model inside a verifier, as a policy: at most."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one process does: a policy, reviser or verifier of attempts by name. `weight` tells long jobs from short ones."""

    kind: str
    name: str
    family: str
    extent: Extent
    weight: int


def check_families(
    family: str | None, questions: int | None, samples: int | None, seed: int, processes: int = 1
) -> dict[str, Any]:
    """The figures of one family, or of all that ship: family -> model -> figures. None stands for what each kind needs."""
    if family is not None and family not in FAMILIES:
        raise UserError(f"there is no lab family {family!r}: use one of {', '.join(FAMILIES)}.")
    if (questions is not None and questions < 5) or (samples is not None and samples < 4):
        raise UserError("a check needs at least 5 questions (one a quintile) and 4 samples of each: ask for more.")
    wanted = jobs(FAMILIES if family is None else (family,), questions, samples)
    longest_first = {job.name: job for job in sorted(wanted, key=lambda job: -job.weight)}
    found = side_by_side(partial(done, seed=seed), longest_first, processes)
    by_family: dict[str, Any] = {}
    for job in wanted:
        by_family.setdefault(job.family, {}).update(found[job.name])
    for figures in by_family.values():
        for name, facts in over_seeds(figures).items():
            figures[name]["over_seeds"] = facts
    return by_family


def jobs(families: Sequence[str], questions: int | None = None, samples: int | None = None) -> list[Job]:
    """All jobs of these families, in the order in which they are told."""

    def extent(unasked: Extent) -> Extent:
        return Extent(questions or unasked.questions, samples or unasked.samples)

    policies: tuple[PolicyRecipe | StarRecipe, ...] = (*POLICIES, *STARS)
    found = []
    for family in families:
        for policy in (recipe for recipe in policies if recipe.task == family):
            judges = len(verifiers_of(policy.name))
            wanted = extent(usual(policy.name, judges))
            large = isinstance(policy, PolicyRecipe) and policy.size in ("large", "four-layers")
            if large:
                wanted = Extent(wanted.questions, max(4, wanted.samples // LARGE_SHARE))
            found.append(Job("policy", policy.name, family, wanted, 1 + large + 6 * judges))
        found += [
            Job("reviser", recipe.name, family, extent(REVISED), 10) for recipe in REVISERS if recipe.task == family
        ]
        found += [
            Job("outcome", recipe.name, family, extent(JUDGED), 2)
            for recipe in OUTCOME_VERIFIERS
            if recipe.task == family
        ]
    return found


def usual(policy: str, judges: int) -> Extent:
    """What is asked of a policy with so many verifiers where nobody says otherwise."""
    if "-seed" in policy:
        return SEEDED
    return PLAIN if judges == 0 else VERIFIED if judges == 1 else GRADED


def done(job: Job, seed: int) -> dict[str, Any]:
    """The figures of a job's models: name -> figures."""
    task = tasks.load(job.family)
    asked = task.questions("test", job.extent.questions)
    if job.kind == "outcome":
        outcome = next(recipe for recipe in OUTCOME_VERIFIERS if recipe.name == job.name)
        figures = {job.name: check_outcome_verifier(job.name, outcome.reviser, task, asked, seed)}
    elif job.kind == "reviser":
        reviser = next(recipe for recipe in REVISERS if recipe.name == job.name)
        pool = drawn_pool(job.name, asked, job.extent.samples, seed)
        revised = check_reviser(job.name, judges_of(reviser), task, asked, pool.correct, seed)
        figures = {job.name: policy_facts(job.name, pool, seed) | revised}
    else:
        pool = drawn_pool(job.name, asked, job.extent.samples, seed)
        figures = {job.name: policy_facts(job.name, pool, seed)} | verifiers_facts(verifiers_of(job.name), pool, seed)
    return {name: json_ready(facts) for name, facts in figures.items()}


def verifiers_of(policy: str) -> list[str]:
    """The verifiers that were trained on a policy's samples."""
    return [name for recipe in VERIFIERS if recipe.policy == policy for name in made_by(recipe)]


def judges_of(reviser: RevisionRecipe) -> dict[str, str]:
    """Who chooses from a reviser's chains: its verifier, and where its family has one, a verifier that reads earlier attempts."""
    reading = [known.name for known in OUTCOME_VERIFIERS if known.task == reviser.task and known.context]
    return {"verifier": reviser.verifier} | ({"verifier_with_history": reading[0]} if reading else {})


def policy_facts(policy: str, pool: Pool, seed: int) -> dict[str, Any]:
    """What a policy gets right: one sample, by quintile, any of n, greedily."""
    facts = asdict(policy_figures(pool.correct, greedy_outcomes(policy, pool.questions, seed)))
    return {"quintiles" if name == "quintile_pass_at_1" else name: value for name, value in facts.items()}


def verifiers_facts(verifiers: Sequence[str], pool: Pool, seed: int) -> dict[str, Any]:
    """Whether verifiers verify, beside their baselines: every other sample makes the quintiles, the rest are judged."""
    easiness = share_right(pool.every_other(0).correct, pool.every_other(0).valid)
    judged = pool.every_other(1)

    def figures(scores: Any) -> dict[str, Any]:
        return asdict(verifier_figures(scores, judged.correct, judged.valid, easiness))

    free = figures(judged.log_probability) if verifiers else {}
    facts: dict[str, Any] = {}
    for name in verifiers:
        baselines = {"policy_log_probability": free}
        facts[name] = figures(verifier_scores(name, judged)) | {"baselines": baselines}
        own = own_log_probabilities(name, judged)
        if own is not None:
            baselines["own_log_probability"] = figures(own)
            facts[name]["own_language_model"] = own_facts(name, pool.questions, seed)
    return facts


def own_facts(verifier: str, questions: Sequence[Question], seed: int) -> dict[str, Any]:
    """What the language model inside a verifier gets right by itself; it learned from right solutions."""
    asked = questions[: OWN.questions]
    model = own_language_model(verifier)
    facts = asdict(
        policy_figures(drawn_pool(model, asked, OWN.samples, seed).correct, greedy_outcomes(model, asked, seed))
    )
    return {name: facts[name] for name in ("pass_at_1", "greedy", "questions", "samples")}


def over_seeds(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Mean and range of one sample and greedy over a policy's training seeds (`-seed1`, ...): policy -> figures.

    >>> rates = [{"pass_at_1": {"mean": 0.5}, "greedy": {"mean": 0.6}}, {"pass_at_1": {"mean": 0.3}, "greedy": {"mean": 0.6}}]
    >>> over_seeds({"a": rates[0], "a-seed1": rates[1]})["a"]["pass_at_1"]
    {'mean': 0.4, 'low': 0.3, 'high': 0.5}
    """
    found: dict[str, Any] = {}
    for name in figures:
        seeds = [figures[name], *(facts for other, facts in figures.items() if other.startswith(f"{name}-seed"))]
        if len(seeds) > 1:
            found[name] = {"seeds": len(seeds)} | {
                key: _range([facts[key]["mean"] for facts in seeds]) for key in ("pass_at_1", "greedy")
            }
    return found


def _range(values: Sequence[float]) -> dict[str, float]:
    return {"mean": round(sum(values) / len(values), 4), "low": min(values), "high": max(values)}
