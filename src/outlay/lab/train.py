"""Making one of the lab's models, from nothing to its folder; `schedule` decides which and when.

Needs torch (`pip install "outlay[lab]"`), which only this command imports. How long each model took, on one core of a contended
AVX-512 server, stands in its card. On another machine or torch version the weights come out a little different; the recipes,
the data and the splits do not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outlay.errors import UserError
from outlay.lab.export import llama_config, write_model
from outlay.lab.measure import VerifierFigures
from outlay.lab.recipes import (
    OutcomeVerifierRecipe,
    PolicyRecipe,
    Recipe,
    RevisionRecipe,
    StarRecipe,
    VerifierRecipe,
)
from outlay.lab.vocabulary import END, STEP_END, vocabulary_of

if TYPE_CHECKING:
    from torch import Tensor

    from outlay.lab.labels import LabelledSolution
    from outlay.lab.network import Shape, Weights
    from outlay.types import Question

VALIDATION_QUESTIONS = 400
VALIDATION_SAMPLES = 32
Log = Callable[[str], None]


def make_one(recipe: Recipe, out: Path, seed: int, log: Log, device: str = "cpu") -> None:
    """Make the models of one recipe into `out`, where those that it needs must be, on a torch device."""
    from outlay.lab.make_revision import make_outcome_verifier, make_reviser

    use_device(device)
    if isinstance(recipe, PolicyRecipe):
        make_policy(recipe, out, seed, log)
    elif isinstance(recipe, StarRecipe):
        make_star(recipe, out, seed, log)
    elif isinstance(recipe, VerifierRecipe):
        make_verifier(recipe, out, seed, log)
    elif isinstance(recipe, RevisionRecipe):
        make_reviser(recipe, out, seed, log)
    else:
        make_outcome_verifier(recipe, out, seed, log)


def make_policy(recipe: PolicyRecipe, out: Path, seed: int, log: Log) -> None:
    """Train one policy, measure it on validation questions and write its folder."""
    from outlay.lab.policy import train_policy, validate_policy

    started = time.perf_counter()
    weights, shape = train_policy(recipe, seed, log)
    seconds = round(time.perf_counter() - started)
    rounded = as_shipped(weights)
    figures = asdict(validate_policy(rounded, shape, recipe.task, VALIDATION_QUESTIONS, VALIDATION_SAMPLES))
    log(f"{recipe.name}: {figures}")
    training = asdict(recipe) | {"seed": seed, "seconds": seconds} | computed_on()
    write_policy(out / recipe.name, recipe.task, rounded, shape, training, figures)


def make_star(recipe: StarRecipe, out: Path, seed: int, log: Log) -> None:
    """Fine-tune a policy on its own right solutions, measure it on validation questions and write its folder."""
    from outlay.lab.policy import validate_policy
    from outlay.lab.star import train_star

    started = time.perf_counter()
    base, shape = read_policy(out / recipe.base)
    weights, solutions = train_star(base, shape, recipe, seed, log)
    seconds = round(time.perf_counter() - started)
    rounded = as_shipped(weights)
    figures = asdict(validate_policy(rounded, shape, recipe.task, VALIDATION_QUESTIONS, VALIDATION_SAMPLES))
    log(f"{recipe.name}: {figures}")
    training = asdict(recipe) | {"right_solutions": solutions, "seed": seed, "seconds": seconds} | computed_on()
    write_policy(out / recipe.name, recipe.task, rounded, shape, training, figures)


@dataclass(frozen=True, slots=True)
class Labelled:
    """What a verifier learns from and is measured on, what that took, and the AUC within question of the sampler's own
    log-probability of the validation solutions: the baseline that costs nothing."""

    training: list[LabelledSolution]
    validation: list[LabelledSolution]
    baseline: dict[str, float]
    seconds: int


def make_verifier(recipe: VerifierRecipe, out: Path, seed: int, log: Log) -> None:
    """Label the policy's own samples, train its verifier, measure it on validation questions and write its folder."""
    policy, shape = read_policy(out / recipe.policy)
    data = label_data(recipe, policy, shape, seed, log)
    if recipe.start:
        policy, shape = read_policy(out / recipe.start)
    fit_verifier(recipe, policy, shape, data, out, seed, log, recipe.role)


