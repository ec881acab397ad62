"""Write the tables of figures of docs/reference/lab.md from what `outlay lab check --json` printed.

    outlay lab check --json > figures.json
    python docs/lab_figures.py figures.json

Further files add to the first, or replace models of it (a family that was asked more questions). The words around the
tables are written by hand and have to be read again afterwards.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "reference" / "lab.md"
START, END = "<!-- figures: made by docs/lab_figures.py -->", "<!-- end of figures -->"
BASELINES = {
    "policy_log_probability": "log-probability under the policy",
    "own_log_probability": "log-probability under the own language model",
    "reviser_log_probability": "log-probability that the reviser gave the attempt as it wrote it",
}
CHOICES = {
    "majority": "majority",
    "last": "majority of the chains' last",
    "verifier": "verifier",
    "verifier_with_history": "verifier that reads the attempts before",
    "log_probability": "the likeliest attempt",
    "any": "any right (oracle)",
}

Facts = Mapping[str, Any]


def tables(models: Mapping[str, Facts]) -> str:
    """All tables, from model -> figures."""
    policies = {name: facts for name, facts in models.items() if "greedy" in facts}
    judges = {name: facts for name, facts in models.items() if "auc_within_question" in facts}
    revisers = {name: facts for name, facts in policies.items() if "position_accuracy" in facts}
    seeds = {name: facts["over_seeds"] for name, facts in policies.items() if "over_seeds" in facts}
    parts = [
        "| policy | one sample | by quintile | greedy | any of n | questions |\n|---|---|---|---|---|---|",
        *(_policy(name, facts) for name, facts in policies.items()),
        "\n| over training seeds: mean (range) | seeds | one sample | greedy |\n|---|---|---|---|",
        *(
            f"| `{name}` | {facts['seeds']} | {_range(facts['pass_at_1'])} | {_range(facts['greedy'])} |"
            for name, facts in seeds.items()
        ),
        "\n| score of a solution | AUC within question | by quintile | hardest quintile: interval (questions) | overall |"
        "\n|---|---|---|---|---|",
        *dict.fromkeys(line for name, facts in judges.items() for line in _judge(name, facts)),
        "\n| the language model inside a verifier, as a policy | one sample | greedy |\n|---|---|---|",
        *(
            f"| `{name}` | {_percent(facts['own_language_model']['pass_at_1'])} "
            f"| {_percent(facts['own_language_model']['greedy'])} |"
            for name, facts in judges.items()
            if "own_language_model" in facts
        ),
        "\nRevising, four chains of eight attempts a question, no choice between them:\n",
        "| reviser | right at position 0 to 7 | gain of the first four steps over the one before, paired | right to wrong "
        "| wrong to right | questions |\n|---|---|---|---|---|---|",
        *(_chain(name, facts) for name, facts in revisers.items()),
        "\nWhere the first attempt was wrong, the next one is right, by what stands in view:\n",
        "| reviser | nothing | a draft of another question | the own wrong draft |\n|---|---|---|---|",
        *(_drafts(name, facts["controls"]) for name, facts in revisers.items()),
        "\nN attempts split between chains, from one long chain (1) to parallel samples (N); behind it the number of chains where "
        "that curve is highest, with its 95% range over resampled questions:\n",
        "| reviser | choice | N = 4: 1, 2, 4 chains | best | N = 16: 1, 2, 4, 8, 16 chains | best |\n|---|---|---|---|---|---|",
        *(line for name, facts in revisers.items() for line in _splits(name, facts["ratios"])),
    ]
    return "\n".join(parts)


def _policy(name: str, facts: Facts) -> str:
    return (
        f"| `{name}` | {_percent(facts['pass_at_1'])} | {_row(facts['quintiles'])} | {_percent(facts['greedy'])} "
        f"| {_percent(facts['any_of_n'])} (n = {facts['samples']}) | {facts['questions']} |"
    )


def _judge(name: str, facts: Facts) -> Iterator[str]:
    """A verifier and what is free beside it; baselines that several share are written once."""
    yield _areas(f"`{name}`", facts)
    for baseline, values in facts["baselines"].items():
        whose = f" of `{name}`" if baseline == "own_log_probability" else ""
        yield _areas(BASELINES[baseline] + whose, values)


def _areas(shown: str, facts: Facts) -> str:
    within, hardest = facts["auc_within_question"], facts["quintile_auc_within_question"][0]
    fifths = _row([fifth["mean"] for fifth in facts["quintile_auc_within_question"]])
    interval = "-" if hardest["mean"] is None else f"[{hardest['low']:.2f}, {hardest['high']:.2f}]"
    return (
        f"| {shown} | {within['mean']:.3f} [{within['low']:.3f}, {within['high']:.3f}] | {fifths} "
        f"| {interval} ({hardest['questions']}) | {facts['auc']['mean']:.3f} |"
    )


def _chain(name: str, facts: Facts) -> str:
    accuracy = _row([figure["mean"] for figure in facts["position_accuracy"]])
    gains = ", ".join(
        f"{gain['mean']:+.1%} [{gain['low']:+.1%}, {gain['high']:+.1%}]" for gain in facts["gain_over_previous"][:4]
    )
    return (
        f"| `{name}` | {accuracy} | {gains} | {_percent(facts['right_to_wrong'])} | {_percent(facts['wrong_to_right'])} "
        f"| {facts['questions']} |"
    )


def _drafts(name: str, controls: Facts) -> str:
    shown = (controls[which] for which in ("no_draft", "draft_of_another_question", "own_wrong_draft"))
    return f"| `{name}` | {' | '.join(map(_percent, shown))} |"


def _splits(name: str, ratios: Facts) -> Iterator[str]:
    for choice, shown in CHOICES.items():
        cells = [
            f"{_row([figure['mean'] for figure in splits[choice]['accuracy']])} | {splits[choice]['best']['chains']} "
            f"({splits[choice]['best']['low']} to {splits[choice]['best']['high']})"
            for splits in ratios.values()
            if choice in splits
        ]
        if cells:
            yield f"| `{name}` | {shown} | {' | '.join(cells)} |"


def _percent(figure: Facts) -> str:
    return f"{figure['mean']:.1%} [{figure['low']:.1%}, {figure['high']:.1%}]"


def _range(figure: Facts) -> str:
    return f"{figure['mean']:.1%} ({figure['low']:.1%} to {figure['high']:.1%})"


def _row(values: Sequence[float | None]) -> str:
    return " ".join("-" if value is None else f"{value:.2f}" for value in values)


def main() -> None:
    """Read the files that the command line names and rewrite the tables."""
    models: dict[str, Facts] = {}
    for path in sys.argv[1:]:
        for by_model in json.loads(Path(path).read_text(encoding="utf-8")).values():
            models |= by_model
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    if not models or not after:
        sys.exit(f"{PAGE} must hold {START} and {END}, and a file of figures must be named.")
    PAGE.write_text(f"{before}{START}\n{tables(models)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
