"""Training in seconds: the recipes at toy sizes, from nothing to a folder that the embedded engine loads."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch (extra lab)")

from outlay import models, tasks, verifiers  # noqa: E402
from outlay.errors import OutlayError, UserError  # noqa: E402
from outlay.lab import heads, labels, schedule, train  # noqa: E402
from outlay.lab.fitting import equal_length_batches  # noqa: E402
from outlay.lab.network import Cache, Shape, final_states, initial_weights, logits  # noqa: E402
from outlay.lab.policy import policy_shape  # noqa: E402
from outlay.lab.recipes import POLICIES, VERIFIERS  # noqa: E402
from outlay.lab.sampling import continuations  # noqa: E402
from outlay.lab.vocabulary import vocabulary_of  # noqa: E402

SHAPE = Shape(vocabulary=11, hidden=16, layers=2, heads=2, intermediate=24, positions=32)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def weights_of(shape, seed=0):
    return initial_weights(shape, torch.Generator().manual_seed(seed))


def test_reading_word_by_word_gives_the_logits_of_reading_at_once():
    weights, tokens = weights_of(SHAPE), torch.randint(0, 11, (3, 9), generator=torch.Generator().manual_seed(1))
    at_once = logits(weights, final_states(weights, SHAPE, tokens))
    cache = Cache(SHAPE, 3, 9)
    parts = [final_states(weights, SHAPE, tokens[:, :4], cache)]
    parts += [final_states(weights, SHAPE, tokens[:, [position]], cache) for position in range(4, 9)]
    torch.testing.assert_close(logits(weights, torch.cat(parts, 1)), at_once, atol=1e-5, rtol=1e-5)


def test_greedy_continuations_do_not_depend_on_company():
    weights, generator = weights_of(SHAPE), torch.Generator().manual_seed(2)
    prefixes = [[1, 2, 3], [4, 5], [6, 7, 8], [9, 1]]
    together = continuations(weights, SHAPE, prefixes, 2, 0, [6, 6, 5, 6], generator, temperature=0)
    for prefix, limit, drawn in zip(prefixes, [6, 6, 5, 6], together, strict=True):
        alone = continuations(weights, SHAPE, [prefix], 1, 0, [limit], generator, temperature=0)
        assert drawn == alone[0] * 2


def test_a_self_channel_score_looks_at_no_later_word():
    weights, generator = weights_of(SHAPE), torch.Generator().manual_seed(3)
    head = heads.initial_self_channel_head(SHAPE, generator)
    tokens = torch.randint(0, 11, (2, 8), generator=generator)
    changed = tokens.clone()
    changed[:, 5:] = (changed[:, 5:] + 1) % 11
    before, after = (heads.self_channel_scores(weights, head, SHAPE, rows)[0][:, :5] for rows in (tokens, changed))
    torch.testing.assert_close(before, after)


def test_batches_hold_one_length_and_cover_an_epoch_once():
    lengths = [3] * 8 + [5] * 4
    batches = equal_length_batches(lengths, 12, np.random.default_rng(0))
    epoch = [next(batches) for _ in range(4)]
    assert sorted(np.concatenate(epoch).tolist()) == list(range(12))
    assert all(len({lengths[row] for row in batch}) == 1 for batch in epoch)


def test_too_few_sequences_for_one_batch_is_an_error():
    with pytest.raises(OutlayError, match="no batch of 100 tokens"):
        next(equal_length_batches([3, 3], 100, np.random.default_rng(0)))


def test_labels_are_shares_of_rollouts_and_end_in_the_outcome():
    task, vocabulary = tasks.load("countdown"), vocabulary_of("countdown")
    shape = policy_shape("small", "countdown")
    weights, _ = train.read_policy(train.shipped_weights() / "countdown-small")
    questions = task.questions("validation", 6)
    generator = torch.Generator().manual_seed(4)
    labelled = labels.label_solutions(weights, shape, task, vocabulary, questions, 3, 4, generator)
    assert labelled
    for item in labelled:
        assert item.labels[-1] == float(item.correct)
        assert all(value * 4 in range(5) for value in item.labels)
        assert [item.tokens[end] for end in item.step_ends[:-1]] == [vocabulary.step_end] * (len(item.labels) - 1)
        assert item.tokens[item.step_ends[-1]] == vocabulary.end


@pytest.mark.parametrize("family", ["countdown", "arithmetic"])
def test_a_toy_family_trains_into_folders_that_the_engine_loads(family, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "VALIDATION_QUESTIONS", 10)
    monkeypatch.setattr(train, "VALIDATION_SAMPLES", 4)
    policy = next(recipe for recipe in POLICIES if recipe.name == f"{family}-small")
    verifier = next(recipe for recipe in VERIFIERS if recipe.name == f"{family}-prm")
    train.make_policy(replace(policy, demonstrations=300, steps=3, tokens_per_step=400), tmp_path, 0, print)
    # so young a policy writes no answers to label: the shipped one stands in for it
    (tmp_path / policy.name).rename(tmp_path / "young")
    (tmp_path / policy.name).symlink_to(train.shipped_weights() / policy.name)
    toy = replace(verifier, questions=12, outcome_questions=min(12, verifier.outcome_questions), steps=3)
    train.make_verifier(replace(toy, batch=100 if family == "countdown" else 8), tmp_path, 0, print)
    assert models.load(f"embedded:{tmp_path / 'young'}").task == family
    assert verifiers.load(f"embedded:{tmp_path / verifier.name}").parameters > 100_000


def test_a_verifier_without_its_policy_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="train countdown-small before"):
        schedule.make("countdown", ["countdown-prm"], tmp_path, 0, print)


def test_an_unknown_family_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="chess"):
        schedule.make("chess", [], tmp_path, 0, print)
