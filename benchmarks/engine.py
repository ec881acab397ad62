"""The embedded engine against other ways to run the same weights, in one process, on one core.

    python benchmarks/engine.py [--model FOLDER] [--sequences 1600]

Everybody draws the same number of tokens a sequence (12, 18 or 24 after prompts of 7 to 9), 16 sequences a prompt, 128
at a time. Times are CPU seconds of this process, so that a busy machine disturbs the ratios little; the best of three
runs counts. Rows: the matrix products alone (the ceiling that BLAS sets at these shapes), the engine generating and
scoring, a plain torch loop with a key-value cache, and transformers' generate(). What is not installed is left out
with a note. Without --model, weights of the size of the shipped small models are made at random.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from safetensors.numpy import load_file, save_file
from threadpoolctl import threadpool_limits

from outlay.models.embedded import LANES, Engine, GenerateJob, LogprobJob, Weights, load_weights

KEYS = 16
LENGTHS = (12, 18, 24)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="folder of an embedded model")
    parser.add_argument("--sequences", type=int, default=1600)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, threadpool_limits(limits=1, user_api="blas"):
        folder = arguments.model or random_model(Path(scratch))
        report(folder, arguments.sequences)


def report(folder: Path, sequences: int) -> None:
    weights = load_weights(folder)
    jobs = generation_jobs(weights, sequences)
    useful = sum(len(job.keys) * job.max_tokens for job in jobs)
    table = Table(title=f"{weights.parameters:,} parameters, {useful:,} tokens, one core")
    for heading in ("what", "tokens/s", "of the engine"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    engine = rate(lambda: Engine(weights).run(jobs), useful)
    rows: list[tuple[str, float | str]] = [
        ("matrix products alone", matrix_products(weights)),
        ("engine, generating", engine),
        ("engine, reading whole solutions", reading(weights, jobs)),
        ("plain torch loop", torch_loop(folder, weights, jobs, useful)),
        ("transformers generate()", transformers_generate(folder, jobs, useful)),
    ]
    for name, value in rows:
        table.add_row(name, *([value, ""] if isinstance(value, str) else [f"{value:,.0f}", f"{value / engine:.2f} x"]))
    Console().print(table)


def rate(work: Callable[[], Any], tokens: int, repeats: int = 3) -> float:
    """Tokens a CPU second, the best of several runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return tokens / best


