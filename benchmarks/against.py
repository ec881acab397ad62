"""How many times as many tokens a CPU second the engine makes as an earlier revision of it, on the same work.

    python -m benchmarks.against 4eaa449                                   # the first version
    python -m benchmarks.against 4eaa449 --model arithmetic-large --sequences 1024 --slots 256

The revision is taken out of git into a temporary folder. Both run in turns, each turn in processes of their own, so that what else
the machine does hits both; the answer is the median of the turns' ratios, and the lowest and highest.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import engine
from benchmarks.measuring import ROOT, in_a_process


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision")
    parser.add_argument("--model", default="countdown-small")
    parser.add_argument("--sequences", type=int, default=2048)
    parser.add_argument("--slots", type=int, default=512, help="sequences in flight")
    parser.add_argument("--turns", type=int, default=7)
    arguments = parser.parse_args()
    work = {"model": arguments.model, "sequences": arguments.sequences, "slots": arguments.slots, "repeats": 2}
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", arguments.revision, "src"], cwd=ROOT, capture_output=True, check=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        turns = [(tokens_a_second(work, ROOT), tokens_a_second(work, Path(folder))) for _ in range(arguments.turns)]
    ratios = sorted(now / then for now, then in turns)
    for what, rates in zip(("now", arguments.revision), zip(*turns, strict=True), strict=True):
        print(f"{what}: {statistics.median(rates):,.0f} tokens a CPU second ({min(rates):,.0f} to {max(rates):,.0f})")
    print(f"ratio: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f} in {len(ratios)} turns)")


def tokens_a_second(work: dict[str, Any], tree: Path) -> float:
    """The rate of the engine in a source tree."""
    os.environ["PYTHONPATH"] = str(tree / "src")
    found = in_a_process(engine.generating, **work)
    return float(found["tokens"] / found["cpu_seconds"])


if __name__ == "__main__":
    main()
