"""The command that starts a program in bubblewrap, and what is shown to it.

Inside there are /usr, the Python interpreter's own folder, an empty /tmp and a bare /dev and /proc: no home, no /etc, nothing
that can be written but /tmp. Every namespace is new, so there is no network, not even loopback, and no other process. A user
without privileges gets a user namespace; started by root, bubblewrap needs none, and the program becomes a user that exists
nowhere.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from outlay.tasks.sandbox.verdicts import Limits

NOBODY = 2_000_000_000
"""Users from here on are nobody's; each concurrent program gets another, so that they do not share a limit of processes."""

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
"""All that a program sees of an environment, and bubblewrap too: in a user namespace its own can be read by the program."""

INSIDE = Path(__file__).with_name("inside.py")


def found() -> str | None:
    """Where bubblewrap is installed, if it is."""
    return shutil.which("bwrap")


def command(bwrap: str, limits: Limits, report: int, filter_at: int | None, user: int) -> list[str]:
    """bubblewrap with everything that goes before the program; `user` is 0 for a user namespace of the caller's own."""
    return [
        bwrap,
        "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
        "--die-with-parent", "--new-session", "--clearenv",
        *(["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if user else
          ["--unshare-user", "--cap-drop", "ALL", "--uid", "65534", "--gid", "65534"]),
        *_read_only(),
        "--proc", "/proc",
        "--dev", "/dev", "--perms", "1777", "--size", str(limits.temporary), "--tmpfs", "/dev/shm", "--remount-ro", "/dev",
        "--perms", "1777", "--size", str(limits.temporary), "--tmpfs", "/tmp",
        "--ro-bind", str(INSIDE), "/inside.py",
        "--remount-ro", "/",
        "--chdir", "/tmp",
        *(part for name, value in ENVIRONMENT.items() for part in ("--setenv", name, value)),
        *([] if filter_at is None else ["--seccomp", str(filter_at)]),
        "--",
        *interpreter("/inside.py", limits, report, user, limits.processes),
    ]  # fmt: skip


def interpreter(script: str, limits: Limits, report: int, user: int, processes: int) -> list[str]:
    """Python with the script that runs inside; no site packages, no byte code written."""
    numbers = (max(round(limits.cpu_seconds), 1), limits.memory, processes, limits.file, user, report)
    return [str(Path(sys.executable).resolve()), "-S", "-s", "-B", "-P", script, *map(str, numbers)]


def _read_only() -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        if Path(name).is_symlink():
            yield from ("--symlink", str(Path(name).readlink()), name)
        elif Path(name).is_dir():
            yield from ("--ro-bind", name, name)
    shown = ["/etc/ld.so.cache"] if Path("/etc/ld.so.cache").is_file() else []
    base, binary = Path(sys.base_prefix).resolve(), Path(sys.executable).resolve()
    shown += [str(base)] if not base.is_relative_to("/usr") else []
    shown += [str(binary)] if not binary.is_relative_to("/usr") and not binary.is_relative_to(base) else []
    ways = {str(folder) for path in shown for folder in Path(path).parents} - {"/"}
    for folder in sorted(ways):  # folders on the way exist only inside, and whoever runs there must get through
        yield from ("--perms", "0755", "--dir", folder)
    for path in shown:
        yield from ("--ro-bind", path, path)
