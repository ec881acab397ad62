"""The embedded engine: a batched NumPy Llama that generates and scores, with no other framework at run time.

`weights` reads a model folder, `engine` runs jobs over it, `forward` is the mathematics of one block,
`lane_products` its matrix products, `sampling` the randomness, `prefix_cache` what was read before, `lanes` the state of
running sequences, `lane_memory` their keys and values.

>>> engine = Engine(load_weights("weights/countdown-small"))  # doctest: +SKIP
"""

from outlay.models.embedded.engine import Engine
from outlay.models.embedded.jobs import (
    Continuation,
    Counters,
    GenerateJob,
    Job,
    LogprobJob,
    Logprobs,
    Result,
    ScoreJob,
    Scores,
    TokenScoring,
)
from outlay.models.embedded.lane_products import LANES
from outlay.models.embedded.tokenizer import WordTokenizer, read_tokenizer
from outlay.models.embedded.weights import LlamaShape, Weights, load_weights

__all__ = [
    "LANES",
    "Continuation",
    "Counters",
    "Engine",
    "GenerateJob",
    "Job",
    "LlamaShape",
    "LogprobJob",
    "Logprobs",
    "Result",
    "ScoreJob",
    "Scores",
    "TokenScoring",
    "Weights",
    "WordTokenizer",
    "load_weights",
    "read_tokenizer",
]
