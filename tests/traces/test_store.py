import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from outlay.errors import OutlayError, UserError
from outlay.traces import RUNS, SOLUTIONS, Store, run_key
from outlay.types import Budget, Cost, Question, Solution, Step, Trace


def make_trace(question_id: str = "q0", seed: int = 0, n: int = 2, **changes: object) -> Trace:
    solutions = tuple(
        Solution(
            steps=(Step(" 1 + 1 = 2 ;", 6, -0.5), Step(" 2 * 3 = 6", 6, -0.25)),
            finished=True,
            answer=str(index),
            step_scores=(0.25, 0.75),
            score=0.75,
            sample=index,
        )
        for index in range(n)
    )
    trace = Trace(
        question=Question(question_id, "1 1 3 > 6 |", "6", "countdown", {"steps": 2}),
        strategy={"name": "best_of_n", "aggregation": "last"},
        budget=Budget(generations=n),
        seed=seed,
        model="embedded:countdown-small",
        verifier="embedded:countdown-prm",
        answer="1",
        solutions=solutions,
        cost=Cost(prompt_tokens=8, generated_tokens=24, generations=float(n), calls=2, seconds=0.5, flops=1e6),
        chosen=n - 1 if n else None,
        correct=True,
        solution_correct=(False,) * (n - 1) + (True,) if n else (),
    )
    return replace(trace, **changes)


def test_what_is_appended_comes_back(tmp_path: Path) -> None:
    traces = [make_trace("q1"), make_trace("q0"), make_trace("q2", verifier=None, correct=None, solution_correct=())]
    Store(tmp_path).append(traces)
    assert sorted(Store(tmp_path).traces(), key=lambda t: t.question.id) == [traces[1], traces[0], traces[2]]


def test_a_run_without_solutions_comes_back(tmp_path: Path) -> None:
    Store(tmp_path).append(make_trace(n=0, answer=None))
    assert next(Store(tmp_path).traces()).solutions == ()