def label_data(recipe: VerifierRecipe, policy: Weights, shape: Shape, seed: int, log: Log) -> Labelled:
    """Labelled solutions of `prm` questions to learn from, and solutions of `validation` questions to measure on."""
    started = time.perf_counter()
    from dataclasses import replace

    from outlay import tasks
    from outlay.lab.labels import label_solutions
    from outlay.lab.network import seeded

    task = tasks.load(recipe.task)
    vocabulary = vocabulary_of(recipe.task)
    generator = seeded(seed)
    questions = task.questions("prm", recipe.questions + recipe.outcome_questions, seed)
    first, more = questions[: recipe.questions], questions[recipe.questions :]

    def labelled(asked: list[Question], solutions: int, rollouts: int) -> list[LabelledSolution]:
        return label_solutions(policy, shape, task, vocabulary, asked, solutions, rollouts, generator)

    training = labelled(first, recipe.solutions, recipe.rollouts)
    log(f"{recipe.name}: {len(training):,} solutions with {recipe.rollouts} rollouts a step")
    if more:
        outcomes = labelled(more, recipe.solutions, 0)
        training += [replace(item, group=item.group + len(first)) for item in outcomes]
        log(f"{recipe.name}: {len(outcomes):,} more with their outcome alone")
    validation = labelled(task.questions("validation", VALIDATION_QUESTIONS), VALIDATION_SAMPLES, 0)
    baseline = log_probability_auc(policy, shape, validation)
    return Labelled(training, validation, baseline, round(time.perf_counter() - started))


def log_probability_auc(weights: Weights, shape: Shape, solutions: list[LabelledSolution]) -> dict[str, float]:
    """The AUC within question of a language model's log-probability of the solutions, with its interval."""
    from outlay.lab import verifier

    scores = verifier.solution_log_probabilities(weights, shape, solutions)
    return asdict(verifier.judged(scores, solutions).auc_within_question)


def fit_verifier(
    recipe: VerifierRecipe | OutcomeVerifierRecipe,
    start: Weights,
    shape: Shape,
    data: Labelled,
    out: Path,
    seed: int,
    log: Log,
    role: str,
) -> None:
    """Train a PRM or ORM, beginning with the weights `start`; write its folder and those of its stops."""
    from outlay.lab import heads, verifier

    plain = recipe.head == "token_classification"
    stops = {step: f"{recipe.name}-{suffix}" for suffix, step in recipe.stops}
    started = time.perf_counter()

    def judged(weights: Weights, head: Weights) -> VerifierFigures:
        def score(tokens: Tensor) -> Tensor:
            if plain:
                return heads.linear_head_scores(weights | head, shape, tokens)
            return heads.self_channel_scores(weights, head, shape, tokens)[0]

        return verifier.judged(verifier.last_step_scores(score, data.validation), data.validation)

    def write(name: str, step: int, fitted: Weights, head: Weights) -> None:
        fitted, head = as_shipped(fitted), as_shipped(head)
        figures: dict[str, Any] = asdict(judged(fitted, head))
        figures["baseline_auc_within_question_of_policy_log_probability"] = data.baseline
        if not plain:
            own = log_probability_auc(fitted, shape, data.validation)
            figures["baseline_auc_within_question_of_own_log_probability"] = own
        log(f"{name}: {figures}")
        facts = asdict(recipe) | {
            "labelled_solutions": len(data.training),
            "seed": seed,
            "steps_done": step,
            "labelling_seconds": data.seconds,
            "seconds": round(time.perf_counter() - started) + data.seconds,
            **computed_on(),
        }
        attempts = recipe.context if isinstance(recipe, OutcomeVerifierRecipe) else 0
        write_verifier(out / name, recipe.task, fitted, head, shape, facts, figures, role, attempts)

    def after(step: int, weights: Weights, head: Weights) -> None:
        if step in stops:
            write(stops[step], step, weights, head)
        elif step % recipe.report_every == 0:
            figures = judged(weights, head)
            fifths = [fifth.mean for fifth in figures.quintile_auc_within_question]
            log(
                f"{recipe.name}: step {step}, AUC {figures.auc.mean}, within question "
                f"{figures.auc_within_question.mean} {fifths}"
            )

    if plain:

        def after_plain(step: int, weights: Weights) -> None:
            head = {name: weights[name] for name in heads.LINEAR_HEAD}
            after(step, {name: tensor for name, tensor in weights.items() if name not in head}, head)

        fitted = verifier.train_linear_head(start, shape, data.training, recipe, seed, log, after_plain)
        head = {name: fitted.pop(name) for name in heads.LINEAR_HEAD}
    else:
        fitted, head = verifier.train_self_channel_head(start, shape, data.training, recipe, seed, log, after)
    write(recipe.name, recipe.steps, fitted, head)


