"""Reward models behind pooling endpoints: every documented shape gives the same scores, found out by asking."""

import asyncio

import pytest
from pooling_servers import MODEL, PoolingServer, sigmoid, worth

from outlay import verifiers
from outlay.errors import OutlayError, UserError
from outlay.models.openai import Patience
from outlay.types import Question, Solution, Step
from outlay.verifiers.pooling_pieces import pieces_of

QUESTION = Question("q", "What is 2 + 3?")
STEPS = ("Add the two.\n\n", "That gives 5.\n\n", "The answer is 5.", "Done.")
PATIENCE = Patience(connect=2, reply=10, tries=3, first_pause=0.01)


@pytest.fixture(autouse=True)
def without_keys(monkeypatch):
    monkeypatch.delenv("OUTLAY_API_KEY", raising=False)


def solution(*steps):
    return Solution(tuple(Step(text, 3) for text in steps), finished=True)


def asked(server, *solutions, layout="qwen-math-prm", model=MODEL):
    """The scores, what was found out, and the verifier."""
    verifier = verifiers.load(f"pooling:{layout}:{server.url}#{model}", patience=PATIENCE)

    async def work():
        try:
            found = await verifier.probed()
            before = server.read
            given = await verifier.score(QUESTION, solutions)
            return given, found, server.read - before
        finally:
            await verifier.close()

    return asyncio.run(work())


def expected(layout, steps):
    """The reward model's own probability at the end of each step."""
    pieces = pieces_of(layout, QUESTION.text, steps)
    return [sigmoid(worth(pieces.text[:end])) for end in pieces.ends]


SHAPES = {
    "vLLM with STEP pooling": ({}, "a step", "/pooling"),
    "vLLM since 0.11.1, which wants a task": ({"task": "token_classify"}, "a step", "/pooling (task token_classify)"),
    "vLLM with STEP pooling and raw classes": ({"activation": None, "active": False}, "a step", "/pooling"),
    "vLLM whose field is softmax": ({"activation": "softmax"}, "a step", "/pooling"),
    "vLLM whose field is activation, off": ({"activation": "activation", "active": False}, "a step", "/pooling"),
    "vLLM with ALL pooling": ({"pools": "all"}, "a token", "/pooling"),
    "vLLM with ALL pooling and one raw number": (
        {"pools": "all", "classes": 1, "activation": None, "active": False},
        "a token",
        "/pooling",
    ),
    "vLLM with LAST pooling": ({"pools": "last"}, "a text", "/pooling"),
    "vLLM with LAST pooling and one number": ({"pools": "last", "classes": 1}, "a text", "/pooling"),
    "vLLM up to 0.6.5": ({"kind": "vllm-old", "activation": None}, "a step", "/v1/embeddings"),
    "vLLM up to 0.6.5, a number a token": (
        {"kind": "vllm-old", "pools": "all", "classes": 1, "activation": None, "active": False},
        "a token",
        "/v1/embeddings",
    ),
    "SGLang": (
        {"kind": "sglang", "pools": "last", "classes": 1, "activation": None, "active": False, "tokenize": False},
        "a text",
        "/classify",
    ),
    "a classification endpoint": (
        {"kind": "classify", "pools": "last", "activation": None, "tokenize": False},
        "a text",
        "/v1/classify",
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_model_s_probabilities(shape):
    behaviour, gives, endpoint = SHAPES[shape]
    with PoolingServer(**behaviour) as server:
        given, found, read = asked(server, solution(*STEPS), solution(*STEPS[:2]), Solution())
    assert (found["gives_one_number"], found["endpoint"]) == (gives, endpoint)
    assert given[0] == pytest.approx(expected("qwen-math-prm", STEPS), abs=1e-6)
    assert given[1] == pytest.approx(expected("qwen-math-prm", STEPS[:2]), abs=1e-6)
    assert given[2] == ()
    assert given.spent.verifier_prompt_tokens == read
    assert given.spent.calls == (6 if gives == "a text" else 2)


def test_skywork_s_layout_is_shown_as_tokens_piece_by_piece():
    with PoolingServer(pools="all", classes=1, activation=None, active=False) as server:
        given, _, _ = asked(server, solution("Add.", "It is 5."), layout="skywork", model="Skywork/Skywork-o1-Open-PRM")
        shown = server.bodies[-1]["input"]
        assert isinstance(shown, list) and server.vocabulary.text(shown) == "What is 2 + 3?\nAdd.\nIt is 5.\n"
    assert given[0] == pytest.approx(expected("skywork", ("Add.", "It is 5.")), abs=1e-6)


def test_an_outcome_model_is_asked_once_a_solution_with_its_own_template():
    with PoolingServer(pools="last", classes=1, activation=None, active=False) as server:
        given, found, _ = asked(server, solution(*STEPS), layout="outcome", model="some/reward-model")
        assert "messages" in server.bodies[-1]
    assert (len(given[0]), given.spent.calls, found["numbers"]) == (1, 1, "logits")


def test_the_layout_is_told_by_the_model_s_name():
    assert verifiers.load(f"pooling:http://localhost:1#{MODEL}").layout == "qwen-math-prm"
    with pytest.raises(UserError, match="does not tell how the model wants to be shown"):
        verifiers.load("pooling:http://localhost:1#some/model")


def test_hidden_states_are_no_scores():
    with (
        PoolingServer(hidden=64, activation=None) as server,
        pytest.raises(UserError, match=r"no pooling endpoint that scores .*hidden states or embeddings"),
    ):
        asked(server, solution(*STEPS))


def test_a_number_a_token_without_a_tokenizer_cannot_be_placed():
    with (
        PoolingServer(pools="all", tokenize=False) as server,
        pytest.raises(UserError, match="has no /tokenize that would tell which"),
    ):
        asked(server, solution(*STEPS))


def test_a_server_that_fails_for_a_while_is_asked_again_and_one_that_is_not_there_is_named():
    with PoolingServer() as server:
        verifier = verifiers.load(f"pooling:qwen-math-prm:{server.url}#{MODEL}", patience=PATIENCE)

        async def work():
            await verifier.ready()
            server.broken = 2
            return await verifier.score(QUESTION, [solution(*STEPS)])

        assert asyncio.run(work())[0] == pytest.approx(expected("qwen-math-prm", STEPS), abs=1e-6)
        url = server.url
    with pytest.raises(UserError, match=f"no server answers at {url}"):
        asyncio.run(verifiers.load(f"pooling:{url}#{MODEL}", patience=PATIENCE).ready())


def test_an_activation_that_comes_and_goes_is_not_believed():
    with PoolingServer(pools="last", classes=1, activation=None) as server:
        verifier = verifiers.load(f"pooling:qwen-math-prm:{server.url}#{MODEL}", patience=PATIENCE)

        async def work():
            await verifier.ready()
            server.active = False
            return await verifier.score(QUESTION, [solution(*STEPS)])

        with pytest.raises(OutlayError, match="which is no probability"):
            asyncio.run(work())


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("pooling:", "names no server: write pooling:LAYOUT:URL#MODEL"),
        ("pooling:qwen-math-prm:nowhere", "names no server"),
        ("pooling:qwen-math:http://h:1#m", 'did you mean "qwen-math-prm"'),
        ("pooling:outcome:http://me:secret@h:1#m", "holds a password or a query"),
    ],
)
def test_an_address_of_nothing_is_one_sentence(address, says):
    with pytest.raises(UserError, match=says):
        verifiers.load(address)
