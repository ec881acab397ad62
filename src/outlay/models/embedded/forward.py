"""The mathematics of one block of rows through a Llama, arranged so that a row never depends on its neighbours.

A *row* is one token of one sequence at one position; a block has n of them, as many as `lane_products.block_width` says.
Arrays are lane-last: the hidden state is [d, n], keys and values of a layer are [row of memory, 2, feature, head, lane]. So

- a linear layer is a matrix product in which every column is computed alike, whatever n is (`lane_products`);
- everything else (norms, rotary embedding, attention, SiLU) is elementwise over lanes, or a running sum over features
  or positions that takes each lane by itself, in one order; rows of memory that it may not see add exact zeros.

Whether a token is read as part of a prompt, generated, or recomputed after its keys were dropped, it goes through the
same operations on the same numbers: the bits are equal. Between machines they may differ, since BLAS and NumPy choose
their kernels by CPU type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from outlay.models.embedded.lane_memory import Indices, LaneMemory, Rows, Window
from outlay.models.embedded.lane_products import LaneProduct
from outlay.models.embedded.sampling import log_softmax
from outlay.models.embedded.weights import Float32, LayerWeights, LlamaShape, Weights

_UNGAINED_EPSILON = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a block gives, where the model has it: next-token log-probabilities [V, n], values P(right) [n]."""

    logprobs: Float32 | None
    values: Float32 | None


class Forward:
    """Runs blocks of rows of one model; holds nothing but the weights, the rotary table and scratch arrays.

    `minus_plus` is the pair of tokens whose odds are the value of a step, for a verifier that scores by tokens.
    """

    def __init__(self, weights: Weights, minus_plus: tuple[int, int] | None = None) -> None:
        self.weights = weights
        self._minus_plus = minus_plus
        self._rotary = _rotary_table(weights.shape)
        self._scratches: dict[int, _Scratch] = {}
        self._product = LaneProduct.for_matrices(weights.matrices())

    @property
    def narrowest(self) -> int:
        """The least number of rows that a block may have."""
        return self._product.narrowest

    def __call__(self, rows: Rows, memory: LaneMemory, previous: Float32 | None) -> Outcome:
        """Compute one block, writing its keys and values into `memory`.

        `previous` [V, lanes] holds, a lane each, the next-token log-probabilities after the token before the lane's
        first row here; only a self channel reads it.
        """
        weights, shape, width = self.weights, self.weights.shape, len(rows.token)
        scratch = self._scratches.get(width)
        if scratch is None:
            scratch = self._scratches[width] = _Scratch(shape, width)
        window = memory.window(rows)
        scratch.prepare(rows.position, self._rotary, len(window.hidden))
        hidden = np.take(weights.embedding, rows.token, axis=1, out=scratch.hidden, mode="clip")
        for index, layer in enumerate(weights.layers):
            self._llama_block(hidden, layer, index, window, scratch)
        normalised = rms_normalised(hidden, shape.norm_epsilon, out=scratch.normalised)
        logprobs = None
        if weights.unembedding is not None:
            logprobs = log_softmax(self._product(weights.unembedding, normalised))
        return Outcome(logprobs, self._values(normalised, logprobs, window, previous, scratch))

    def _values(
        self,
        normalised: Float32,
        logprobs: Float32 | None,
        window: Window,
        previous: Float32 | None,
        scratch: _Scratch,
    ) -> Float32 | None:
        head, shape = self.weights.head, self.weights.shape
        if self._minus_plus is not None and logprobs is not None:
            minus, plus = self._minus_plus
            return sigmoid(logprobs[plus] - logprobs[minus])
        if head is None:
            return None
        if head.self_channel is not None and logprobs is not None:
            features = self_channel_features(logprobs, window.rows, previous)
            state = rms_normalised(scratch.hidden, _UNGAINED_EPSILON)
            state += self._product(head.self_channel.channel, features)
            state += head.self_channel.bias
            for index, layer in enumerate(head.self_channel.layers):
                self._llama_block(state, layer, shape.layers + index, window, scratch)
            normalised = rms_normalised(state, shape.norm_epsilon)
        return sigmoid(np.einsum("ds,d->s", normalised, head.score) + np.float32(head.bias))

    def _llama_block(self, hidden: Float32, layer: LayerWeights, index: int, window: Window, scratch: _Scratch) -> None:
        """Attention and feed-forward, added to `hidden` [d, n] in place."""
        epsilon, width = self.weights.shape.norm_epsilon, self.weights.shape.attention_width
        product = self._product
        normalised = rms_normalised(hidden, epsilon, out=scratch.normalised)
        projected = product(layer.query_key_value, normalised, out=scratch.query_key_value)
        scratch.rotate(projected[: 2 * width])
        window.write(index, projected[width:])
        mixed = self._attend(projected[:width], *window.read(index), window.hidden, scratch)
        hidden += product(layer.attention_out, mixed, out=scratch.residual)
        normalised = rms_normalised(hidden, epsilon, out=scratch.normalised)
        gate_up = product(layer.gate_up, normalised, out=scratch.gate_up)
        hidden += product(layer.down, scratch.silu_gated(gate_up), out=scratch.residual)

    def _attend(
        self, query: Float32, stretch: Float32, wrapped: Float32 | None, hidden: Float32, scratch: _Scratch
    ) -> Float32:
        """softmax(query . keys) values, [a, n], over the rows of memory that each row sees (see `Window.read`)."""
        shape = self.weights.shape
        columns, count = shape.heads * query.shape[1], len(stretch)
        query = query.reshape(shape.head_size, columns)
        part = stretch.reshape(count, 2, shape.head_size, columns)
        scores = scratch.scores[: len(hidden)]
        np.einsum("tdx,dx->tx", part[:, 0], query, out=scores[:count])
        if wrapped is not None:
            rest = wrapped.reshape(len(wrapped), 2, shape.head_size, columns)
            np.einsum("tdx,dx->tx", rest[1:, 0], query, out=scores[count:])
        total = softmax_numerators(scores, hidden, out=scratch.of_head)
        mixed = np.einsum("tdx,tx->dx", part[:, 1], scores[:count], out=scratch.mixed)
        if wrapped is not None:
            rest[0, 1] = mixed
            scores[count - 1] = 1.0
            np.einsum("tdx,tx->dx", rest[:, 1], scores[count - 1 :], out=mixed)
        mixed /= total
        return mixed.reshape(shape.attention_width, -1)


