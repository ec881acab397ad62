"""How the lm_eval logs were made: python lm_made.py (lm_eval 0.4, a model that says what it is told)."""

import itertools

from lm_eval.api.model import LM
from lm_eval.api.registry import register_model

SAID = ["it is 2", "3", "5", "5", "I do not know", "8"]


@register_model("scripted")
class Scripted(LM):
    def __init__(self, **options):
        super().__init__()

    def generate_until(self, requests, disable_tqdm=False):
        return list(itertools.islice(itertools.cycle(SAID), len(requests)))

    def loglikelihood(self, requests, disable_tqdm=False):
        return [(-float(len(request.args[1])), False) for request in requests]

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        return [0.0 for _ in requests]


if __name__ == "__main__":
    from lm_eval.__main__ import cli_evaluate

    cli_evaluate()
