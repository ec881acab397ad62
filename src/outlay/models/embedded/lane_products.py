"""Matrix products in which every lane is computed alike, on any BLAS, whatever number of lanes stands beside it.

A BLAS may compute the columns of one product in different orders, by where a column falls in its tiles: OpenBLAS' AVX-512
kernels treat 256 columns alike, its AVX2 kernels treat only 16 alike (measured on 0.3.31). A row of a block must not
depend on the lane it stands in, so the widest product that is alike in all its columns is found by trial on the
machine itself, and a wider block is computed in as many products of that width as it takes. A narrower block is allowed
down to the narrowest product that gives the same bits as the widest.

The trial is evidence, not proof: it multiplies random columns, repeated and apart, by every shape of matrix of the model.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from outlay.models.embedded.weights import Float32

LANES = 256
"""Rows in the widest block, and the number of slots that an engine has by default."""

NARROWEST = 16
"""Lanes in the narrowest block: full vector registers, so that elementwise arithmetic takes one path at any width."""

WIDTHS = (256, 128, 64, 32, 16, 8)
NARROWER = (192, 128, 64, 32, 16)
WITHOUT_BLAS = 0

_STEP = 64


def block_width(rows: int, narrowest: int) -> int:
    """The width of a block for so many rows: a power of two up to 64, then a multiple of 64.

    >>> block_width(3, 16), block_width(33, 16), block_width(130, 16), block_width(130, 128)
    (16, 64, 192, 256)
    """
    least = 1 << max(rows - 1, 0).bit_length()
    return max(narrowest, least) if least <= _STEP else -(-rows // max(_STEP, narrowest)) * max(_STEP, narrowest)


class LaneProduct:
    """Multiplies matrices [m, k] by lanes [k, n], `width` lanes at a time (WITHOUT_BLAS: by NumPy's own loops).

    n is a `block_width`.
    """

    def __init__(self, width: int, narrowest: int | None = None) -> None:
        self.width = width
        self.narrowest = max(NARROWEST, width if narrowest is None else narrowest)

    @classmethod
    def for_matrices(cls, matrices: Iterable[Float32]) -> LaneProduct:
        """The widest product that computes all lanes alike for matrices of these shapes, on this machine.

        To be called under the thread limit that it will be used under.
        """
        one_of_each = list({matrix.shape: matrix for matrix in matrices}.values())
        for width in WIDTHS:
            product = cls(width)
            if all(product.treats_lanes_alike(matrix) for matrix in one_of_each):
                for narrower in (n for n in NARROWER if n < width):
                    if not all(product.agrees_with(narrower, matrix) for matrix in one_of_each):
                        break
                    product.narrowest = narrower
                return product
        return cls(WITHOUT_BLAS)

    def treats_lanes_alike(self, matrix: Float32) -> bool:
        """Whether one column, repeated over all lanes, has one product, to the last bit."""
        column = np.random.default_rng(0).standard_normal((matrix.shape[1], 1)).astype(np.float32)
        result = self(matrix, np.repeat(column, LANES, axis=1))
        return bool((result == result[:, :1]).all())

    def agrees_with(self, narrower: int, matrix: Float32) -> bool:
        """Whether products of so many lanes have the bits of these."""
        lanes = np.random.default_rng(1).standard_normal((matrix.shape[1], LANES)).astype(np.float32)
        whole = self(matrix, lanes)
        starts = range(0, LANES - narrower + 1, narrower)
        apart = [matrix @ np.ascontiguousarray(lanes[:, start : start + narrower]) for start in starts]
        return bool((whole[:, : len(starts) * narrower] == np.concatenate(apart, axis=1)).all())

    def __call__(self, matrix: Float32, lanes: Float32, out: Float32 | None = None) -> Float32:
        """`matrix` @ `lanes`, [m, n], in `out` where that is given."""
        if out is None:
            out = np.empty((len(matrix), lanes.shape[1]), np.float32)
        if self.width == WITHOUT_BLAS:
            np.einsum("mk,kl->ml", matrix, lanes, out=out)
            return out
        for start in range(0, lanes.shape[1], self.width):
            part = slice(start, start + self.width)
            np.matmul(matrix, lanes[:, part], out=out[:, part])
        return out
