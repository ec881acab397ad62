"""Randomness and sampling: uniform and independent numbers, the right distribution, columns that keep to themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.models.embedded.sampling import log_softmax, mix, sample, uniforms

CHI_SQUARE_1E_6 = {15: 57.5, 63: 134.0, 99: 184.0}
"""Quantiles at a tail of one in a million, by degrees of freedom (rounded up): a correct sampler fails once in 1e6."""


def logprobs_of(generator: np.random.Generator, vocabulary: int, columns: int) -> np.ndarray:
    return log_softmax((2 * generator.standard_normal((vocabulary, columns))).astype(np.float32))


def drawn(logprobs: np.ndarray, uniform: np.ndarray, temperature: float = 1.0, top_p: float = 1.0) -> np.ndarray:
    columns = logprobs.shape[1]
    full = [np.full(columns, value, np.float32) for value in (temperature, top_p)]
    return sample(logprobs, uniform.astype(np.float32), *full)


def uniforms_of(keys: int, positions: int) -> np.ndarray:
    key, position = np.meshgrid(np.arange(keys, dtype=np.uint64), np.arange(positions), indexing="ij")
    return uniforms(key.ravel(), position.ravel()).reshape(keys, positions)


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    return float(((counts - expected) ** 2 / expected).sum())


def test_mix_is_splitmix64() -> None:
    # First outputs of the reference generator seeded with 1234567, as published with its C code.
    state = np.array([1234567], np.uint64) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, 4, dtype=np.uint64)
    assert mix(state).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_uniforms_are_open_at_both_ends() -> None:
    values = uniforms_of(1000, 100)
    assert values.dtype == np.float32
    assert 0 < values.min() < values.max() < 1


def test_uniforms_are_uniform() -> None:
    values = uniforms_of(1000, 100)
    counts = np.bincount((values.ravel() * 16).astype(int), minlength=16)
    assert chi_square(counts, np.full(16, values.size / 16)) < CHI_SQUARE_1E_6[15]


@pytest.mark.parametrize("axis", [0, 1])
def test_neighbouring_keys_and_positions_are_independent(axis: int) -> None:
    values = (uniforms_of(400, 400) * 8).astype(int)
    here, there = (values[:-1], values[1:]) if axis == 0 else (values[:, :-1], values[:, 1:])
    counts = np.bincount((here * 8 + there).ravel(), minlength=64)
    assert chi_square(counts, np.full(64, here.size / 64)) < CHI_SQUARE_1E_6[63]


def test_keys_a_generator_increment_apart_do_not_share_a_stream() -> None:
    keys = np.array([5, 5 + 0x9E3779B97F4A7C15], np.uint64)
    first = uniforms(np.repeat(keys[:1], 50), np.arange(50))
    second = uniforms(np.repeat(keys[1:], 50), np.arange(50))
    assert not np.isin(first, second).any()


def test_a_uniform_depends_on_key_and_position_alone() -> None:
    together = uniforms_of(10, 10)
    alone = uniforms(np.array([3], np.uint64), np.array([7]))
    assert alone[0] == together[3, 7]


def test_log_softmax_sums_to_one() -> None:
    logprobs = logprobs_of(np.random.default_rng(0), 37, 16)
    np.testing.assert_allclose(np.exp(logprobs.astype(np.float64)).sum(axis=0), 1.0, atol=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
def test_sampling_follows_the_distribution(temperature: float) -> None:
    logprobs = np.repeat(logprobs_of(np.random.default_rng(1), 100, 1), 160_000, axis=1)
    tokens = drawn(logprobs, uniforms_of(160_000, 1)[:, 0], temperature)
    weights = np.exp(logprobs[:, 0].astype(np.float64) / temperature)
    expected = weights / weights.sum() * len(tokens)
    often = expected >= 5
    counts = np.bincount(tokens, minlength=100)
    counts, expected = (
        np.append(counts[often], counts[~often].sum()),
        np.append(expected[often], expected[~often].sum()),
    )
    assert chi_square(counts, np.maximum(expected, 1)) < CHI_SQUARE_1E_6[99]


def test_the_inverse_cdf_is_exact_at_known_points() -> None:
    logprobs = np.log(np.repeat(np.array([[0.5], [0.25], [0.125], [0.125]], np.float32), 6, axis=1))
    tokens = drawn(logprobs, np.array([0.1, 0.49, 0.51, 0.74, 0.8, 0.99]))
    assert tokens.tolist() == [0, 0, 1, 1, 2, 3]


def test_temperature_zero_takes_the_lowest_of_equally_likely_tokens() -> None:
    logprobs = np.log(np.array([[0.2], [0.4], [0.4]], np.float32))
    assert drawn(logprobs, np.array([0.99]), temperature=0.0).tolist() == [1]


@given(
    st.lists(st.floats(0.0, 1.0), min_size=2, max_size=40),
    st.floats(2.0**-24, 1 - 2.0**-24),
    st.floats(0.05, 1.0),
    st.floats(0.1, 3.0),
)
def test_a_token_without_probability_is_never_drawn(masses, uniform, top_p, temperature) -> None:
    masses = np.array(masses)[:, None]
    if masses.sum() < 0.01:
        masses[0] = 1.0
    with np.errstate(divide="ignore"):
        logprobs = np.log(masses / masses.sum()).astype(np.float32)
    token = drawn(logprobs, np.array([uniform]), temperature, top_p)[0]
    assert masses[token, 0] > 0


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.99))
def test_top_p_keeps_the_smallest_set_that_reaches_it(seed: int, top_p: float) -> None:
    logprobs = logprobs_of(np.random.default_rng(seed), 12, 1)
    columns = np.repeat(logprobs, 400, axis=1)
    tokens = drawn(columns, (np.arange(400) + 0.5) / 400, top_p=top_p)
    probabilities = np.sort(np.exp(logprobs[:, 0].astype(np.float64)))[::-1]
    size = int(np.searchsorted(np.cumsum(probabilities), top_p - 1e-6) + 1)
    nucleus = set(np.argsort(-logprobs[:, 0], kind="stable")[:size].tolist())
    assert set(tokens.tolist()) <= nucleus


def test_a_column_draws_the_same_whatever_its_neighbours_do() -> None:
    generator = np.random.default_rng(2)
    logprobs = logprobs_of(generator, 37, 128)
    uniform = generator.random(128, dtype=np.float32)
    mixed_temperature = generator.choice(np.array([0.0, 0.7, 1.0], np.float32), 128)
    mixed_top_p = generator.choice(np.array([0.6, 1.0], np.float32), 128)
    together = sample(logprobs, uniform, mixed_temperature, mixed_top_p)
    for start in range(0, 128, 16):
        part = slice(start, start + 16)
        apart = sample(
            np.ascontiguousarray(logprobs[:, part]), uniform[part], mixed_temperature[part], mixed_top_p[part]
        )
        np.testing.assert_array_equal(apart, together[part])
