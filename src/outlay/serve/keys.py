"""Bearer keys: hashed in their file, compared in constant time, shown once when they are made.

The file holds a name and a SHA-256 a line. Keys are 32 random bytes, so a fast hash gives nothing away: there is no dictionary to
try.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from outlay.errors import UserError
from outlay.traces.files import reason

LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,64})\s+sha256:(?P<digest>[0-9a-f]{64})")
PREFIX = "outlay-"


@dataclass(frozen=True)
class Keys:
    """The keys that a server accepts, by the names of their holders; it never holds a key itself.

    >>> keys = Keys({"me": digest_of("outlay-secret")})
    >>> keys.holder("Bearer outlay-secret"), keys.holder("Bearer other"), keys.holder(None)
    ('me', None, None)
    """

    digests: dict[str, str]

    @classmethod
    def load(cls, path: Path) -> Keys:
        """Read a key file. Raises UserError where there is none, or a line is no hash (a key in the clear, say)."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"the key file {path} cannot be read ({reason(error)}); make one with outlay serve --new-key NAME "
                f"--api-key-file {path}"
            ) from None
        found = {}
        for number, line in enumerate(lines, start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            match = LINE.fullmatch(line.strip())
            if match is None:
                raise UserError(
                    f"{path}, line {number} should hold a name and sha256:HASH and holds something else: keys do not stand in this "
                    "file themselves, so make one with --new-key NAME"
                )
            found[match["name"]] = match["digest"]
        if not found:
            raise UserError(
                f"the key file {path} holds no key: make one with outlay serve --new-key NAME --api-key-file {path}"
            )
        return cls(found)

    def holder(self, authorization: str | None) -> str | None:
        """Whose key the header `Authorization` shows; None for nobody's. All keys are compared, whichever fits."""
        scheme, _, key = (authorization or "").partition(" ")
        shown = digest_of(key.strip())
        found = None
        for name, digest in self.digests.items():
            if hmac.compare_digest(shown, digest):
                found = name
        return found if scheme.lower() == "bearer" else None


def digest_of(key: str) -> str:
    """What stands for a key in its file."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def make_key(path: Path, name: str) -> str:
    """A new key, whose hash is added to the file; it is in the answer and nowhere else.

    Raises UserError for a name that is none, or taken.
    """
    if LINE.fullmatch(f"{name} sha256:{'0' * 64}") is None:
        raise UserError(f"{name!r:.80} is no name for a key: letters, digits, dots, dashes and underscores, at most 64")
    if path.exists() and path.stat().st_size and name in Keys.load(path).digests:
        raise UserError(f"{path} has a key named {name} already: give another name, or take its line out")
    key = PREFIX + secrets.token_urlsafe(32)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, f"{name} sha256:{digest_of(key)}\n".encode())
        finally:
            os.close(file)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({reason(error)}); give another file with --api-key-file") from error
    return key
