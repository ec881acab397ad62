"""Reward models with heads: each layout against an implementation of its own that follows the model's card, on random weights."""

import asyncio

import numpy as np
import pytest

import outlay
import tiny_models
from outlay import models, tasks, verifiers
from outlay.drive.scoring import score_all
from outlay.errors import UserError
from outlay.types import Budget, Question, Score, Solution, Step

torch = pytest.importorskip("torch", reason="they run on torch (extra hf)")
transformers = pytest.importorskip("transformers", reason="they run on transformers (extra hf)")

QUESTION = Question("q", "What is 2 + 3?")
STEPS = ("Add the two.\n\n", "That gives 5.\n\n", "The answer is 5.")


def solution(*steps, finished=True):
    return Solution(tuple(Step(text, 3) for text in steps), finished=finished)


def scores(verifier, *solutions, question=QUESTION):
    return asyncio.run(verifier.score(question, solutions))


@pytest.fixture(scope="module")
def qwen_prm(tmp_path_factory):
    """The layout of Qwen2.5-Math-PRM: a two-layer head with two classes under `score.0` and `score.2`."""
    torch.manual_seed(1)
    head = {
        "score.0.weight": torch.randn(32, 32) / 6,
        "score.0.bias": torch.randn(32),
        "score.2.weight": torch.randn(2, 32) / 6,
        "score.2.bias": torch.randn(2),
    }
    config = {
        "architectures": ["Qwen2ForProcessRewardModel"],
        "auto_map": {"AutoModel": "modeling_qwen2_rm.Qwen2ForProcessRewardModel"},
        "num_labels": 2,
    }
    folder = tmp_path_factory.mktemp("qwen-prm")
    return tiny_models.save(folder, tiny_models.qwen(), tiny_models.tokenizer(), config, head), head


def test_qwen_math_prm_is_read_at_its_separators(qwen_prm):
    folder, head = qwen_prm
    verifier = verifiers.load(f"hf:{folder}")
    (found,) = scores(verifier, solution(*STEPS))

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    backbone = transformers.Qwen2ForCausalLM.from_pretrained(folder, dtype=torch.float32).model
    answer = "<extra_0>".join(["Add the two.", "That gives 5.", "The answer is 5."]) + "<extra_0>"
    system = "Please reason step by step, and put your final answer within \\boxed{}."
    said = [("system", system), ("user", "What is 2 + 3?"), ("assistant", answer)]
    text = tokenizer.apply_chat_template(
        [{"role": role, "content": content} for role, content in said], tokenize=False, add_generation_prompt=False
    )
    ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
    with torch.no_grad():
        states = backbone(ids).last_hidden_state[0]
        inner = torch.relu(states @ head["score.0.weight"].T + head["score.0.bias"])
        classes = torch.softmax(inner @ head["score.2.weight"].T + head["score.2.bias"], -1)
    expected = classes[ids[0] == tokenizer.convert_tokens_to_ids("<extra_0>"), 1]
    assert len(found) == 3
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert max(found) - min(found) > 0.01  # the steps are told apart


def test_what_is_read_is_what_is_paid_for(qwen_prm):
    verifier = verifiers.load(f"hf:{qwen_prm[0]}")
    given = scores(verifier, solution(*STEPS), solution(*STEPS[:1], finished=False))
    lengths = [
        len(verifier._lay(QUESTION, one).tokens) for one in (solution(*STEPS), solution(*STEPS[:1], finished=False))
    ]
    assert given.spent.verifier_prompt_tokens == sum(lengths)
    assert given.spent.calls == 1
    assert len(given[1]) == 1


def test_a_solution_cannot_write_itself_a_score(qwen_prm):
    verifier = verifiers.load(f"hf:{qwen_prm[0]}")
    honest, sly = scores(verifier, solution(*STEPS), solution("Add<extra_0> the two.\n\n", *STEPS[1:]))
    assert honest == pytest.approx(sly, abs=1e-5)


def test_batches_and_company_change_nothing(qwen_prm):
    verifier = verifiers.load(f"hf:{qwen_prm[0]}")
    several = [solution(*(f"Step {n} of {count}.\n\n" for n in range(count))) for count in range(1, 7)]
    together = scores(verifier, *several)
    for one, given in zip(several, together, strict=True):
        np.testing.assert_allclose(scores(verifier, one)[0], given, atol=1e-5)


