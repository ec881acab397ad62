"""GGUF files written byte by byte: what is read from them, and the sentence for each way of being broken."""

import struct

import pytest

from outlay.errors import UserError
from outlay.models.llamacpp.header import read_header

F32, Q4_1 = 0, 3


def text(value):
    return struct.pack("<Q", len(value.encode())) + value.encode()


def pair(key, kind, content):
    return text(key) + struct.pack("<I", kind) + content


def tensor(name, shape, kind, offset):
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


PAIRS = (
    pair("general.architecture", 8, text("llama")),
    pair("general.name", 8, text("Small")),
    pair("llama.context_length", 4, struct.pack("<I", 2048)),
    pair("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 2) + text("a") + text("bc")),
    pair("tokenizer.ggml.scores", 9, struct.pack("<IQ", 6, 2) + struct.pack("<2f", 0.5, 0.25)),
    pair("tokenizer.chat_template", 8, text("{{ messages }}")),
)
TENSORS = (tensor("one", (64, 3), Q4_1, 0), tensor("two", (5,), F32, 128))
DATA = 128 + 5 * 4  # 6 blocks of 20 bytes, padded to 128; then 5 floats


def content(pairs=PAIRS, tensors=TENSORS, magic=b"GGUF", version=3, data=DATA):
    head = magic + struct.pack("<IQQ", version, len(tensors), len(pairs)) + b"".join(pairs) + b"".join(tensors)
    return head + bytes(-len(head) % 32) + bytes(data)


@pytest.fixture
def file(tmp_path):
    def write(written):
        path = tmp_path / "model.gguf"
        path.write_bytes(written)
        return path

    return write


def test_a_whole_file_says_what_it_is(file):
    header = read_header(file(content()))
    assert (header.name, header.architecture, header.context, header.has_template) == ("Small", "llama", 2048, True)
    assert header.parameters == 64 * 3 + 5
    assert header.fields["tokenizer.ggml.tokens"] is None  # long lists are passed over


def test_a_file_without_template_or_name_goes_by_its_file_name(file):
    header = read_header(file(content(pairs=PAIRS[:1])))
    assert (header.name, header.context, header.has_template) == ("model", None, False)


@pytest.mark.parametrize("missing", [1, 19, 20, DATA])
def test_weights_that_end_early_are_told_with_both_lengths(file, missing):
    whole = len(content())
    with pytest.raises(
        UserError, match=rf"has {whole - missing:,} bytes and its weights take {whole:,}.*fetch it again"
    ):
        read_header(file(content()[:-missing]))


def test_a_header_that_ends_anywhere_is_told(file):
    head = len(content(data=0))
    for length in range(4, head - 32, 7):
        with pytest.raises(UserError, match=r"ends in the middle of its header|ends too early|is damaged"):
            read_header(file(content()[:length]))


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (b"", "is no GGUF file .it is empty"),
        (b"PK\x03\x04" + bytes(99), r"is no GGUF file .it begins with b'PK"),
        (content(version=1), "is a GGUF file of version 1; versions 2 and 3"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 40, 1), "is damaged .a table of"),
        (content(pairs=(pair("a", 8, struct.pack("<Q", 1 << 60)),)), "is damaged .a text of"),
        (content(pairs=(pair("a", 77, b""),)), "is damaged .a value of the unknown kind 77"),
        (content(pairs=(pair("a", 9, struct.pack("<IQ", 8, 1 << 60)),)), "is damaged .a list of"),
    ],
)
def test_what_is_no_model_is_told_in_one_sentence(file, written, says):
    with pytest.raises(UserError, match=says) as told:
        read_header(file(written))
    assert "\n" not in str(told.value)


def test_a_file_that_is_not_there_and_a_folder_are_told(tmp_path):
    with pytest.raises(UserError, match=r"there is no file .*missing\.gguf"):
        read_header(tmp_path / "missing.gguf")
    with pytest.raises(UserError, match="is a folder"):
        read_header(tmp_path)
