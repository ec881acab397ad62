"""An OpenAI-compatible server that does what it is told to, wrongly: for tests of what a client makes of it.

Its model writes words that follow from prompt and seed alone, so a request that is repeated with its seed costs the same again. It
keeps a bill of its own of every reply that it worked at, also of those that it then spoils.
"""

import asyncio
import hashlib
import json
import random
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

WORDS = ("red", "green", "blue\n\n", "apple", "pear", "plum\n\n", "one", "two", "three.", "4", "5", "6")
MODEL = "test/words"


def tokens(text):
    """The server's tokenizer: a token a word, with the space before it."""
    return re.findall(r"\s*\S+\n*|\s+$", text)


@dataclass
class Behaviour:
    """How the server differs from what it should be; the fields are those of the capabilities that a client has to find out."""

    n: bool = True
    usage: str = "all"
    logprobs: bool = True
    seed: bool = True
    stop: str = "says"
    prefix: str = "continue"
    repeats_prefix: bool = False
    chat: bool = True
    stream: bool = True
    tokenize: bool = True
    models: tuple[str, ...] = (MODEL,)
    lists_models: bool = True
    context: int = 4096
    key: str | None = None
    tells_key: bool = False
    length_field: str = "max_tokens"
    latency: float = 0.0
    longest: int = 12
    alternatives: dict[str, float] = field(default_factory=dict)
    most_alternatives: int = 20


@dataclass
class Bill:
    """What the server worked for: calls that were answered or spoilt, and their tokens."""

    calls: int = 0
    prompt: int = 0
    generated: int = 0
    spoilt: Counter = field(default_factory=Counter)
    of: dict = field(default_factory=dict)

    def enter(self, what, calls=0, prompt=0, generated=0):
        """Add to the whole, and to what the prompt `what` cost."""
        self.calls += calls
        self.prompt += prompt
        self.generated += generated
        before = self.of.get(what, (0, 0, 0))
        self.of[what] = (before[0] + calls, before[1] + prompt, before[2] + generated)


