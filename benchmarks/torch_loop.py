"""The same weights in torch: a plain loop with a key-value cache, and transformers' own `generate()`.

Both work in batches of 256 sequences with prompts of one length (so that nothing is padded), read the prompt once a sequence, and
run until the batch's longest sequence is done, as a loop without a scheduler does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from safetensors.numpy import load_file

from benchmarks.measuring import Rate, rate
from benchmarks.workload import IN_FLIGHT, Workload, difference, insist_on_the_same_model
from outlay.models.embedded import GenerateJob


class Loop:
    """A Llama forward pass in torch, and sampling from it. Heads share no keys."""

    def __init__(self, workload: Workload) -> None:
        import torch

        torch.set_num_threads(1)
        shape = self.shape = workload.weights.shape
        assert shape.key_value_heads == shape.heads, "written for models without shared keys"
        self.tensors = {
            name: torch.tensor(value.astype(np.float32))
            for name, value in load_file(workload.folder / "model.safetensors").items()
        }
        half = shape.head_size // 2
        angles = torch.outer(torch.arange(shape.positions), shape.rotary_base ** -(torch.arange(half) / half))
        self.cosines, self.sines = angles.cos(), angles.sin()

    def empty_cache(self, rows: int) -> list[list[Any]]:
        """Keys and values of every layer, [rows, heads, positions, head_size]."""
        import torch

        size = (rows, self.shape.heads, self.shape.positions, self.shape.head_size)
        return [[torch.zeros(size), torch.zeros(size)] for _ in range(self.shape.layers)]

    def forward(self, tokens: Any, cache: list[list[Any]], start: int) -> Any:
        """Logits after the last of `tokens` [rows, length], which stand at position `start`."""
        import torch

        rows, length = tokens.shape
        shape, tensors, end = self.shape, self.tensors, start + tokens.shape[1]
        state = tensors["model.embed_tokens.weight"][tokens]
        for layer in range(shape.layers):
            prefix = f"model.layers.{layer}."
            x = self.normalised(state, prefix + "input_layernorm.weight")
            query, key, value = (
                (x @ tensors[f"{prefix}self_attn.{name}_proj.weight"].T)
                .view(rows, length, shape.heads, shape.head_size)
                .transpose(1, 2)
                for name in "qkv"
            )
            keys, values = cache[layer]
            keys[:, :, start:end], values[:, :, start:end] = self.rotated(key, start), value
            mixed = torch.nn.functional.scaled_dot_product_attention(
                self.rotated(query, start), keys[:, :, :end], values[:, :, :end], is_causal=length > 1
            )
            joined = mixed.transpose(1, 2).reshape(rows, length, -1)
            state = state + joined @ tensors[prefix + "self_attn.o_proj.weight"].T
            x = self.normalised(state, prefix + "post_attention_layernorm.weight")
            gate, up = (x @ tensors[f"{prefix}mlp.{name}_proj.weight"].T for name in ("gate", "up"))
            state = state + (torch.nn.functional.silu(gate) * up) @ tensors[prefix + "mlp.down_proj.weight"].T
        return self.normalised(state[:, -1], "model.norm.weight") @ tensors["lm_head.weight"].T

    def normalised(self, state: Any, name: str) -> Any:
        """Root-mean-square norm with the gain of that name."""
        import torch

        return torch.nn.functional.rms_norm(state, (self.shape.hidden,), self.tensors[name], self.shape.norm_epsilon)

    def rotated(self, x: Any, start: int) -> Any:
        """Rotary embedding of [rows, heads, length, head_size]."""
        import torch

        half, end = self.shape.head_size // 2, start + x.shape[2]
        cosine, sine = self.cosines[start:end], self.sines[start:end]
        low, high = x[..., :half], x[..., half:]
        return torch.cat([low * cosine - high * sine, high * cosine + low * sine], -1)

    def generate(self, batch: list[GenerateJob]) -> None:
        """Sample at temperature 1 until the longest sequence is done, with each token's log-probability."""
        import torch

        prompts = torch.tensor([job.tokens for job in batch])
        cache = self.empty_cache(len(batch))
        logits, start = self.forward(prompts, cache, 0), prompts.shape[1]
        longest = max(job.max_tokens for job in batch)
        for step in range(longest):
            tokens = torch.multinomial(logits.softmax(-1), 1)
            logits.log_softmax(-1).gather(1, tokens)
            if step + 1 < longest:
                logits = self.forward(tokens, cache, start + step)


def plain_loop(model: str, sequences: int, repeats: int) -> Rate:
    """The workload in a plain torch loop."""
    import torch

    workload = Workload(model, sequences)
    loop = Loop(workload)
    work = batches(workload.jobs)
    with torch.inference_mode():
        insist_on_the_same_model(_difference(loop, workload))
        return rate(lambda: [loop.generate(batch) for batch in work], workload.tokens, repeats)


def _difference(loop: Loop, workload: Workload) -> float:
    """How far the loop is from the engine: the log-probability of the most probable token after each of eight prompts."""
    import torch

    prompts, read, logprobs = [job.tokens for job in workload.jobs[:8]], [], []
    for prompt in prompts:
        value, token = loop.forward(torch.tensor([prompt]), loop.empty_cache(1), 0).log_softmax(-1).max(-1)
        read.append((int(token),))
        logprobs.append([float(value)])
    return difference(workload.weights, prompts, read, logprobs)


def transformers_generate(model: str, sequences: int, repeats: int) -> Rate:
    """The workload by transformers' own loop."""
    import torch
    import transformers

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    workload = Workload(model, sequences)
    llama = transformers.LlamaForCausalLM.from_pretrained(workload.folder, dtype=torch.float32)

    def run() -> None:
        for batch in batches(workload.jobs):
            prompts = torch.tensor([job.tokens for job in batch])
            llama.generate(
                prompts,
                attention_mask=torch.ones_like(prompts),
                do_sample=True,
                top_k=0,
                max_new_tokens=max(job.max_tokens for job in batch),
                eos_token_id=None,
                pad_token_id=0,
            )

    return rate(run, workload.tokens, repeats)


def batches(jobs: list[GenerateJob]) -> list[list[GenerateJob]]:
    """Sequences in batches of 256 with prompts of one length (a job stands for one sequence here)."""
    by_length: dict[int, list[GenerateJob]] = {}
    for job in jobs:
        by_length.setdefault(len(job.tokens), []).extend([job] * len(job.keys))
    return [group[i : i + IN_FLIGHT] for group in by_length.values() for i in range(0, len(group), IN_FLIGHT)]
