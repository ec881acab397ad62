"""Training to revise: which attempts a chain holds, what the loss sees, and a toy run from nothing to a folder that revises."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="training needs torch (extra lab)")

from outlay import models, tasks, verifiers  # noqa: E402
from outlay.drive.batching import BatchingDriver  # noqa: E402
from outlay.drive.serving import Unit  # noqa: E402
from outlay.lab import make_revision, train  # noqa: E402
from outlay.lab.network import initial_weights  # noqa: E402
from outlay.lab.policy import policy_shape  # noqa: E402
from outlay.lab.recipes import OUTCOME_VERIFIERS, POLICIES, REVISERS  # noqa: E402
from outlay.lab.revision import (  # noqa: E402
    Checkpoint,
    edit_distance,
    judged_attempts,
    revise,
    training_chains,
    wrong_attempts,
)
from outlay.lab.vocabulary import vocabulary_of  # noqa: E402
from outlay.strategies import Revisions  # noqa: E402
from outlay.types import Budget  # noqa: E402

COUNTDOWN = next(recipe for recipe in REVISERS if recipe.name == "countdown-reviser")
TOY = replace(COUNTDOWN, questions=30, samples=6, chains=5, steps=3, report_every=2, tokens_per_step=1200)
WORDS = st.lists(st.integers(0, 3), max_size=6)


@pytest.fixture(scope="module")
def drawn():
    """Chains from the shipped Countdown policy, with the questions they come from."""
    torch.set_num_threads(1)
    base, shape = train.read_policy(train.shipped_weights() / "countdown-small")
    task, vocabulary = tasks.load("countdown"), vocabulary_of("countdown")
    questions = task.questions("prm", TOY.questions)
    generator = torch.Generator().manual_seed(0)
    return training_chains(base, shape, task, vocabulary, questions, TOY, generator), questions


@given(WORDS, WORDS, WORDS)
def test_edit_distance_is_a_metric(a, b, c):
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, b) == edit_distance(b, a)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)


@given(WORDS, WORDS)
def test_edit_distance_lies_between_the_lengths(a, b):
    assert abs(len(a) - len(b)) <= edit_distance(a, b) <= max(len(a), len(b))


def test_the_nearest_wrong_attempt_comes_last():
    wrong = [(1, 1, 1, 9), (1, 2, 3, 9), (5, 5, 5, 9), (1, 2, 5, 9)]
    for seed in range(20):
        chosen = wrong_attempts(wrong, (1, 2, 4, 9), 3, np.random.default_rng(seed))
        assert chosen[-1] in ((1, 2, 3, 9), (1, 2, 5, 9))
        assert len(set(chosen)) == 3


def test_where_there_are_fewer_wrong_attempts_all_are_shown():
    assert wrong_attempts([(1, 9)], (2, 9), 4, np.random.default_rng(0)) == [(1, 9)]
    assert wrong_attempts([], (2, 9), 4, np.random.default_rng(0)) == []


def test_a_chain_is_wrong_attempts_then_the_question_then_a_right_target(drawn):
    chains, questions = drawn
    task, vocabulary = tasks.load("countdown"), vocabulary_of("countdown")
    by_text = {question.text: question for question in questions}
    assert {chain.attempts for chain in chains} == {0, 1, 2, 3, 4}
    for chain in chains:
        words = vocabulary.decode(chain.tokens[: chain.target_start])
        *attempts, asked = words.split(" <end>")
        question = by_text[asked.strip()]
        assert len(attempts) == chain.attempts
        assert not any((answer := task.extract(text)) and task.grade(question, answer) for text in attempts)
        target = vocabulary.decode(chain.tokens[chain.target_start :])
        assert task.grade(question, task.extract(target))


def test_chains_come_from_no_validation_or_test_question(drawn):
    _, questions = drawn
    held = {q.text for split in ("validation", "test") for q in tasks.load("countdown").questions(split, 1000)}
    assert not held & {question.text for question in questions}


def test_own_chains_have_the_asked_shape_and_grades():
    task, vocabulary = tasks.load("halving"), vocabulary_of("halving")
    shape = policy_shape("one-layer", "halving")
    weights = initial_weights(replace(shape, positions=80), torch.Generator().manual_seed(0))
    questions = task.questions("validation", 6)
    revised = revise(weights, shape, task, vocabulary, questions, 2, 3, 1, torch.Generator().manual_seed(1))
    assert revised.correct.shape == (6, 2, 3)
    labelled = judged_attempts(revised, questions, vocabulary)
    for item in labelled:
        assert item.step_ends == (len(item.tokens) - 1,)
        assert item.labels == (float(item.correct),)
    seen = judged_attempts(revised, questions, vocabulary, context=1)
    assert [item.correct for item in seen] == [item.correct for item in labelled]
    shown = 0
    for item, plain in zip(seen, labelled, strict=True):
        extra = len(item.tokens) - len(plain.tokens)
        assert item.tokens[extra:] == plain.tokens  # the attempt before stands in front, and changes nothing else
        assert item.prompt_length == plain.prompt_length + extra
        shown += extra > 0
    assert 0 < shown < len(seen)


def test_a_toy_family_trains_into_folders_that_revise_and_judge(tmp_path, monkeypatch):
    for module in (train, make_revision):
        monkeypatch.setattr(module, "VALIDATION_QUESTIONS", 6)
        monkeypatch.setattr(module, "VALIDATION_SAMPLES", 4)
    monkeypatch.setattr(make_revision, "CHECKPOINT_QUESTIONS", 4)
    (tmp_path / "countdown-small").symlink_to(train.shipped_weights() / "countdown-small")
    make_revision.make_reviser(TOY, tmp_path, 0, print)
    judge = replace(OUTCOME_VERIFIERS[0], task="countdown", policy="countdown-small", reviser=TOY.name, questions=20)
    make_revision.make_outcome_verifier(replace(judge, chains=2, length=1, steps=2, batch=6), tmp_path, 0, print)
    model = models.load(f"embedded:{tmp_path / TOY.name}")
    driver = BatchingDriver(tasks.load("countdown"), model, verifiers.load(f"embedded:{tmp_path / judge.name}"))
    question = tasks.load("countdown").questions("validation", 1)[0]
    strategy = Revisions(chains=2, selection="verifier")
    (trace,) = driver.solve([Unit(question, strategy, Budget(generations=12))])
    assert sorted((s.chain, s.position) for s in trace.solutions) == [(c, p) for c in range(2) for p in range(6)]
    assert "## Checkpoints" in (tmp_path / TOY.name / "README.md").read_text(encoding="utf-8")


def test_recipes_name_models_of_their_own_family():
    policies = {recipe.name: recipe.task for recipe in POLICIES}
    for recipe in REVISERS:
        assert policies[recipe.base] == recipe.task
    revisers = {recipe.name: recipe.task for recipe in REVISERS}
    for judge in OUTCOME_VERIFIERS:
        assert revisers[judge.reviser] == (policies | revisers)[judge.policy] == judge.task


def test_checkpoints_are_compared_by_all_attempts_after_the_first():
    assert Checkpoint(1, 0.0, 0.0, (0.9, 0.4, 0.6)).revised_accuracy == pytest.approx(0.5)
