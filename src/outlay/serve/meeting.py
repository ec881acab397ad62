"""A policy meets what it was calibrated with: the model, its weights, its tokenizer; anything else is refused."""

from __future__ import annotations

from outlay.models.identity import tokenizer_of, weights_of
from outlay.policies import Policy


def check_model(policy: Policy, name: str) -> None:
    """Refuse a model that the policy was not calibrated for; of a served one the address may differ, its name may not."""
    own = policy.model
    if name == own or ("#" in own and own.partition("#")[2] == name.partition("#")[2]):
        return
    policy.check(model=name)


def check_files(policy: Policy, verifier: str | None) -> None:
    """Refuse other weights or another tokenizer under the names that the policy was calibrated with."""
    named = [*policy.models(), *(one for one in (verifier, policy.probe) if one)]
    known = {name: (weights_of(name), tokenizer_of(name)) for name in named}
    policy.check_origin(
        {name: weights for name, (weights, _) in known.items() if weights is not None},
        {name: tokenizer for name, (_, tokenizer) in known.items() if tokenizer is not None},
    )
