"""Matrix products: the right numbers at every width, the same bits in every lane, with another CPU's kernels too."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from outlay.models.embedded.lane_products import LANES, NARROWER, WIDTHS, WITHOUT_BLAS, LaneProduct, block_width

SHAPES = [(192, 64), (64, 64), (344, 64), (64, 172), (112, 64), (37, 32), (64, 3), (576, 192)]


def operands(rows: int, inner: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(rows)
    return (
        generator.standard_normal((rows, inner)).astype(np.float32),
        generator.standard_normal((inner, LANES)).astype(np.float32),
    )


@pytest.mark.parametrize("width", [*WIDTHS, WITHOUT_BLAS])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_width_computes_the_product(shape: tuple[int, int], width: int) -> None:
    matrix, lanes = operands(*shape)
    out = np.empty((shape[0], LANES), np.float32)
    result = LaneProduct(width)(matrix, lanes, out=out)
    assert result is out
    np.testing.assert_allclose(result, matrix.astype(np.float64) @ lanes, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_chosen_width_treats_lanes_alike(shape: tuple[int, int]) -> None:
    matrix, lanes = operands(*shape)
    product = LaneProduct.for_matrices([matrix])
    result = product(matrix, lanes)
    for shift in (1, 7, 16, 100):
        np.testing.assert_array_equal(product(matrix, np.roll(lanes, shift, axis=1)), np.roll(result, shift, axis=1))


@pytest.mark.parametrize("shape", SHAPES)
def test_narrower_products_have_the_bits_of_the_chosen_one(shape: tuple[int, int]) -> None:
    matrix, lanes = operands(*shape)
    product = LaneProduct.for_matrices([matrix])
    whole = product(matrix, lanes)
    for width in (width for width in NARROWER if width >= product.narrowest):
        np.testing.assert_array_equal(product(matrix, np.ascontiguousarray(lanes[:, :width])), whole[:, :width])


@pytest.mark.parametrize("narrowest", [16, 64, 128, 256])
def test_a_block_is_wide_enough_and_a_whole_number_of_products(narrowest: int) -> None:
    for rows in range(LANES + 1):
        width = block_width(rows, narrowest)
        assert rows <= width <= LANES
        assert width >= narrowest and (width <= 64 or width % narrowest == 0)


@pytest.mark.parametrize("shape", SHAPES)
def test_without_blas_lanes_are_alike(shape: tuple[int, int]) -> None:
    assert LaneProduct(WITHOUT_BLAS).treats_lanes_alike(operands(*shape)[0])


@pytest.mark.system
def test_rows_keep_their_bits_with_the_kernels_of_a_cpu_without_avx512() -> None:
    from numpy._core._multiarray_umath import __cpu_features__ as features

    if not features.get("AVX2"):
        pytest.skip("this CPU has no AVX2")
    tests = [str(Path(__file__).with_name(name)) for name in ("test_forward.py", "test_engine.py")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "same or bits or depend", *tests]
    environment = os.environ | {"OPENBLAS_CORETYPE": "Haswell"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
