"""How much each test of a promise shows: `python -m studies.promise_tests` prints the table of docs/explanation/promises.md.

A candidate's mean exceeds the target by 0.08; 120 questions to learn the stakes from, 300 to test on. How often is the hypothesis
"the mean is at most the target" rejected at 5%, when questions are coins, when their correctness is averaged over 4 or 32 runs,
and when every question is the same?

Then: how often is a true hypothesis rejected, with one seed of the binomial test's rounding and with another, when all who test
round by the same lots, and when each rounds by lots of the values' own (as `outlay.promises.p_values.binomial` does)?
"""

from __future__ import annotations

import numpy as np

from outlay.promises.p_values import betting, binomial, hoeffding_bentkus, stakes_for
from outlay.promises.testing import Test

EXCESS, LEARNED, TESTED, DRAWS = 0.08, 120, 300, 400
EDGE_DRAWS, EDGE_SEEDS = 2000, 12


def values(kind: str, mean: float, count: int, generator: np.random.Generator) -> np.ndarray:
    """Correctness of so many questions: rates are spread as a Beta of weight 2, unless all questions are the same."""
    rate = np.full(count, mean) if kind.startswith("alike") else generator.beta(2 * mean, 2 * (1 - mean), count)
    runs = int(kind.split()[-1])
    found: np.ndarray = generator.binomial(runs, rate) / runs
    return found


def power(kind: str, mean: float, generator: np.random.Generator) -> dict[str, float]:
    """The share of draws in which each test rejects."""
    rejected = dict.fromkeys(("binomial", "betting", "chosen", "hoeffding_bentkus", "binomial, Bonferroni of 20"), 0)
    target = mean - EXCESS
    for draw in range(DRAWS):
        learned, tested = (values(kind, mean, count, generator) for count in (LEARNED, TESTED))
        by_binomial = binomial(tested, target, seed=draw)
        found = {
            "binomial": by_binomial,
            "betting": betting(tested, target, stakes_for(learned, target, TESTED)),
            "chosen": Test.choose(learned, target, TESTED).p_value(tested, target, seed=draw),
            "hoeffding_bentkus": hoeffding_bentkus(tested, target),
            "binomial, Bonferroni of 20": by_binomial * 20,
        }
        for name, p in found.items():
            rejected[name] += p <= 0.05
    return {name: count / DRAWS for name, count in rejected.items()}


def false_promises(seed: int, *, shared: bool, generator: np.random.Generator) -> float:
    """The share of draws in which "the mean is at most 1/2" is rejected at 5% though it is true: values are Beta(2, 2)."""
    lots = np.random.default_rng([seed, TESTED]).random(TESTED)
    rejected = 0
    for _ in range(EDGE_DRAWS):
        tested = generator.beta(2, 2, TESTED)
        values = (lots < tested).astype(float) if shared else tested
        rejected += binomial(values, 0.5, seed) <= 0.05
    return rejected / EDGE_DRAWS


def main() -> None:
    """Print the tables in Markdown."""
    generator = np.random.default_rng(0)
    rows = [
        (what, mean, power(kind, mean, generator))
        for what, kind in (
            ("one run a question", "mixed 1"),
            ("mean of 4 runs", "mixed 4"),
            ("mean of 32 runs", "mixed 32"),
            ("mean of 32 runs, questions alike", "alike 32"),
        )
        for mean in (0.6, 0.9)
    ]
    print("| correctness of a question | accuracy | " + " | ".join(rows[0][2]) + " |")
    print("|---" * (2 + len(rows[0][2])) + "|")
    for what, mean, shares in rows:
        print(f"| {what} | {mean:g} | " + " | ".join(f"{share:.2f}" for share in shares.values()) + " |")
    for shared in (True, False):
        rates = [false_promises(seed, shared=shared, generator=generator) for seed in range(EDGE_SEEDS)]
        told = ", ".join(f"{100 * rate:.1f}%" for rate in rates)
        print(f"\ntrue hypotheses rejected, lots {'shared' if shared else 'of their own'}, by seed: {told}")


if __name__ == "__main__":
    main()
