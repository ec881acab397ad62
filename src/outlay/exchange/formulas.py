"""The arithmetic of the exchange (Snell et al., arXiv 2408.03314, section 7).

Pretraining costs X = 6 N D_pretrain FLOPs, inference Y = 2 N D_inference. A model m times as large costs m (X + Y). To spend as
much with the small one, its inference may grow by m + 3 (m - 1) / R, where R = D_inference / D_pretrain: the more a model is going
to be used (R large), the less its pretraining weighs and the fewer samples its place can be paid with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from outlay.errors import UserError


def inference_factor(m: float, ratio: float) -> float:
    """How much more inference the small model can do for what the m times larger one costs in all: m + 3 (m - 1) / R.

    Args:
        m: parameters of the large model over those of the small one, at least 1.
        ratio: R, tokens of inference over tokens of pretraining; infinity leaves pretraining out.

    Raises:
        UserError: m below 1, or a ratio that is not above 0.

    >>> [round(inference_factor(14, ratio), 1) for ratio in (22, 0.79, 0.16)]
    [15.8, 63.4, 257.8]
    """
    if not m >= 1 or math.isinf(m):
        raise UserError(f"the larger model must have at least as many parameters as the smaller one; m is {m:g}")
    check_ratio(ratio)
    return m + 3.0 * (m - 1.0) / ratio


def check_ratio(ratio: float) -> None:
    """A UserError unless R is above 0."""
    if not ratio > 0:
        raise UserError(f"a ratio of inference to pretraining tokens must be above 0; {ratio:g} is not")


@dataclass(frozen=True, slots=True)
class Pair:
    """A small and a large model that answer the same questions.

    `small`, `large` and `verifier` are parameters (`verifier` 0 where none scores); `answer_flops` is what one greedy answer of
    the large model costs on average, its prompt included: the inference that is to be matched. `verifier_tuning` is the number
    of tokens that the verifier was trained on over the number of tokens of pretraining; 0 leaves its training out.

    >>> pair = Pair(small=1e6, large=14e6, verifier=0, answer_flops=14e8)
    >>> round(pair.budget(22) / 1e8, 1)      # the factor times what the small model spends on as many tokens
    15.8
    """

    small: float
    large: float
    verifier: float
    answer_flops: float
    verifier_tuning: float = 0.0

    def __post_init__(self) -> None:
        if not self.small > 0 or not self.answer_flops > 0:
            raise UserError(
                "an exchange needs the parameters of both models and what an answer of the larger one costs"
            )
        if self.verifier_tuning < 0:
            raise UserError(
                f"the verifier's training tokens are at least 0 times those of pretraining, not {self.verifier_tuning:g}"
            )
        inference_factor(self.scale, math.inf)

    @property
    def scale(self) -> float:
        """m: parameters of the large model over those of the small one."""
        return self.large / self.small

    @property
    def tokens(self) -> float:
        """Tokens of inference a question: those of one answer of the large model."""
        return self.answer_flops / (2.0 * self.large)

    def pretraining(self, parameters: float, ratio: float) -> float:
        """FLOPs of pretraining that each question answered has to bear: 6 x parameters x tokens / R."""
        check_ratio(ratio)
        return 6.0 * parameters * self.tokens / ratio

    def tuning(self, ratio: float) -> float:
        """FLOPs of training the verifier that each question answered has to bear."""
        return self.verifier_tuning * self.pretraining(self.verifier, ratio)

    def budget(self, ratio: float) -> float:
        """FLOPs a question that the small model may spend on inference so that both cost the same in all.

        The large model's answer and its pretraining share, less the small one's pretraining share and the verifier's training:
        `inference_factor` x the small model's price of as many tokens, where the verifier's training is left out.
        """
        more = self.pretraining(self.large, ratio) - self.pretraining(self.small, ratio)
        return self.answer_flops + more - self.tuning(ratio)
