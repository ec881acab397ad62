"""Matrix products in which every lane is computed alike, on any BLAS.

A BLAS may compute the columns of one product in different orders, by where a column falls in its tiles: OpenBLAS' AVX-512
kernels treat 128 columns alike, its AVX2 kernels treat only 16 alike (measured on 0.3.31). A row of a block must not
depend on the lane it stands in, so the widest product that is alike in all its columns is found by trial on the
machine itself, and a block is computed in as many products of that width as it takes.

The trial is evidence, not proof: it multiplies one random column, repeated, by every shape of matrix of the model.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from outlay.models.embedded.weights import Float32

LANES = 128
"""Rows in a block. A constant and not an option: BLAS may order a sum differently for another width."""

WIDTHS = (128, 64, 32, 16, 8)
WITHOUT_BLAS = 0


class LaneProduct:
    """Multiplies matrices [m, k] by lanes [k, LANES], `width` lanes at a time (WITHOUT_BLAS: by NumPy's own loops)."""

    def __init__(self, width: int) -> None:
        self.width = width

    @classmethod
    def for_matrices(cls, matrices: Iterable[Float32]) -> LaneProduct:
        """The widest product that computes all lanes alike for matrices of these shapes, on this machine.

        To be called under the thread limit that it will be used under.
        """
        one_of_each = {matrix.shape: matrix for matrix in matrices}.values()
        for width in WIDTHS:
            product = cls(width)
            if all(product.treats_lanes_alike(matrix) for matrix in one_of_each):
                return product
        return cls(WITHOUT_BLAS)

    def treats_lanes_alike(self, matrix: Float32) -> bool:
        """Whether one column, repeated over all lanes, has one product, to the last bit."""
        column = np.random.default_rng(0).standard_normal((matrix.shape[1], 1)).astype(np.float32)
        result = self(matrix, np.repeat(column, LANES, axis=1))
        return bool((result == result[:, :1]).all())

    def __call__(self, matrix: Float32, lanes: Float32, out: Float32 | None = None) -> Float32:
        """`matrix` @ `lanes`, [m, LANES], in `out` where that is given (which must be contiguous)."""
        if out is None:
            out = np.empty((len(matrix), LANES), np.float32)
        if self.width == LANES:
            np.matmul(matrix, lanes, out=out)
        elif self.width == WITHOUT_BLAS:
            np.einsum("mk,kl->ml", matrix, lanes, out=out)
        else:
            np.matmul(matrix, self._tiled(lanes), out=self._tiled(out))
        return out

    def _tiled(self, lanes: Float32) -> Float32:
        """A view of [k, LANES] as [tiles, k, width]."""
        return lanes.reshape(len(lanes), -1, self.width).transpose(1, 0, 2)
