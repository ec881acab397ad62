"""What `outlay lab check` found, as a text for people: a line a fact, hardest fifth of the questions first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CHOICES = {
    "verifier": "chosen by the verifier",
    "verifier_with_history": "by the one that reads earlier attempts",
    "log_probability": "the likeliest",
    "majority": "majority",
    "last": "majority of the last",
    "any": "any right",
}
"""How `shown` names the ways to choose from chains."""


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
                lines += _seed_lines(facts["over_seeds"]) if "over_seeds" in facts else []
                lines += _revising_lines(facts) if "position_accuracy" in facts else []
                continue
            lines += _verifier_lines(name, facts)
    return "\n".join(lines)


def _seed_lines(facts: Mapping[str, Any]) -> list[str]:
    """What training again with another seed changes."""
    ranges = [
        f"{named} {facts[key]['mean']:.1%} ({facts[key]['low']:.1%} to {facts[key]['high']:.1%})"
        for key, named in (("pass_at_1", "one sample"), ("greedy", "greedy"))
    ]
    return [f"    over {facts['seeds']} training seeds, mean and range: {', '.join(ranges)}"]


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


def _verifier_lines(name: str, facts: Mapping[str, Any]) -> list[str]:
    """A verifier, its fifths with their intervals, and what is free beside it."""
    lines = [f"  {name}: {_areas(facts)}"]
    fifths = [
        "-"
        if fifth["mean"] is None
        else f"{fifth['mean']:.2f} [{fifth['low']:.2f}, {fifth['high']:.2f}] ({fifth['questions']})"
        for fifth in facts["quintile_auc_within_question"]
    ]
    lines.append(f"    by quintile, hardest first (questions with right and wrong samples): {', '.join(fifths)}")
    for baseline, values in facts["baselines"].items():
        means = [fifth["mean"] for fifth in values["quintile_auc_within_question"]]
        lines.append(f"    baseline, {baseline.replace('_', ' ')}: {_areas(values)}, by quintile {_row(means)}")
    own = facts.get("own_language_model")
    if own:
        lines.append(
            f"    its own language model as a policy: one sample {_percent(own['pass_at_1'])}, "
            f"greedy {_percent(own['greedy'])}"
        )
    return lines


def _areas(facts: Mapping[str, Any]) -> str:
    within = facts["auc_within_question"]
    interval = "no question has both right and wrong samples"
    if within["mean"] is not None:
        interval = f"AUC within question {within['mean']:.3f} [{within['low']:.3f}, {within['high']:.3f}]"
    overall = "undefined" if facts["auc"]["mean"] is None else f"{facts['auc']['mean']:.3f}"
    return f"{interval}, overall {overall}"


def _percent(figure: dict[str, float]) -> str:
    return f"{figure['mean']:.1%} [{figure['low']:.1%}, {figure['high']:.1%}]"


def _row(values: Sequence[float | None]) -> str:
    return " ".join("-" if value is None else f"{value:.2f}" for value in values)
