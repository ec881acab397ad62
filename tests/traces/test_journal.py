"""The journal: what is entered is in the store at once, counted once, whenever the process is killed."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from outlay.traces import Store
from outlay.traces.journal import FOLDER, Journal
from outlay.types import Budget, Cost, Question, Solution, Step, Trace


def trace(number, solutions=2):
    drawn = tuple(
        Solution(
            (Step(f"text {place} é\n", 3, None), Step("end", 1, -0.5)), finished=True, answer=str(place), sample=place
        )
        for place in range(solutions)
    )
    question = Question(f"q{number}", "What?", None, "free", {"served": True})
    cost = Cost(generated_tokens=4 * solutions, seconds=0.5)
    return Trace(question, {"name": "majority"}, Budget(4), number, "model", None, "0", drawn, cost, chosen=0)


def names(store):
    return sorted(one.question.id for one in store.traces())


def test_a_run_is_in_the_store_the_moment_it_is_entered_and_stays_when_it_is_settled(tmp_path):
    store = Store(tmp_path)
    journal = Journal(store)
    journal.enter(trace(1))
    assert list(Store(tmp_path).traces()) == [trace(1)]
    assert journal.settle() == 1 and journal.settle() == 0
    assert list(Store(tmp_path).traces()) == [trace(1)] and store.verify().ok
    journal.enter(trace(2))
    journal.close()
    assert names(Store(tmp_path)) == ["q1", "q2"] and list((tmp_path / FOLDER).iterdir()) == []


def test_readers_see_every_run_while_they_are_entered_and_settled(tmp_path):
    store = Store(tmp_path)
    journal, seen, ended = Journal(store), [], threading.Event()

    def settle():
        while not ended.is_set():
            journal.settle()

    settling = threading.Thread(target=settle)
    settling.start()
    for number in range(40):
        journal.enter(trace(number))
        if number % 5 == 0:
            seen.append((number + 1, store.runs().num_rows))
    ended.set()
    settling.join()
    journal.close()
    assert all(entered == found for entered, found in seen), seen
    assert store.runs().num_rows == 40 and store.verify().duplicates == 0


KILLED = """
import os, sys
sys.path[:0] = {path!r}
from test_journal import trace
from outlay.traces import Store, journal
store = Store({folder!r})
entered = journal.Journal(store)
for number in range(3):
    entered.enter(trace(number))
if {where!r} == "between":   # the solutions are in a part, the runs are not yet
    write = store._write_part
    def once(kind, table):
        write(kind, table)
        os.kill(os.getpid(), 9)
    store._write_part = once
    entered.settle()
if {where!r} == "before the journal is dropped":
    from pathlib import Path
    Path.unlink = lambda *_, **__: os.kill(os.getpid(), 9)
    entered.settle()
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("where", ["after", "between", "before the journal is dropped"])
def test_a_process_that_is_killed_anywhere_loses_nothing_and_nothing_counts_twice(tmp_path, where):
    code = KILLED.format(path=[str(Path(__file__).parent)], folder=str(tmp_path), where=where)
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    expected = ["q0", "q1", "q2"]
    assert names(Store(tmp_path)) == expected
    after = Journal(Store(tmp_path))
    assert after.recover() == 3
    after.close()
    store = Store(tmp_path)
    assert names(store) == expected and list(store.traces()) == [trace(number) for number in range(3)]
    assert list((tmp_path / FOLDER).iterdir()) == [] and store.verify().ok


def test_the_journal_of_a_process_that_lives_is_left_alone(tmp_path):
    first, second = Journal(Store(tmp_path)), Journal(Store(tmp_path))
    first.enter(trace(1))
    assert second.recover() == 0
    first.close()
    second.close()
    assert names(Store(tmp_path)) == ["q1"]


def test_a_line_that_a_full_disk_cut_off_is_left_out_and_the_others_are_read(tmp_path):
    journal = Journal(Store(tmp_path))
    journal.enter(trace(1))
    (path,) = (tmp_path / FOLDER).iterdir()
    with path.open("ab") as file:
        file.write(b'{"run": {"run_id": "cut')
    assert names(Store(tmp_path)) == ["q1"]
    with path.open("ab") as file:
        file.write(b"\n" + json.dumps({"run": 5}).encode()[:5])
    assert names(Store(tmp_path)) == ["q1"]


def test_compacting_keeps_what_is_in_a_journal(tmp_path):
    store = Store(tmp_path)
    journal = Journal(store)
    store.append(trace(1))
    journal.enter(trace(2))
    store.compact()
    assert names(store) == ["q1", "q2"]
    journal.close()
    assert names(Store(tmp_path)) == ["q1", "q2"] and Store(tmp_path).runs().num_rows == 2
