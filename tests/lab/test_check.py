"""`outlay lab check` measures every model that ships, in any number of processes the same."""

from collections import Counter

import numpy as np
import pytest

from outlay import tasks
from outlay.errors import UserError
from outlay.lab.check import GRADED, SEEDED, VERIFIED, check_families, jobs, over_seeds, verifiers_facts, verifiers_of
from outlay.lab.measure import share_right, verifier_figures
from outlay.lab.pools import drawn_pool, own_log_probabilities, verifier_scores
from outlay.lab.recipes import FAMILIES, MODEL_NAMES, VERIFIERS, made_by
from outlay.lab.telling import shown


@pytest.fixture(scope="module")
def pool():
    """Samples of the clean policy, which repeats itself."""
    return drawn_pool("arithmetic-clean-small", tasks.load("arithmetic-clean").questions("validation", 60), 8, 0)


def test_every_model_that_ships_is_measured():
    names = [name for job in jobs(FAMILIES) for name in (job.name, *verifiers_of(job.name))]
    assert sorted(names) == sorted(MODEL_NAMES)


def test_the_more_verifiers_a_policy_has_the_more_is_asked_of_it():
    judges = Counter(recipe.policy for recipe in VERIFIERS for _ in made_by(recipe))
    asked = {job.name: job.extent for job in jobs(FAMILIES) if job.kind == "policy"}
    assert {name for name, extent in asked.items() if extent == GRADED} == {name for name in judges if judges[name] > 1}
    assert {name for name, extent in asked.items() if extent == VERIFIED} == {
        name for name in judges if judges[name] == 1
    }
    assert {name for name, extent in asked.items() if extent == SEEDED} == {name for name in asked if "-seed" in name}


def test_processes_change_nothing_and_say_all_there_is():
    alone, together = (check_families("arithmetic-clean", 10, 4, 0, processes) for processes in (1, 2))
    assert alone == together
    figures = alone["arithmetic-clean"]
    verifiers = [name for recipe in VERIFIERS if recipe.task == "arithmetic-clean" for name in made_by(recipe)]
    assert set(verifiers) < set(figures)
    for name, facts in figures.items():
        keys = {"auc", "auc_within_question", "quintile_auc_within_question", "baselines"}
        assert (keys if name in verifiers else {"pass_at_1", "quintiles", "any_of_n", "greedy"}) <= set(facts)
    assert set(figures["arithmetic-clean-prm"]["own_language_model"]) == {"pass_at_1", "greedy", "questions", "samples"}
    assert "greedy" in shown(alone) and "its own language model as a policy" in shown(alone)


def test_a_sample_that_stands_twice_has_the_score_it_would_have_alone(pool):
    scores, own = verifier_scores("arithmetic-clean-prm", pool), own_log_probabilities("arithmetic-clean-prm", pool)
    half = pool.every_other(1)
    np.testing.assert_allclose(verifier_scores("arithmetic-clean-prm", half), scores[:, 1::2], atol=1e-6)
    np.testing.assert_allclose(own_log_probabilities("arithmetic-clean-prm", half), own[:, 1::2], atol=1e-5)
    texts = [[solution.text for solution in row] for row in pool.solutions]
    twice = [(q, a, b) for q, row in enumerate(texts) for a in range(8) for b in range(a) if row[a] == row[b]]
    assert twice and all(scores[q, a] == scores[q, b] for q, a, b in twice)


def test_quintiles_are_made_by_samples_that_no_verifier_is_judged_on(pool):
    facts = verifiers_facts(["arithmetic-clean-prm"], pool, 0)["arithmetic-clean-prm"]
    judged = pool.every_other(1)
    easiness = share_right(pool.every_other(0).correct, pool.every_other(0).valid)
    alone = verifier_figures(verifier_scores("arithmetic-clean-prm", judged), judged.correct, judged.valid, easiness)
    assert facts["auc_within_question"]["mean"] == alone.auc_within_question.mean
    mixed = (judged.correct & judged.valid).any(1) & (~judged.correct & judged.valid).any(1)
    assert sum(fifth["questions"] for fifth in facts["quintile_auc_within_question"]) == mixed.sum() > 0


def test_a_quintile_without_both_kinds_of_samples_is_undefined():
    correct = np.repeat([[True], [False], [True], [False], [True]], 4, axis=1)
    figures = verifier_figures(np.zeros(correct.shape), correct, np.ones_like(correct), np.arange(5.0))
    assert [fifth.questions for fifth in figures.quintile_auc_within_question] == [0] * 5
    assert np.isnan(figures.quintile_auc_within_question[0].mean)


def test_seeds_of_one_policy_are_told_together():
    def rate(value):
        return {"pass_at_1": {"mean": value}, "greedy": {"mean": value / 2}}

    found = over_seeds({"a": rate(0.6), "a-seed1": rate(0.4), "a-seed2": rate(0.5), "b": rate(0.1)})
    assert found == {
        "a": {
            "seeds": 3,
            "pass_at_1": {"mean": 0.5, "low": 0.4, "high": 0.6},
            "greedy": {"mean": 0.25, "low": 0.2, "high": 0.3},
        }
    }


@pytest.mark.parametrize(("questions", "samples"), [(4, None), (None, 3)])
def test_too_little_to_measure_is_refused(questions, samples):
    with pytest.raises(UserError, match="at least 5 questions"):
        check_families("halving", questions, samples, 0)
