"""How hard a question is, as one number (higher = easier) and as a bin (0 = easiest).

Estimates are made from samples other than those that measure a strategy, bins' edges are fitted on questions other than
those they are applied to, and the cost of an estimate is part of the cost of whatever uses it.
"""

from outlay.difficulty.bins import Agreement, Bins, agreement
from outlay.difficulty.estimates import consensus, halves, oracle, predicted, shuffled

__all__ = [
    "Agreement",
    "Bins",
    "agreement",
    "consensus",
    "halves",
    "oracle",
    "predicted",
    "shuffled",
]
