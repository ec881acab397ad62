"""What the shipped models can do, measured on test questions with the embedded engine: `outlay lab check`.

Every verifier stands beside baselines that cost nothing: the policy's own log-probability of the solution and, for a
self-channel verifier, the log-probability that its own language model gives. A verifier that does not beat them within
questions does not verify. Test questions are for this and for studies; settings were fixed on validation questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from outlay import models, tasks, verifiers
from outlay.drive.batching import BatchingDriver
from outlay.drive.serving import Unit
from outlay.errors import UserError
from outlay.lab.measure import Bools, Floats, json_ready, policy_figures, verifier_figures
from outlay.lab.recipes import FAMILIES, OUTCOME_VERIFIERS, POLICIES, REVISERS, VERIFIERS
from outlay.lab.revising import check_outcome_verifier, check_reviser
from outlay.strategies import BestOfN, Greedy, MajorityVote
from outlay.types import Budget, Question, Solution, Trace

CHOICES = {
    "verifier": "chosen by the verifier",
    "log_probability": "the likeliest",
    "majority": "majority",
    "last": "majority of the last",
    "any": "any right",
}
"""How `shown` names the ways to choose from chains."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Samples [Q, n] of one policy: whether each is right, whether it has an answer, its scores, and the solutions.

    `score` is the verifier's value after the last step, `log_probability` the policy's of the whole solution.
    """

    solutions: tuple[tuple[Solution, ...], ...]
    correct: Bools
    valid: Bools
    score: Floats
    log_probability: Floats


def check_families(family: str | None, questions: int, samples: int, seed: int) -> dict[str, Any]:
    """The figures of one family, or of all that ship: family -> model -> figures."""
    if family is not None and family not in FAMILIES:
        raise UserError(f"there is no lab family {family!r}: use one of {', '.join(FAMILIES)}.")
    if questions < 5 or samples < 4:
        raise UserError("a check needs at least 5 questions (one a quintile) and 4 samples of each: ask for more.")
    chosen = FAMILIES if family is None else (family,)
    return {name: json_ready(check_family(name, questions, samples, seed)) for name in chosen}


def check_family(family: str, questions: int, samples: int, seed: int) -> dict[str, Any]:
    """The figures of every model of a family."""
    task = tasks.load(family)
    asked = task.questions("test", questions)
    figures: dict[str, Any] = {}
    for recipe in (recipe for recipe in POLICIES if recipe.task == family):
        count = max(4, samples // 4) if recipe.size == "large" else samples
        verifier = next((known.name for known in VERIFIERS if known.policy == recipe.name), None)
        pool = drawn_pool(recipe.name, verifier, family, asked, count, seed)
        figures[recipe.name] = policy_facts(recipe.name, family, asked, pool, seed)
        if verifier:
            figures[verifier] = verifier_facts(verifier, asked, pool)
    for reviser in (recipe for recipe in REVISERS if recipe.task == family):
        pool = drawn_pool(reviser.name, None, family, asked, samples, seed)
        revised = check_reviser(reviser.name, reviser.verifier, task, asked, pool.correct, seed)
        figures[reviser.name] = policy_facts(reviser.name, family, asked, pool, seed) | revised
    for judge in (recipe for recipe in OUTCOME_VERIFIERS if recipe.task == family):
        figures[judge.name] = check_outcome_verifier(judge.name, judge.reviser, task, asked, seed)
    return figures


def policy_facts(policy: str, task: str, questions: Sequence[Question], pool: Pool, seed: int) -> dict[str, Any]:
    """What a policy gets right: one sample, by quintile, any of n, greedily."""
    facts = asdict(policy_figures(pool.correct, greedy_outcomes(policy, task, questions, seed)))
    return {"quintiles" if name == "quintile_pass_at_1" else name: value for name, value in facts.items()}


def verifier_facts(verifier: str, questions: Sequence[Question], pool: Pool) -> dict[str, Any]:
    """Whether a verifier verifies, beside its baselines."""
    baselines = {"policy_log_probability": pool.log_probability}
    own = own_log_probability(verifier, questions, pool)
    if own is not None:
        baselines["own_log_probability"] = own
    return asdict(verifier_figures(pool.score, pool.correct, pool.valid)) | {
        "baselines": {
            name: asdict(verifier_figures(scores, pool.correct, pool.valid)) for name, scores in baselines.items()
        }
    }


def drawn_pool(
    policy: str, verifier: str | None, task: str, questions: Sequence[Question], samples: int, seed: int
) -> Pool:
    """`samples` solutions of every question, scored by the verifier where one is named."""
    strategy = BestOfN() if verifier else MajorityVote()
    driver = BatchingDriver(
        tasks.load(task),
        models.load(f"embedded:{policy}"),
        verifiers.load(f"embedded:{verifier}") if verifier else None,
    )
    units = (Unit(question, strategy, Budget(generations=samples), seed) for question in questions)
    traces = {trace.question.id: trace for trace in driver.solve(units)}
    rows = [traces[question.id] for question in questions]
    valid = np.zeros((len(rows), samples), dtype=np.bool_)
    correct = valid.copy()
    score = np.zeros(valid.shape)
    log_probability = np.zeros(valid.shape)
    for row, trace in enumerate(rows):
        for column, (solution, right) in enumerate(zip(trace.solutions, trace.solution_correct, strict=True)):
            valid[row, column] = solution.answer is not None
            correct[row, column] = bool(right)
            log_probability[row, column] = solution.logprob
            score[row, column] = solution.step_scores[-1] if solution.step_scores else 0.0
    return Pool(tuple(trace.solutions for trace in rows), correct, valid, score, log_probability)


def greedy_outcomes(policy: str, task: str, questions: Sequence[Question], seed: int) -> Bools:
    """Whether the policy's one attempt at temperature 0 is right. -> [Q]."""
    driver = BatchingDriver(tasks.load(task), models.load(f"embedded:{policy}"))
    units = (Unit(question, Greedy(), Budget(generations=1), seed) for question in questions)
    traces: dict[str, Trace] = {trace.question.id: trace for trace in driver.solve(units)}
    return np.array([bool(traces[question.id].correct) for question in questions])


