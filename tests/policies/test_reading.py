"""Policy files from anyone: bombs, tags, sizes and doubled fields are refused in a sentence, and nothing is run."""

import pytest

from outlay.errors import UserError
from outlay.policies import Choice, PerBinPolicy, Plan, Policy
from outlay.policies.reading import DEEPEST, MOST_BYTES, plain_fields


def written(tmp_path, text):
    file = tmp_path / "policy.yaml"
    file.write_text(text, encoding="utf-8")
    return file


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)


@pytest.mark.parametrize(
    "text, says",
    [
        (BOMB, "aliases"),
        ("task: &t countdown\nmodel: *t\n", "line 2: aliases"),
        ("task: !!python/object/apply:os.system ['touch {mark}']\n", "tag"),
        ("task: !!python/name:os.system\n", "python/name"),
        ("task: !custom x\n", "!custom"),
        ("task: a\nmodel: m\ntask: b\n", "line 3: the field `task` is given twice"),
        ("task: " + "[" * (DEEPEST + 5) + "]" * (DEEPEST + 5) + "\n", "deeper"),
        ("task: " + "[" * 50_000 + "\n", ""),
        ("task: 'open\n", "YAML"),
        ("task: a\x00b\n", "YAML"),
        ("- a\n- b\n", "not a list"),
        ("just text\n", "not a str"),
        ("? [1, 2]\n: x\n", ""),
        ("", "NoneType"),
    ],
)
def test_what_is_no_plain_policy_is_refused_in_a_sentence(tmp_path, text, says):
    mark = tmp_path / "mark"
    file = written(tmp_path, text.replace("{mark}", str(mark)))
    with pytest.raises(UserError) as refused:
        Policy.load(file)
    said = str(refused.value)
    assert says in said and "policy.yaml" in said and "\n" not in said and len(said) < 600
    assert not mark.exists()


def test_a_file_that_is_too_large_is_refused_before_it_is_parsed(tmp_path):
    file = written(tmp_path, "task: '" + "x" * MOST_BYTES + "'\n")
    with pytest.raises(UserError, match="larger than 2 MB"):
        plain_fields(file)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_bytes(b"task: \xff\xfe\n")
    with pytest.raises(UserError, match="YAML"):
        plain_fields(file)


def test_a_policy_that_was_saved_is_read_again(tmp_path):
    choice = Choice(strategy={"name": "majority", "temperature": 0.8}, generations=4)
    policy = PerBinPolicy(task="t", model="m", plans=(Plan(budget=4, choices=(choice,)),))
    policy.save(tmp_path / "policy.yaml")
    assert Policy.load(tmp_path / "policy.yaml") == policy
