"""A real server for tests, on a thread of its own, with policies for the shipped models and for a served one."""

import http.client
import json
import threading
from contextlib import contextmanager

import yaml

from outlay.serve.running import bound, run
from outlay.serve.service import Service
from outlay.serve.settings import Settings

QUESTION = "2 3 4 > 24"
ONE = {"budget": 1, "choices": [{"strategy": {"name": "greedy"}, "generations": 1}]}
PILOT = {
    "format": "outlay-policy/1",
    "task": "countdown",
    "model": "embedded:countdown-small",
    "verifier": "embedded:countdown-prm",
    "difficulty": {"source": "pilot", "samples": 4, "cost": 4},
    "edges": [0.5],
    "plans": [
        ONE,
        {
            "budget": 16,
            "choices": [
                {"strategy": {"name": "best_of_n"}, "generations": 4, "reuses_pilot": True},
                {"strategy": {"name": "best_of_n"}, "generations": 16, "reuses_pilot": True},
            ],
        },
        {
            "budget": 32,
            "choices": [
                {"strategy": {"name": "best_of_n"}, "generations": 8, "reuses_pilot": True},
                {"strategy": {"name": "beam_search", "width": 4}, "generations": 16},
            ],
        },
    ],
}
"""Looks at four samples, and goes on by what they are worth."""
VOTE = {
    "format": "outlay-policy/1",
    "task": "free",
    "model": "",
    "plans": [ONE, {"budget": 4, "choices": [{"strategy": {"name": "majority"}, "generations": 4}]}],
}
"""One sample, or four that vote; the model is filled in."""


def measured(accuracy, cost, baseline):
    figure = lambda mean: {"mean": mean, "low": mean - 0.02, "high": mean + 0.02}  # noqa: E731
    return {"accuracy": figure(accuracy), "cost": figure(cost), "baseline": figure(baseline)}


def policy_file(folder, content, **changed):
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump(content | changed))
    return path


class Running:
    """A server that runs: `url`, `service`, and requests in the plainest way."""

    def __init__(self, service, url, server):
        self.service, self.url, self.server = service, url, server
        self.port = int(url.rpartition(":")[2])

    def ask(self, body=None, path="/v1/chat/completions", method="POST", headers=None, raw=None):
        """Status, headers and content of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = raw if raw is not None else None if body is None else json.dumps(body)
        connection.request(method, path, sent, {"Content-Type": "application/json"} | (headers or {}))
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        kind = reply.headers.get("Content-Type", "")
        return reply.status, reply.headers, json.loads(content) if kind.startswith("application/json") else content

    def chat(self, text=QUESTION, headers=None, **fields):
        """The content of a reply that has to be one."""
        body = {"model": "outlay", "messages": [{"role": "user", "content": text}]} | fields
        status, _, content = self.ask(body, headers=headers)
        assert status == 200, content
        return content

    def get(self, path, **options):
        return self.ask(path=path, method="GET", **options)


@contextmanager
def serving(policy, **settings):
    """A server on a port of its own until the block ends; then it drains."""
    settings.setdefault("traces", policy.parent / "served")
    service = Service(Settings(policy=policy, port=0, **settings))
    listening = bound("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    there, servers, problems = threading.Event(), [], []

    def work():
        try:
            run(service, listening, lambda server: (servers.append(server), there.set()))
        except BaseException as error:  # noqa: BLE001 told by the test's own thread
            problems.append(error)
            there.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert there.wait(30)
    if problems:
        raise problems[0]
    try:
        yield Running(service, url, servers[0])
    finally:
        servers[0].end()
        thread.join(30)
        assert not thread.is_alive(), "the server did not end"
