"""A server to serve from: it says what a test tells it to, byte for byte, and keeps what it was asked."""

import asyncio
import json
import threading

from aiohttp import web

MODEL = "test/scripted"
TOOL_STREAM = (
    b'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"test/scripted","choices":[{"index":0,"delta":'
    b'{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"weather",'
    b'"arguments":""}}]},"finish_reason":null}]}\n\n',
    b'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"test/scripted","choices":[{"index":0,"delta":'
    b'{"tool_calls":[{"index":0,"function":{"arguments":"{\\"city\\": \\"K\xc3\xb6ln\\"}"}}]},"finish_reason":null}]}\n\n',
    b'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"test/scripted","choices":[{"index":0,"delta":{},'
    b'"finish_reason":"tool_calls"}]}\n\n',
    b'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"test/scripted","choices":[],"usage":'
    b'{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}\n\n',
    b"data: [DONE]\n\n",
)


def chunk(text, finish=None, **more):
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "x", "choices": [choice]} | more).encode() + b"\n\n"


class Upstream:
    """A context manager; `answers(body)` gives the text of each chat, `pieces` a whole stream where it is set."""

    def __init__(self, answers=lambda body: "4", pieces=None, pause=0.0, latency=0.0, fails=lambda number: None):
        self.answers, self.pieces, self.pause, self.latency, self.fails = answers, pieces, pause, latency, fails
        self.asked, self.raw, self.headers, self.sent = [], [], [], 0
        self.cancelled = 0

    def __enter__(self):
        started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve(started)), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def forget(self):
        self.asked, self.raw, self.headers, self.sent = [], [], [], 0
        self.cancelled = 0

    async def _serve(self, started):
        app = web.Application()
        app.add_routes(
            [web.post("/v1/chat/completions", self._chat), web.post("/v1/completions", self._raw_completion)]
        )
        app.add_routes([web.get("/v1/models", self._models)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        self.address = f"openai:{self.url}#{MODEL}"
        self._stop = asyncio.Event()
        started.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _models(self, request):
        return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    async def _raw_completion(self, request):
        body = await request.json()
        self.asked.append(body)
        choice = {"index": 0, "text": self.answers(body), "finish_reason": "stop", "logprobs": None}
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        return web.json_response({"id": "x", "object": "text_completion", "choices": [choice], "usage": usage})

    async def _chat(self, request):
        raw = await request.read()
        body = json.loads(raw)
        number = len(self.asked)
        self.asked.append(body)
        self.raw.append(raw)
        self.headers.append(dict(request.headers))
        failure = self.fails(number)
        if failure is not None:
            return web.json_response({"error": {"message": "no"}}, status=failure, headers={"Retry-After": "0.01"})
        await asyncio.sleep(self.latency)
        if body.get("stream"):
            return await self._stream(request, body)
        text = self.answers(body)
        tokens = len(text.split())
        choices = [
            {"index": place, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            | (
                {"logprobs": {"content": [{"token": text, "logprob": -0.25, "top_logprobs": []}]}}
                if body.get("logprobs")
                else {}
            )
            for place in range(body.get("n") or 1)
        ]
        usage = {
            "prompt_tokens": 5,
            "completion_tokens": tokens * len(choices),
            "total_tokens": 5 + tokens * len(choices),
        }
        return web.json_response(
            {"id": "x", "object": "chat.completion", "model": MODEL, "choices": choices, "usage": usage}
        )

    @property
    def cancelled(self):
        """Streams that were given up by whoever asked, of those that began since this was last set to 0: no late probe."""
        return self._cancelled

    @cancelled.setter
    def cancelled(self, count):
        self._cancelled, self._since = count, object()

    async def _stream(self, request, body):
        since = self._since
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            if self.pieces is not None:
                sent = self.pieces
            else:
                words = self.answers(body).split(" ")
                texts = [word if place == 0 else f" {word}" for place, word in enumerate(words)]
                sent = [chunk(text) for text in texts] + [chunk("", "stop")]
                usage = {"prompt_tokens": 5, "completion_tokens": len(texts), "total_tokens": 5 + len(texts)}
                if (body.get("stream_options") or {}).get("include_usage"):
                    sent.append(b"data: " + json.dumps({"id": "x", "choices": [], "usage": usage}).encode() + b"\n\n")
                sent.append(b"data: [DONE]\n\n")
            for piece in sent:
                await response.write(piece)
                self.sent += 1
                await asyncio.sleep(self.pause)
        except (ConnectionResetError, asyncio.CancelledError):
            self._cancelled += since is self._since
            raise
        return response
