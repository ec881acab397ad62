"""The store: a folder of Parquet parts to which runs are only ever appended.

Promises: a part is there whole or not at all; a run is counted once, whenever the writer was killed and however often
the work was repeated; several processes may append at once; the tables come back in an order that does not depend on
who wrote what when. Limits: one study per folder (see `lock`); on a network file system the lock is only as good as
that system's `flock`.

A run's solutions are written before its row of the runs table, under an identifier that is drawn anew each time.
Solutions whose run row is missing are leftovers of a killed writer: reading ignores them, `compact` drops them.
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
from outlay.traces.files import check_folder, write_whole
from outlay.traces.rows import KEY_NAMES, RunKey, key_of_row, to_tables, to_traces
from outlay.traces.schema import RUNS, SCHEMA_VERSION, SOLUTIONS
from outlay.types import Trace

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

    Raises UserError when `path` is a file, or when the folder was written by a newer Outlay.
    """

    def __init__(self, path: str | Path, *, create: bool = True) -> None:
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
                (self.path / name).mkdir(parents=True, exist_ok=True)
        version = self.meta.get("schema_version", SCHEMA_VERSION)
        if version > SCHEMA_VERSION:
            raise UserError(
                f"{self.path} has traces of schema version {version}, and this Outlay reads up to {SCHEMA_VERSION}; "
                "upgrade Outlay to read them."
            )

    @property
    def meta(self) -> dict[str, Any]:
        """What `meta.json` says: versions, specs, prices; empty where there is no such file."""
        file = self.path / "meta.json"
        if not file.exists():
            return {}
        try:
            return dict(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise OutlayError(
                f"{file} is not a JSON object ({error}); delete it, the traces do not need it."
            ) from error

    def update_meta(self, values: Mapping[str, Any]) -> None:
        """Set these entries of `meta.json` and keep the others."""
        content = {"schema_version": SCHEMA_VERSION, **self.meta, **values}
        text = json.dumps(content, indent=2, sort_keys=True, default=str) + "\n"
        write_whole(self.path / "meta.json", lambda file: file.write_text(text, encoding="utf-8"), durable=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for one study; its worker processes append under the same lock.

        Raises UserError when another process holds it. The lock goes with the process, however that ends.
        """
        import fcntl  # POSIX only, and only here

        descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise UserError(
                    f"Another run is writing into {self.path}; wait for it to end, or give another folder with --out."
                ) from error
            yield
        finally:
            os.close(descriptor)

    def append(self, traces: Trace | Sequence[Trace]) -> None:
        """Write these runs, durably; when it returns they will survive a crash of the machine.

        A part per call, so give it some dozens of traces at a time where there are many.
        """
        batch = [traces] if isinstance(traces, Trace) else list(traces)
        if not batch:
            return
        solutions, runs = to_tables(batch, [uuid.uuid4().hex for _ in batch])
        self._write_part("solutions", solutions)
        self._write_part("runs", runs)

    def runs(self) -> pa.Table:
        """The runs, one row each, every distinct run once; sorted by task, question, model, strategy, budget, seed."""
        return _sorted(_distinct_runs(self._read("runs", RUNS)))

    def solutions(self) -> pa.Table:
        """The solutions of `runs()`, one row each, in the same order and then in the order of their run."""
        counted = _distinct_runs(self._read("runs", RUNS, ["run_id", *KEY_NAMES]))["run_id"]
        table = self._read("solutions", SOLUTIONS)
        return _sorted(table.filter(pc.is_in(table["run_id"], value_set=counted.combine_chunks())), "index")

    def traces(self) -> Iterator[Trace]:
        """The runs with their solutions, as they were appended."""
        return to_traces(self.solutions(), self.runs())

    def done(self) -> set[RunKey]:
        """The keys of the finished runs; what is in it need not be made again."""
        return {key_of_row(row) for row in self._read("runs", RUNS, list(KEY_NAMES)).to_pylist()}

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
        unreadable: list[str] = []
        tables: dict[str, pa.Table] = {}
        for kind, schema, columns in (
            ("runs", RUNS, ["run_id", *KEY_NAMES, "solutions"]),
            ("solutions", SOLUTIONS, ["run_id"]),
        ):
            parts = []
            for part in self._parts(kind):
                try:
                    pq.read_table(part)  # every column, so that a damaged page is found
                    parts.append(_read_part(part, schema, columns))
                except (OutlayError, OSError, pa.ArrowException):
                    unreadable.append(f"{kind}/{part.name}")
            tables[kind] = pa.concat_tables([_empty(schema, columns), *parts])
        runs = _distinct_runs(tables["runs"])
        found = {row["values"]: row["counts"] for row in pc.value_counts(tables["solutions"]["run_id"]).to_pylist()}
        every_run = set(tables["runs"]["run_id"].to_pylist())
        promised = dict(zip(runs["run_id"].to_pylist(), runs["solutions"].to_pylist()))
        return Verification(
            runs=runs.num_rows,
            solutions=sum(found.get(run_id, 0) for run_id in promised),
            orphans=sum(count for run_id, count in found.items() if run_id not in every_run),
            duplicates=tables["runs"].num_rows - runs.num_rows,
            incomplete=tuple(sorted(run_id for run_id, count in promised.items() if found.get(run_id, 0) != count)),
            unreadable=tuple(unreadable),
        )

    def _parts(self, kind: str) -> list[Path]:
        return sorted((self.path / kind).glob("part-*.parquet"))

    def _write_part(self, kind: str, table: pa.Table) -> None:
        target = self.path / kind / f"part-{os.getpid():07d}-{uuid.uuid4().hex}.parquet"
        write_whole(target, lambda file: pq.write_table(table, file, compression="zstd"), durable=True)

    def _read(self, kind: str, schema: pa.Schema, columns: list[str] | None = None) -> pa.Table:
        parts = [_read_part(part, schema, columns) for part in self._parts(kind)]
        return pa.concat_tables([_empty(schema, columns), *parts])


def _empty(schema: pa.Schema, columns: list[str] | None) -> pa.Table:
    table = schema.empty_table()
    return table if columns is None else table.select(columns)


def _read_part(part: Path, schema: pa.Schema, columns: list[str] | None) -> pa.Table:
    try:
        table = pq.read_table(part, columns=columns, partitioning=None)
    except FileNotFoundError as error:
        raise OutlayError(f"{part} vanished while it was read; another process is compacting, so try again.") from error
    except (OSError, pa.ArrowException) as error:
        raise OutlayError(
            f"{part} cannot be read as Parquet ({error}); move it away and run the study again."
        ) from error
    wanted = schema if columns is None else pa.schema([schema.field(name) for name in columns])
    try:
        return table.select(wanted.names).cast(wanted)
    except (KeyError, ValueError, pa.ArrowException) as error:
        raise OutlayError(f"{part} is not a part of a trace store ({error}); move it away.") from error


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
