"""Programs that try to do harm: each is contained, gets a clear verdict, and leaves its neighbour alone."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from containment import sandbox_or_skip

from outlay.tasks.sandbox import Limits

LIMITS = Limits(cpu_seconds=3, wall_seconds=6, memory=1 << 28)
NEIGHBOUR = """
import os, threading

thread = threading.Thread(target=sum, args=(range(10),))
thread.start()
thread.join()
open("/tmp/mine", "w").write("kept")
assert os.listdir("/tmp") == ["mine"]
"""
LIBC = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
REFUSED = "\nassert result == -1 and ctypes.get_errno() == 1, (result, ctypes.get_errno())"

HOSTILE = {
    "a fork bomb": ("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", {"timed out"}),
    "a crowd of processes": (
        "import os, time\nfor n in range(40):\n    if os.fork() == 0: time.sleep(99)",
        {"failed"},
    ),
    "a bomb of threads": (
        "import threading, time\nfor n in range(10**6): threading.Thread(target=time.sleep, args=(99,)).start()",
        {"failed"},
    ),
    "ten gibibytes at once": ("x = bytearray(10 << 30)", {"out of memory"}),
    "more memory bit by bit": ("x = []\nwhile True: x.append(bytearray(1 << 20))", {"out of memory"}),
    "an endless loop": ("while True: pass", {"timed out"}),
    "a long sleep": ("import time\ntime.sleep(1000)", {"timed out"}),
    "deaf to signals": (
        "import signal\nfor n in range(1, 32):\n    if n not in (9, 19): signal.signal(n, signal.SIG_IGN)\nwhile True: pass",
        {"timed out", "crashed"},
    ),
    "a flood of output": ("while True: print('x' * 1000)", {"too much output"}),
    "a flood of error output": ("import os\nwhile True: os.write(2, b'x' * 65536)", {"too much output"}),
    "one huge file": ("file = open('/tmp/f', 'wb')\nwhile True: file.write(bytes(1 << 20)); file.flush()", {"failed"}),
    "many large files": (
        "for n in range(10**6): open(f'/tmp/{n}', 'wb').write(bytes(1 << 20))",
        {"failed"},
    ),
    "filling shared memory": ("for n in range(10**6): open(f'/dev/shm/{n}', 'wb').write(bytes(1 << 20))", {"failed"}),
    "endless recursion": ("def f(): return f()\nf()", {"failed"}),
    "reading address zero": ("import ctypes\nctypes.string_at(0)", {"crashed"}),
    "killing itself": ("import os\nos.kill(os.getpid(), 9)", {"crashed"}),
    "an early exit": ("import sys\nsys.exit(0)\nassert False", {"ended early"}),
    "a hard early exit": ("import os\nos._exit(0)\nassert False", {"ended early"}),
    "saying that it passed": (
        "import os\nfor n in range(1, 64):\n    try: os.write(n, b'started\\nx passed\\n')\n    except OSError: pass\nos._exit(0)",
        {"ended early"},
    ),
    "writing to /usr": ("open('/usr/lib/x', 'w')", {"failed"}),
    "writing to the root": ("open('/x', 'w')", {"failed"}),
    "writing to /dev": ("open('/dev/x', 'w')", {"failed"}),
    "changing what starts it": ("open('/inside.py', 'a')", {"failed"}),
    "changing the interpreter": ("import os\nopen(os.__file__, 'a')", {"failed"}),
    "reading /etc/shadow": ("print(open('/etc/shadow').read())", {"failed"}),
    "a symbolic link to read": (
        "import os\nos.symlink('/etc/shadow', '/tmp/a')\nprint(open('/tmp/a').read())",
        {"failed"},
    ),
    "a symbolic link to write": ("import os\nos.symlink('/usr/lib/x', '/tmp/a')\nopen('/tmp/a', 'w')", {"failed"}),
    "a hard link": ("import os\nos.link('/usr/bin/env', '/tmp/a')", {"failed"}),
    "out by way of /proc": ("print(open('/proc/1/root/etc/shadow').read())", {"failed"}),
    "a setting of the kernel": ("open('/proc/sys/kernel/hostname', 'w').write('x')", {"failed"}),
    "becoming root": ("import os\nos.setuid(0)\nassert os.getuid() == 0 and False", {"failed"}),
    "a socket": ("import socket\nsocket.socket(socket.AF_INET, socket.SOCK_STREAM)", {"failed"}),
    "killing the first process": ("import os\nos.kill(1, 9)\nimport time\ntime.sleep(0.1)", {"passed", "failed"}),
    "killing everything": ("import os\nos.kill(-1, 9)\nassert False", {"failed", "crashed"}),
    "tracing": (LIBC + "result = libc.ptrace(16, os.getppid(), 0, 0)" + REFUSED, {"passed"}),
    "a namespace of its own": (LIBC + "result = libc.unshare(0x10000000)" + REFUSED, {"passed"}),
    "a mount": (LIBC + "result = libc.mount(b'none', b'/tmp', b'tmpfs', 0, 0)" + REFUSED, {"passed"}),
    "a program that is none": ("x = '\0'", {"failed"}),
    "half a character": ("x = '\udc80'", {"failed", "passed"}),
}


@pytest.fixture(scope="module")
def sandbox():
    return sandbox_or_skip()


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_contained_and_its_neighbour_unharmed(sandbox, name):
    program, verdicts = HOSTILE[name]
    hostile, neighbour = sandbox.run_all([program, NEIGHBOUR], LIMITS, workers=2)
    assert hostile.verdict in verdicts, hostile
    assert hostile.verdict == "passed" or hostile.detail
    assert len(hostile.output) <= LIMITS.output
    assert neighbour.passed, neighbour


def test_what_the_parent_knows_is_not_to_be_seen(sandbox, monkeypatch, tmp_path):
    monkeypatch.setenv("PLANTED", "planted-secret")
    (tmp_path / "file").write_text("planted-secret")
    ran = sandbox.run(
        "import os, glob\nprint(dict(os.environ))\n"
        "for place in glob.glob('/proc/*/environ') + glob.glob('/proc/*/cmdline') + glob.glob('/proc/*/root/tmp/*'):\n"
        "    try: print(place, open(place).read())\n"
        "    except OSError: pass\n"
        f"assert not os.path.exists({str(tmp_path)!r})\n"
        f"assert {os.getpid()} < 1000 or not os.path.exists('/proc/{os.getpid()}')"
    )
    assert ran.passed, ran
    assert "PATH" in ran.output
    assert "planted" not in ran.output


@pytest.mark.parametrize("kind", ["net", "pid", "ipc", "uts", "mnt"])
def test_every_namespace_is_a_new_one(sandbox, kind):
    ran = sandbox.run(f"import os\nprint(os.readlink('/proc/self/ns/{kind}'))")
    assert ran.output.startswith(f"{kind}:[")
    assert ran.output.strip() != str(Path(f"/proc/self/ns/{kind}").readlink())


def test_a_server_on_loopback_is_not_reached(sandbox):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        ran = sandbox.run(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)")
        assert ran.verdict == "failed"
        with pytest.raises(TimeoutError):
            server.accept()


def test_nothing_is_left_running(sandbox):
    limits = replace(LIMITS, memory=(1 << 30) + 4096 * (os.getpid() % 9999))  # a mark in the command lines
    ran = sandbox.run("import os, time\nif os.fork() == 0: time.sleep(1000)", limits)
    assert ran.passed
    marked = [place for place in Path("/proc").glob("[0-9]*/cmdline") if _mentions(place, str(limits.memory))]
    assert marked == []


def _mentions(place, mark):
    try:
        return mark.encode() in place.read_bytes()
    except OSError:
        return False


def test_a_run_leaves_nothing_for_the_next(sandbox):
    first, second = sandbox.run_all(["open('/tmp/a', 'w')", "import os\nassert os.listdir('/tmp') == []"], workers=1)
    assert first.passed and second.passed


def test_it_runs_as_nobody_without_privileges(sandbox):
    ran = sandbox.run(
        "import os\nassert os.getuid() >= 65534 and os.getgroups() == [] or os.getgroups() == [65534]\n"
        "status = open('/proc/self/status').read()\n"
        "assert 'CapEff:\\t0000000000000000' in status, status\n"
        "assert 'NoNewPrivs:\\t1' in status and 'Seccomp:\\t2' in status, status"
    )
    assert ran.passed, ran
