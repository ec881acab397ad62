import os
import signal

import pytest

from outlay.tasks.equality import equality
from outlay.tasks.math_verifying import Worker

pytest.importorskip("math_verify")


@pytest.fixture(scope="module")
def worker():
    worker = Worker()
    yield worker
    worker.stop()


@pytest.mark.parametrize(
    ("answer", "reference", "same"),
    [
        (r"\frac{1}{2}", "0.5", True),
        (r"\sin^2 x + \cos^2 x", "1", True),
        ("The value is $\\frac{14}{3}$.", r"\frac{14}{3}", True),
        ("12", "13", False),
        ("1", r"\{1,2\}", False),
        (r"\{1\}", r"\{1,2\}", False),
        ("1, 2", "1", False),
    ],
)
def test_the_library_decides(worker, answer, reference, same):
    assert worker.compare(answer, reference, 60) is same


@pytest.mark.parametrize("endless", ["9^{9^{9^{9}}}!", r"\int_0^{\infty} \frac{x^{7} e^{-x^2} \sin(x^3)}{1+x^{11}} dx"])
def test_a_comparison_that_takes_too_long_is_undecided_and_the_next_one_is_not(worker, endless):
    assert worker.compare("2", "2", 60) is True
    assert worker.compare(endless, r"\sqrt{2}", 1.0) is None
    assert worker.compare("2", "2", 60) is True


def test_a_worker_that_was_killed_is_replaced(worker):
    assert worker.compare("3", "3", 60) is True
    os.kill(worker._process.pid, signal.SIGKILL)
    worker._process.wait()
    assert worker.compare("3", "3.0", 60) is True


def test_a_line_break_in_an_answer_does_not_end_the_request(worker):
    assert worker.compare("2\n3", "7", 60) is False
    assert worker.compare("7", "7", 60) is True


def test_words_are_compared_as_words():
    assert equality("math-verify").equal("evelyn", r"\text{Evelyn}")
    assert not equality("math-verify").equal("angela", r"\text{Evelyn}")


def test_either_takes_what_one_of_them_finds_right():
    assert equality("either").equal("√5", r"\sqrt{5}")
    assert equality("either").equal(r"\sin^2 x + \cos^2 x", "1")
    assert not equality("either").equal("4", "5")
