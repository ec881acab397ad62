"""Hidden states of an embedded model: what a probe looks at. One plain pass over whole texts, without slots or caches.

The mathematics are those of `forward`, texts of one length together; bits may differ from a block's, since widths differ. The
states are those behind the last norm, without its gain (which is folded into what follows it there).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from outlay.errors import UserError
from outlay.models.embedded.weights import Float32, LayerWeights, Weights

TOKENS_TOGETHER = 2048
"""Tokens that are read in one pass: their scores and states should stay in the processor's caches."""


class StateReader:
    """Reads token ids, gives the final states, and the log-probability of each token where the model predicts any."""

    def __init__(self, weights: Weights) -> None:
        shape = weights.shape
        self.weights = weights
        exponents = np.arange(0, shape.head_size, 2, dtype=np.float32) / np.float32(shape.head_size)
        frequencies = np.float32(1.0) / np.float32(shape.rotary_base) ** exponents
        self._angles = np.outer(frequencies, np.arange(shape.positions, dtype=np.float32))

    def __call__(self, texts: Sequence[tuple[int, ...]]) -> list[tuple[Float32, Float32 | None]]:
        """For each text its states [tokens, hidden], and its tokens' log-probabilities [tokens], 0 for the first.

        Raises UserError for a text that is longer than the model's positions.
        """
        found: list[tuple[Float32, Float32 | None]] = [(np.zeros((0, 0), np.float32), None)] * len(texts)
        for batch in _of_one_length([len(text) for text in texts]):
            tokens = np.array([texts[index] for index in batch])
            states = self.states(tokens)
            logprobs = self._logprobs(states, tokens)
            for row, index in enumerate(batch):
                found[index] = states[row], None if logprobs is None else logprobs[row]
        return found

    def states(self, tokens: np.ndarray) -> Float32:
        """The states [texts, tokens, hidden] of texts of one length [texts, tokens]."""
        weights, shape = self.weights, self.weights.shape
        texts, count = tokens.shape
        if not 0 < count <= shape.positions:
            raise UserError(
                f"a text of {count} tokens does not fit the model {weights.name!r}, which reads 1 to {shape.positions}"
            )
        cosine, sine = np.cos(self._angles[:, :count]), np.sin(self._angles[:, :count])
        hidden = np.take(weights.embedding, tokens.ravel(), axis=1)
        later = np.triu(np.full((count, count), -np.inf, np.float32), 1)
        for layer in weights.layers:
            normalised = _normalised(hidden, shape.norm_epsilon)
            hidden += self._attention(layer, normalised, (texts, count), cosine, sine, later)
            gate_up = layer.gate_up @ _normalised(hidden, shape.norm_epsilon)
            gate, up = gate_up[: shape.intermediate], gate_up[shape.intermediate :]
            hidden += layer.down @ (gate / (1.0 + np.exp(-gate)) * up)
        return np.ascontiguousarray(_normalised(hidden, shape.norm_epsilon).T).reshape(texts, count, shape.hidden)

    def _logprobs(self, states: Float32, tokens: np.ndarray) -> Float32 | None:
        if self.weights.unembedding is None:
            return None
        logits = states[:, :-1] @ self.weights.unembedding.T
        highest = logits.max(-1, keepdims=True)
        total = np.log(np.exp(logits - highest).sum(-1)) + highest[..., 0]
        told = np.zeros(tokens.shape, np.float32)
        told[:, 1:] = np.take_along_axis(logits, tokens[:, 1:, None], -1)[..., 0] - total
        return told

    def _attention(
        self,
        layer: LayerWeights,
        normalised: Float32,
        size: tuple[int, int],
        cosine: Float32,
        sine: Float32,
        later: Float32,
    ) -> Float32:
        shape = self.weights.shape
        projected = (layer.query_key_value @ normalised).reshape(3, shape.head_size, shape.heads, *size)
        query, key = (_rotated(one, cosine, sine).transpose(2, 1, 3, 0) for one in projected[:2])
        scores = query @ key.transpose(0, 1, 3, 2) + later  # [texts, heads, tokens, tokens]
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        mixed = scores @ projected[2].transpose(2, 1, 3, 0)  # [texts, heads, tokens, features]
        out: Float32 = layer.attention_out @ mixed.transpose(3, 1, 0, 2).reshape(shape.attention_width, -1)
        return out


def _of_one_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts of one length, as many as may be read together."""
    by_length: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        by_length.setdefault(length, []).append(index)
    for length, places in by_length.items():
        count = max(TOKENS_TOGETHER // max(length, 1), 1)
        yield from (places[start : start + count] for start in range(0, len(places), count))


def _rotated(vectors: Float32, cosine: Float32, sine: Float32) -> Float32:
    """Rotary position embedding of [feature, head, text, position]: the first half of the features turns against the second."""
    half = len(vectors) // 2
    one, other = vectors[:half], vectors[half:]
    cosine, sine = cosine[:, None, None], sine[:, None, None]
    return np.concatenate([one * cosine - other * sine, other * cosine + one * sine])


def _normalised(hidden: Float32, epsilon: float) -> Float32:
    mean = np.square(hidden).mean(0, dtype=np.float32)
    normalised: Float32 = hidden / np.sqrt(mean + np.float32(epsilon))
    return normalised
