"""Running a study in worker processes: the same traces whatever the number of workers, and after a kill."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from outlay.errors import OutlayError, UserError
from outlay.study.run import run_packages
from outlay.study.study import parse_study
from outlay.study.work import difficulty_seed, jobs, packages
from outlay.traces.store import Store

STUDY = {
    "name": "small",
    "pilot": 2,
    "entries": [
        {
            "task": "countdown",
            "model": "embedded:countdown-small",
            "verifier": "oracle:countdown",
            "split": "validation",
            "questions": 120,
            "pool": 8,
            "difficulty_samples": 4,
            "searches": [{"strategy": {"name": "beam_search", "selection": "best_of_n"}, "budgets": [4]}],
        }
    ],
}


def contents(path):
    store = Store(path)
    runs = store.runs().drop_columns(["run_id", "cost_seconds"]).to_pylist()
    solutions = store.solutions().drop_columns(["run_id"]).to_pylist()
    return runs, solutions


def run(path, workers=1, content=STUDY):
    study = parse_study(content, "test")
    left = list(packages(study, Store(path).done()))
    seen = []
    run_packages(left, path, workers, seen.append)
    return left, seen


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    path = tmp_path_factory.mktemp("undisturbed")
    left, seen = run(path)
    assert sum(p.units for p in seen) == sum(len(p.units) for p in left) == 4 * 120
    return contents(path)


def test_the_number_of_workers_changes_nothing(undisturbed, tmp_path):
    run(tmp_path, workers=3)
    assert contents(tmp_path) == undisturbed


def test_a_finished_study_has_nothing_left(tmp_path):
    small = {**STUDY, "entries": [{**STUDY["entries"][0], "questions": 10}]}
    run(tmp_path, content=small)
    assert run(tmp_path, content=small) == ([], [])


def test_more_questions_are_added_to_what_is_there(tmp_path):
    run(tmp_path, content={**STUDY, "entries": [{**STUDY["entries"][0], "questions": 10}]})
    left, _ = run(tmp_path, content={**STUDY, "entries": [{**STUDY["entries"][0], "questions": 12}]})
    assert sum(len(p.units) for p in left) == 4 * 2


@pytest.mark.system
def test_what_two_entries_ask_for_is_run_once():
    small = {**STUDY["entries"][0], "questions": 10, "large": "embedded:countdown-large", "large_pool": 8}
    other = {**small, "model": "embedded:countdown-medium", "searches": []}
    own = {**small, "model": "embedded:countdown-large", "large": None, "large_pool": 0, "searches": []}
    del own["large"]
    study = parse_study({**STUDY, "entries": [small, other, own]}, "test")
    keys = [
        (p.model, p.verifier, u.question.id, u.strategy, u.budget, u.seed)
        for p in packages(study, set())
        for u in p.units
    ]
    assert len(keys) == len(set(keys))
    of_large = [key for key in keys if key[0] == "embedded:countdown-large"]
    assert len(of_large) == 3 * 10  # a greedy answer, the pool, and the samples that tell difficulty


def test_a_killed_run_goes_on_and_repeats_no_finished_work(undisturbed, tmp_path):
    script = textwrap.dedent("""
        import sys, json
        from pathlib import Path
        sys.path.insert(0, sys.argv[2])
        from test_run import run
        if __name__ == "__main__":
            run(Path(sys.argv[1]), workers=2)
    """)
    file = tmp_path / "go.py"
    file.write_text(script)
    traces = tmp_path / "traces"
    store = Store(traces)
    here = str(Path(__file__).parent)
    for _ in range(3):
        process = subprocess.Popen([sys.executable, str(file), str(traces), here], start_new_session=True)
        before = len(store.done())
        deadline = time.monotonic() + 60
        while len(store.done()) == before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert len(store.done()) > before or process.returncode == 0
    finished = len(store.done())
    _, seen = run(traces)
    assert sum(p.units for p in seen) == 4 * 120 - finished
    assert contents(traces) == undisturbed
    assert store.verify().ok
    assert store.verify().duplicates == 0


def test_what_a_worker_raises_reaches_the_caller(tmp_path):
    broken = {**STUDY, "entries": [{**STUDY["entries"][0], "questions": 10, "model": "embedded:nothing"}]}
    with pytest.raises(UserError, match="no embedded model"):
        run(tmp_path, content=broken)


def test_difficulty_samples_are_not_the_pools():
    entry = parse_study(STUDY, "test").entries[0]
    pool, difficulty, *_ = jobs(entry, 5)
    assert (pool.seed, difficulty.seed) == (5, difficulty_seed(5))
    assert pool.seed != difficulty.seed


def test_a_part_that_cannot_be_written_ends_the_run(tmp_path, monkeypatch):
    from outlay.study.run import run_package

    def full(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    (package,) = list(
        packages(parse_study({**STUDY, "entries": [{**STUDY["entries"][0], "questions": 10}]}, "t"), set())
    )[:1]
    Store(tmp_path)
    with pytest.raises((OSError, OutlayError), match="No space left"):
        run_package(package, tmp_path, {}, lambda _: None)
    assert Store(tmp_path).done() == set()


def test_a_study_names_addresses_and_finds_its_own_work_again(tmp_path):
    import shutil

    from outlay.models import embedded_folder

    copy = shutil.copytree(embedded_folder("countdown-small"), tmp_path / "my-model")
    entry = {**STUDY["entries"][0], "questions": 10, "model": f"embedded:{copy}", "verifier": "random:0"}
    run(tmp_path / "traces", content={**STUDY, "entries": [entry]})
    assert set(Store(tmp_path / "traces").runs()["model"].to_pylist()) == {f"embedded:{copy}"}
    assert run(tmp_path / "traces", content={**STUDY, "entries": [entry]}) == ([], [])
