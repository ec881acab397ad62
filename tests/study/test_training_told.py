import json

import pytest

from outlay.models import embedded_folder
from outlay.study.training import training_of


def record(name: str) -> dict:
    return json.loads((embedded_folder(name) / "outlay.json").read_text())


def test_a_policy_from_scratch_read_its_steps_times_their_tokens() -> None:
    found = training_of("embedded:countdown-small")
    training = record("countdown-small")["training"]
    assert found is not None
    assert found.tokens == training["steps"] * training["tokens_per_step"]
    assert (found.drawn, found.base, found.role) == (0.0, "", "policy")
    assert found.flops == 6 * found.parameters * found.tokens


def test_fine_tuning_pays_for_the_samples_of_its_base() -> None:
    found, training = training_of("embedded:countdown-small-star", 12.0), record("countdown-small-star")["training"]
    assert found is not None
    assert found.base == "countdown-small"
    assert found.drawn == training["questions"] * training["samples"] * 12.0
    assert found.policy_parameters == record("countdown-small")["parameters"]
    assert found.flops == 6 * found.parameters * found.tokens + 2 * found.policy_parameters * found.drawn


def test_a_verifier_pays_for_solutions_and_rollouts() -> None:
    """From the end of each of four steps a rollout draws what is left: three, two, one and none quarters of a solution."""
    found, training = training_of("embedded:arithmetic-prm", 20.0, 4.0), record("arithmetic-prm")["training"]
    assert found is not None
    rolled_out = training["questions"] * training["solutions"] * training["rollouts"] * 20.0 * 1.5
    assert found.drawn == pytest.approx(training["labelled_solutions"] * 20.0 + rolled_out)
    assert found.tokens == training["steps_done"] * training["batch"] * 20.0  # batches of whole solutions


def test_a_verifier_that_was_stopped_early_read_less() -> None:
    weak, middling, full = (training_of(f"embedded:arithmetic-prm{name}", 20.0) for name in ("-weak", "-middling", ""))
    assert weak is not None and middling is not None and full is not None
    assert weak.tokens < middling.tokens < full.tokens
    assert weak.drawn == full.drawn  # all are stops of one training


def test_a_reviser_is_told_from_a_fine_tuned_policy() -> None:
    reviser, tuned = training_of("embedded:halving-reviser"), training_of("embedded:countdown-small-star")
    assert reviser is not None and tuned is not None
    assert (reviser.revises, tuned.revises) == (True, False)
    history = training_of("embedded:halving-orm-history")
    assert history is not None and history.attempts == 4


@pytest.mark.parametrize("address", [None, "oracle:countdown", "random:0", "embedded:no-such-model"])
def test_what_was_not_trained_has_no_record(address: str | None) -> None:
    assert training_of(address) is None
