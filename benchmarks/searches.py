"""The tables of searches: at each question's own pace against lock step, and beside its_hub."""

from __future__ import annotations

from typing import Any

from benchmarks import lock_step, peers
from benchmarks.measuring import in_a_process
from benchmarks.tables import Results, Table, Target
from outlay.strategies.names import method_name

N = 64
QUESTIONS = {"beam_search": 500, "lookahead": 100, "dvts": 100, "rebase": 100}
LEAST_FASTER, LEAST_WASTE, LEAST_OCCUPANCY = 1.5, 2.0, 0.9


def in_lock_step(results: Results, quick: bool) -> None:
    """Seconds, wasted slots and occupancy of every way to drive; raises RuntimeError where they did not do the same work."""
    rows, targets = [], []
    for name, questions in QUESTIONS.items():
        found = [
            in_a_process(
                lock_step.search,
                family="countdown",
                spec={"name": name},
                n=N,
                questions=max(questions // 20, 8) if quick else questions,
                way=way,
            )
            for way in range(len(lock_step.WAYS))
        ]
        if len({one["digest"] for one in found}) > 1:
            raise RuntimeError(f"{name}: the ways to drive did not give the same solutions")
        own = found[0]
        for way, one in zip(lock_step.WAYS, found, strict=True):
            rows.append((f"{method_name(name)}, {way.name}", *_cells(one, own)))
        together = found[1]
        targets += [
            _at_least(
                f"{method_name(name)} over lock step, CPU time", LEAST_FASTER, _ratio(together, own, "cpu_seconds")
            ),
            _at_least(
                f"{method_name(name)} over lock step, wasted slots", LEAST_WASTE, _ratio(together, own, "wasted")
            ),
            Target(
                f"{method_name(name)}, slots that held a sequence",
                f"> {LEAST_OCCUPANCY:.0%}",
                f"{own['occupancy']['model']:.0%}",
                own["occupancy"]["model"] > LEAST_OCCUPANCY,
            ),
        ]
    headings = (
        "what",
        "CPU seconds",
        "of own pace",
        "blocks",
        "of own pace",
        "wasted slots",
        "model",
        "verifier",
        "peak MiB",
    )
    results.add("lock_step", Table(f"Searches, N = {N}", headings, tuple(rows)), *targets)


def beside_peers(results: Results, quick: bool) -> None:
    """its_hub's algorithms on the same recorded model."""
    found = in_a_process(peers.compare, questions=8 if quick else 100)
    headings = ("what", "ours right", "its_hub right", "same answer", "our steps", "its_hub's steps")
    rows = (
        [("left out: its_hub is not installed", *[""] * 5)]
        if "missing" in found
        else [_beside(*row) for row in found["rows"]]
    )
    results.add("peers", Table("Beside its_hub, the same recorded model", headings, tuple(rows)))


def _beside(
    name: str, n: int, here: float, there: float, same: float, drawn: float, drawn_there: float
) -> tuple[str, ...]:
    return f"{name}, N = {n}", f"{here:.2f}", f"{there:.2f}", f"{same:.0%}", f"{drawn:.1f}", f"{drawn_there:.1f}"


def _cells(one: dict[str, Any], own: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"{one['cpu_seconds']:.1f}",
        f"{_ratio(one, own, 'cpu_seconds'):.2f} x",
        f"{one['blocks']:,}",
        f"{_ratio(one, own, 'blocks'):.2f} x",
        f"{one['wasted']:,}",
        f"{one['occupancy']['model']:.1%}",
        f"{one['occupancy']['verifier']:.1%}",
        f"{one['peak_mib']:,.0f}",
    )


def _ratio(one: dict[str, Any], own: dict[str, Any], what: str) -> float:
    return float(one[what]) / max(float(own[what]), 1e-9)


def _at_least(what: str, wanted: float, found: float) -> Target:
    return Target(what, f">= {wanted:g} x", f"{found:.2f} x", found >= wanted)
