import signal

import pytest

from outlay.cli import interrupts


@pytest.fixture
def handlers():
    """The handlers of the test program, put back afterwards."""
    before = {number: signal.getsignal(number) for number in interrupts.INTERRUPTS}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", interrupts.INTERRUPTS)
def test_each_signal_becomes_an_interrupt_with_the_exit_code_that_shells_have(handlers, number):
    interrupts.listen()
    with pytest.raises(KeyboardInterrupt) as raised:
        signal.raise_signal(number)
    assert interrupts.exit_code(raised.value) == 128 + number


def test_a_second_one_right_after_it_is_ignored(handlers):
    interrupts.listen()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)


def test_one_that_comes_much_later_is_not(handlers, monkeypatch):
    monkeypatch.setattr(interrupts, "REPEATED_SECONDS", 0.0)
    interrupts.listen()
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_what_is_ignored_stays_ignored(handlers):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupts.listen()
    signal.raise_signal(signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_when_the_program_ends_anyway_nothing_disturbs_it(handlers):
    interrupts.listen()
    interrupts.deafen()
    for number in interrupts.INTERRUPTS:
        signal.raise_signal(number)
        assert signal.getsignal(number) == signal.SIG_IGN


def test_a_program_that_does_not_listen_keeps_its_handlers(handlers):
    interrupts.deafen()
    assert {number: signal.getsignal(number) for number in handlers} == handlers
