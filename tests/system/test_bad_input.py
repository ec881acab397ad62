"""A table of bad inputs: the real program says one sentence each that names the place and the remedy, and touches nothing."""

import gzip
import io
import json
import os
import shlex
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from programs import STUDY, contents, outlay

pytestmark = pytest.mark.system

SMALL = STUDY.format(questions=12)


def rows(questions=4, samples=4, **fields):
    """Samples of which every third is right."""
    return [
        {"question_id": q, "correct": (q + s) % 3 == 0, "answer": str((q + s) % 3), "score": (7 * q + 3 * s) % 10 / 10}
        | fields
        for q in range(questions)
        for s in range(samples)
    ]


def lines(*several):
    """JSON lines; a text stands for itself."""
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in several).encode()


def parquet(several):
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(several) if isinstance(several, list) else several, stream)
    return stream.getvalue()


def changed(several, place, **fields):
    """The rows with one of them changed."""
    return [row | fields if number == place else row for number, row in enumerate(several)]


def edited(old, new):
    assert old in SMALL
    return SMALL.replace(old, new).encode()


@dataclass(frozen=True)
class Case:
    """What is typed, which files lie there, what is said, and how the folder `traces` is spoilt, if it is needed."""

    arguments: str
    says: tuple[str, ...]
    files: tuple[tuple[str, bytes], ...] = ()
    spoil: Callable[[Path], None] | None = None
    largest_file: int | None = None


def analysed(name, content, *says):
    """A file of samples that is analysed beside a report from before."""
    return Case(f"analyse {name} --out report", (name, *says), ((name, content), ("report/summary.json", b"{}")))


def studied(old, new, *says):
    return Case(
        "run study.yaml --out new",
        ("entries" if "entries." in says[0] else "study", *says),
        (("study.yaml", edited(old, new)),),
    )


def a_part(folder):
    """The part that holds the 12 greedy answers."""
    (part,) = (
        part for part in (folder / "traces" / "solutions").glob("part-*") if pq.read_metadata(part).num_rows == 12
    )
    return part


def cut(folder):
    part = a_part(folder)
    part.write_bytes(part.read_bytes()[:200])


def scratched(folder):
    part = a_part(folder)
    whole = bytearray(part.read_bytes())
    whole[100:180] = b"\xff" * 80
    part.write_bytes(whole)


def cut_runs(folder):
    part = min((folder / "traces" / "runs").glob("part-*"))
    part.write_bytes(part.read_bytes()[:50])


def lost(folder):
    a_part(folder).unlink()


def meta(**fields):
    def spoil(folder):
        file = folder / "traces" / "meta.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | fields))

    return spoil


def whole_meta(text):
    return lambda folder: (folder / "traces" / "meta.json").write_text(text)


GOOD = (("samples.jsonl", lines(*rows())), ("study.yaml", SMALL.encode()))
AGAIN = "the command that made the traces again"
GRADED = [{name: value for name, value in row.items() if name != "correct"} | {"reference": "1"} for row in rows()]


def gguf(name, content, *says):
    """A model file that is tried."""
    return Case(f"doctor --model llamacpp:{name}", (name, *says), ((name, content),))


GGUF = b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + struct.pack("<Q", 1) + b"w" + struct.pack("<IQIQ", 1, 64, 0, 0)

