import os
import platform
import struct

import pytest
from containment import sandbox_or_skip

from outlay.errors import OutlayError, UserError
from outlay.tasks.sandbox import UNSAFE, Limits, Sandbox, running, system_calls

PROGRAMS = [
    ("print('seen')", "passed", "", "seen\n"),
    ("assert 1 + 1 == 3", "failed", "AssertionError (line 1: assert 1 + 1 == 3)", ""),
    ("x = 1\n\nassert x == 2, 'not two'", "failed", "AssertionError: not two (line 3: assert x == 2, 'not two')", ""),
    ("def f(:", "failed", "SyntaxError: invalid syntax (program, line 1)", ""),
    ("import sys\nsys.exit(3)", "ended early", "left by sys.exit(3) before its tests had run", ""),
    ("raise KeyboardInterrupt", "failed", "KeyboardInterrupt (line 1: raise KeyboardInterrupt)", ""),
    ("import math, re, typing, collections, itertools, hashlib, random, datetime, heapq", "passed", "", ""),
    ("assert __name__ == '__main__'", "passed", "", ""),
    ("import sys\nassert sys.stdin.read() == ''", "passed", "", ""),
]


@pytest.fixture(params=["contained", "allowed to run uncontained"])
def sandbox(request, monkeypatch):
    if request.param == "contained":
        return sandbox_or_skip()
    monkeypatch.setenv(UNSAFE, "1")
    return Sandbox.found()


@pytest.mark.parametrize(("program", "verdict", "detail", "output"), PROGRAMS)
def test_a_program_gets_its_verdict(sandbox, program, verdict, detail, output):
    ran = sandbox.run(program)
    assert (ran.verdict, ran.detail, ran.output) == (verdict, detail, output)


def test_both_ways_have_limits(sandbox):
    limits = Limits(cpu_seconds=1, wall_seconds=3, output=1000)
    loops, floods, eats = sandbox.run_all(["while True: pass", "while True: print(1)", "bytearray(10 << 30)"], limits)
    assert [loops.verdict, floods.verdict, eats.verdict] == ["timed out", "too much output", "out of memory"]


def test_results_stand_in_the_order_of_the_programs(sandbox):
    outputs = [ran.output for ran in sandbox.run_all([f"print({n})" for n in range(8)], workers=4)]
    assert outputs == [f"{n}\n" for n in range(8)]


def test_a_long_program_arrives_whole(sandbox):
    assert sandbox.run("x = 1\n" * 50_000 + "print('end')", Limits(memory=1 << 31)).output == "end\n"


def test_equal_programs_see_equal_hashes(sandbox):
    if sandbox.contains:
        one, other = sandbox.run_all(["print(list({'a', 'b', 'c', 'd', 'e'}))"] * 2)
        assert one.output == other.output != ""


def test_it_is_refused_where_bubblewrap_is_missing(monkeypatch, tmp_path):
    monkeypatch.delenv(UNSAFE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    running._working_bubblewrap.cache_clear()
    with pytest.raises(UserError, match=r"apt install bubblewrap.*--unsafe-no-sandbox"):
        Sandbox.found()


def test_it_is_refused_where_bubblewrap_does_not_work(monkeypatch, tmp_path):
    monkeypatch.delenv(UNSAFE, raising=False)
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    running._working_bubblewrap.cache_clear()
    with pytest.raises(UserError, match=r"No permissions to create new namespace.*SYS_ADMIN"):
        Sandbox.found()
    running._working_bubblewrap.cache_clear()


def decided(filter_program, machine, number, argument=0):
    """What the filter decides on a system call: an interpreter of the part of classic BPF that it uses."""
    data = struct.pack("=IIQ6Q", number, machine, 0, argument, 0, 0, 0, 0, 0)
    lines = [struct.unpack_from("=HBBI", filter_program, at) for at in range(0, len(filter_program), 8)]
    at = accumulator = 0
    while True:
        code, if_true, if_false, value = lines[at]
        if code == 0x06:
            return value
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
            at += 1
            continue
        true = {0x15: accumulator == value, 0x45: bool(accumulator & value), 0x35: accumulator >= value}[code]
        at += 1 + (if_true if true else if_false)


ALLOWED, REFUSED, NO_SUCH_CALL, KILLED = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
X86 = 0xC000003E


@pytest.mark.parametrize(
    ("number", "argument", "decision"),
    [
        (0, 0, ALLOWED),
        (1, 0, ALLOWED),
        (101, 0, REFUSED),
        (272, 0, REFUSED),
        (435, 0, NO_SUCH_CALL),
        (41, 1, ALLOWED),
        (41, 2, REFUSED),
        (41, 10, REFUSED),
        (56, 0x11, ALLOWED),
        (56, 0x10000000, REFUSED),
        (0x40000000 | 101, 0, KILLED),
    ],
)
def test_the_filter_decides(number, argument, decision):
    assert decided(system_calls.program("x86_64"), X86, number, argument) == decision


def test_calls_of_another_architecture_are_killed():
    assert decided(system_calls.program("x86_64"), 0x40000003, 0) == KILLED


def test_an_unknown_architecture_has_no_filter():
    assert system_calls.program("riscv64") is None
    assert system_calls.program() is not None or platform.machine() not in ("x86_64", "aarch64")


def test_bubblewrap_itself_is_not_told_what_the_parent_knows(monkeypatch, tmp_path):
    """In a user namespace a program can read the environment of the bubblewrap that is its first process."""
    monkeypatch.setenv("PLANTED", "planted-secret")
    seen = tmp_path / "seen"
    fake = tmp_path / "bwrap"
    fake.write_text(f"#!/bin/sh\n/usr/bin/env > {seen}\nexit 1\n")
    fake.chmod(0o755)
    with pytest.raises(OutlayError, match="does not start a program"):
        Sandbox(str(fake)).run("print(1)")
    assert "PATH=" in seen.read_text()
    assert "planted" not in seen.read_text()
