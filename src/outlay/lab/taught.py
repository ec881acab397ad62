"""Make the table of taught arithmetic questions again: `python -m outlay.lab.taught`; `--check` only compares (10 CPU seconds).

The table ships beside the task, which skips what is in it. It must change only together with all figures of the two families:
another table gives other test questions.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from outlay.tasks.arithmetic import taught_forms
from outlay.tasks.taught import Taught, shipped

PATH = Path(str(files("outlay"))) / "tasks" / "arithmetic_taught.bits"


def main() -> None:
    """Write the table, or with `--check` end with exit code 1 where the shipped one is another."""
    made = Taught.of(taught_forms())
    if "--check" not in sys.argv:
        PATH.write_bytes(made.table)
    elif made != shipped("arithmetic"):
        sys.exit(f"{PATH} is not what the streams of questions give: run python -m outlay.lab.taught.")


if __name__ == "__main__":
    main()