CASES = {
    "GGUF that ends in its weights": gguf("half.gguf", GGUF + bytes(100), "ends too early", "fetch it again"),
    "GGUF that ends in its header": gguf("head.gguf", GGUF[:40], "ends in the middle of its header", "fetch it again"),
    "GGUF that is something else": gguf("page.gguf", b"<!DOCTYPE html>", "is no GGUF file", "<!DO"),
    "GGUF that is not there": Case(
        "doctor --model llamacpp:none.gguf?template=none", ("there is no file none.gguf", "give the path"), ()
    ),
    "GGUF with an unknown option": Case("doctor --model llamacpp:m.gguf?tempalte=none", ('did you mean "template"?',)),
    "garbage Parquet": analysed("s.parquet", b"\0garbage" * 50, "cannot be read as Parquet", "write it again"),
    "half a Parquet": analysed("s.parquet", parquet(rows())[:300], "cannot be read as Parquet", "write it again"),
    "empty Parquet": analysed("s.parquet", b"", "cannot be read as Parquet", "write it again"),
    "Parquet damaged in the middle": analysed(
        "s.parquet",
        parquet(rows())[:40] + b"\xff" * 60 + parquet(rows())[100:],
        "cannot be read as Parquet",
        "write it again",
    ),
    "Parquet without rows": analysed(
        "s.parquet", parquet(pa.table({"question_id": pa.array([], pa.string())})), "no samples"
    ),
    "Parquet without a column": analysed(
        "s.parquet", parquet([{"id": 1}]), "row 1", "`question_id` is missing", "`id`"
    ),
    "Parquet column of another type": analysed(
        "s.parquet",
        parquet([{"question_id": 1, "correct": "maybe"}]),
        "row 1",
        "`correct` should be true or false",
        "correct it",
    ),
    "Parquet with NaN": analysed(
        "s.parquet",
        parquet(pa.table({"question_id": ["a", "a"], "correct": [True, False], "score": [0.5, float("nan")]})),
        "row 2",
        "`score` should be a finite number",
        "leave the field out",
    ),
    "a broken line": analysed(
        "s.jsonl",
        lines(*rows()[:3], '{"question_id": 1, "corr'),
        "line 4",
        "expected one JSON object a line",
        "--skip-bad",
    ),
    "a line that is no object": analysed(
        "s.jsonl", lines(*rows()[:3], "[1]"), "line 4", "found an array", "--skip-bad"
    ),
    "a line that is no UTF-8": analysed(
        "s.jsonl",
        lines(*rows()) + '{"question_id": "é"}\n'.encode("latin-1"),
        "line 17",
        "not UTF-8",
        "mend or remove the line",
    ),
    "an infinite score": analysed(
        "s.jsonl",
        lines(*rows(), '{"question_id": 1, "correct": true, "score": Infinity}'),
        "line 17",
        "`score`",
        "finite number",
    ),
    "NaN among step scores": analysed(
        "s.jsonl",
        lines('{"question_id": 1, "correct": true, "step_scores": [NaN]}'),
        "line 1",
        "`step_scores`",
        "finite numbers",
    ),
    "a missing field": analysed(
        "s.jsonl", lines(*rows(), {"question_id": 1}), "line 17", "`correct` is missing", "`reference`"
    ),
    "an empty file": analysed("s.jsonl", b"", "no samples", "expected one a line"),
    "a gzip cut short": analysed(
        "s.jsonl.gz", gzip.compress(lines(*rows()))[:-30], "after line", "a whole gzip file", "write it again"
    ),
    "no gzip": analysed("s.jsonl.gz", b"plain", "Not a gzipped file", "a whole gzip file"),
    "two references": analysed(
        "s.jsonl",
        lines(*changed(GRADED, 5, reference="2")),
        "line 6",
        "`reference` of question '1' is '2', but '1' at",
        "line 5",
    ),
    "two levels": analysed(
        "s.jsonl",
        lines(*changed(rows(level=3), 1, level=4)),
        "line 2",
        "`level` of question '0' is '4', but '3' at",
        "line 1",
    ),
    "a sample given twice": analysed(
        "s.jsonl",
        lines(*rows(2, 1, sample=7), rows(2, 1, sample=7)[0]),
        "line 3",
        "sample 7 of question '0'",
        "line 1",
        "apart",
    ),
    "another kind of file": analysed("s.csv", b"a,b", "not a kind of file", ".jsonl"),
    "no such file": Case("analyse nothing.jsonl", ("nothing.jsonl", "check the path")),
    "no traces in a folder": Case(
        "analyse folder", ("folder holds no traces", "give a folder"), (("folder/a.txt", b""),)
    ),
    "a budget beyond the pool": Case("analyse samples.jsonl --budget 100", ("--budget 100", "at most 4"), GOOD),
    "a pilot beyond the pool": Case("analyse samples.jsonl --pilot 4", ("--pilot 4", "smaller pilot"), GOOD),
    "an unknown option": Case("analyse samples.jsonl --buget 4", ("--buget", '"--budget"'), GOOD),
    "an unknown command": Case("analyze samples.jsonl", ("analyze", '"analyse"'), GOOD),
    "an output that is a file": Case(
        "analyse samples.jsonl --out study.yaml", ("study.yaml is a file", "another name"), GOOD
    ),
    "an output below a file": Case(
        "run study.yaml --out samples.jsonl/x", ("samples.jsonl is a file", "another place"), GOOD
    ),
    "no room for the summary": Case(
        "analyse samples.jsonl --out report", ("summary.json", "File too large", "make room"), GOOD, largest_file=1024
    ),
    "no room for the report": Case(
        "analyse samples.jsonl --out report", ("report.html", "File too large", "make room"), GOOD, largest_file=100_000
    ),
    "no room for the policy": Case(
        "calibrate traces --budget 4 --pilot 2 --out p.yaml",
        ("p.yaml", "File too large", "make room"),
        spoil=lambda _: None,
        largest_file=512,
    ),
    "no study": Case("run nothing.yaml", ("no study file nothing.yaml",)),
    "an empty study": Case("run study.yaml", ("study.yaml is empty", "name and entries"), (("study.yaml", b""),)),
    "a study that is no YAML": Case(
        "run study.yaml", ("study.yaml, line 2", "not YAML"), (("study.yaml", b"name: [small\npilot: 2\n"),)
    ),
    "a study that is a list": Case("run study.yaml", ("study.yaml must hold a mapping",), (("study.yaml", b"- a\n"),)),
    "an unknown field": studied("pool:", "pol:", "field entries.0.pol", '"pool"'),
    "an unknown field above": studied("pilot:", "pilto:", "field pilto", '"pilot"'),
    "a missing field of a study": studied("name: small", "", "field name: missing", "add it"),
    "a wrong type in a study": studied(
        "questions: 12", "questions: many", "field entries.0.questions", "a whole number", "'many'"
    ),
    "a number that is too small": studied(
        "questions: 12", "questions: 5", "field entries.0.questions", "or equal to 10", "5"
    ),
    "a pilot as large as the pool of a study": studied(
        "pilot: 2", "pilot: 8", "a pilot of 8 samples", "take a smaller pilot"
    ),
    "an unknown strategy": studied("beam_search", "beam_serch", "field entries.0.searches.0.strategy", '"beam_search"'),
    "an unknown option of a strategy": studied("width:", "widht:", "field entries.0.searches.0.strategy", '"width"'),
    "a strategy's option of a wrong type": studied(
        "width: 2", "width: two", "field entries.0.searches.0.strategy", "'two'"
    ),
    "an unknown task": studied("task: countdown", "task: countdwn", "field entries.0.task", '"countdown"'),
    "an unknown model": studied("countdown-small", "countdown-smal", "field entries.0.model", '"countdown-small"'),
    "an unknown kind of model": studied("model: embedded", "model: embeded", "field entries.0.model", '"embedded"'),
    "an unknown verifier": studied("countdown-prm", "countdown-pmr", "field entries.0.verifier", '"countdown-prm"'),
    "an unknown split": Case(
        "run study.yaml --out new",
        ("no split 'tset'", "validation"),
        (("study.yaml", edited("split: validation", "split: tset")),),
    ),
    "traces of another study": Case(
        "run study.yaml --out traces --seed 3",
        ("traces holds the traces of another study", "--out"),
        GOOD,
        spoil=lambda _: None,
    ),
    "a budget beyond the traces": Case(
        "calibrate traces --budget 100 --pilot 2", ("--budget 100", "ask for less"), spoil=lambda _: None
    ),
    "a pilot beyond the traces": Case(
        "calibrate traces --budget 4 --pilot 8", ("--pilot 8", "smaller pilot"), spoil=lambda _: None
    ),
    "a task that the traces lack": Case(
        "calibrate traces --budget 4 --task countdwn", ("countdwn", '"countdown"'), spoil=lambda _: None
    ),
    "a part cut short": Case(
        "analyse traces", ("traces/solutions/part-", "is damaged", AGAIN, "--skip-bad"), spoil=cut
    ),
    "a part damaged in the middle": Case(
        "analyse traces", ("traces/solutions/part-", "is damaged", AGAIN), spoil=scratched
    ),
    "a part of runs cut short": Case("analyse traces", ("traces/runs/part-", "is damaged", AGAIN), spoil=cut_runs),
    "a part that is gone": Case(
        "analyse traces", ("traces: 12 of 48 runs lack solutions", AGAIN, "--skip-bad"), spoil=lost
    ),
    "calibrating without a part": Case("calibrate traces --budget 4", ("runs lack solutions", AGAIN), spoil=lost),
    "running on a damaged part": Case(
        "run study.yaml --out traces", ("is damaged", "move it away", AGAIN), GOOD, spoil=cut
    ),
    "traces of a newer schema": Case(
        "analyse traces", ("schema version 99", "upgrade Outlay"), spoil=meta(schema_version=99)
    ),
    "running into a newer schema": Case(
        "run study.yaml --out traces", ("schema version 99", "upgrade"), GOOD, spoil=meta(schema_version=99)
    ),
    "a schema version that is none": Case(
        "analyse traces", ("meta.json", "`schema_version`", "restore"), spoil=meta(schema_version="x")
    ),
    "a study in the traces that is none": Case(
        "run study.yaml --out traces", ("another study", "--out"), GOOD, spoil=meta(study=[1])
    ),
    "a broken meta.json": Case(
        "analyse traces", ("traces/meta.json", "JSON", "restore it, or delete it"), spoil=whole_meta("{")
    ),
    "a meta.json that is a list": Case(
        "analyse traces", ("traces/meta.json", "not a list", "restore"), spoil=whole_meta("[]")
    ),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    (folder / "study.yaml").write_text(SMALL)
    ran = outlay("run", "study.yaml", "--out", "traces", "--workers", 1, cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return folder / "traces"


def limited(largest_file):
    """What sets the largest file that a process may write, which fails as a full disk does."""
    import resource

    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))