def test_tables_have_the_documented_schema(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(make_trace())
    assert store.solutions().schema.equals(SOLUTIONS)
    assert store.runs().schema.equals(RUNS)


def test_an_empty_store_has_empty_tables(tmp_path: Path) -> None:
    store = Store(tmp_path / "new")
    assert (store.solutions().num_rows, store.runs().num_rows, store.done()) == (0, 0, set())


def test_order_does_not_depend_on_the_order_of_appending(tmp_path: Path) -> None:
    traces = [make_trace(f"q{i}", seed=s) for i in range(3) for s in range(2)]
    one, other = Store(tmp_path / "one"), Store(tmp_path / "other")
    one.append(traces)
    for trace in reversed(traces):
        other.append(trace)
    assert one.solutions().drop(["run_id"]).equals(other.solutions().drop(["run_id"]))
    assert one.runs().drop(["run_id"]).equals(other.runs().drop(["run_id"]))


def test_done_holds_the_keys_of_finished_runs(tmp_path: Path) -> None:
    store = Store(tmp_path)
    trace = make_trace()
    store.append(trace)

    def key(**changes: object) -> object:
        t = replace(trace, **changes)
        return run_key(t.question, t.strategy, t.budget, t.seed, t.model, t.verifier)

    assert key(strategy={"aggregation": "last", "name": "best_of_n"}) in store.done()
    for other in ({"seed": 1}, {"budget": Budget(generations=3)}, {"budget": Budget(tokens=2)}, {"verifier": None}):
        assert key(**other) not in store.done()


def test_solutions_of_a_writer_killed_before_its_run_row_do_not_count(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(make_trace())
    for part in (tmp_path / "runs").iterdir():
        part.unlink()
    assert store.solutions().num_rows == 0
    assert store.verify().orphans == 2
    store.append(make_trace())
    assert store.solutions().num_rows == 2


def test_work_done_twice_counts_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(make_trace())
    store.append(make_trace())
    assert (store.runs().num_rows, store.solutions().num_rows) == (1, 2)
    assert store.verify().duplicates == 1


def test_compact_changes_no_row_and_drops_leftovers(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(make_trace("lost"))
    for part in (tmp_path / "runs").iterdir():
        part.unlink()
    for trace in [make_trace("q1"), make_trace("q0"), make_trace("q1")]:
        store.append(trace)
    before = list(store.traces())
    store.compact()
    assert list(store.traces()) == before
    assert len(list((tmp_path / "runs").iterdir())) == len(list((tmp_path / "solutions").iterdir())) == 1
    found = store.verify()
    assert (found.runs, found.solutions, found.orphans, found.duplicates) == (2, 4, 0, 0)


def test_parts_that_survive_a_killed_compaction_count_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(make_trace())
    saved = {part: part.read_bytes() for part in tmp_path.glob("*/part-*")}
    store.compact()
    for part, content in saved.items():
        part.write_bytes(content)
    assert (store.runs().num_rows, store.solutions().num_rows) == (1, 2)


def test_half_written_files_are_not_parts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(make_trace())
    (tmp_path / "runs" / ".part-1.parquet.tmp").write_bytes(b"half")
    assert store.runs().num_rows == 1


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(make_trace())
    (tmp_path / "solutions" / "part-bad.parquet").write_bytes(b"not parquet")
    with pytest.raises(OutlayError, match=r"part-bad\.parquet"):
        store.solutions()
    assert store.verify().unreadable == ("solutions/part-bad.parquet",)


def lost_and_whole(tmp_path: Path) -> Store:
    """A store with two runs, of which one has lost its solutions."""
    store = Store(tmp_path)
    store.append(make_trace("lost"))
    for part in (tmp_path / "solutions").iterdir():
        part.unlink()
    store.append(make_trace("whole"))
    return store


def test_lost_solutions_are_found(tmp_path: Path) -> None:
    found = lost_and_whole(tmp_path).verify()
    assert not found.ok
    assert (found.runs, found.solutions, len(found.incomplete)) == (1, 2, 1)


def test_a_run_that_lost_its_solutions_does_not_count_as_made(tmp_path: Path) -> None:
    store = lost_and_whole(tmp_path)
    assert {key.question_id for key in store.done()} == {"whole"}
    assert store.runs()["question_id"].to_pylist() == ["whole"]
    (told,) = store.damage()
    assert "1 of 2 runs lack solutions" in told


def test_a_run_that_lost_its_solutions_is_made_good_by_making_it_again(tmp_path: Path) -> None:
    store = lost_and_whole(tmp_path)
    store.append(make_trace("lost"))
    assert [trace.question.id for trace in store.traces()] == ["lost", "whole"]
    assert store.verify().ok
    assert store.damage() == []


def test_damaged_parts_are_left_out_when_asked_with_the_runs_that_need_them(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(make_trace("damaged"))
    (part,) = (tmp_path / "solutions").iterdir()
    store.append(make_trace("whole"))
    whole = bytearray(part.read_bytes())
    whole[40:400] = bytes(360)
    part.write_bytes(whole)
    sound = Store(tmp_path, create=False, skip_damaged=True)
    assert [trace.question.id for trace in sound.traces()] == ["whole"]
    assert sound.damage()[0].startswith(f"{part} is damaged; move it away")


def leftovers(tmp_path: Path) -> list[Path]:
    """Half-written files of a killed writer, in every folder of a store."""
    found = []
    for folder, name in (("", "summary.json"), ("runs", "part-1.parquet"), ("solutions", "part-2.parquet")):
        found.append(tmp_path / folder / f".{name}.{'0f' * 16}.tmp")
        found[-1].write_bytes(b"half")
    return found


def test_what_killed_writers_left_is_removed_under_the_lock(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(make_trace())
    left = leftovers(tmp_path)
    with store.lock():
        assert not any(file.exists() for file in left)
    assert store.runs().num_rows == 1


def test_what_somebody_is_writing_is_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.lock():
        left = leftovers(tmp_path)
        with pytest.raises(UserError, match="Another run"), Store(tmp_path).lock():
            pass
        assert all(file.exists() for file in left)


@pytest.mark.parametrize("content", ["[]", "{", '{"schema_version": "x"}', '{"schema_version": 1.5}'])
def test_a_meta_file_that_is_none_is_named_with_its_remedy(tmp_path: Path, content: str) -> None:
    (tmp_path / "meta.json").write_text(content)
    with pytest.raises(UserError, match=r"meta\.json.*restore"):
        Store(tmp_path)


def test_two_runs_into_one_folder_are_refused(tmp_path: Path) -> None:
    with Store(tmp_path).lock(), pytest.raises(UserError, match="Another run"), Store(tmp_path).lock():
        pass


def test_the_lock_is_free_again_afterwards(tmp_path: Path) -> None:
    held = 0
    for _ in range(2):
        with Store(tmp_path).lock():
            held += 1
    assert held == 2


def test_a_killed_writer_leaves_whole_runs_only(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path[:0] = sys.argv[1:3]; from test_store import make_trace; from outlay.traces import Store\n"
        "store = Store(sys.argv[3])\n"
        "for i in range(100000):\n"
        "    store.append(make_trace(f'q{i}')); print(i, flush=True)\n"
    )
    source = Path(sys.modules[Store.__module__].__file__ or "").parents[2]
    command = [sys.executable, "-c", program, str(source), str(Path(__file__).parent), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(5):
            last = process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    store = Store(tmp_path)
    assert store.verify().ok
    assert store.runs().num_rows > int(last)
    assert store.solutions().num_rows == 2 * store.runs().num_rows


def test_meta_keeps_what_was_there(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.update_meta({"versions": {"outlay": "0.1"}})
    store.update_meta({"seed": 3})
    assert store.meta["versions"] == {"outlay": "0.1"}
    assert json.loads((tmp_path / "meta.json").read_text())["seed"] == 3


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    Store(tmp_path).update_meta({"schema_version": 99})
    with pytest.raises(UserError, match="upgrade"):
        Store(tmp_path)


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="folder"):
        Store(tmp_path / "file")


def test_opening_a_folder_without_traces_to_read_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no traces"):
        Store(tmp_path / "nothing", create=False)
    assert not (tmp_path / "nothing").exists()


def test_grades_must_match_solutions(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="q0"):
        Store(tmp_path).append(make_trace(solution_correct=(True,)))


def test_parts_are_readable_by_themselves(tmp_path: Path) -> None:
    Store(tmp_path).append(make_trace())
    table = pq.read_table(tmp_path / "solutions")
    assert table.column("step_scores").to_pylist() == [[0.25, 0.75]] * 2


def test_a_part_from_before_a_field_was_added_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(make_trace())
    (part,) = (tmp_path / "runs").glob("part-*.parquet")
    pq.write_table(pq.read_table(part, partitioning=None).drop_columns(["cost_verifier_cached_tokens"]), part)
    assert Store(tmp_path).runs()["cost_verifier_cached_tokens"].to_pylist() == [0]
    assert list(Store(tmp_path).traces()) == [make_trace()]
    assert Store(tmp_path).verify().ok