def own_log_probability(verifier: str, questions: Sequence[Question], pool: Pool) -> Floats | None:
    """The log-probability that a verifier's own language model gives each solution, None where it has none. -> [Q, n]."""
    from outlay.models.embedded import Engine, LogprobJob, Logprobs, load_weights, read_tokenizer
    from outlay.models.embedded.backend import Card

    folder = models.embedded_folder(verifier)
    if not (folder / "value_head.safetensors").is_file():
        return None
    tokenizer, end = read_tokenizer(folder), Card.load(folder).eos_token
    engine = Engine(load_weights(folder), slots=256)
    for row, (question, solutions) in enumerate(zip(questions, pool.solutions, strict=True)):
        prompt = tokenizer.encode(question.text)
        for column, solution in enumerate(solutions):
            written = tokenizer.encode(solution.text + (f" {end}" if solution.finished else ""))
            engine.submit(LogprobJob((*prompt, *written), len(prompt), tag=(row, column)))
    result = np.zeros(pool.correct.shape)
    while not engine.idle:
        for done in engine.step():
            assert isinstance(done, Logprobs)
            result[done.tag] = sum(done.logprobs)
    return result


def shown(figures: dict[str, Any]) -> str:
    """The figures as a text for people: a line a fact, hardest quintile first."""
    lines = []
    for family, by_model in figures.items():
        lines.append(family)
        for name, facts in by_model.items():
            if "greedy" in facts:
                lines.append(
                    f"  {name}: one sample {_percent(facts['pass_at_1'])}, greedy {_percent(facts['greedy'])}, any of "
                    f"{facts['samples']} {_percent(facts['any_of_n'])}"
                )
                lines.append(f"    by quintile, hardest first: {_row(facts['quintiles'])}")
                lines += _revising_lines(facts) if "position_accuracy" in facts else []
                continue
            lines.append(f"  {name}: {_areas(facts)}")
            for baseline, values in facts["baselines"].items():
                lines.append(f"    baseline, {baseline.replace('_', ' ')}: {_areas(values)}")
    return "\n".join(lines)


def _revising_lines(facts: dict[str, Any]) -> list[str]:
    """What revising does, how it compares with no draft and a wrong draft, and how N attempts are best split."""
    accuracy = facts["position_accuracy"]
    gains = [gain["mean"] for gain in facts["gain_over_previous"][:4] if gain["low"] > 0]
    lines = [
        f"    right at position 0 to {len(accuracy) - 1}: {_row([figure['mean'] for figure in accuracy])}; "
        f"of the first four steps {len(gains)} surely gain",
        f"    right to wrong {_percent(facts['right_to_wrong'])}, wrong to right {_percent(facts['wrong_to_right'])}",
    ]
    controls = ", ".join(f"{name.replace('_', ' ')} {_percent(value)}" for name, value in facts["controls"].items())
    lines += [f"    where the first attempt was wrong: {controls}"] if controls else []
    for budget, splits in facts["ratios"].items():
        for choice in [name for name in splits if name != "chains"]:
            best = splits[choice]["best"]
            lines.append(
                f"    {budget} attempts in {' '.join(map(str, splits['chains']))} chains, {CHOICES[choice]}: "
                f"{_row([figure['mean'] for figure in splits[choice]['accuracy']])}; best with {best['chains']} "
                f"(95%: {best['low']} to {best['high']})"
            )
    return lines


def _areas(facts: dict[str, Any]) -> str:
    within = facts["auc_within_question"]
    interval = "no question has both right and wrong samples"
    if within["mean"] is not None:
        interval = f"AUC within question {within['mean']:.3f} [{within['low']:.3f}, {within['high']:.3f}]"
    overall = "undefined" if facts["auc"]["mean"] is None else f"{facts['auc']['mean']:.3f}"
    return f"{interval}, by quintile {_row(facts['quintile_auc_within_question'])}, overall {overall}"


def _percent(figure: dict[str, float]) -> str:
    return f"{figure['mean']:.1%} [{figure['low']:.1%}, {figure['high']:.1%}]"


def _row(values: Sequence[float | None]) -> str:
    return " ".join("-" if value is None else f"{value:.2f}" for value in values)
