"""The mathematics of one block of rows through a Llama, arranged so that a row never depends on its neighbours.

A *row* is one token of one sequence at one position; a block has LANES of them, always. Arrays are lane-last: the
hidden state is [d, LANES], keys and values of a layer are [positions, 2, feature, head, lane]. So

- a linear layer is matrix products of a fixed shape, in which every column is computed alike (`lane_products`);
- everything else (norms, rotary embedding, attention, SiLU) is elementwise over lanes, or a running sum over features
  or positions that takes each lane by itself, in one order; positions that a row may not see add exact zeros last.

Whether a token is read as part of a prompt, generated, or recomputed after its keys were dropped, it goes through the
same operations on the same numbers: the bits are equal. Between machines they may differ, since BLAS and NumPy choose
their kernels by CPU type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from outlay.models.embedded.lane_products import LANES, LaneProduct
from outlay.models.embedded.sampling import log_softmax
from outlay.models.embedded.weights import Float32, LayerWeights, LlamaShape, Weights

_UNGAINED_EPSILON = 1e-6

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What a block computes, each field [LANES]: the lane whose cache a row belongs to, its position, its token.

    `in_order` promises that row r belongs to lane r, which saves gathering the cache. Unused rows repeat another row:
    they write what it writes.
    """

    lane: Indices
    position: Indices
    token: npt.NDArray[np.integer]
    in_order: bool


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a block gives, where the model has it: next-token log-probabilities [V, LANES], values P(right) [LANES]."""

    logprobs: Float32 | None
    values: Float32 | None


def empty_cache(weights: Weights) -> Float32:
    """Keys and values for LANES sequences, [layers, positions, 2 x feature x head, lane].

    Zeros that the system hands out page by page: positions never reached take no memory.
    """
    shape = weights.shape
    return np.zeros((weights.cached_layers, shape.positions, 2 * shape.attention_width, LANES), np.float32)


class Forward:
    """Runs blocks of rows of one model; holds nothing but the weights, the rotary table and scratch arrays.

    `minus_plus` is the pair of tokens whose odds are the value of a step, for a verifier that scores by tokens.
    """

    def __init__(self, weights: Weights, minus_plus: tuple[int, int] | None = None) -> None:
        self.weights = weights
        self._minus_plus = minus_plus
        self._cosines, self._sines = _rotary_table(weights.shape)
        self._scratch = _Scratch(weights.shape)
        self._product = LaneProduct.for_matrices(weights.matrices())

    def __call__(self, rows: Rows, cache: Float32, previous: Float32 | None) -> Outcome:
        """Compute one block, writing its keys and values into `cache`.

        `previous` [V, LANES] holds, a lane each, the next-token log-probabilities after the token before the lane's
        first row here; only a self channel reads it.
        """
        weights, shape = self.weights, self.weights.shape
        self._scratch.prepare(rows, self._cosines, self._sines)
        hidden: Float32 = np.take(weights.embedding, rows.token, axis=1)
        for layer, layer_cache in zip(weights.layers, cache[: shape.layers], strict=True):
            self._llama_block(hidden, layer, layer_cache, rows)
        normalised = rms_normalised(hidden, shape.norm_epsilon)
        logprobs = None
        if weights.unembedding is not None:
            logprobs = log_softmax(self._product(weights.unembedding, normalised))
        return Outcome(logprobs, self._values(hidden, normalised, logprobs, rows, cache, previous))

    def _values(
        self,
        hidden: Float32,
        normalised: Float32,
        logprobs: Float32 | None,
        rows: Rows,
        cache: Float32,
        previous: Float32 | None,
    ) -> Float32 | None:
        head, shape = self.weights.head, self.weights.shape
        if self._minus_plus is not None and logprobs is not None:
            minus, plus = self._minus_plus
            return sigmoid(logprobs[plus] - logprobs[minus])
        if head is None:
            return None
        if head.self_channel is not None and logprobs is not None:
            features = self_channel_features(logprobs, rows, previous)
            state = rms_normalised(hidden, _UNGAINED_EPSILON)
            state += self._product(head.self_channel.channel, features)
            state += head.self_channel.bias
            for layer, layer_cache in zip(head.self_channel.layers, cache[shape.layers :], strict=True):
                self._llama_block(state, layer, layer_cache, rows)
            normalised = rms_normalised(state, shape.norm_epsilon)
        return sigmoid(np.einsum("ds,d->s", normalised, head.score) + np.float32(head.bias))

    def _llama_block(self, hidden: Float32, layer: LayerWeights, cache: Float32, rows: Rows) -> None:
        """Attention and feed-forward, added to `hidden` [d, LANES] in place."""
        scratch = self._scratch
        epsilon = self.weights.shape.norm_epsilon
        width = self.weights.shape.attention_width
        product = self._product
        projected = product(layer.query_key_value, rms_normalised(hidden, epsilon), out=scratch.query_key_value)
        scratch.rotate(projected[: 2 * width])
        cache[rows.position, :, rows.lane] = projected[width:].T
        visible = cache[: scratch.span]
        if not rows.in_order:
            visible = np.take(visible, rows.lane, axis=2)
        hidden += product(layer.attention_out, self._attend(projected[:width], visible))
        gate_up = product(layer.gate_up, rms_normalised(hidden, epsilon), out=scratch.gate_up)
        hidden += product(layer.down, scratch.silu_gated(gate_up))

    def _attend(self, query: Float32, visible: Float32) -> Float32:
        """softmax(query . keys) values, [a, LANES], over the positions that each row sees."""
        scratch, shape = self._scratch, self.weights.shape
        span, columns = scratch.span, shape.heads * LANES
        keys_values = visible.reshape(span, 2, shape.head_size, columns)
        scores = scratch.scores[:span]
        np.einsum("tdx,dx->tx", keys_values[:, 0], query.reshape(shape.head_size, columns), out=scores)
        by_head = scores.reshape(span, shape.heads, LANES)
        by_head += scratch.hidden_positions
        scores -= scores.max(axis=0)
        np.exp(scores, out=scores)
        mixed: Float32 = np.einsum("tdx,tx->dx", keys_values[:, 1], scores)
        mixed /= np.add.reduce(scores, axis=0)
        return mixed.reshape(shape.attention_width, LANES)


class _Scratch:
    """Arrays that every block reuses, and what all layers of one block share: its span, mask and rotation."""

    def __init__(self, shape: LlamaShape) -> None:
        half = shape.head_size // 2
        self.span = 0
        self.hidden_positions = np.zeros((1, 1, LANES), np.float32)
        self.query_key_value = np.empty((3 * shape.attention_width, LANES), np.float32)
        self.gate_up = np.empty((2 * shape.intermediate, LANES), np.float32)
        self.scores = np.empty((shape.positions, shape.heads * LANES), np.float32)
        self._sigmoid = np.empty((shape.intermediate, LANES), np.float32)
        self._halves = (2, 2, half, shape.heads, LANES)
        self._cosine = np.empty((half, 1, LANES), np.float32)
        self._sine = np.empty((half, 1, LANES), np.float32)
        self._turned = np.empty((4, 2, half, shape.heads, LANES), np.float32)

    def prepare(self, rows: Rows, cosines: Float32, sines: Float32) -> None:
        """Set what depends on the rows' positions alone."""
        self.span = int(rows.position.max()) + 1
        np.take(cosines, rows.position, axis=1, out=self._cosine[:, 0])
        np.take(sines, rows.position, axis=1, out=self._sine[:, 0])
        later = np.arange(self.span)[:, None] > rows.position
        self.hidden_positions = np.where(later, np.float32(-np.inf), np.float32(0.0))[:, None, :]

    def rotate(self, query_key: Float32) -> None:
        """Rotary position embedding of queries and keys [2a, LANES], in place."""
        pairs = query_key.reshape(self._halves)
        first, second = pairs[:, 0], pairs[:, 1]
        first_cosine, second_sine, first_sine, second_cosine = self._turned
        np.multiply(first, self._cosine, out=first_cosine)
        np.multiply(second, self._sine, out=second_sine)
        np.multiply(first, self._sine, out=first_sine)
        np.multiply(second, self._cosine, out=second_cosine)
        np.subtract(first_cosine, second_sine, out=first)
        np.add(first_sine, second_cosine, out=second)

    def silu_gated(self, gate_up: Float32) -> Float32:
        """silu(gate) * up, [f, LANES]; overwrites the gate."""
        inner = len(self._sigmoid)
        gate, up = gate_up[:inner], gate_up[inner:]
        np.negative(gate, out=self._sigmoid)
        np.exp(self._sigmoid, out=self._sigmoid)
        self._sigmoid += np.float32(1.0)
        gate /= self._sigmoid
        gate *= up
        return gate