@pytest.mark.parametrize("name", CASES)
def test_bad_input_gets_one_sentence_and_touches_nothing(name, tmp_path, request):
    case = CASES[name]
    for file, content in case.files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(content)
    if case.spoil is not None:
        shutil.copytree(request.getfixturevalue("finished"), tmp_path / "traces")
        case.spoil(tmp_path)
    before = contents(tmp_path)
    options = {} if case.largest_file is None else {"preexec_fn": limited(case.largest_file)}
    failed = outlay(*shlex.split(case.arguments), cwd=tmp_path, **options)
    assert failed.returncode == 2, failed.stderr
    assert len(failed.stderr.splitlines()) == 1, failed.stderr
    for part in case.says:
        assert part in failed.stderr
    assert contents(tmp_path) == before


WITHOUT_PRIVILEGES = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
"""What starts a program that a file's permissions bind, also where the tests run as root."""


@pytest.mark.skipif(bool(WITHOUT_PRIVILEGES) and shutil.which("setpriv") is None, reason="nothing is forbidden to root")
@pytest.mark.parametrize("name", ["s.parquet", "s.jsonl"])
def test_a_file_that_may_not_be_read_is_said_so(name, tmp_path):
    (tmp_path / name).write_bytes(b"")
    (tmp_path / name).chmod(0)
    failed = outlay("analyse", name, cwd=tmp_path, through=WITHOUT_PRIVILEGES)
    assert failed.returncode == 2
    assert f"{name} cannot be read (Permission denied); allow yourself to read it" in failed.stderr


