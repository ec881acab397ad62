"""Probes on a server's embeddings: one vector a text, over real HTTP; the key is shown to the server and to nobody else."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from typer.testing import CliRunner

from outlay import verifiers
from outlay.cli.main import app
from outlay.errors import UserError
from outlay.types import Question, Solution, Step
from outlay.verifiers.probes.difficulty import difficulty_by

KEY = "sk-planted-4711"
WORDS = ("sure", "maybe", "hard", "easy")


class Embedder(BaseHTTPRequestHandler):
    """A vector of how often some words come in a text; a token a word."""

    seen: list[str] = []  # noqa: RUF012 of the one server of this module

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = body["input"]
        self.seen.append(f"{self.path} {self.headers.get('Authorization')} {len(texts)}")
        data = [
            {"index": place, "embedding": [*(float(text.count(word)) for word in WORDS), 1.0]}
            for place, text in enumerate(texts)
        ]
        words = sum(len(text.split()) for text in texts)
        usage = {"prompt_tokens": words, "total_tokens": words}
        reply = json.dumps({"object": "list", "data": data[::-1], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        """Nothing is printed."""


@pytest.fixture(scope="module")
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Embedder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


@pytest.fixture
def trained(tmp_path, url, monkeypatch):
    """Solutions that say "sure" are right three times in four, others once in four; easy questions twice as often."""
    monkeypatch.setenv("OUTLAY_API_KEY", KEY)
    rows = []
    for number in range(60):
        kind = ("easy", "hard")[number % 2]
        for sample in range(8):
            word = WORDS[sample % 2]
            right = (sample // 2 + number) % 4 < (3 if word == "sure" else 1) - (kind == "hard")
            rows.append(
                {
                    "question_id": str(number),
                    "question": f"Number {number}, {kind}?",
                    "text": f"I am {word}.",
                    "correct": right,
                    "answer": str(sample),
                }
            )
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def train(**more):
        content = {"traces": str(tmp_path / "samples.jsonl"), "features": f"openai:{url}#words", "epochs": 100}
        content |= {"out": str(tmp_path / "probe"), "learning_rate": 0.05, "bins": 2} | more
        (tmp_path / "probe.yaml").write_text(yaml.safe_dump(content))
        done = CliRunner().invoke(app, ["train", "probe", str(tmp_path / "probe.yaml"), "--json"])
        assert done.exit_code == 0, done.output
        return tmp_path / "probe", json.loads(done.stdout)

    return train


def test_it_learns_and_scores_the_whole_and_is_charged_what_the_server_read(trained):
    folder, told = trained()
    assert told["test"]["auc_within_question"]["value"] > 0.7
    verifier = verifiers.load(f"probe:{folder}")
    question = Question("q", "Number 3, easy?")
    sure, maybe = (Solution((Step("I am ", 2), Step(f"{word}.", 1)), finished=True) for word in WORDS[:2])

    async def work():
        try:
            return await verifier.score(question, [sure, maybe])
        finally:
            await verifier.close()

    given = asyncio.run(work())
    ((one,), (other,)) = given
    assert one > 0.5 > other
    assert (given.spent.verifier_prompt_tokens, given.spent.calls) == (2 * 6, 1)


def test_difficulty_from_embeddings(trained):
    folder, told = trained(target="difficulty")
    easy, hard = difficulty_by(folder, [Question("a", "Number 9, easy?"), Question("b", "Number 9, hard?")])
    assert easy > hard + 0.1
    assert told["test"]["agreement"]["value"] > told["test"]["shuffled_agreement"]["value"]


def test_the_key_is_in_no_file_and_the_server_saw_it(trained, tmp_path):
    trained()
    assert any(f"Bearer {KEY}" in line and line.startswith("/v1/embeddings") for line in Embedder.seen)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []


def test_a_server_that_is_not_there_is_named_and_nothing_is_written(trained, tmp_path):
    with pytest.raises(AssertionError, match=r"no server answers at http://127\.0\.0\.1:9/v1"):
        trained(features="openai:http://127.0.0.1:9/v1#words")
    assert not (tmp_path / "probe").exists()


def test_layers_are_for_local_models():
    from outlay.verifiers.probes.features import features_of

    with pytest.raises(UserError, match="leave out layer"):
        features_of("openai:http://h:1/v1#m", layer=3)
