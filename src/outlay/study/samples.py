"""Reading what `outlay analyse` is given: folders of traces and files of samples, whole or without what is damaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from outlay.errors import UserError
from outlay.study.pools import Chains, Pool, read_pools
from outlay.study.runs import Recorded, recorded_in
from outlay.traces import Store

SHOWN = 3
"""How many of the rows that were left out are told one by one."""


@dataclass(frozen=True)
class Samples:
    """What was read: the runs of folders, the pools of files, and, in words, what was left out."""

    recorded: tuple[Recorded, ...]
    pools: tuple[Pool | Chains, ...]
    warnings: tuple[str, ...] = ()

    @property
    def largest(self) -> int:
        """Most generations a question that any of them holds: samples of a pool, or the budget of a search."""
        sizes = [int(pool.correct[0].size) for pool in (*self.pools, *(one.pool for one in self.recorded))]
        budgets = [int(budget) for one in self.recorded for run in one.runs for budget in run.budgets]
        return max([*sizes, *budgets], default=0)


def read(paths: Sequence[Path], *, skip_bad: bool = False, aggregation: str | None = None) -> Samples:
    """Everything in these folders of traces and files of samples.

    With an `aggregation` the scores are made anew from the step scores, where there are several.

    With `skip_bad`, rows that are wrong and parts that are damaged are left out, and `warnings` says which.

    >>> read([Path("samples.jsonl")], skip_bad=True).warnings       # doctest: +SKIP
    ('1 bad row was left out: samples.jsonl, line 7: ...',)

    Raises UserError for a path that is neither, and, without `skip_bad`, for the first thing that is wrong.
    """
    recorded: list[Recorded] = []
    warnings: list[str] = []
    for folder in (path for path in paths if path.is_dir()):
        store = Store(folder, create=False, skip_damaged=skip_bad)
        try:
            damage = store.damage()
        except UserError as error:
            _refused(error)
        if damage and not skip_bad:
            _refused(UserError(damage[0]))
        warnings += [f"Left out: {one}" for one in damage]
        recorded += recorded_in(store, aggregation)
    files = [path for path in paths if not path.is_dir()]
    wrong: list[UserError] = []
    pools = read_pools(files, wrong.append if skip_bad else _refused, aggregation)
    return Samples(tuple(recorded), tuple(pools), (*warnings, *_left_out(wrong)))


def _refused(error: UserError) -> NoReturn:
    raise UserError(f"{str(error).rstrip('.')}, or go on without it: --skip-bad.")


def _left_out(wrong: Sequence[UserError]) -> list[str]:
    if not wrong:
        return []
    first = " ".join(str(error) for error in wrong[:SHOWN])
    more = f" And {len(wrong) - SHOWN} more." if len(wrong) > SHOWN else ""
    return [f"{'1 bad row was' if len(wrong) == 1 else f'{len(wrong)} bad rows were'} left out: {first}{more}"]