def summary_of(done):
    """The summary on standard output, which no NaN or infinity may be in."""

    def refused(constant):
        raise AssertionError(f"{constant} is no JSON")

    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout, parse_constant=refused)


THIN = {
    "one question": (rows(1, 8), "One question: every figure is about this question alone"),
    "no right answer anywhere": (rows(30, 8, correct=False), "No sample of any question is right"),
    "every answer right": (rows(30, 8, correct=True), "Every sample of every question is right"),
    "one sample a question": (rows(30, 1), "One sample a question: accuracy is all that can be said"),
    "one sample of one question": (rows(1, 1), "One question"),
    "no sample with an answer": (rows(30, 8, answer=None), "no policy to compare"),
    "one chain": ([row | {"chain": 0, "position": n} for n, row in enumerate(rows(1, 4))], "One chain a question"),
}


@pytest.mark.parametrize("name", THIN)
def test_thin_input_gets_a_report_that_says_what_cannot_be_told(name, tmp_path):
    samples, warning = THIN[name]
    (tmp_path / "s.jsonl").write_bytes(lines(*samples))
    summary = summary_of(outlay("analyse", "s.jsonl", "--out", "report", "--json", cwd=tmp_path))
    (group,) = summary["groups"]
    assert any(warning in said for said in group["warnings"])
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000


def test_bad_rows_are_left_out_when_asked_and_told(tmp_path):
    good = rows(30, 8)
    (tmp_path / "s.jsonl").write_bytes(lines(*good[:3], "{", *good[3:], good[0] | {"score": "high"}, *["[]"] * 3))
    (tmp_path / "good.jsonl").write_bytes(lines(*good))
    left_out = summary_of(outlay("analyse", "s.jsonl", "--json", "--skip-bad", cwd=tmp_path))
    (warning,) = left_out["warnings"]
    assert warning.startswith("5 bad rows were left out: s.jsonl, line 4: not JSON")
    assert "s.jsonl, line 242: field `score`" in warning
    assert warning.endswith("And 2 more.")
    (tmp_path / "good.jsonl").rename(tmp_path / "s.jsonl")
    whole = summary_of(outlay("analyse", "s.jsonl", "--json", cwd=tmp_path))
    assert left_out["groups"] == whole["groups"]


def test_a_damaged_part_is_left_out_when_asked_and_told(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "traces")
    cut(tmp_path)
    summary = summary_of(outlay("analyse", "traces", "--json", "--skip-bad", cwd=tmp_path))
    assert any("is damaged" in said for said in summary["warnings"])
    assert any("12 of 48 runs lack solutions" in said for said in summary["warnings"])


def test_what_a_damaged_part_held_is_made_anew(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "traces")
    (tmp_path / "study.yaml").write_text(SMALL)
    a_part(tmp_path).unlink()
    (tmp_path / "traces" / "summary.json").unlink()
    again = outlay("run", "study.yaml", "--out", "traces", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    made, meant = (json.loads((folder / "summary.json").read_text()) for folder in (tmp_path / "traces", finished))
    assert made | {"seconds": 0} == meant | {"seconds": 0}