def generation_jobs(weights: Weights, sequences: int) -> list[GenerateJob]:
    generator = np.random.default_rng(0)
    jobs = []
    for i in range(sequences // KEYS):
        prompt = tuple(generator.integers(3, weights.shape.vocabulary, 7 + i % 3).tolist())
        jobs.append(GenerateJob(prompt, tuple(range(i * KEYS, (i + 1) * KEYS)), LENGTHS[i // 3 % 3]))
    return jobs


def matrix_products(weights: Weights) -> float:
    """Rows a second if a block were nothing but its matrix products."""
    matrices = [
        m for layer in weights.layers for m in (layer.query_key_value, layer.attention_out, layer.gate_up, layer.down)
    ]
    if weights.unembedding is not None:
        matrices.append(weights.unembedding)
    operands = [(matrix, np.ones((matrix.shape[1], LANES), np.float32)) for matrix in matrices]
    outputs = [np.empty((matrix.shape[0], LANES), np.float32) for matrix in matrices]

    def blocks() -> None:
        for _ in range(100):
            for (matrix, operand), output in zip(operands, outputs, strict=True):
                np.matmul(matrix, operand, out=output)

    return rate(blocks, 100 * LANES)


def reading(weights: Weights, jobs: list[GenerateJob]) -> float:
    """Tokens a second where all are known: what a verifier does."""
    generator = np.random.default_rng(1)
    texts = [
        job.tokens + tuple(generator.integers(3, weights.shape.vocabulary, job.max_tokens).tolist())
        for job in jobs
        for _ in job.keys
    ]
    return rate(lambda: Engine(weights).run(LogprobJob(text, 1) for text in texts), sum(map(len, texts)))


def torch_loop(folder: Path, weights: Weights, jobs: list[GenerateJob], useful: int) -> float | str:
    """Batches of 128 sequences, one prompt length each, prompt read once a sequence, run to their longest sequence."""
    try:
        import torch
    except ImportError:
        return "torch is not installed"
    torch.set_num_threads(1)
    shape = weights.shape
    if shape.key_value_heads != shape.heads:
        return "not written for shared key-value heads"
    tensors = {
        name: torch.tensor(value.astype(np.float32)) for name, value in load_file(folder / "model.safetensors").items()
    }
    half = shape.head_size // 2
    angles = torch.outer(torch.arange(shape.positions), shape.rotary_base ** -(torch.arange(half) / half))
    cosines, sines = angles.cos(), angles.sin()

    def rms(state: Any, name: str) -> Any:
        return torch.nn.functional.rms_norm(state, (shape.hidden,), tensors[name], shape.norm_epsilon)

    def rotated(x: Any, start: int) -> Any:
        cosine, sine = cosines[start : start + x.shape[2]], sines[start : start + x.shape[2]]
        return torch.cat(
            [x[..., :half] * cosine - x[..., half:] * sine, x[..., half:] * cosine + x[..., :half] * sine], -1
        )

    def forward(tokens: Any, cache: list[list[Any]], start: int) -> Any:
        rows, length = tokens.shape
        state = tensors["model.embed_tokens.weight"][tokens]
        for layer in range(shape.layers):
            prefix = f"model.layers.{layer}."
            x = rms(state, prefix + "input_layernorm.weight")
            query, key, value = (
                (x @ tensors[f"{prefix}self_attn.{name}_proj.weight"].T)
                .view(rows, length, shape.heads, shape.head_size)
                .transpose(1, 2)
                for name in "qkv"
            )
            keys, values = cache[layer]
            keys[:, :, start : start + length], values[:, :, start : start + length] = rotated(key, start), value
            mixed = torch.nn.functional.scaled_dot_product_attention(
                rotated(query, start),
                keys[:, :, : start + length],
                values[:, :, : start + length],
                is_causal=length > 1,
            )
            state = (
                state + mixed.transpose(1, 2).reshape(rows, length, -1) @ tensors[prefix + "self_attn.o_proj.weight"].T
            )
            x = rms(state, prefix + "post_attention_layernorm.weight")
            gate, up = (x @ tensors[f"{prefix}mlp.{name}_proj.weight"].T for name in ("gate", "up"))
            state = state + (torch.nn.functional.silu(gate) * up) @ tensors[prefix + "mlp.down_proj.weight"].T
        return rms(state[:, -1], "model.norm.weight") @ tensors["lm_head.weight"].T

    def run() -> None:
        with torch.inference_mode():
            for batch in batches(jobs):
                prompts = torch.tensor([job.tokens for job in batch])
                size = (len(batch), shape.heads, shape.positions, shape.head_size)
                cache = [[torch.zeros(size), torch.zeros(size)] for _ in range(shape.layers)]
                logits, start = forward(prompts, cache, 0), prompts.shape[1]
                longest = max(job.max_tokens for job in batch)
                for step in range(longest):
                    tokens = torch.multinomial(logits.softmax(-1), 1)
                    logits.log_softmax(-1).gather(1, tokens)
                    if step + 1 < longest:
                        logits = forward(tokens, cache, start + step)

    return rate(run, useful)


def batches(jobs: list[GenerateJob]) -> list[list[GenerateJob]]:
    """Sequences in batches of 128 with prompts of one length (a job stands for one sequence here)."""
    by_length: dict[int, list[GenerateJob]] = {}
    for job in jobs:
        by_length.setdefault(len(job.tokens), []).extend([job] * len(job.keys))
    return [group[i : i + 128] for group in by_length.values() for i in range(0, len(group), 128)]


def transformers_generate(folder: Path, jobs: list[GenerateJob], useful: int) -> float | str:
    """The framework's own loop over the same batches."""
    try:
        import torch
        import transformers
    except ImportError:
        return "transformers is not installed"
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    model = transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)

    def run() -> None:
        for batch in batches(jobs):
            prompts = torch.tensor([job.tokens for job in batch])
            model.generate(
                prompts,
                attention_mask=torch.ones_like(prompts),
                do_sample=True,
                top_k=0,
                max_new_tokens=max(job.max_tokens for job in batch),
                eos_token_id=None,
                pad_token_id=0,
            )

    return rate(run, useful, repeats=1)


def random_model(folder: Path) -> Path:
    """Random weights of the size of the shipped small models."""
    hidden, layers, heads, intermediate, vocabulary = 64, 3, 4, 172, 112
    generator = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return (generator.standard_normal(shape) * shape[-1] ** -0.5).astype(np.float16)

    tensors = {"model.embed_tokens.weight": normal(vocabulary, hidden), "lm_head.weight": normal(vocabulary, hidden)}
    tensors["model.norm.weight"] = np.ones(hidden, np.float16)
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        for name in "qkvo":
            tensors[f"{prefix}self_attn.{name}_proj.weight"] = normal(hidden, hidden)
        for name in ("gate", "up"):
            tensors[f"{prefix}mlp.{name}_proj.weight"] = normal(intermediate, hidden)
        tensors[f"{prefix}mlp.down_proj.weight"] = normal(hidden, intermediate)
        for name in ("input", "post_attention"):
            tensors[f"{prefix}{name}_layernorm.weight"] = np.ones(hidden, np.float16)
    save_file(tensors, folder / "model.safetensors")
    sizes = {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "intermediate_size": intermediate,
        "vocab_size": vocabulary,
        "max_position_embeddings": 64,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "eos_token_id": 1,
        "pad_token_id": 0,
        "bos_token_id": None,
        "tie_word_embeddings": False,
    }
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", **sizes}
    (folder / "config.json").write_text(json.dumps(config))
    vocab = {f"w{i}": i for i in range(vocabulary)}
    content = {"pre_tokenizer": {"type": "WhitespaceSplit"}, "model": {"type": "WordLevel", "vocab": vocab}}
    (folder / "tokenizer.json").write_text(json.dumps(content))
    return folder


if __name__ == "__main__":
    main()
