"""Traces: what runs leave behind, kept in Parquet so that nothing is lost and nothing is counted twice.

`Store` is the folder, `run_key` names a piece of work so that a resumed study can skip it, and the importers read
samples that other tools drew. Notation: a *run* is one strategy on one question; a *solution* is one attempt in it.
"""

from outlay.traces.importers import SAMPLES, read_samples
from outlay.traces.rows import RunKey, canonical_strategy, run_key
from outlay.traces.schema import RUNS, SOLUTIONS
from outlay.traces.store import Store, Verification

__all__ = [
    "RUNS",
    "SAMPLES",
    "SOLUTIONS",
    "RunKey",
    "Store",
    "Verification",
    "canonical_strategy",
    "read_samples",
    "run_key",
]
