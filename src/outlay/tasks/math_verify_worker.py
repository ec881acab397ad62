"""The process in which math-verify compares: reads [answer, reference] as JSON, a line each, and writes true, false or null.

Limits its own memory, since the library expands what it is given (`10^{10^{10}}`). Null means that it could not tell.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Any

MEMORY = 4 * 2**30
"""Bytes of address space."""


def main() -> None:
    """Say that it is ready, then answer until the input ends."""
    import resource

    from math_verify import parse, verify

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    logging.disable(logging.CRITICAL)
    print("ready", flush=True)
    for line in sys.stdin:
        answer, reference = json.loads(line)
        try:
            verdict: bool | None = compared(answer, reference, parse, verify)
        except Exception:  # noqa: BLE001 whatever goes wrong in a parser of made-up LaTeX: it is not known whether they are equal
            verdict = None
        print(json.dumps(verdict), flush=True)


def compared(answer: str, reference: str, parse: Any, verify: Any) -> bool:
    """Whether the library finds the answer equal to the reference, as text with mathematics in it or as one formula."""
    known = parse(f"${_bare(reference)}$", parsing_timeout=None)
    readings = [answer] if "$" in answer or "\\boxed" in answer else [answer, f"${_bare(answer)}$"]
    return any(verify(known, parse(one, parsing_timeout=None), timeout_seconds=None) for one in readings)


def _bare(formula: str) -> str:
    return re.sub(r"^\s*\$+|\$+\s*$", "", formula.strip())


if __name__ == "__main__":
    main()
