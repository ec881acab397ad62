"""Searches over a local Hugging Face model with and without the memory of what was read: tokens read, seconds, the same texts.

    python -m benchmarks.hf_prefix                                # a lab model, and SmolLM2's shape with random weights
    python -m benchmarks.hf_prefix --model FOLDER --questions 8   # a model of yours, on prompts of about 300 tokens

Both ways run the same beam searches in one process on one thread, taking turns; the first turn is a warm-up, and of the others the
best counts, in CPU seconds. Weights that are random say nothing
of answers, but cost what trained ones cost.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from outlay import models, tasks, verifiers
from outlay.drive.awaiting import awaited
from outlay.drive.concurrently import ConcurrentDriver
from outlay.drive.serving import Unit
from outlay.strategies import BeamSearch
from outlay.tasks import Task
from outlay.types import Budget, Question, Trace

WAYS = {"with": "512MiB", "without": 0}
SMOLLM2 = {
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
}


def main() -> None:
    import torch

    options = parsed()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        if options.model:
            shown("your model", options.model, options, prompt_words=240)
            return
        lab = models.embedded_folder("arithmetic-large")
        shown("the lab's arithmetic-large", str(lab), options, task="arithmetic", verifier="embedded:arithmetic-prm")
        shown("SmolLM2-135M's shape, random weights", shaped(Path(folder)), options, prompt_words=240)


def shown(what: str, folder: str, options: argparse.Namespace, **more: Any) -> None:
    found = compared(folder, options, **more)
    ratio = {name: found["without"][name] / found["with"][name] for name in ("read", "seconds")}
    print(f"{what}, beam search with N = {options.n}, width 4, {options.questions} questions:")
    for way, one in found.items():
        print(
            f"  {way:8} the memory: {one['read']:9,} tokens read, {one['generated']:,} written, {one['seconds']:.1f} CPU s"
        )
    print(
        f"  {ratio['read']:.1f} times fewer tokens read, {ratio['seconds']:.2f} times as fast; {found['with']['same']:.0%} of texts"
    )
    if options.keep:
        options.keep.write_text(json.dumps({what: found}, indent=1), encoding="utf-8")


def compared(
    folder: str, options: argparse.Namespace, task: str = "", verifier: str = "random:1", prompt_words: int = 0
) -> dict[str, dict[str, Any]]:
    """Tokens and seconds of both ways, the best of the repeats, and the share of solutions that are the same."""
    asked = questions(task, options.questions, prompt_words)
    judge, steps = Plain(), f"tokens:{options.step}"
    known: Task = tasks.load(task) if task else judge
    engines = {way: models.load(f"hf:{folder}", cache=size) for way, size in WAYS.items()}
    found: dict[str, dict[str, Any]] = {way: {"seconds": float("inf")} for way in WAYS}
    texts: dict[str, list[str]] = {}
    for turn in range(options.repeats + 1):
        for way, model in engines.items():
            model._decoder.memory.clear()
            units = [Unit(one, BeamSearch(width=4), Budget(generations=options.n)) for one in asked]
            driver = ConcurrentDriver(known, model, awaited(verifiers.load(verifier)), steps=steps)
            began = time.process_time()
            traces: list[Trace] = sorted(driver.solve(units), key=lambda one: one.question.id)
            seconds = time.process_time() - began
            texts[way] = [solution.text for trace in traces for solution in trace.solutions]
            if turn:
                found[way]["seconds"] = min(found[way]["seconds"], seconds)
            found[way]["read"] = sum(one.cost.prompt_tokens - one.cost.cached_tokens for one in traces)
            found[way]["generated"] = sum(one.cost.generated_tokens for one in traces)
    same = [one == other for one, other in zip(texts["with"], texts["without"], strict=True)]
    found["with"]["same"] = sum(same) / len(same)
    return found


def questions(task: str, count: int, words: int) -> list[Question]:
    if task:
        return tasks.load(task).questions("validation", count)
    generator = random.Random(0)
    texts = [" ".join(f"w{generator.randrange(2, 9999)}" for _ in range(words)) for _ in range(count)]
    return [Question(f"q{place:03}", text) for place, text in enumerate(texts)]


class Plain:
    """A task without answers: solutions of up to 96 tokens."""

    name, answers_can_vote, max_solution_tokens = "plain", False, 96

    def questions(self, split: str, count: int, seed: int = 0) -> list[Question]:
        return []

    def extract(self, text: str) -> str | None:
        return None

    def grade(self, question: Question, answer: str) -> bool:
        return False

    def equivalent(self, a: str, b: str) -> bool:
        return a == b


def shaped(folder: Path) -> str:
    """A folder with a model of SmolLM2-135M's shape and a tokenizer of words."""
    import torch
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(**SMOLLM2)).save_pretrained(folder)
    vocabulary = {"<end>": 0, "<unk>": 1} | {f"w{place}": place for place in range(2, SMOLLM2["vocab_size"])}
    built = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    built.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=built, eos_token="<end>", unk_token="<unk>").save_pretrained(folder)
    return str(folder)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder with a causal language model")
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--n", type=int, default=8)
    parser.add_argument("--step", type=int, default=12, help="tokens a step")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="also write what was measured to this JSON file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