class _Scratch:
    """Arrays that every block of `width` rows reuses, and the rotation that all layers of one block share."""

    def __init__(self, shape: LlamaShape, width: int) -> None:
        half, columns = shape.head_size // 2, shape.heads * width
        self._shape, self._width = shape, width
        self.hidden = np.empty((shape.hidden, width), np.float32)
        self.normalised = np.empty((shape.hidden, width), np.float32)
        self.residual = np.empty((shape.hidden, width), np.float32)
        self.query_key_value = np.empty((3 * shape.attention_width, width), np.float32)
        self.gate_up = np.empty((2 * shape.intermediate, width), np.float32)
        self.mixed = np.empty((shape.head_size, columns), np.float32)
        self.of_head = np.empty(columns, np.float32)
        self.scores = np.empty((0, columns), np.float32)
        self._sigmoid = np.empty((shape.intermediate, width), np.float32)
        self._cosine_sine = np.empty((2, half, shape.heads, width), np.float32)
        self._turned = np.empty((2, 2, 2, half * columns), np.float32)

    def prepare(self, position: Indices, rotary: Float32, span: int) -> None:
        """Set what depends on the rows' positions alone."""
        self._cosine_sine[:] = np.take(rotary, position, axis=2)[:, :, None, :]
        if len(self.scores) < span:
            self.scores = np.empty((span + 8, self.scores.shape[1]), np.float32)

    def rotate(self, query_key: Float32) -> None:
        """Rotary position embedding of queries and keys [2a, n], in place."""
        pairs = query_key.reshape(2, 2, -1)
        cosine, sine = self._cosine_sine.reshape(2, -1)
        by_cosine, by_sine = self._turned
        np.multiply(pairs, cosine, out=by_cosine)
        np.multiply(pairs, sine, out=by_sine)
        np.subtract(by_cosine[:, 0], by_sine[:, 1], out=pairs[:, 0])
        np.add(by_sine[:, 0], by_cosine[:, 1], out=pairs[:, 1])

    def silu_gated(self, gate_up: Float32) -> Float32:
        """silu(gate) * up, [f, n]; overwrites the gate."""
        inner = len(self._sigmoid)
        gate, up = gate_up[:inner], gate_up[inner:]
        np.negative(gate, out=self._sigmoid)
        np.exp(self._sigmoid, out=self._sigmoid)
        self._sigmoid += np.float32(1.0)
        gate /= self._sigmoid
        gate *= up
        return gate


