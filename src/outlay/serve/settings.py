"""How a server is set up: everything that `outlay serve` takes, checked before anything is opened."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from outlay.errors import UserError
from outlay.serve.guarding import BODY_BYTES, BODY_SECONDS


@dataclass(frozen=True, slots=True)
class Settings:
    """A server's settings; see `outlay serve --help`.

    `traces` is the store's folder (None: no traces), `trace_share` how many of the requests are kept. Caps are hard, for every
    request, whatever it asks for. Prices are dollars for a million tokens.
    """

    policy: Path
    upstream: str | None = None
    verifier: str | None = None
    task: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    key_file: Path | None = None
    traces: Path | None = None
    trace_share: float = 1.0
    budget: float | None = None
    most_generations: int | None = None
    most_tokens: int | None = None
    most_usd: float | None = None
    deadline_seconds: float | None = None
    at_once: int = 256
    longest_wait: float = 10.0
    drain_seconds: float = 30.0
    usd_prompt: float = 0.0
    usd_generated: float = 0.0
    log_texts: bool = False
    body_bytes: int = BODY_BYTES
    body_seconds: float = BODY_SECONDS

    def check(self) -> None:
        """Raises UserError for what cannot be served safely, in one sentence."""
        if not 0 <= self.port <= 65535:
            raise UserError(f"--port {self.port} is no port: give a number from 0 to 65535")
        if not 0 <= self.trace_share <= 1:
            raise UserError(f"--trace-share {self.trace_share:g} is no share: give a number from 0 to 1")
        for name, value in (
            ("--at-once", self.at_once),
            ("--longest-wait", self.longest_wait),
            ("--budget", self.budget),
            ("--most-generations", self.most_generations),
            ("--most-tokens", self.most_tokens),
            ("--most-usd", self.most_usd),
            ("--deadline", self.deadline_seconds),
        ):
            if value is not None and not value > 0:
                raise UserError(f"{name} {value:g} leaves nothing: give more than 0")
        if self.most_usd is not None and not self.knows_prices:
            raise UserError(
                "--most-usd needs prices: give --usd-prompt and --usd-generated, dollars for a million tokens"
            )
        if self.key_file is None and not is_loopback(self.host):
            raise UserError(
                f"--host {self.host} can be reached from other machines, and without keys anybody could spend: give "
                "--api-key-file FILE (outlay serve --new-key NAME --api-key-file FILE makes one), or serve on 127.0.0.1"
            )

    @property
    def knows_prices(self) -> bool:
        """Whether tokens have prices."""
        return self.usd_prompt > 0 or self.usd_generated > 0


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("example.org")
    (True, True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
