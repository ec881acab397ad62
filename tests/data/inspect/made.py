"""How the inspect_ai logs were made: python made.py (inspect_ai 0.3, its own mock model)."""

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match
from inspect_ai.solver import generate

QUESTIONS = [("1 + 1?", "2"), ("2 + 3?", "5"), ("4 + 4?", "8")]
SAID = ["So it is 2", "3", "5", "It is 5", "7", ""]


def said(text):
    output = ModelOutput.from_content("mockllm/model", text)
    output.usage = ModelUsage(input_tokens=4, output_tokens=len(text.split()), total_tokens=4 + len(text.split()))
    return output


def task():
    samples = [
        Sample(id=f"sum-{n}", input=text, target=target, metadata={"level": n})
        for n, (text, target) in enumerate(QUESTIONS)
    ]
    return Task(dataset=samples, solver=[generate()], scorer=match(numeric=True), name="sums")


for kind in ("eval", "json"):
    model = get_model("mockllm/model", custom_outputs=[said(text) for text in SAID])
    eval(
        task(),
        model=model,
        epochs=2,
        max_samples=1,
        log_dir="logs",
        log_format=kind,
        limit=3 if kind == "eval" else 1,
        display="none",
    )
