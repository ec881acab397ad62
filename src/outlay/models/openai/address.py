"""Where a server is and what is shown to it: the address `URL#MODEL`, and the key, which nobody else ever sees."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from outlay.errors import UserError

EXAMPLE = "openai:http://localhost:8000/v1#Qwen/Qwen2.5-7B-Instruct"

KEY, KEY_FILE, OPENAI_KEY, OPENAI_URL = "OUTLAY_API_KEY", "OUTLAY_API_KEY_FILE", "OPENAI_API_KEY", "OPENAI_BASE_URL"
OPENAI_HOST = "api.openai.com"


@dataclass(frozen=True, slots=True)
class Address:
    """A server's base URL, without a slash at its end, and the model that is asked for ("" for the only one it has).

    `api` is "chat" or "completions" where the URL ended so, "" where the server decides: chat, if it can.
    """

    url: str
    model: str = ""
    api: str = ""

    def __str__(self) -> str:
        path = {"": "", "chat": "/chat/completions", "completions": "/completions"}[self.api]
        return f"openai:{self.url}{path}" + (f"#{self.model}" if self.model else "")

    @property
    def root(self) -> str:
        """The server's URL without the path of its API, where its own pages (`/version`, `/tokenize`) are."""
        return self.url.removesuffix("/v1")


def parse(text: str) -> Address:
    """The address `URL#MODEL`, `openai:` left out; a URL that ends in `/completions` asks for raw completions.

    Raises UserError where the URL is none, or holds a password or a query, which would be written into traces.

    >>> parse("http://localhost:8000/v1/#Qwen/Qwen2.5-7B-Instruct")
    Address(url='http://localhost:8000/v1', model='Qwen/Qwen2.5-7B-Instruct', api='')
    """
    url, _, model = text.partition("#")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(
            f'"openai:{_without_secrets(url)}" names no server: write openai:URL#MODEL, for example {EXAMPLE}'
        )
    if "@" in parts.netloc or parts.query:
        raise UserError(
            f"the address openai:{_without_secrets(url)} holds a password or a query, and addresses are written into traces: "
            f"leave it out, and put the key into the environment variable {KEY} or into a file named by {KEY_FILE}"
        )
    base, api = url.rstrip("/"), ""
    if base.endswith("/completions"):
        base = base.removesuffix("/completions")
        api = "chat" if base.endswith("/chat") else "completions"
        base = base.removesuffix("/chat")
    return Address(base, model.strip(), api)


def _without_secrets(url: str) -> str:
    return url.partition("?")[0].rpartition("@")[2][:120]


@dataclass(frozen=True, slots=True)
class Key:
    """The key that a server asks for, "" where it asks for none. It is not shown by `repr`, and `hidden` takes it out of a text."""

    value: str = field(default="", repr=False)

    def hidden(self, text: str) -> str:
        """The text with the key, should it be in it, replaced by dots: servers repeat what they were sent in their errors."""
        return text.replace(self.value, "...") if len(self.value) > 3 else text


def find_key(url: str, key_file: str | Path | None = None) -> Key:
    """The key for a server: from `key_file`, else OUTLAY_API_KEY, else the file that OUTLAY_API_KEY_FILE names.

    OPENAI_API_KEY is shown to OpenAI's own host and to that of OPENAI_BASE_URL, to no other. Raises UserError for a file that
    cannot be read or is empty.
    """
    named = key_file or (None if os.environ.get(KEY) else os.environ.get(KEY_FILE))
    if named:
        try:
            value = Path(named).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"the key file {named} cannot be read ({getattr(error, 'strerror', None) or error})"
            ) from None
        if not value:
            raise UserError(f"the key file {named} is empty: it should hold the server's key and nothing else")
        return _sendable(value, str(named))
    if value := os.environ.get(KEY, "").strip():
        return _sendable(value, KEY)
    host = urlsplit(url).hostname
    if host in (OPENAI_HOST, urlsplit(os.environ.get(OPENAI_URL, "")).hostname):
        return _sendable(os.environ.get(OPENAI_KEY, "").strip(), OPENAI_KEY)
    return Key()


def _sendable(value: str, source: str) -> Key:
    if not value.isascii() or any(one.isspace() for one in value):
        raise UserError(f"what {source} holds is no key: a key is one line of plain letters, without a space in it")
    return Key(value)
