"""A verifier knows what its labels say and nothing else: with shuffled labels it is no better than chance within a question."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch (extra lab)")

from outlay import models, tasks  # noqa: E402
from outlay.lab import heads, verifier  # noqa: E402
from outlay.lab.labels import label_solutions  # noqa: E402
from outlay.lab.recipes import VERIFIERS  # noqa: E402
from outlay.lab.train import read_policy  # noqa: E402
from outlay.lab.vocabulary import vocabulary_of  # noqa: E402

SHUFFLES = 4
T_QUANTILE = 3.182
"""The 97.5% quantile of Student's t with SHUFFLES - 1 degrees of freedom."""


def ignore(line):
    """A log that nobody reads."""


@pytest.fixture(scope="module")
def trained():
    """AUC within question, on validation questions, of a short training with given labels: 7 CPU seconds each."""
    torch.set_num_threads(1)
    task, vocabulary = tasks.load("countdown"), vocabulary_of("countdown")
    policy, shape = read_policy(models.embedded_folder("countdown-small"))
    recipe = replace(next(known for known in VERIFIERS if known.name == "countdown-prm"), steps=150)
    generator = torch.Generator().manual_seed(0)
    training, validation = (
        label_solutions(policy, shape, task, vocabulary, task.questions(split, count), samples, 0, generator)
        for split, count, samples in (("prm", 1200, 6), ("validation", 200, 12))
    )

    def figure(outcomes, seed):
        labelled = [
            replace(item, labels=(float(right),) * len(item.labels), correct=right)
            for item, right in zip(training, outcomes, strict=True)
        ]
        fitted = verifier.train_linear_head(policy, shape, labelled, recipe, seed, ignore)
        scores = verifier.last_step_scores(lambda tokens: heads.linear_head_scores(fitted, shape, tokens), validation)
        return verifier.judged(scores, validation).auc_within_question

    return figure, [item.correct for item in training]


def test_right_labels_teach_to_verify(trained):
    figure, outcomes = trained
    assert figure(outcomes, seed=0).low > 0.55


def test_shuffled_labels_teach_nothing(trained):
    """The interval is over shuffles and seeds: one training alone lands a little beside 0.5 in a direction of its own."""
    figure, outcomes = trained
    means = [
        figure([outcomes[row] for row in np.random.default_rng(seed).permutation(len(outcomes))], seed).mean
        for seed in range(1, SHUFFLES + 1)
    ]
    half = T_QUANTILE * np.std(means, ddof=1) / np.sqrt(SHUFFLES)
    assert np.mean(means) - half <= 0.5 <= np.mean(means) + half
    assert half < 0.1 and max(means) < 0.58
