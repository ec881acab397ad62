"""Pretraining against test-time compute: what a larger model costs, and what the smaller one could do with as much.

Notation (Snell et al., arXiv 2408.03314, section 7): m is the larger model's parameters over the smaller one's, R the number of
tokens that will ever be generated over the number of tokens of pretraining. FLOPs are 2 x parameters a token forward and
6 x parameters a token of training.

>>> round(inference_factor(14, 0.79), 1)
63.4
"""

from outlay.exchange.formulas import (
    Pair,
    inference_factor,
)
from outlay.exchange.spending import Matched, Spending, matched

__all__ = ["Matched", "Pair", "Spending", "inference_factor", "matched"]
