"""How this copy of Outlay was installed, and the commands that would install it, or a part of it, again."""

from __future__ import annotations

import json
import shlex
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlparse


def installed_distribution() -> Distribution | None:
    """The installed package's metadata, where there are any."""
    try:
        return distribution("outlay")
    except PackageNotFoundError:
        return None


def editable_folder() -> Path | None:
    """The source folder of an editable installation."""
    installed = installed_distribution()
    content = json.loads((installed.read_text("direct_url.json") if installed else None) or "{}")
    if not content.get("dir_info", {}).get("editable"):
        return None
    return Path(unquote(urlparse(content["url"]).path))


def reinstall() -> str:
    """The command that installs the package, and what it needs, again."""
    folder = editable_folder()
    return pip("--force-reinstall", "outlay") if folder is None else pip("--editable", shown(folder))


def install_extra(extra: str) -> str:
    """The command that installs an extra."""
    folder = editable_folder()
    return pip(f"outlay[{extra}]") if folder is None else pip("--editable", f"{shown(folder)}[{extra}]")


def pip(*arguments: str) -> str:
    """A command that installs, with this very interpreter."""
    return shlex.join([shown(Path(sys.executable)), "-m", "pip", "install", *arguments])


def shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
