"""Grade the raw answers of a revision chain again, position by position, by each equality, and compare with published accuracies.

    python -m benchmarks.regrade_chains bf1_math500_extracted.csv.gz

The file has a column `answer`, the reference, and one column for each position of the chain, the model's raw answer, tags and all.
What was published was graded by math-verify, so that `math-verify` is to meet it within 0.4 points; exit code 1 where it does not.
`math` and `either` find more right: `√5`, `3 * sqrt(13)` and `14/3</reasoning` are right, which the library does not see.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

from outlay.tasks.equality import equality
from outlay.tasks.question_rows import question_rows

PUBLISHED = (42.0, 38.2, 39.0, 39.2, 35.4, 33.8)
"""Percent right at positions 0 to 5 of Phi-4-mini on MATH-500 (yash9439/Test-time-compute-SLMs, graded by math-verify)."""
TOLERANCE = 0.4
"""Points: two questions of 500."""

_TAG = re.compile(r"</?answer>?")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chains", type=Path)
    parser.add_argument("--published", type=float, nargs="+", default=list(PUBLISHED))
    options = parser.parse_args()
    rows = [row for _, row in question_rows(options.chains)]
    columns = [name for name in rows[0] if name != "answer"]
    graders: dict[str, Callable[[str, str], bool]] = {"as strings": lambda answer, reference: answer == reference}
    graders |= {name: equality(name).equal for name in ("math", "math-verify", "either")}
    shares = {name: [share(rows, column, equal) for column in columns] for name, equal in graders.items()}
    for name, values in {"published": options.published, **shares}.items():
        print(f"{name:12}", "  ".join(f"{value:5.1f}" for value in values))
    apart = [abs(one - other) for one, other in zip(shares["math-verify"], options.published, strict=True)]
    print(f"math-verify is within {max(apart):.1f} points of what was published; {TOLERANCE} are allowed")
    return int(max(apart) > TOLERANCE + 1e-9)


def share(rows: list[dict[str, str]], column: str, equal: Callable[[str, str], bool]) -> float:
    """Percent of the rows whose raw answer in this column is right."""
    answers = [(_TAG.sub("", row[column]).strip(), row["answer"]) for row in rows]
    return 100 * sum(bool(answer) and equal(answer, reference) for answer, reference in answers) / len(answers)


if __name__ == "__main__":
    sys.exit(main())
