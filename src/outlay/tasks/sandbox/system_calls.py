"""The filter of system calls: a program for the kernel's seccomp that refuses what no test of a function needs.

Classic BPF, assembled here because it is forty lines: x86-64 and ARM64 under Linux, none elsewhere (`program()` is None there).
Refused with EPERM: tracing and reading other processes, new namespaces, mounts, keys, kernel modules, BPF, io_uring, and
sockets other than local ones. `clone3` says that it does not exist, so that libraries fall back to `clone`, whose flags can be
looked at.
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Mapping

EPERM, ENOSYS = 1, 38
AF_UNIX = 1
NEW_NAMESPACES = 0x7E020080
"""The flags of clone that make namespaces: time, mount, cgroup, uts, ipc, user, pid, net."""

_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

_X86_64: Mapping[str, int] = {
    "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "mount": 165, "umount2": 166,
    "pivot_root": 155, "chroot": 161, "unshare": 272, "setns": 308, "add_key": 248, "request_key": 249, "keyctl": 250,
    "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "kexec_load": 246, "kexec_file_load": 320, "init_module": 175,
    "finit_module": 313, "delete_module": 176, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    "open_by_handle_at": 304, "name_to_handle_at": 303, "pidfd_getfd": 438, "move_mount": 429, "open_tree": 428,
    "fsopen": 430, "mount_setattr": 442, "syslog": 103, "swapon": 167, "reboot": 169, "settimeofday": 164, "acct": 163,
}  # fmt: skip
_ARM64: Mapping[str, int] = {
    "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "mount": 40, "umount2": 39,
    "pivot_root": 41, "chroot": 51, "unshare": 97, "setns": 268, "add_key": 217, "request_key": 218, "keyctl": 219,
    "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "kexec_load": 104, "kexec_file_load": 294, "init_module": 105,
    "finit_module": 273, "delete_module": 106, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    "open_by_handle_at": 265, "name_to_handle_at": 264, "pidfd_getfd": 438, "move_mount": 429, "open_tree": 428,
    "fsopen": 430, "mount_setattr": 442, "syslog": 116, "swapon": 224, "reboot": 142, "settimeofday": 170, "acct": 89,
}  # fmt: skip
_MACHINES: Mapping[str, tuple[int, Mapping[str, int], int, int, int]] = {
    "x86_64": (0xC000003E, _X86_64, 41, 56, 435),
    "aarch64": (0xC00000B7, _ARM64, 198, 220, 435),
}
"""The kernel's name of the architecture, what is refused, and the numbers of socket, clone and clone3."""


def program(machine: str = platform.machine()) -> bytes | None:
    """The filter, as bubblewrap takes it; None for an architecture that is not known here.

    >>> len(program("x86_64")) % 8
    0
    """
    if machine not in _MACHINES:
        return None
    architecture, refused, socket, clone, clone3 = _MACHINES[machine]
    lines = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER)]
    if machine == "x86_64":  # the x32 numbers of the same calls
        lines += [(_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]
    for number in refused.values():
        lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | EPERM)]
    lines += [(_EQUAL, 0, 1, clone3), (_RETURN, 0, 0, _ERRNO | ENOSYS)]
    for number, test in ((socket, (_EQUAL, 1, 0, AF_UNIX)), (clone, (_ANY_BIT, 0, 1, NEW_NAMESPACES))):
        lines += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, _FIRST_ARGUMENT), test, (_RETURN, 0, 0, _ERRNO | EPERM)]
        lines += [(_RETURN, 0, 0, _ALLOW)]
    lines += [(_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
