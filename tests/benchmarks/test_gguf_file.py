import numpy as np
import pytest
from safetensors.numpy import load_file

from benchmarks import llama_cpp
from benchmarks.gguf_file import gguf_name, interleaved
from benchmarks.measuring import in_a_process
from outlay.models import embedded_folder

HEADS, SIZE, WIDTH = 3, 8, 5


def rotated(vector, position, pairs):
    """Each pair of features (i, j) turned by its angle at `position`."""
    out = vector.copy()
    for number, (i, j) in enumerate(pairs):
        angle = position * 10000.0 ** (-number / len(pairs))
        out[i] = vector[i] * np.cos(angle) - vector[j] * np.sin(angle)
        out[j] = vector[i] * np.sin(angle) + vector[j] * np.cos(angle)
    return out


def test_rotating_neighbours_after_the_change_gives_the_attention_of_rotating_halves_before_it():
    generator = np.random.default_rng(0)
    query, key = generator.standard_normal((2, HEADS * SIZE, WIDTH)).astype(np.float32)
    x, y = generator.standard_normal((2, WIDTH))
    halves = [(i, i + SIZE // 2) for i in range(SIZE // 2)]
    neighbours = [(2 * i, 2 * i + 1) for i in range(SIZE // 2)]

    def attention(query, key, pairs):
        by_head = [(matrix @ vector).reshape(HEADS, SIZE) for matrix, vector in ((query, x), (key, y))]
        return [rotated(q, 9, pairs) @ rotated(k, 4, pairs) for q, k in zip(*by_head)]

    changed = attention(interleaved(query, HEADS), interleaved(key, HEADS), neighbours)
    np.testing.assert_allclose(changed, attention(query, key, halves), rtol=1e-6)


def test_every_tensor_of_a_shipped_model_has_a_name_of_its_own():
    names = load_file(embedded_folder("countdown-small") / "model.safetensors")
    assert len({gguf_name(name) for name in names}) == len(names)


@pytest.mark.system
def test_llama_cpp_computes_from_the_file_what_the_engine_computes_from_the_folder():
    for package in ("gguf", "xllamacpp"):
        pytest.importorskip(package)
    setting = {"slots": 4, "unified": False, "flash_attention": False}
    found = in_a_process(llama_cpp.generating, model="countdown-small", sequences=48, repeats=1, setting=setting)
    assert found["difference"] < 1e-4
