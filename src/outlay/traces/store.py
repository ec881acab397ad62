"""The store: a folder of Parquet parts to which runs are only ever appended.

Promises: a part is there whole or not at all; a run is counted once, whenever the writer was killed and however often
the work was repeated; several processes may append at once; the tables come back in an order that does not depend on
who wrote what when; what a server entered in its journal (`outlay.traces.journal`) is read with the parts. Limits: one study per
folder (see `lock`); on a network file system the lock is only as good as that system's `flock`.

A run's solutions are written before its row of the runs table, under an identifier that is drawn anew each time.
Solutions whose run row is missing are leftovers of a killed writer: reading ignores them, `compact` drops them. A run whose
solutions are not all there any more (a part was damaged and moved away) does not count as made: a study makes it again.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from outlay.errors import OutlayError, UserError
from outlay.traces.files import check_folder, cleared_of_leftovers, reason, write_whole
from outlay.traces.rows import KEY_NAMES, RunKey, key_of_row, to_tables, to_traces
from outlay.traces.schema import ADDED, RUNS, SCHEMA_VERSION, SOLUTIONS
from outlay.types import Trace

RUN_COLUMNS = ["run_id", *KEY_NAMES, "solutions"]
"""What is read of the runs where only their keys and whether they are whole matters."""

SORT_BY = ("task", "question_id", "model", "verifier", "strategy", "budget", "budget_tokens", "seed")


@dataclass(frozen=True, slots=True)
class Verification:
    """What `Store.verify` found: counts of whole work, and of everything that is not.

    `orphans` are solutions without a run row (a writer was killed between the two), `duplicates` runs that were made
    more than once, `incomplete` runs with fewer solutions than their row says, `unreadable` the parts that no longer
    open. Orphans and duplicates are harmless; the other two mean that something was lost.
    """

    runs: int
    solutions: int
    orphans: int
    duplicates: int
    incomplete: tuple[str, ...]
    unreadable: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Nothing was lost."""
        return not self.incomplete and not self.unreadable


