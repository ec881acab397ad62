"""The kinds of policy files, by the name that stands in a file's `kind`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from outlay.errors import UserError
from outlay.policies.across_policy import AcrossPolicy
from outlay.policies.per_bin_policy import PerBinPolicy
from outlay.policies.policy import Policy
from outlay.policies.rule_policy import RulePolicy
from outlay.policies.sequential_policy import SequentialPolicy
from outlay.registry import nearest

KINDS: Mapping[str, type[Policy]] = {
    "per_bin": PerBinPolicy,
    "across": AcrossPolicy,
    "router": AcrossPolicy,
    "sequential": SequentialPolicy,
    "rule": RulePolicy,
}
"""A file without a `kind` is `per_bin`, as the first files were. A router is a policy across questions that names models."""


def kind_of(fields: Mapping[str, Any], path: str | Path = "the policy") -> type[Policy]:
    """The class that reads these fields.

    Raises:
        UserError: a kind that is not known.

    >>> kind_of({"kind": "sequential"}).__name__
    'SequentialPolicy'
    """
    kind = fields.get("kind", "per_bin")
    if not isinstance(kind, str) or kind not in KINDS:
        raise UserError(f"{path}: there is no kind of policy {kind!r:.60}: {nearest(str(kind), KINDS)}.")
    return KINDS[kind]
