"""The process in which math-verify compares: reads [answer, reference] as JSON, a line each, and writes true, false or null.

Limits its own memory, since the library expands what it is given (`10^{10^{10}}`). Null means that it could not tell.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

MEMORY = 4 * 2**30
"""Bytes of address space."""
LONGEST_FORMULA = 200
"""Characters from which on an answer is taken for prose that holds formulas."""


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
    """Whether the library finds the answer equal to the reference; a short answer without dollar signs is read as one formula."""
    text = "$" in answer or "\\boxed" in answer or len(answer) > LONGEST_FORMULA
    read = parse(answer if text else f"${answer}$", parsing_timeout=None)
    known = parse(f"${reference.strip().strip('$')}$", parsing_timeout=None)
    return bool(verify(known, read, timeout_seconds=None))


if __name__ == "__main__":
    main()
