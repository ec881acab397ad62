"""Answers judged beside other work: in threads, so that calls go on meanwhile, several at a time where a task takes that.

Programs are run and expressions compared, which may take seconds. Most judges hold locks of their own, or are somebody's own
code, so they are asked one at a time; a task whose judge can be asked side by side says how often (`grades_at_once`: programs in
the sandbox, one a core), and then the answers of one run, and of all that have ended, share so many threads. Grades do not depend
on it.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

from outlay.tasks import Task

if TYPE_CHECKING:
    from outlay.drive.running import Running
    from outlay.drive.serving import Served
    from outlay.types import Trace

ONE = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outlay-grading")


def graders(task: Task) -> Any:
    """The threads that judge a task's answers side by side; None where it is asked one at a time."""
    count = int(getattr(task, "grades_at_once", 1))
    return _threads(count) if count > 1 else None


@cache
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=count, thread_name_prefix="outlay-grading")


async def graded(served: Served, running: Running, seconds: float) -> Trace:
    """The trace of a run that has ended, its answers judged in threads. Cancelled, what has not begun is not begun."""
    loop = asyncio.get_running_loop()
    threads = graders(served.task)
    if threads is not None:
        judging = [loop.run_in_executor(threads, served.grade, answer) for answer in served.answers(running)]
        try:
            await asyncio.gather(*judging)
        finally:
            for one in judging:
                one.cancel()
    return await loop.run_in_executor(ONE, served.trace, running, seconds)
