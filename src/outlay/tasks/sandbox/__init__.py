"""Running programs that a model wrote: contained, within limits, each with a clear verdict.

`Sandbox.found()` is bubblewrap where it works (no network, a file system that is read-only and shows no home, no other
processes, no privileges, a filter of system calls), and refuses where it does not, unless `unsandboxed` was allowed. Limits: a
program can use up its share of the machine for as long as its time lasts; it shares the kernel; and since it runs in one
process with its tests, one that sets out to may fake a pass (an early exit does not).
"""

from outlay.tasks.sandbox.running import UNSAFE, Sandbox, at_once, share_cores
from outlay.tasks.sandbox.verdicts import Limits, Ran, Verdict

__all__ = ["UNSAFE", "Limits", "Ran", "Sandbox", "Verdict", "at_once", "share_cores"]