def softmax_numerators(scores: Float32, hidden: Float32, out: Float32) -> Float32:
    """exp(score - largest score) in place of `scores` [rows, heads x n], 0 where `hidden` is -inf; their sums, in `out`."""
    by_head = scores.reshape(len(hidden), -1, hidden.shape[2])
    by_head += hidden
    scores -= np.maximum.reduce(scores, axis=0, out=out)
    np.exp(scores, out=scores)
    sums: Float32 = np.add.reduce(scores, axis=0, out=out)
    return sums


def rms_normalised(hidden: Float32, epsilon: float, out: Float32 | None = None) -> Float32:
    """Each column of [d, n] divided by its root mean square (the gain is folded into what follows)."""
    out = np.multiply(hidden, hidden, out=out)
    scale: Float32 = np.add.reduce(out, axis=0)
    scale /= np.float32(len(hidden))
    scale += np.float32(epsilon)
    np.sqrt(scale, out=scale)
    return np.divide(hidden, scale, out=out)


def sigmoid(logits: Float32) -> Float32:
    """1 / (1 + exp(-x))."""
    one = np.float32(1.0)
    result: Float32 = one / (one + np.exp(-logits))
    return result


def self_channel_features(logprobs: Float32, rows: Rows, previous: Float32 | None) -> Float32:
    """What the model itself thought of the token that each row reads, [3, n].

    With log p the token's log-probability under the distribution after the token before it: clip(log p, -10, 0) / 3,
    p, and clip(log p - max log p, -10, 0) / 3; zeros at position 0.
    """
    columns = np.arange(logprobs.shape[1])
    before = previous if previous is not None else np.zeros_like(logprobs)
    column = rows.lane
    if not rows.in_order:
        follows = np.zeros(len(columns), bool)
        follows[1:] = (rows.lane[1:] == rows.lane[:-1]) & (rows.position[1:] == rows.position[:-1] + 1)
        lanes = before.shape[1]
        before = np.concatenate([before, logprobs], axis=1)
        column = np.where(follows, lanes + columns - 1, rows.lane)
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


def _rotary_table(shape: LlamaShape) -> Float32:
    """Cosines and sines [2, head_size / 2, positions] of the angles position x base^(-2i / head_size)."""
    exponents = np.arange(0, shape.head_size, 2, dtype=np.float32) / np.float32(shape.head_size)
    frequencies = np.float32(1.0) / np.float32(shape.rotary_base) ** exponents
    angles = np.outer(frequencies, np.arange(shape.positions, dtype=np.float32))
    return np.stack([np.cos(angles, dtype=np.float32), np.sin(angles, dtype=np.float32)])


def stacked(columns: Sequence[Float32]) -> Float32:
    """Equal-length columns side by side, [V, columns], padded with copies of the first to a multiple of 16.

    Full vector registers: elementwise arithmetic then takes the same path as in a whole block.
    """
    missing = -len(columns) % 16
    return np.stack([*columns, *[columns[0]] * missing], axis=1)
