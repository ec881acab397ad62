"""Hidden states of an embedded model: what a probe looks at. One plain pass over whole texts, without slots or caches.

The mathematics are those of `forward`, sequence by sequence; bits may differ from a block's, since widths differ. The states are
those behind the last norm, without its gain (which is folded into what follows it there).
"""

from __future__ import annotations

import numpy as np

from outlay.errors import UserError
from outlay.models.embedded.weights import Float32, LayerWeights, Weights


class StateReader:
    """Reads token ids, gives the final states."""

    def __init__(self, weights: Weights) -> None:
        shape = weights.shape
        self.weights = weights
        exponents = np.arange(0, shape.head_size, 2, dtype=np.float32) / np.float32(shape.head_size)
        frequencies = np.float32(1.0) / np.float32(shape.rotary_base) ** exponents
        self._angles = np.outer(frequencies, np.arange(shape.positions, dtype=np.float32))

    def __call__(self, tokens: tuple[int, ...]) -> Float32:
        """The states [tokens, hidden] of one text.

        Raises UserError for a text that is longer than the model's positions.
        """
        weights, shape, count = self.weights, self.weights.shape, len(tokens)
        if not 0 < count <= shape.positions:
            raise UserError(
                f"a text of {count} tokens does not fit the model {weights.name!r}, which reads 1 to {shape.positions}"
            )
        cosine, sine = np.cos(self._angles[:, :count]), np.sin(self._angles[:, :count])
        hidden = weights.embedding[:, list(tokens)].copy()
        later = np.triu(np.full((count, count), -np.inf, np.float32), 1)
        for layer in weights.layers:
            hidden += self._attention(layer, _normalised(hidden, shape.norm_epsilon), cosine, sine, later)
            gate_up = layer.gate_up @ _normalised(hidden, shape.norm_epsilon)
            gate, up = gate_up[: shape.intermediate], gate_up[shape.intermediate :]
            hidden += layer.down @ (gate / (1.0 + np.exp(-gate)) * up)
        states: Float32 = _normalised(hidden, shape.norm_epsilon).T
        return states

    def _attention(
        self, layer: LayerWeights, normalised: Float32, cosine: Float32, sine: Float32, later: Float32
    ) -> Float32:
        shape = self.weights.shape
        projected = (layer.query_key_value @ normalised).reshape(3, shape.head_size, shape.heads, -1)
        query, key = (_rotated(one, cosine, sine) for one in projected[:2])
        scores = np.einsum("dhi,dhj->hij", query, key) + later
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        mixed = np.einsum("hij,dhj->dhi", scores, projected[2])
        out: Float32 = layer.attention_out @ mixed.reshape(shape.attention_width, -1)
        return out


def _rotated(vectors: Float32, cosine: Float32, sine: Float32) -> Float32:
    """Rotary position embedding of [feature, head, position]: the first half of the features turns against the second."""
    half = len(vectors) // 2
    one, other, cosine, sine = vectors[:half], vectors[half:], cosine[:, None], sine[:, None]
    return np.concatenate([one * cosine - other * sine, other * cosine + one * sine])


def _normalised(hidden: Float32, epsilon: float) -> Float32:
    mean = np.square(hidden).mean(0, dtype=np.float32)
    normalised: Float32 = hidden / np.sqrt(mean + np.float32(epsilon))
    return normalised
