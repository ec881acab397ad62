"""llama.cpp on the same weights, in float32 and on one thread, driven as fast as we know how.

Its server runs in this process (`xllamacpp`), so no socket and little JSON stand between. Everything is asked for at once, one
request for each length, so that its queue is never empty and continuous batching refills every slot; sampling is temperature
alone. Prompts are token ids, each read once a sequence. Log-probabilities, which the engine always gives, are not asked for.
Several settings are tried on less work, and the best counts.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.gguf_file import write_gguf
from benchmarks.measuring import rate
from benchmarks.workload import FLOAT32, HALF, LENGTHS, Workload, difference, insist_on_the_same_model

SETTINGS: tuple[dict[str, Any], ...] = tuple(
    {"slots": slots, "unified": unified, "flash_attention": flash_attention}
    for unified, flash_attention in ((True, True), (False, False), (True, False), (False, True))
    for slots in ((8, 16, 32, 64, 128, 256) if flash_attention == unified else (16, 256))
)
"""One cache for all slots or one each, with and without flash attention; the two mixed pairs are slow at any size."""


def generating(model: str, sequences: int, repeats: int, setting: dict[str, Any]) -> dict[str, Any]:
    """The workload on llama.cpp's server: a Rate's fields, and the largest `difference` of log-probabilities from the engine's.

    Raises NotTheSameModel where that is more than rounding; with flash attention, than rounding to half precision.
    """
    workload = Workload(model, sequences)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.gguf"
        write_gguf(workload.folder, path)
        server = start(path, workload.weights.shape.positions, **setting)
        apart = greedy_difference(server, workload)
        insist_on_the_same_model(apart, HALF if setting["flash_attention"] else FLOAT32)
        requests = [
            request([list(job.tokens) for job in workload.jobs for _ in job.keys if job.max_tokens == length], length)
            for length in LENGTHS
        ]
        with ThreadPoolExecutor(len(requests)) as threads:
            measured = rate(
                lambda: check_count(list(threads.map(server.handle_completions, requests)), workload.tokens),
                workload.tokens,
                repeats,
            )
    return {**asdict(measured), "difference": apart}


def start(path: Path, positions: int, *, slots: int, unified: bool, flash_attention: bool) -> Any:
    """A server in this process: one thread, float32 keys and values, room for `slots` sequences."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_parallel = slots
    parameters.n_ctx = slots * min(positions, 64)
    parameters.kv_unified = unified
    parameters.flash_attn_type = int(flash_attention)
    parameters.cache_type_k = parameters.cache_type_v = int(xllamacpp.ggml_type.GGML_TYPE_F32)
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.cache_prompt = parameters.fit_params = False
    parameters.cache_ram_mib = parameters.n_ctx_checkpoints = parameters.verbosity = 0
    return xllamacpp.Server(parameters)


def request(prompts: list[list[int]], length: int) -> dict[str, Any]:
    """A completion request for one solution of `length` tokens after each prompt."""
    return {
        "prompt": prompts,
        "max_tokens": length,
        "temperature": 1.0,
        "samplers": ["temperature"],
        "ignore_eos": True,
        "cache_prompt": False,
    }


def check_count(answers: list[dict[str, Any]], expected: int) -> None:
    """The tokens that came back, counted by ourselves (a token is a word) as the server's own count is not relied on."""
    found = sum(len(choice["text"].split()) for answer in answers for choice in answer["choices"])
    if found != expected:
        raise RuntimeError(f"llama.cpp generated {found} tokens where {expected} were asked for")


def greedy_difference(server: Any, workload: Workload, count: int = 8, length: int = 18) -> float:
    """The largest difference of log-probabilities along its greedy solutions of the first questions."""
    prompts = [job.tokens for job in workload.jobs[:count]]
    greedy = {**request([list(prompt) for prompt in prompts], length), "temperature": 0.0, "logprobs": 1}
    choices = sorted(server.handle_completions(greedy)["choices"], key=lambda choice: choice["index"])
    contents = [choice["logprobs"]["content"] for choice in choices]
    return difference(
        workload.weights,
        prompts,
        [tuple(token["id"] for token in content) for content in contents],
        [[token["logprob"] for token in content] for content in contents],
    )
