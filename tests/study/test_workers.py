import os
import signal
import time

import pytest

from outlay.errors import OutlayError
from outlay.study.workers import INTERRUPTS, heard, held_back, queues, running


def test_when_the_block_is_left_no_worker_runs() -> None:
    with running(2, time.sleep, (600,)) as processes:
        assert [process.is_alive() for process in processes] == [True, True]
    assert [process.is_alive() for process in processes] == [False, False]


def test_an_error_in_the_block_ends_the_workers_too() -> None:
    with pytest.raises(KeyboardInterrupt), running(1, time.sleep, (600,)) as processes:
        raise KeyboardInterrupt
    assert not processes[0].is_alive()


def test_what_workers_say_is_heard() -> None:
    (said,) = queues(1)
    with running(2, said.put, ("hello",)) as processes:
        messages = heard(said, processes)
        assert [next(messages), next(messages)] == ["hello", "hello"]


@pytest.mark.parametrize(
    ("work", "argument", "words"),
    [
        (os._exit, 3, "ended with exit code 3"),
        (signal.raise_signal, signal.SIGKILL, "was killed \\(SIGKILL\\), most likely because memory ran out"),
        (signal.raise_signal, signal.SIGTERM, "was ended by the signal SIGTERM"),
    ],
)
def test_a_worker_that_dies_is_told_with_how_and_what_to_do(work, argument, words) -> None:
    (said,) = queues(1)
    with pytest.raises(OutlayError, match=f"{words}.*fewer --workers"), running(1, work, (argument,)) as processes:
        next(heard(said, processes))


@pytest.mark.parametrize("number", sorted(INTERRUPTS))
def test_an_interrupt_that_is_held_back_comes_at_the_end_once(number: signal.Signals) -> None:
    came: list[int] = []
    before = signal.signal(number, lambda number, _: came.append(number))
    try:
        with held_back():
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
            assert came == []
        assert came == [number]
    finally:
        signal.signal(number, before)
