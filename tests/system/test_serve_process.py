"""The real `outlay serve` in a process of its own: it drains when it is asked to end, and loses nothing when it is killed."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from programs import PROGRAM

sys.path.insert(0, str(Path(__file__).parents[1] / "serve"))
from serving import PILOT, QUESTION, VOTE, policy_file
from upstream import Upstream

from outlay.traces import Store

pytestmark = pytest.mark.system

BODY = {"model": "outlay", "messages": [{"role": "user", "content": QUESTION}]}


@contextmanager
def process(policy, *options):
    """A server process and its port; killed at the end if it still runs."""
    command = [*PROGRAM, "serve", "--policy", str(policy), "--port", "0", "--json", *options]
    log = (policy.parent / "log").open("wb")
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        said = json.loads(started.stdout.readline())
        yield started, int(said["url"].rpartition(":")[2])
    finally:
        if started.poll() is None:
            started.kill()
        started.wait(10)
        started.stdout.close()
        log.close()


def asked(port, body=BODY):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        return reply.status, reply.headers["X-Request-Id"], json.loads(reply.read())
    finally:
        connection.close()


def test_asked_to_end_it_answers_what_is_under_way_takes_no_more_and_ends_well(tmp_path):
    with Upstream(answers=lambda body: "a b c d e f", pause=0.1) as upstream:
        policy = policy_file(tmp_path, VOTE, model=upstream.address)
        with process(policy) as (server, port):
            answers = []
            asking = threading.Thread(target=lambda: answers.append(asked(port)))
            before = len(upstream.asked)
            asking.start()
            while len(upstream.asked) < before + 4:
                time.sleep(0.01)
            server.send_signal(signal.SIGTERM)
            asking.join(20)
            assert answers and answers[0][0] == 200
            assert server.wait(20) == 0
    with pytest.raises(OSError):
        asked(port)
    log = (tmp_path / "log").read_text()
    assert [json.loads(line)["event"] for line in log.splitlines()] == ["draining", "answer", "request"]
    assert len(list(Store(tmp_path / "served", create=False).traces())) == 1
    assert list((tmp_path / "served" / "journal").iterdir()) == []


def test_killed_it_has_lost_nothing_that_was_answered_and_the_next_one_tidies_up(tmp_path):
    policy = policy_file(tmp_path, PILOT)
    answered, ended = [], threading.Event()
    with process(policy) as (server, port):

        def ask():
            while not ended.is_set():
                try:
                    status, name, _ = asked(port)
                except (OSError, http.client.HTTPException):
                    return
                if status == 200:
                    answered.append(name)

        asking = [threading.Thread(target=ask) for _ in range(8)]
        for one in asking:
            one.start()
        while len(answered) < 40:
            time.sleep(0.01)
        os.kill(server.pid, signal.SIGKILL)
        ended.set()
        for one in asking:
            one.join(20)
    kept = {trace.question.id for trace in Store(tmp_path / "served", create=False).traces()}
    assert set(answered) <= kept and len(answered) >= 40
    with process(policy) as (server, port):
        asked(port)
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    store = Store(tmp_path / "served", create=False)
    after = {trace.question.id for trace in store.traces()}
    assert kept < after and len(after) == len(kept) + 1
    assert list((tmp_path / "served" / "journal").iterdir()) == [] and store.verify().ok
