"""Small HTTP servers that answer as each version of vLLM and SGLang is documented to, around one reward model of arithmetic.

The model: the value after a piece of text is a number that depends on the text up to there alone (`worth`), so that every way of
pooling has one right answer. Tokens are words, spaces, line breaks, and `<extra_0>`.
"""

import asyncio
import hashlib
import math
import re
import threading

from aiohttp import web

MODEL = "Qwen/Qwen2.5-Math-PRM-7B"


def pieces(text):
    return re.findall(r"<extra_0>|\n|[^\s<]+|<\|[^|]*\|>|<| +", text)


def worth(text):
    """The reward model's raw number after a text, between -3 and 3."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "little") / 2**32 * 6 - 3


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


class Vocabulary:
    """Ids for pieces, given out as they come."""

    def __init__(self):
        self.of, self.back = {}, []

    def ids(self, text):
        found = []
        for piece in pieces(text):
            if piece not in self.of:
                self.of[piece] = len(self.back) + 1000
                self.back.append(piece)
            found.append(self.of[piece])
        return found

    def text(self, ids):
        return "".join(self.back[number - 1000] for number in ids)


class PoolingServer:
    """One server, on a thread of its own; a context manager.

    Args:
        kind: "vllm" (`/pooling`), "vllm-old" (`/v1/embeddings`), "sglang" (`/classify` with text), "classify" (`/v1/classify`).
        pools: "step", "all" or "last".
        classes: 1 number a row, or 2 (wrong, right).
        activation: the field that switches the activation ("use_activation", "activation", "softmax"), or None where none does.
        active: whether the activation is applied where no field says otherwise.
        task: a task that has to be given, or "".
        tokenize: whether there is a `/tokenize`.
        hidden: gives hidden states of this width instead of rewards.
    """

    def __init__(self, kind="vllm", *, pools="step", classes=2, activation="use_activation", active=True, task="",
                 tokenize=True, hidden=0, broken=0):  # fmt: skip
        self.kind, self.pools, self.classes = kind, pools, classes
        self.activation, self.active, self.task = activation, active, task
        self.tokenize, self.hidden, self.broken = tokenize, hidden, broken
        self.vocabulary, self.bodies, self.read = Vocabulary(), [], 0

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)
        self.url = f"http://127.0.0.1:{self._port}"
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self, started):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve(started))

    async def _serve(self, started):
        app = web.Application()
        routes = [web.get("/v1/models", self._models)]
        path = {"vllm": "/pooling", "vllm-old": "/v1/embeddings", "sglang": "/classify", "classify": "/v1/classify"}
        routes.append(web.post(path[self.kind], self._pool))
        if self.tokenize:
            routes.append(web.post("/tokenize", self._tokens))
        app.add_routes(routes)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._port = runner.addresses[0][1]
        self._stop = asyncio.Event()
        started.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _models(self, request):
        return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": self.kind}]})

    async def _tokens(self, request):
        ids = self.vocabulary.ids((await request.json())["prompt"])
        return web.json_response({"tokens": ids, "count": len(ids), "max_model_len": 4096})

    async def _pool(self, request):
        body = await request.json()
        self.bodies.append(body)
        if self.broken:
            self.broken -= 1
            return web.Response(status=500, text="engine died")
        if self.kind == "sglang":
            if "text" not in body and "input_ids" not in body:
                return web.json_response({"error": {"message": "text or input_ids is required"}}, status=400)
            shown = body.get("text") or self.vocabulary.text(body["input_ids"])
        else:
            if self.task and body.get("task") != self.task:
                message = f"Unsupported task: {body.get('task')!r} Supported tasks: ['{self.task}']"
                return web.json_response({"error": {"message": message, "code": 400}}, status=400)
            shown = body.get("input")
            if shown is None:
                shown = "".join(f"<{one['role']}>{one['content']}" for one in body["messages"])
            shown = self.vocabulary.text(shown) if isinstance(shown, list) else shown
        rows, count = self._rows(shown, body), len(pieces(shown))
        self.read += count
        return web.json_response(self._reply(rows, count))

    def _rows(self, text, body):
        if self.hidden:
            return [[worth(f"{text}{place}") for place in range(self.hidden)]]
        found, upto = [], ""
        for piece in pieces(text):
            upto += piece
            if self.pools == "all" or (self.pools == "step" and piece == "<extra_0>"):
                found.append(self._row(upto, body))
        return found if self.pools != "last" else [self._row(text, body)]

    def _row(self, upto, body):
        active = body.get(self.activation, self.active) if self.activation else self.active
        value = worth(upto)
        if self.classes == 1:
            return [sigmoid(value) if active else value]
        return [1 - sigmoid(value), sigmoid(value)] if active else [0.0, value]

    def _reply(self, rows, count):
        if self.kind == "sglang":
            given = rows[0] if self.pools == "last" else [row[0] for row in rows]
            return [{"embedding": given, "meta_info": {"id": "1", "prompt_tokens": count, "cached_tokens": 0}}]
        usage = {"prompt_tokens": count, "total_tokens": count, "completion_tokens": 0, "prompt_tokens_details": None}
        if self.kind == "classify":
            data = [{"index": 0, "label": "right", "probs": rows[0], "num_classes": len(rows[0])}]
        elif self.kind == "vllm-old":
            flat = [row[0] for row in rows] if self.classes == 1 else rows
            data = [{"index": 0, "object": "embedding", "embedding": flat}]
        elif self.hidden:
            data = [{"index": 0, "object": "pooling", "data": rows[0]}]
        else:
            data = [{"index": 0, "object": "pooling", "data": rows[0] if self.pools == "last" else rows}]
        return {"id": "pool-1", "object": "list", "created": 1, "model": MODEL, "data": data, "usage": usage}
