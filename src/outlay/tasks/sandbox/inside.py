"""What runs inside: sets the limits, takes the program from standard input, runs it, and says how it ended. Standard library only.

Arguments: the limits (seconds, bytes, processes, bytes), the user to become (0: stay), the descriptor to report on. Standard
input: a secret of 32 characters, then the program. The report is `started`, then the secret with `passed`, or with `failed` and
the reason; without the secret it does not count, so a program that prints "passed" and leaves has not passed. Starts in about
15 ms, which is why it imports so little.
"""

import os
import resource
import sys


def main() -> None:
    """Everything, in this order: limits, privileges, the program."""
    cpu, memory, processes, file, user, report = (int(argument) for argument in sys.argv[1:7])
    secret, program = os.fdopen(0, "rb").read().decode("utf-8", "replace").split("\n", 1)
    os.open("/dev/null", os.O_RDONLY)
    for kind, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, file),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(kind, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    if processes:
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    if user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    os.write(report, b"started\n")
    said = outcome(program)
    sys.stdout.flush()
    os.write(report, f"{secret} {said}\n".encode("utf-8", "replace"))
    os._exit(0)  # threads that it left behind do not hold it up


def outcome(program: str) -> str:
    """`passed`, or what was raised and where."""
    names = {"__name__": "__main__", "__builtins__": __builtins__}
    try:
        exec(compile(program, "program", "exec"), names)
    except MemoryError:
        return "memory"
    except SystemExit as error:
        return f"left sys.exit({error.code!r})"
    except BaseException as error:  # noqa: BLE001 whatever a program raises is its verdict
        line, place = 0, error.__traceback__
        while place is not None:
            line = place.tb_lineno if place.tb_frame.f_code.co_filename == "program" else line
            place = place.tb_next
        try:
            words = " ".join(str(error).split())[:300]
        except BaseException:  # noqa: BLE001 its own exception may fail to say what it is
            words = "?"
        source = program.splitlines()[line - 1].strip()[:200] if 0 < line <= program.count("\n") + 1 else ""
        return f"failed {type(error).__name__}{': ' if words else ''}{words}" + (
            f" (line {line}: {source})" if source else ""
        )
    return "passed"


if __name__ == "__main__":
    main()