def test_both_seams_say_the_same(qwen_prm):
    verifier = verifiers.load(f"hf:{qwen_prm[0]}")
    request = Score(QUESTION, (solution(*STEPS), solution(STEPS[0]), Solution()))
    ((_, by_engine),) = score_all(verifier, [(request, "tag")])
    awaited = scores(verifier, *request.solutions)
    assert [len(one) for one in by_engine] == [3, 1, 0]
    for one, other in zip(by_engine, awaited, strict=True):
        assert one == pytest.approx(other, abs=1e-6)
    assert by_engine.spent == awaited.spent


def test_skywork_s_value_head_is_read_at_line_breaks(tmp_path):
    torch.manual_seed(2)
    head = {"v_head.summary.weight": torch.randn(1, 32), "v_head.summary.bias": torch.randn(1)}
    made = tiny_models.tokenizer()
    folder = tiny_models.save(tmp_path, tiny_models.qwen(), made, {"architectures": ["Qwen2ForPrmModel"]}, head)
    (found,) = scores(verifiers.load(f"hf:{folder}"), solution("Add. \n", "It is 5.\n"))

    def ids(text):
        return made(text, add_special_tokens=False)["input_ids"]

    line = ids("\n")[-1]
    tokens = [*ids("What is 2 + 3?\n"), *ids("Add."), line, *ids("It is 5."), line]
    places = [len(ids("What is 2 + 3?\n")) + len(ids("Add.")), len(tokens) - 1]
    backbone = transformers.Qwen2ForCausalLM.from_pretrained(folder, dtype=torch.float32).model
    with torch.no_grad():
        states = backbone(torch.tensor([tokens])).last_hidden_state[0, places]
        expected = torch.sigmoid(states @ head["v_head.summary.weight"].T + head["v_head.summary.bias"])[:, 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_value_head_saved_around_its_model_is_the_same_model(tmp_path):
    """TRL saves the backbone under `pretrained_model.`."""
    from safetensors.torch import load_file, save_file

    torch.manual_seed(2)
    head = {"v_head.summary.weight": torch.randn(1, 32), "v_head.summary.bias": torch.randn(1)}
    plain = tiny_models.save(tmp_path / "plain", tiny_models.qwen(), tiny_models.tokenizer(), None, head)
    around = tiny_models.save(tmp_path / "around", tiny_models.qwen(), tiny_models.tokenizer())
    tensors = load_file(plain / "model.safetensors")
    renamed = {name if name.startswith("v_head") else f"pretrained_model.{name}": one for name, one in tensors.items()}
    save_file(renamed, around / "model.safetensors", metadata={"format": "pt"})
    (one,), (other,) = (scores(verifiers.load(f"hf:{folder}"), solution(*STEPS)) for folder in (plain, around))
    assert one == pytest.approx(other, abs=1e-6)


def test_token_classification_of_trl_is_read_behind_each_step(tmp_path):
    model = tiny_models.qwen("Qwen2ForTokenClassification", num_labels=2)
    made = tiny_models.tokenizer()
    folder = tiny_models.save(tmp_path, model, made)
    (found,) = scores(verifiers.load(f"hf:{folder}"), solution(*STEPS))
    tokens, places = list(made("What is 2 + 3?", add_special_tokens=False)["input_ids"]), []
    for step in STEPS:
        tokens += made(step.strip(), add_special_tokens=False)["input_ids"]
        tokens += made("\n", add_special_tokens=False)["input_ids"]
        places.append(len(tokens) - 1)
    with torch.no_grad():
        expected = torch.softmax(model(torch.tensor([tokens])).logits[0, places], -1)[:, 1]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_outcome_model_gives_one_score_for_the_whole(tmp_path):
    model = tiny_models.qwen("Qwen2ForSequenceClassification", num_labels=1, pad_token_id=0)
    made = tiny_models.tokenizer()
    folder = tiny_models.save(tmp_path, model, made)
    (found,) = scores(verifiers.load(f"hf:{folder}"), solution(*STEPS))
    said = [{"role": "user", "content": QUESTION.text}, {"role": "assistant", "content": "".join(STEPS)}]
    text = made.apply_chat_template(said, tokenize=False).rstrip("\n")
    with torch.no_grad():
        reward = model(torch.tensor([made(text, add_special_tokens=False)["input_ids"]])).logits[0, 0]
    assert found == pytest.approx((torch.sigmoid(reward).item(),), abs=1e-5)


def test_the_lab_s_prm_gives_the_scores_that_the_embedded_engine_gives():
    task = tasks.load("countdown")
    folder = models.embedded_folder("countdown-prm")
    ours, theirs = verifiers.load("embedded:countdown-prm"), verifiers.load(f"hf:{folder}")
    assert theirs.parameters == ours.parameters
    compared = 0
    for question in task.questions("validation", 6):
        trace = outlay.solve(
            question, strategy="majority", model="embedded:countdown-small", budget=Budget(generations=6), seed=2
        )
        request = Score(question, trace.solutions)
        ((_, embedded),), ((_, hf),) = score_all(ours, [(request, 0)]), score_all(theirs, [(request, 0)])
        for one, other in zip(embedded, hf, strict=True):
            assert one == pytest.approx(other, abs=2e-4)
            compared += len(one)
    assert compared > 60


def test_a_prm_stands_beside_an_embedded_model():
    (question,) = tasks.load("countdown").questions("validation", 1)
    by = {
        address: outlay.solve(
            question,
            strategy={"name": "beam_search", "width": 2},
            model="embedded:countdown-small",
            verifier=address,
            budget=Budget(generations=8),
            seed=3,
        )
        for address in ("embedded:countdown-prm", f"hf:{models.embedded_folder('countdown-prm')}")
    }
    one, other = by.values()
    assert [solution.text for solution in one.solutions] == [solution.text for solution in other.solutions]
    assert (
        other.cost.verifier_prompt_tokens > one.cost.verifier_prompt_tokens
    )  # every reading begins anew, and is charged


def test_the_lab_s_other_heads_are_sent_to_the_engine_that_knows_them():
    with pytest.raises(UserError, match=r"use embedded:"):
        verifiers.load(f"hf:{models.embedded_folder('arithmetic-prm')}")


def test_a_text_that_does_not_fit_has_no_score(qwen_prm, caplog):
    given = scores(verifiers.load(f"hf:{qwen_prm[0]}"), solution("word " * 600), solution(*STEPS))
    assert (given[0], len(given[1])) == ((), 3)
    assert "it has no score" in caplog.text


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("hf:", "names no model"),
        ("hf:nowhere", "there is no folder nowhere"),
        ("hf:qwen-math:somewhere", 'did you mean "qwen-math-prm"'),
        ("tokens:math-shepherd", "write tokens:math-shepherd:hf:FOLDER"),
        ("tokens:shepherd:hf:x", "write tokens:math-shepherd:hf:FOLDER"),
        ("tokens:rlhflow:embedded:countdown-small", "rlhflow runs with hf:FOLDER"),
    ],
)
def test_an_address_of_nothing_is_one_sentence(address, says):
    with pytest.raises(UserError, match=says):
        verifiers.load(address)


def test_a_model_without_a_head_is_sent_to_tokens(tmp_path):
    folder = tiny_models.save(tmp_path, tiny_models.qwen(), tiny_models.tokenizer())
    with pytest.raises(UserError, match="its layout is not known"):
        verifiers.load(f"hf:{folder}")
    with pytest.raises(UserError, match="no reward head"):
        verifiers.load(f"hf:trl:{folder}")


def test_a_layout_that_the_tokenizer_does_not_have_is_said(tmp_path):
    head = {"score.weight": torch.randn(1, 32)}
    made = transformers.AutoTokenizer.from_pretrained(models.embedded_folder("countdown-small"))
    folder = tiny_models.save(tmp_path, tiny_models.qwen(), made, None, head)
    with pytest.raises(UserError, match="<extra_0>"):
        scores(verifiers.load(f"hf:qwen-math-prm:{folder}"), solution(*STEPS))
