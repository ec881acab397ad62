"""Measure everything, print the tables and the targets, and write docs/benchmarks.md.

    python -m benchmarks              # some minutes; writes the page
    python -m benchmarks --quick      # about a minute; prints only

What needs a package that is not installed is left out and says so. Read the ratios: absolute rates move with the machine.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.measuring import OPTIONAL, ROOT
from benchmarks.suite import everything
from benchmarks.tables import Results
from outlay.study.machine import machine, versions

PAGE = ROOT / "docs" / "benchmarks.md"
TEMPLATE = Path(__file__).with_name("page.md")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less work, a smoke test; the page is not written")
    parser.add_argument("--keep", type=Path, help="also write what was measured to this JSON file")
    parser.add_argument("--page-from", type=Path, help="measure nothing: write the page from such a file")
    arguments = parser.parse_args()
    if arguments.page_from:
        PAGE.write_text(
            page(Results.from_plain(json.loads(arguments.page_from.read_text(encoding="utf-8")))), encoding="utf-8"
        )
        return
    results = Results(about())
    everything(results, arguments.quick)
    results.summary.show()
    if arguments.keep:
        arguments.keep.write_text(json.dumps(results.plain(), indent=1), encoding="utf-8")
    if not arguments.quick:
        PAGE.write_text(page(results), encoding="utf-8")


def about() -> dict[str, str]:
    """Machine, versions and date."""
    found = {**machine(), **versions(), "date": time.strftime("%Y-%m-%d")}
    for name in OPTIONAL:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def page(results: Results) -> str:
    """The template with the tables in their places."""
    text = TEMPLATE.read_text(encoding="utf-8")
    about = results.about
    places = {name: table.markdown() for name, table in results.tables.items()}
    places["targets"] = results.summary.markdown()
    places["machine"] = f"{about['cpu']}, {about['cores']} cores, {about['system']}; NumPy's BLAS is {about['blas']}"
    names = ("python", "numpy", *OPTIONAL)
    places["versions"] = ", ".join(f"{name} {about[name]}" for name in names)
    places["date"] = about["date"]
    for name, content in places.items():
        text = text.replace(f"{{{{{name}}}}}", content)
    return text


if __name__ == "__main__":
    main()
