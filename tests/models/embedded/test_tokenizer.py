"""The word-level tokenizer: words to ids and back, other tokenizers refused."""

import json
from pathlib import Path

import pytest

from outlay.errors import UserError
from outlay.models.embedded import WordTokenizer, read_tokenizer


def test_a_word_is_a_token(folders: dict[str, Path]) -> None:
    assert read_tokenizer(folders["policy"]).encode("3 4 ;  5\n<end>") == (6, 7, 2, 8, 1)


def test_generated_text_continues_a_prompt(folders: dict[str, Path]) -> None:
    tokenizer = read_tokenizer(folders["policy"])
    assert "3 4" + tokenizer.decode([2, 8]) == "3 4 ; 5"


def test_an_unknown_word_is_named() -> None:
    with pytest.raises(UserError, match="'seven'"):
        WordTokenizer.of(["<pad>", "one"]).encode("one seven")


def test_an_unknown_word_becomes_the_unknown_token_where_there_is_one() -> None:
    assert WordTokenizer.of(["<unk>", "one"], unknown=0).encode("one seven") == (1, 0)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"tokenizer\.json does not exist"):
        read_tokenizer(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}},
        {"pre_tokenizer": {"type": "ByteLevel"}},
        {"pre_tokenizer": None},
        {"normalizer": {"type": "Lowercase"}},
    ],
)
def test_another_kind_of_tokenizer_is_refused(folders: dict[str, Path], tmp_path: Path, change: dict) -> None:
    content = json.loads((folders["policy"] / "tokenizer.json").read_text()) | change
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="not a word-level tokenizer"):
        read_tokenizer(tmp_path)
