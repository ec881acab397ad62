"""Logs that inspect_ai and lm-evaluation-harness really wrote (tests/data/README.md says how)."""

import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from outlay.errors import UserError
from outlay.study.pools import read_pools
from outlay.traces import read_samples
from outlay.traces.inspect_logs import _zipped

DATA = Path(__file__).parents[1] / "data"
EVAL = DATA / "inspect" / "sums.eval"
(SUMS,) = (DATA / "harness").glob("samples_sums_2*.jsonl")
(SUMS_ALL,) = (DATA / "harness").glob("samples_sums_all_*.jsonl")
(CHOICE,) = (DATA / "harness").glob("samples_choice_*.jsonl")


def rows(path, *fields):
    return [tuple(row[field] for field in fields) for row in read_samples([path]).to_pylist()]


def test_an_eval_log_gives_its_samples_epoch_by_epoch():
    assert rows(EVAL, "question_id", "sample", "answer", "correct", "reference", "tokens") == [
        ("sum-0", 0, "2", True, "2", 4),
        ("sum-1", 0, "3", False, "5", 1),
        ("sum-2", 0, "5", False, "8", 1),
        ("sum-0", 1, "5", False, "2", 3),
        ("sum-1", 1, "7", False, "5", 1),
        ("sum-2", 1, None, False, "8", 0),
    ]
    assert set(rows(EVAL, "task", "model")) == {("sums", "mockllm/model")}
    assert rows(EVAL, "text", "level")[0] == ("So it is 2", "0")


def test_a_json_log_gives_its_samples():
    path = DATA / "inspect" / "one-sum.json"
    assert rows(path, "question_id", "sample", "answer", "correct") == [
        ("sum-0", 0, "2", True),
        ("sum-0", 1, "3", False),
    ]


def test_a_log_of_an_older_version_is_compressed_otherwise(tmp_path):
    older = tmp_path / "older.eval"
    head, samples = _zipped(EVAL)
    with zipfile.ZipFile(older, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps(head))
        for sample in samples:
            archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
    assert rows(older, "question_id", "answer", "correct") == rows(EVAL, "question_id", "answer", "correct")


def changed(tmp_path, **fields):
    log = json.loads((DATA / "inspect" / "one-sum.json").read_text())
    log["samples"][1].update(fields)
    (tmp_path / "log.json").write_text(json.dumps(log))
    return tmp_path / "log.json"


def test_a_sample_that_ended_in_an_error_is_named_and_may_be_left_out(tmp_path):
    path = changed(tmp_path, error={"message": "rate limit"})
    with pytest.raises(UserError, match=r"sample 'sum-0', epoch 2: ended in an error \(rate limit\)"):
        read_samples([path])
    told = []
    assert read_samples([path], told.append).num_rows == len(told) == 1


def test_a_sample_without_a_grade_falls_back_on_its_target(tmp_path):
    path = changed(tmp_path, scores={"judge": {"value": 0.4}})
    assert rows(path, "correct", "reference")[1] == (None, "2")


def test_the_first_score_that_is_right_or_wrong_counts(tmp_path):
    path = changed(tmp_path, scores={"judge": {"value": 0.4}, "match": {"value": "C", "answer": "2"}})
    assert rows(path, "correct", "answer")[1] == (True, "2")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.eval", b"PK\x03\x04 no"),
        ("a.json", b"{}"),
        ("b.json", b"[1]"),
        ("c.json", b"{"),
        ("d.eval", EVAL.read_bytes()[:9000]),
    ],
)
def test_a_file_that_is_no_log_is_refused_in_one_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name} cannot be read as a log of inspect_ai"):
        read_samples([tmp_path / name])


def test_a_document_whose_first_response_alone_is_graded_is_one_sample():
    assert rows(SUMS, "question_id", "text", "answer", "correct") == [
        ("0", "it is 2", "2", True),
        ("1", "5", "5", True),
        ("2", "I do not know", None, False),
    ]


def test_the_task_is_read_off_the_name_and_the_model_off_the_results_beside_it():
    assert set(rows(SUMS, "task", "model")) == {("sums", "scripted-7b")}


def test_repeats_that_the_filter_keeps_are_all_samples_each_with_its_own_grade():
    kept = [
        row
        for row in rows(SUMS_ALL, "task", "question_id", "sample", "answer", "correct")
        if row[0] == "sums_all (number)"
    ]
    assert [row[1:] for row in kept] == [
        ("0", 0, "2", None),
        ("0", 1, "3", None),
        ("1", 0, "5", True),
        ("1", 1, "5", True),
        ("2", 0, None, None),
        ("2", 1, "8", None),
    ]


def test_several_filters_make_several_pools_graded_as_the_harness_did():
    pools = {pool.task: pool for pool in read_pools([SUMS_ALL])}
    assert {name: pool.correct.mean() for name, pool in pools.items()} == pytest.approx(
        {"sums_all (number)": (0.5 + 1 + 0.5) / 3, "sums_all (last)": 2 / 3}
    )


def test_a_choice_is_the_likeliest_option():
    assert rows(CHOICE, "answer", "reference", "correct") == [("0", "0", True), ("0", "1", False)]


def test_a_metric_that_is_no_grade_is_refused(tmp_path):
    row = json.loads(SUMS.read_text().splitlines()[0]) | {"metrics": ["bleu"], "bleu": 31.2}
    (tmp_path / "samples_a_2026-01-01T00-00-00.0.jsonl").write_text(json.dumps(row))
    with pytest.raises(UserError, match=r"line 1: none of its metrics \(bleu\)"):
        read_samples([tmp_path / "samples_a_2026-01-01T00-00-00.0.jsonl"])


def test_no_codec_is_needed_beyond_what_the_core_installs():
    assert pa.Codec.is_available("zstd")
