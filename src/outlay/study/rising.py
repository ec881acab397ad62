"""Where a curve stops rising: the N after which no further doubling surely gains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from outlay.curves import paired_difference
from outlay.study.evidence import Evidence
from outlay.study.figures import as_points


def stops_rising(evidence: Evidence) -> dict[str, Any] | None:
    """Every doubling of best-of-N (of the baseline, where nothing is scored), and where the last that gains ends.

    A doubling gains where the paired interval of what it adds lies above zero. None where nothing chooses among samples.

    Returns:
        `task`, `model`, `method`; `n`, after which no doubling gains; `still`, whether that is the largest N that there
        is, so that the curve may go on; `doublings`, a list of `from`, `to` and `gain`.
    """
    method = "best_of_n" if "best_of_n" in evidence.tables else evidence.baseline
    if method is None or len(evidence.ks) < 2:
        return None
    table, ks = evidence.tables[method], evidence.ks
    options: dict[str, Any] = {"resamples": evidence.settings.resamples, "seed": evidence.settings.seed}
    gains = as_points(paired_difference(table[:, 1:], table[:, :-1], **options))
    last = max((n for n, gain in zip(ks[1:], gains, strict=True) if gain["low"] > 0), default=ks[0])
    return {
        "task": evidence.found.pool.task,
        "model": evidence.found.pool.model,
        "method": method,
        "n": last,
        "still": last == ks[-1],
        "doublings": [
            {"from": before, "to": after, "gain": gain} for before, after, gain in zip(ks, ks[1:], gains, strict=False)
        ],
    }


def rising_sentence(found: Mapping[str, Any], of: str, method: str) -> str:
    """The same in one sentence; `of` and `method` are what its runs and its method are called.

    >>> rising_sentence({"n": 8, "still": False, "doublings": [{"to": 16}]}, "sums", "best-of-N")
    'sums: after N = 8 no doubling of best-of-N surely gains (up to 16)'
    """
    end = found["doublings"][-1]["to"]
    if found["still"]:
        return f"{of}: {method} still gains by the last doubling, to N = {end}"
    return f"{of}: after N = {found['n']} no doubling of {method} surely gains (up to {end})"
