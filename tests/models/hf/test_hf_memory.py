"""The cache of keys and values of `hf:` models: what comes out is what comes out without it, and less is read."""

import asyncio

import pytest

import outlay
import tiny_models
from outlay import models
from outlay.errors import UserError
from outlay.strategies import BeamSearch
from outlay.types import Budget

torch = pytest.importorskip("torch", reason="the backend runs on torch (extra hf)")
transformers = pytest.importorskip("transformers", reason="the backend runs transformers (extra hf)")

from outlay.models.hf.decoding import Wanted  # noqa: E402
from outlay.models.hf.memory import Memory, bytes_of  # noqa: E402

BEGUN = tuple(range(5, 45))


def sliding(seed=0):
    """A Qwen2 whose second layer sees 24 tokens back."""
    return tiny_models.qwen(seed=seed, use_sliding_window=True, sliding_window=24, max_window_layers=1)


def llama(**more):
    torch.manual_seed(3)
    config = transformers.LlamaConfig(vocab_size=300, initializer_range=0.4, **tiny_models.SIZES, **more)
    return transformers.LlamaForCausalLM(config).eval()


KINDS = {
    "qwen": tiny_models.qwen,
    "llama": llama,
    "sliding": sliding,
    "turning": lambda: llama(rope_scaling={"rope_type": "dynamic", "factor": 2.0}),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Models so small are slowed by a second one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return {
        kind: tiny_models.save(tmp_path_factory.mktemp(kind), make(), tiny_models.tokenizer())
        for kind, make in KINDS.items()
    }


def decoder(folder, cache="64MiB"):
    return models.load(f"hf:{folder}", cache=cache)._decoder


def searched(one):
    """A search by hand: batches that go on from what earlier batches wrote, some by two, beside prompts that are new."""
    first = one.draw([Wanted(BEGUN, key, 6, 0.0 if key else 1.0) for key in range(3)])
    beams = [BEGUN + drawn.tokens for drawn in first]
    fresh = tuple(range(60, 75))
    gone_on = [Wanted(beams[row], 7 + row, 5, 0.0) for row in (0, 0, 2)]
    second = one.draw([gone_on[0], Wanted(fresh, 1, 9, 1.0), *gone_on[1:]])
    third = one.draw([Wanted(beams[0] + second[0].tokens, 3, 8, 0.0), Wanted((*BEGUN[:20], 99), 4, 4, 0.0)])
    return [*first, *second, *third]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_drawn_is_what_is_drawn_without_the_cache(saved, kind):
    with_it, without = searched(decoder(saved[kind])), searched(decoder(saved[kind], cache=0))
    for ours, plain in zip(with_it, without, strict=True):
        assert ours.tokens == plain.tokens and ours.text == plain.text and ours.finish == plain.finish
        assert list(ours.logprobs) == pytest.approx(list(plain.logprobs), abs=1e-4)


def test_a_beginning_is_read_once(saved):
    read = [drawn.read for drawn in searched(decoder(saved["qwen"]))]
    # the prompt; of each beam its last token, which was drawn and not read; a new prompt whole; a beginning from where it parts
    assert read == [40, 0, 0, 1, 15, 0, 1, 1, 1]
    assert [drawn.read for drawn in searched(decoder(saved["qwen"], cache=0))] == [40, 0, 0, 46, 15, 0, 46, 51, 21]


def test_a_model_whose_states_cannot_be_cut_is_read_whole(saved):
    assert not decoder(saved["turning"]).remembers
    assert sum(one.read for one in searched(decoder(saved["turning"]))) == 40 + 46 + 46 + 15 + 51 + 21


def test_behind_a_sliding_window_nothing_is_remembered(saved):
    one = decoder(saved["sliding"])
    short = tuple(range(10))
    one.draw([Wanted(short, 0, 4, 0.0)])
    (again,) = one.draw([Wanted(short, 0, 4, 0.0)])
    assert again.read == 1
    searched(one)
    assert all(len(stretch.tokens) < 24 for stretch in one.memory._by_use)


def test_no_more_is_held_than_the_limit_and_the_oldest_ends_go_first(saved):
    one = decoder(saved["llama"], cache="32KiB")  # 256 bytes a token: 128 tokens
    texts = [tuple(range(start, start + 30)) for start in range(0, 240, 30)]
    for tokens in texts:
        one.draw([Wanted(tokens, 0, 3, 0.0)])
        assert one.memory.held <= one.memory.limit == 32 << 10
    assert one.memory.held == 256 * len(one.memory) and one.memory.counters.dropped > 0
    assert one.memory.known(texts[-1]) == 30 and one.memory.known(texts[0]) == 0
    one.memory.clear()
    assert one.memory.held == len(one.memory) == one.memory.known(texts[-1]) == 0


def test_what_texts_begin_with_is_held_once():
    memory = Memory(1 << 20)

    def states(start, end):
        filled = torch.arange(start, end).float().reshape(1, 1, -1, 1)
        return filled, -filled

    for tokens in ((1, 2, 3, 4, 5), (1, 2, 3, 9), (1, 2, 3, 4, 5, 6), (1, 2), (7,)):
        memory.keep(tokens, states)
    assert len(memory) == 8 and memory.held == 8 * 8
    assert memory.known((1, 2, 3, 4, 5, 6, 7)) == 6 and memory.known((1, 2, 3, 9, 9)) == 4 and memory.known((2,)) == 0
    taken = memory.take((1, 2, 3, 4, 5))
    assert torch.cat([keys for keys, _ in taken], 2).flatten().tolist() == [0, 1, 2, 3, 4]


def test_the_ledger_of_a_search_says_what_was_not_read_again(saved):
    def spent(cache):
        model = models.load(f"hf:{saved['qwen']}", cache=cache)
        strategy, budget = BeamSearch(width=2), Budget(generations=4)
        return outlay.solve(
            "Is it?",
            strategy=strategy,
            model=model,
            verifier="random:1",
            budget=budget,
            steps="tokens:6",
            task="countdown",
        )

    ours, plain = spent("64MiB"), spent(0)
    assert [one.text for one in ours.solutions] == [one.text for one in plain.solutions]
    assert ours.cost.prompt_tokens == plain.cost.prompt_tokens
    assert ours.cost.generated_tokens == plain.cost.generated_tokens
    fresh, all_read = (one.cost.prompt_tokens - one.cost.cached_tokens for one in (ours, plain))
    assert fresh < all_read / 2


def test_samples_that_fill_several_batches_share_one_reading(saved):
    model = models.load(f"hf:{saved['qwen']}", rows=2)
    drawn = asyncio.run(model.sample("What is it?", n=5, max_tokens=4, temperature=1.0, stop=(), seed=0))
    once = drawn[0].prompt_tokens
    assert [one.prompt_tokens for one in drawn] == [once, 0, 1, 0, 1]


def test_the_cache_is_no_part_of_the_name(saved):
    folder = saved["qwen"]
    model = models.load(f"hf:{folder}?cache=2MiB")
    assert model.name == f"hf:{folder}" and model._decoder.memory.limit == 2 << 20
    assert asyncio.run(model.probed())["prefix_cache_mib"] == 2


@pytest.mark.parametrize(
    ("address", "says"),
    [("?cache=much", "no size: write cache=512MiB"), ("?cash=1MiB", 'no option "cash"'), ("?cache", "no option")],
)
def test_an_option_that_is_none_is_one_sentence(saved, address, says):
    with pytest.raises(UserError, match=says):
        models.load(f"hf:{saved['qwen']}{address}")


def test_sizes_are_read_as_people_write_them():
    assert [bytes_of(text) for text in ("0", "1KiB", "2 MB", "1.5GiB", 12)] == [0, 1024, 2_000_000, 1_610_612_736, 12]