def rms_normalised(hidden: Float32, epsilon: float) -> Float32:
    """Each column of [d, LANES] divided by its root mean square (the gain is folded into what follows)."""
    scale: Float32 = np.einsum("ds,ds->s", hidden, hidden)
    scale /= np.float32(len(hidden))
    scale += np.float32(epsilon)
    np.sqrt(scale, out=scale)
    normalised: Float32 = hidden / scale
    return normalised


def sigmoid(logits: Float32) -> Float32:
    """1 / (1 + exp(-x))."""
    one = np.float32(1.0)
    result: Float32 = one / (one + np.exp(-logits))
    return result


def self_channel_features(logprobs: Float32, rows: Rows, previous: Float32 | None) -> Float32:
    """What the model itself thought of the token that each row reads, [3, LANES].

    With log p the token's log-probability under the distribution after the token before it: clip(log p, -10, 0) / 3,
    p, and clip(log p - max log p, -10, 0) / 3; zeros at position 0.
    """
    columns = np.arange(LANES)
    before = previous if previous is not None else np.zeros_like(logprobs)
    column = rows.lane
    if not rows.in_order:
        follows = np.zeros(LANES, bool)
        follows[1:] = (rows.lane[1:] == rows.lane[:-1]) & (rows.position[1:] == rows.position[:-1] + 1)
        before = np.concatenate([before, logprobs], axis=1)
        column = np.where(follows, LANES + columns - 1, rows.lane)
    logprob = before[rows.token, column]
    most = before.max(axis=0)[column]
    features = np.stack(
        [
            np.clip(logprob, -10.0, 0.0) / np.float32(3.0),
            np.exp(logprob),
            np.clip(logprob - most, -10.0, 0.0) / np.float32(3.0),
        ]
    )
    features[:, rows.position == 0] = 0.0
    return features


def _rotary_table(shape: LlamaShape) -> tuple[Float32, Float32]:
    """Cosines and sines [head_size / 2, positions] of the angles position x base^(-2i / head_size)."""
    exponents = np.arange(0, shape.head_size, 2, dtype=np.float32) / np.float32(shape.head_size)
    frequencies = np.float32(1.0) / np.float32(shape.rotary_base) ** exponents
    angles = np.outer(frequencies, np.arange(shape.positions, dtype=np.float32))
    return np.cos(angles, dtype=np.float32), np.sin(angles, dtype=np.float32)


def stacked(columns: Sequence[Float32]) -> Float32:
    """Equal-length columns side by side, [V, columns], padded with copies of the first to a multiple of 16.

    Full vector registers: elementwise arithmetic then takes the same path as in a whole block.
    """
    missing = -len(columns) % 16
    return np.stack([*columns, *[columns[0]] * missing], axis=1)
