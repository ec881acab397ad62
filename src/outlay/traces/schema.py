"""What a trace looks like on disk: the two tables, field by field.

A run is one strategy on one question; it is one row of `RUNS` and, for every solution it drew, one row of `SOLUTIONS`.
Each field carries its meaning, from which the reference page is made. Fields are only ever added.
"""

from __future__ import annotations

import pyarrow as pa

from outlay.types import Cost

ADDED = {"cost_verifier_cached_tokens": 0}
"""Fields that older parts do not have, with what stands for them there."""

SCHEMA_VERSION = 1
"""Raised when a field changes its meaning; readers refuse a newer version than they know."""


def _field(name: str, kind: pa.DataType, meaning: str, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"meaning": meaning})


KEY_FIELDS = (
    _field("question_id", pa.string(), "The question's identifier within its task."),
    _field("task", pa.string(), "The task that the question belongs to."),
    _field("model", pa.string(), "The model that proposed the solutions."),
    _field("verifier", pa.string(), "The verifier that scored them; null where none did.", nullable=True),
    _field("strategy", pa.string(), "The strategy as canonical JSON: name and options, keys sorted, no spaces."),
    _field("budget", pa.int64(), "The cap in generations; null where generations were not capped.", nullable=True),
    _field("budget_tokens", pa.int64(), "The cap in tokens, or null.", nullable=True),
    _field("budget_flops", pa.float64(), "The cap in floating-point operations, or null.", nullable=True),
    _field("budget_usd", pa.float64(), "The cap in dollars, or null.", nullable=True),
    _field("seed", pa.int64(), "The seed of the run."),
)
"""What makes two runs the same work: they agree in all of these."""

SOLUTIONS = pa.schema(
    (
        _field("run_id", pa.string(), "The run that drew this solution: `run_id` of the runs table."),
        *KEY_FIELDS,
        _field("index", pa.int32(), "The solution's place in its run, from 0."),
        _field("sample", pa.int32(), "The ordinal of the request for it, in the order of asking."),
        _field("chain", pa.int32(), "The chain of revisions it belongs to, from 0."),
        _field("position", pa.int32(), "Its place in that chain, from 0."),
        _field("text", pa.string(), "The whole text that was generated."),
        _field("steps", pa.list_(pa.string()), "The text, cut into its steps."),
        _field("step_tokens", pa.list_(pa.int32()), "Tokens generated for each step."),
        _field(
            "step_logprobs",
            pa.list_(pa.float64()),
            "Sum of the log-probabilities of each step's tokens; null: not told.",
        ),
        _field(
            "step_scores",
            pa.list_(pa.float64()),
            "The verifier's value after each step, or its one value for the whole; empty without one.",
        ),
        _field("score", pa.float64(), "The verifier's score of the whole solution, or null.", nullable=True),
        _field("logprob", pa.float64(), "Sum of the log-probabilities of its tokens; null: not told.", nullable=True),
        _field("answer", pa.string(), "The answer extracted from it; null where there is none.", nullable=True),
        _field("correct", pa.bool_(), "Whether the answer is right; null where it was not graded.", nullable=True),
        _field("finished", pa.bool_(), "Whether the model ended it itself, rather than being cut off."),
        _field("tokens", pa.int64(), "Tokens generated for it."),
        _field("chosen", pa.bool_(), "Whether the run's answer is taken from this solution."),
    )
)
"""One row for each solution."""

_COST_MEANINGS = {
    "prompt_tokens": "Tokens of prompts read by the model.",
    "cached_tokens": "Of these, tokens that came from a prefix cache and cost nothing.",
    "generated_tokens": "Tokens sampled from the model, cancelled and repeated work included.",
    "verifier_prompt_tokens": "Tokens read by the verifier.",
    "verifier_generated_tokens": "Tokens written by the verifier.",
    "verifier_cached_tokens": "Of the tokens read by the verifier, those whose scores were remembered and cost nothing.",
    "generations": "Complete solutions' worth of sampling, rollouts included.",
    "calls": "Requests to models and verifiers.",
    "seconds": "Wall time (not reproducible).",
    "flops": "Floating-point operations.",
    "usd": "Dollars, from the price table in `meta.json`.",
    "pilot": "Generated tokens that went into estimating difficulty (a part of the total).",
    "retried": "Generated tokens spent on repeated calls (a part of the total).",
    "cancelled": "Generated tokens of work that was thrown away (a part of the total).",
}
COST_FIELDS = tuple(Cost.__dataclass_fields__)
"""The names of Cost's fields; each is a column `cost_<name>` of the runs table."""


def _cost_type(name: str) -> pa.DataType:
    return pa.float64() if isinstance(getattr(Cost(), name), float) else pa.int64()


RUNS = pa.schema(
    (
        _field("run_id", pa.string(), "Unique to this run; its solutions carry it."),
        *KEY_FIELDS,
        _field("question", pa.string(), "The question's text, as the model read it."),
        _field("reference", pa.string(), "The right answer, where one is known.", nullable=True),
        _field("metadata", pa.string(), "What else the task knows of the question, as JSON."),
        _field("answer", pa.string(), "The answer that the run gave; null where it gave none.", nullable=True),
        _field("correct", pa.bool_(), "Whether that answer is right; null where it was not graded.", nullable=True),
        _field("note", pa.string(), "Where the strategy could not take its full form."),
        _field("solutions", pa.int32(), "How many rows the solutions table holds for this run."),
        *(_field(f"cost_{name}", _cost_type(name), _COST_MEANINGS.get(name, name)) for name in COST_FIELDS),
    )
)
"""One row for each run."""


def as_markdown(schema: pa.Schema) -> str:
    """A table of a schema's fields, for the reference page."""
    rows = [
        f"| `{f.name}` | {f.type}{', may be null' if f.nullable else ''} | {f.metadata[b'meaning'].decode()} |"
        for f in schema
    ]
    return "\n".join(["| field | type | meaning |", "|---|---|---|", *rows])