class Store:
    """Traces in the folder `path`, which is made when it is missing.

    >>> store = Store(folder)           # doctest: +SKIP
    >>> store.append([trace])           # doctest: +SKIP
    >>> store.runs().num_rows           # doctest: +SKIP
    1

    With `skip_damaged`, parts that cannot be read are left out, and with them the runs that need them; `damage` tells which.

    Raises UserError when `path` is a file or cannot be made, or when the folder was written by a newer Outlay.
    """

    def __init__(self, path: str | Path, *, create: bool = True, skip_damaged: bool = False) -> None:
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path} is a file; traces are kept in a folder, so name one (it may be new).")
        if not create and not (self.path / "runs").is_dir():
            raise UserError(
                f"{self.path} holds no traces (no runs/ folder in it); give a folder that a run has written."
            )
        if create:
            for name in ("solutions", "runs"):
                check_folder(self.path / name)
                try:
                    (self.path / name).mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    raise UserError(
                        f"{self.path / name} cannot be made ({reason(error)}); give another place, or make room there."
                    ) from error
        version = self.meta.get("schema_version", SCHEMA_VERSION)
        if not isinstance(version, int):
            raise UserError(
                f"{self.path / 'meta.json'}, field `schema_version` should be a whole number, found {version!r:.60}; "
                "restore the file, or delete it: the traces do not need it."
            )
        if version > SCHEMA_VERSION:
            raise UserError(
                f"{self.path} has traces of schema version {version}, and this Outlay reads up to {SCHEMA_VERSION}; "
                "upgrade Outlay to read them."
            )
        self._damaged: tuple[Path, ...] = self._unreadable() if skip_damaged else ()

    @property
    def meta(self) -> dict[str, Any]:
        """What `meta.json` says: versions, specs, prices; empty where there is no such file."""
        file = self.path / "meta.json"
        if not file.exists():
            return {}
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (ValueError, RecursionError, OSError) as error:
            raise UserError(
                f"{file} cannot be read as JSON ({error}); restore it, or delete it: the traces do not need it."
            ) from error
        if not isinstance(content, dict):
            raise UserError(
                f"{file} should hold a JSON object, not a {type(content).__name__}; restore it, or delete it: the traces do "
                "not need it."
            )
        return content

    def update_meta(self, values: Mapping[str, Any]) -> None:
        """Set these entries of `meta.json` and keep the others."""
        content = {"schema_version": SCHEMA_VERSION, **self.meta, **values}
        text = json.dumps(content, indent=2, sort_keys=True, default=str) + "\n"
        write_whole(self.path / "meta.json", lambda file: file.write_text(text, encoding="utf-8"), durable=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for one study; its worker processes append under the same lock.

        What killed writers left half-written is removed first: under the lock nobody else is writing. Raises UserError when
        another process holds it. The lock goes with the process, however that ends.
        """
        import fcntl  # POSIX only, and only here

        file = self.path / ".lock"
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise UserError(
                f"{file} cannot be made ({reason(error)}); give another folder with --out, or make room there."
            ) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(
                    f"Another run is writing into {self.path}; wait for it to end, or give another folder with --out."
                ) from error
            except OSError as error:
                raise UserError(
                    f"{file} cannot be locked ({reason(error)}), so two runs could not be kept apart; give a folder on "
                    "another disk with --out."
                ) from error
            self._clear()  # of what a run before this one left, if it was killed
            try:
                yield
            finally:
                self._clear()  # of what its own workers left that were ended while they wrote
        finally:
            os.close(descriptor)

    def _clear(self) -> None:
        for folder in (self.path, self.path / "solutions", self.path / "runs", self.path / "policies"):
            cleared_of_leftovers(folder)

    def append(self, traces: Trace | Sequence[Trace]) -> None:
        """Write these runs, durably; when it returns they will survive a crash of the machine.

        A part per call, so give it some dozens of traces at a time where there are many.
        """
        batch = [traces] if isinstance(traces, Trace) else list(traces)
        if not batch:
            return
        self.append_tables(*to_tables(batch, [uuid.uuid4().hex for _ in batch]))

    def append_tables(self, solutions: pa.Table, runs: pa.Table) -> None:
        """`append` of runs that are rows already, of the schemas `SOLUTIONS` and `RUNS`."""
        self._write_part("solutions", solutions)
        self._write_part("runs", runs)

    def runs(self) -> pa.Table:
        """The runs, one row each, every distinct run once; sorted by task, question, model, strategy, budget, seed."""
        runs = self._read("runs", RUNS)
        return _sorted(_distinct_runs(_whole(runs, self._read("solutions", SOLUTIONS, ["run_id"]))))

    def solutions(self) -> pa.Table:
        """The solutions of `runs()`, one row each, in the same order and then in the order of their run."""
        runs = self._read("runs", RUNS, RUN_COLUMNS)
        table = self._read("solutions", SOLUTIONS)
        counted = _distinct_runs(_whole(runs, table))["run_id"]
        return _sorted(table.filter(pc.is_in(table["run_id"], value_set=counted.combine_chunks())), "index")

    def traces(self) -> Iterator[Trace]:
        """The runs with their solutions, as they were appended."""
        return to_traces(self.solutions(), self.runs())

    def done(self) -> set[RunKey]:
        """The keys of the finished runs whose solutions are there; what is in it need not be made again."""
        runs = self._read("runs", RUNS, RUN_COLUMNS)
        whole = _whole(runs, self._read("solutions", SOLUTIONS, ["run_id"]))
        return {key_of_row(row) for row in whole.select(list(KEY_NAMES)).to_pylist()}

    def damage(self) -> list[str]:
        """What is lost, a sentence each, ending with what to do: parts left out, and runs whose solutions are not all there."""
        again = "give the command that made the traces again, to make anew what is missing"
        told = [f"{part} is damaged; move it away and {again}." for part in self._damaged]
        runs = self._read("runs", RUNS, RUN_COLUMNS)
        whole = _whole(runs, self._read("solutions", SOLUTIONS, ["run_id"]))
        lost = _keys(runs) - _keys(whole)
        if lost:
            told.append(
                f"{self.path}: {len(lost)} of {len(_keys(runs))} runs lack solutions (a part is missing in "
                f"{self.path / 'solutions'}); {again}."
            )
        return told

    def compact(self) -> None:
        """Rewrite many small parts as one of each table, without leftovers and duplicates.

        Killed at any moment it loses nothing: the new rows carry new run identifiers, and until the old parts are
        gone the same run merely exists twice, which reading sees through.
        """
        old = [*self._parts("runs"), *self._parts("solutions")]
        solutions, runs = self.solutions(), self.runs()
        if runs.num_rows == 0:
            return
        ids = runs["run_id"].combine_chunks()
        fresh = pa.array([uuid.uuid4().hex for _ in range(len(ids))], pa.string())
        renamed = fresh.take(pc.index_in(solutions["run_id"].combine_chunks(), value_set=ids))
        self._write_part("solutions", solutions.set_column(0, SOLUTIONS.field(0), renamed))
        self._write_part("runs", runs.set_column(0, RUNS.field(0), fresh))
        for part in old:
            part.unlink()

    def verify(self) -> Verification:
        """Open every part and compare what is there with what the run rows promise."""
        sound = Store(self.path, create=False, skip_damaged=True)
        every_run = sound._read("runs", RUNS, RUN_COLUMNS)
        solutions = sound._read("solutions", SOLUTIONS, ["run_id"])
        whole = _whole(every_run, solutions)
        runs = _distinct_runs(whole)
        made = _keys(whole)
        lost = [row for row in every_run.to_pylist() if key_of_row(row) not in made]
        known = pc.is_in(solutions["run_id"], value_set=every_run["run_id"].combine_chunks())
        return Verification(
            runs=runs.num_rows,
            solutions=pc.sum(runs["solutions"]).as_py() or 0,
            orphans=solutions.num_rows - (pc.sum(known).as_py() or 0),
            duplicates=whole.num_rows - runs.num_rows,
            incomplete=tuple(sorted(row["run_id"] for row in lost)),
            unreadable=tuple(f"{part.parent.name}/{part.name}" for part in sound._damaged),
        )

    def _parts(self, kind: str) -> list[Path]:
        return sorted((self.path / kind).glob("part-*.parquet"))

    def _unreadable(self) -> tuple[Path, ...]:
        """The parts that do not open, read in every column, since a damaged page hurts its own column only."""
        found = []
        for kind, schema in (("runs", RUNS), ("solutions", SOLUTIONS)):
            for part in self._parts(kind):
                try:
                    _read_part(part, schema, None)
                except OutlayError:
                    found.append(part)
        return tuple(found)

    def _write_part(self, kind: str, table: pa.Table) -> None:
        target = self.path / kind / f"part-{os.getpid():07d}-{uuid.uuid4().hex}.parquet"
        write_whole(target, lambda file: pq.write_table(table, file, compression="zstd"), durable=True)

    def _read(self, kind: str, schema: pa.Schema, columns: list[str] | None = None) -> pa.Table:
        from outlay.traces.journal import journalled

        entered = journalled(
            self.path, kind, columns
        )  # first: what is moved into a part meanwhile is then seen twice, not never
        parts = [_read_part(part, schema, columns) for part in self._parts(kind) if part not in self._damaged]
        table = pa.concat_tables([_empty(schema, columns), *parts])
        if entered is None:
            return table
        own = pc.is_in(entered["run_id"], value_set=table["run_id"].combine_chunks())
        return pa.concat_tables([table, entered.filter(pc.invert(own))])


def _empty(schema: pa.Schema, columns: list[str] | None) -> pa.Table:
    table = schema.empty_table()
    return table if columns is None else table.select(columns)


def _read_part(part: Path, schema: pa.Schema, columns: list[str] | None) -> pa.Table:
    try:
        table = pq.read_table(part, columns=columns, partitioning=None)
        table = _with_added_fields(table, schema) if columns is None else table
    except FileNotFoundError as error:
        raise OutlayError(f"{part} vanished while it was read; another process is compacting, so try again.") from error
    except PermissionError as error:
        raise UserError(f"{part} cannot be read ({reason(error)}); allow yourself to read it.") from error
    except (OSError, pa.ArrowException) as error:
        raise UserError(
            f"{part} is damaged ({reason(error)}); move it away and give the command that made the traces again, to make anew "
            "what is missing."
        ) from error
    wanted = schema if columns is None else pa.schema([schema.field(name) for name in columns])
    try:
        return table.select(wanted.names).cast(wanted)
    except (KeyError, ValueError, pa.ArrowException) as error:
        raise UserError(f"{part} is not a part of a trace store ({reason(error)}); move it away.") from error


def _with_added_fields(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A part of an older Outlay, with what it says of fields that were added since."""
    for name, value in ADDED.items():
        if name in schema.names and name not in table.column_names:
            table = table.append_column(schema.field(name), pa.repeat(value, table.num_rows))
    return table


def _whole(runs: pa.Table, solutions: pa.Table) -> pa.Table:
    """The runs of which as many solutions are there as their row promises. Read runs first: solutions are written first."""
    counts = pc.value_counts(solutions["run_id"])
    place = pc.index_in(runs["run_id"], value_set=counts.field("values"))
    found = pc.fill_null(pc.take(counts.field("counts"), place), 0)
    return runs.filter(pc.equal(found, runs["solutions"]))


def _keys(runs: pa.Table) -> set[RunKey]:
    return {key_of_row(row) for row in runs.select(list(KEY_NAMES)).to_pylist()}


def _distinct_runs(runs: pa.Table) -> pa.Table:
    """Each distinct run once; of repeats the one with the smallest identifier, so that every reader takes the same."""
    if runs.num_rows == 0:
        return runs
    keyed = runs.group_by(list(KEY_NAMES)).aggregate([("run_id", "min")])
    if keyed.num_rows == runs.num_rows:
        return runs
    return runs.filter(pc.is_in(runs["run_id"], value_set=keyed["run_id_min"].combine_chunks()))


def _sorted(table: pa.Table, *more: str) -> pa.Table:
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in (*SORT_BY, *more)])
    return table.take(order)