def read_policy(folder: Path) -> tuple[Weights, Shape]:
    """A policy's weights and shape from its folder; a UserError where it has not been trained yet."""
    import json

    import torch
    from safetensors.torch import load_file

    from outlay.lab.network import Shape

    if not (folder / "model.safetensors").exists():
        raise UserError(f"there is no policy in {folder}: train {folder.name} before what is made from it.")
    device = torch.get_default_device()
    weights = {name: tensor.to(device).float() for name, tensor in load_file(folder / "model.safetensors").items()}
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    shape = Shape(
        vocabulary=config["vocab_size"],
        hidden=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        intermediate=config["intermediate_size"],
        positions=config["max_position_embeddings"],
    )
    return weights, shape


def shipped_weights() -> Path:
    """The folder of the models that ship with the package."""
    return Path(str(files("outlay"))) / "lab" / "weights"


def write_policy(
    folder: Path,
    task: str,
    weights: Weights,
    shape: Shape,
    training: dict[str, Any],
    validation: dict[str, Any],
    **revising: Any,
) -> None:
    """Write a policy's folder; `revising` is what the card of a reviser says besides."""
    write_model(
        folder,
        {name: tensor.cpu().numpy() for name, tensor in weights.items()},
        hugging_face_config(task, shape, scorer=False),
        vocabulary_of(task),
        about(folder.name, "policy", task, None, weights, training, validation) | revising,
    )


def write_verifier(
    folder: Path,
    task: str,
    weights: Weights,
    head: Weights,
    shape: Shape,
    training: dict[str, Any],
    validation: dict[str, Any],
    role: str = "prm",
    attempts: int = 0,
) -> None:
    """Write a verifier's folder: one file of weights for a plain head, two for a self-channel head.

    `attempts` is how many earlier attempts it was trained to read.
    """
    plain = "channel.weight" not in head
    if plain:
        weights = {name: tensor for name, tensor in weights.items() if name != "lm_head.weight"} | head
    kind: dict[str, Any] = {"type": "token_classification"} if plain else {"type": "self_channel", "num_layers": 1}
    everything = weights if plain else weights | head
    write_model(
        folder,
        {name: tensor.cpu().numpy() for name, tensor in weights.items()},
        hugging_face_config(task, shape, scorer=plain),
        vocabulary_of(task),
        about(folder.name, role, task, kind, everything, training, validation)
        | ({"attempts": attempts} if attempts else {}),
        None if plain else {name: tensor.cpu().numpy() for name, tensor in head.items()},
    )


def about(
    name: str,
    role: str,
    task: str,
    head: dict[str, Any] | None,
    weights: Weights,
    training: dict[str, Any],
    validation: dict[str, Any],
) -> dict[str, Any]:
    """What `outlay.json` says."""
    from outlay import tasks

    return {
        "name": name,
        "role": role,
        "task": task,
        "step_token": STEP_END,
        "eos_token": END,
        "max_tokens": tasks.load(task).max_solution_tokens,
        "head": head,
        "parameters": sum(tensor.numel() for tensor in weights.values()),
        "training": training,
        "validation": validation,
    }


def hugging_face_config(task: str, shape: Shape, scorer: bool) -> dict[str, Any]:
    """The Hugging Face configuration of a shape."""
    return llama_config(
        vocabulary_of(task), shape.hidden, shape.layers, shape.heads, shape.intermediate, shape.positions, scorer
    )


def as_shipped(weights: Weights) -> Weights:
    """The weights as float16 keeps them, back in float32: what is measured is what ships."""
    return {name: tensor.detach().half().float() for name, tensor in weights.items()}


def require_torch() -> None:
    """A UserError that says what to install where torch is missing."""
    try:
        import torch
    except ImportError:
        raise UserError('training the lab needs torch: run pip install "outlay[lab]".') from None
    torch.set_num_threads(1)


def use_device(device: str) -> None:
    """Compute on that torch device from here on in this process; a UserError for one that is not there."""
    require_torch()
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"torch cannot compute on {device!r} here ({reason}): use --device cpu.") from None
    if torch.get_default_device() != torch.device(device):  # a default that was set costs every call a little
        torch.set_default_device(device)


def computed_on() -> dict[str, str]:
    """What a record says of the device that was computed on: nothing for a CPU, else its name."""
    import torch

    device = torch.get_default_device()
    return {} if device.type == "cpu" else {"device": torch.cuda.get_device_name(device)}