class FaultServer:
    """The server on a thread of its own; a context manager. `faults` says for the how-manieth generation request what goes wrong.

    Faults: a status ("500", "503", "429"), "timeout", "half", "invalid", "reset", "html", "slow", "" for none.
    """

    def __init__(self, behaviour=None, faults=lambda number: ""):
        self.behaviour, self.faults = behaviour or Behaviour(), faults
        self.bill, self.requests, self.out, self.most_out = Bill(), [], 0, 0
        self.retry_after, self.refuses, self.cancelled = "0.01", "try later", 0
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()

    def __enter__(self):
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)
        self.url = f"http://127.0.0.1:{self._port}/v1"
        self.address = f"openai:{self.url}#{MODEL}"
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self, started):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve(started))

    async def _serve(self, started):
        app = web.Application()
        app.add_routes(
            [
                web.get("/v1/models", self._models),
                web.post("/v1/chat/completions", self._chat),
                web.post("/v1/completions", self._raw),
                web.post("/tokenize", self._tokenize),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()  # a handler is cancelled when its client goes away
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._port = runner.addresses[0][1]
        self._stop = asyncio.Event()
        started.set()
        await self._stop.wait()
        await runner.cleanup()

    def forget(self):
        """Begin a new bill, and count requests anew."""
        self.bill, self.requests, self.most_out = Bill(), [], 0

    def _refused(self, request):
        key = self.behaviour.key
        given = request.headers.get("Authorization", "")
        if key is not None and given != f"Bearer {key}":
            said = f"Incorrect API key provided: {given.removeprefix('Bearer ')}"
            return web.json_response({"error": {"message": said}}, status=401)
        return None

    async def _models(self, request):
        if not self.behaviour.lists_models:
            return web.json_response({"error": {"message": "not found"}}, status=404)
        listed = [
            {"id": one, "object": "model", "max_model_len": self.behaviour.context} for one in self.behaviour.models
        ]
        return self._refused(request) or web.json_response({"object": "list", "data": listed})

    async def _tokenize(self, request):
        if not self.behaviour.tokenize:
            return web.json_response({"detail": "Not Found"}, status=404)
        body = await request.json()
        text = " ".join(one["content"] for one in body["messages"]) if "messages" in body else body["prompt"]
        marks = TURN if "messages" in body else int(body.get("add_special_tokens", True))
        count = len(tokens(text)) + marks
        return web.json_response({"count": count, "tokens": list(range(count))})

    async def _chat(self, request):
        body = await request.json()
        if not self.behaviour.chat:
            return web.json_response({"detail": "Not Found"}, status=404)
        said, prefix, marks = body["messages"], "", TURN
        if said[-1]["role"] == "assistant":
            way = self.behaviour.prefix
            prefix = said[-1]["content"]
            if not (way == "assistant" or (way == "continue" and body.get("continue_final_message"))):
                prefix, marks = "", TURN + len(tokens(said[-1]["content"])) + TURN
        prompt = " ".join(one["content"] for one in said if one["role"] != "assistant")
        return await self._answer(
            request, body, prompt, prefix, len(tokens(prompt)) + len(tokens(prefix)) + marks, True
        )

    async def _raw(self, request):
        body = await request.json()
        return await self._answer(request, body, body["prompt"], "", len(tokens(body["prompt"])), False)

    async def _answer(self, request, body, prompt, prefix, length, chat):
        refused = self._refused(request)
        if refused is not None:
            return refused
        with self._lock:
            number = len(self.requests)
            self.requests.append(body)
        self.out += 1
        self.most_out = max(self.most_out, self.out)
        try:
            return await self._spoilt(self.faults(number), request, body, prompt, prefix, length, chat)
        finally:
            self.out -= 1

    def _said_no(self, body, length):
        here = self.behaviour
        if body["model"] not in here.models:
            return f"The model `{body['model']}` does not exist.", 404
        if here.length_field not in body:
            return f"Unsupported parameter: use '{here.length_field}' instead.", 400
        if max(body.get("top_logprobs") or 0, int(body.get("logprobs") or 0)) > here.most_alternatives:
            return f"Requested more than {here.most_alternatives} logprobs.", 400
        if length + body[here.length_field] > here.context:
            return f"This model's maximum context length is {here.context} tokens. However, you requested more.", 400
        return None

    async def _spoilt(self, fault, request, body, prompt, prefix, length, chat):
        here = self.behaviour
        if (no := self._said_no(body, length)) is not None:
            return web.json_response({"error": {"message": no[0], "code": no[1]}}, status=no[1])
        if fault.isdigit():
            headers = {"Retry-After": self.retry_after} if fault in ("429", "503") else {}
            return web.json_response({"error": {"message": self.refuses}}, status=int(fault), headers=headers)
        choices, generated = self._choices(body, prompt + prefix, chat)
        self.bill.enter(prompt, calls=1, prompt=length)
        if fault:
            self.bill.spoilt[fault] += 1
        if here.latency or fault == "slow":
            await asyncio.sleep(here.latency + 0.05 * (fault == "slow"))
        if body.get("stream"):
            return await self._streamed(fault, request, choices, length, prompt)
        self.bill.enter(prompt, generated=generated)
        if here.repeats_prefix and prefix:
            for one in choices:
                one["message"]["content"] = prefix + one["message"]["content"]
        content = {"id": "x", "object": "chat.completion" if chat else "text_completion", "choices": choices}
        if here.usage != "none":
            counted = generated if here.usage == "all" else len(choices[0]["tokens_"])
            content["usage"] = {"prompt_tokens": length, "completion_tokens": counted, "total_tokens": length + counted}
        for one in choices:
            del one["tokens_"]
        text = json.dumps(content)
        if fault == "timeout":
            await asyncio.sleep(30)
        if fault == "invalid":
            return web.Response(text=text[:-20] + "}}}}", content_type="application/json")
        if fault == "html":
            return web.Response(text="<html>proxy</html>", content_type="text/html")
        if fault in ("half", "reset"):
            return await self._half(fault, request, text)
        return web.Response(text=text, content_type="application/json")

    async def _half(self, fault, request, text):
        response = web.StreamResponse(headers={"Content-Length": str(len(text)), "Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(text[: len(text) // 2].encode())
        if fault == "reset":
            request.transport.abort()
        else:
            request.transport.close()
        return response

    async def _streamed(self, fault, request, choices, length, prompt):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        (choice,) = choices
        said = list(zip(choice["tokens_"], (choice.get("logprobs") or {}).get("content") or [None] * 99))
        try:
            for place, (token, logprob) in enumerate(said):
                if fault in ("reset", "half") and place == len(said) // 2:
                    request.transport.abort()
                    return response
                piece = {"index": 0, "delta": {"content": token}}
                if logprob:
                    piece["logprobs"] = {"content": [logprob]}
                self.bill.enter(prompt, generated=1)
                await self._event(response, {"choices": [piece]})
            end = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
            await self._event(response, {"choices": [end]})
            if self.behaviour.usage != "none":
                usage = {"prompt_tokens": length, "completion_tokens": len(said)}
                await self._event(response, {"choices": [], "usage": usage})
            await response.write(b"data: [DONE]\n\n")
        except (ConnectionResetError, asyncio.CancelledError):
            self.cancelled += 1
        return response

    async def _event(self, response, content):
        await response.write(b"data: " + json.dumps(content).encode() + b"\n\n")
        await asyncio.sleep(0.001)

    def _choices(self, body, prompt, chat):
        here, found, generated = self.behaviour, [], 0
        asked = body.get("n", 1) if here.n else 1
        for index in range(asked):
            written, finish, stopped = self._text(body, prompt, index)
            text = "".join(written)
            generated += len(written)
            if stopped and here.stop != "includes":
                text = text.removesuffix(stopped)
            one: dict[str, Any] = {"index": index, "finish_reason": finish, "tokens_": written}
            if here.stop == "says":
                one["stop_reason"] = stopped
            one |= {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
            if body.get("logprobs") and here.logprobs:
                most = body.get("top_logprobs") if chat else body["logprobs"]
                told = dict(list(here.alternatives.items())[:most])
                content = [{"token": token, "logprob": -0.5} for token in written]
                for place in content:
                    place["top_logprobs"] = [{"token": token, "logprob": value} for token, value in told.items()]
                raw = {"tokens": written, "token_logprobs": [-0.5] * len(written)}
                raw["top_logprobs"] = [told] * len(written) if told else None
                one["logprobs"] = {"content": content} if chat else raw
            found.append(one)
        return found, generated

    def _text(self, body, prompt, index):
        """The tokens of one choice, why it ended, and the stop string that ended it."""
        here, most = self.behaviour, body[self.behaviour.length_field]
        greedy = not body.get("temperature", 1.0)
        seed = 0 if greedy else body.get("seed", 0) + index if here.seed else random.random()
        digest = hashlib.blake2b(f"{prompt}\x1f{seed}".encode(), digest_size=32).digest()
        length = 3 + digest[0] % (here.longest - 2)
        written = []
        for place in range(min(length, most)):
            written.append(" " + WORDS[digest[place % 31 + 1] % len(WORDS)])
            text = "".join(written)
            for stop in body.get("stop") or ():
                if stop in text:
                    beyond = len(text) - text.index(stop) - len(stop)
                    written[-1] = written[-1][: len(written[-1]) - beyond] if beyond else written[-1]
                    return written, "stop", stop
        return written, "length" if length > most else "stop", None


TURN = 3
"""Tokens of the marks around a turn of a chat."""
