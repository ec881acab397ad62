"""The live page: one HTML file that carries its style and script, and asks for nothing but the server's own endpoints."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources


@cache
def live_page() -> tuple[str, str]:
    """The page, and its content security policy, which lets this script run and no other.

    >>> page, policy = live_page()
    >>> "<script>" in page, "unsafe-inline" in policy.split("script-src")[1].split(";")[0]
    (True, False)
    """
    script = _read("live.js")
    page = _read("live.html").replace("{{style}}", _read("live.css")).replace("{{script}}", script)
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy


def _read(name: str) -> str:
    return resources.files("outlay.serve").joinpath("page", name).read_text(encoding="utf-8")
