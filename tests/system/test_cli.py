"""The command line in real processes: exit codes, one sentence for a mistake, JSON alone on standard output."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.system

STUDY = """
name: small
pilot: 2
headline_budget: 4
entries:
  - task: countdown
    model: embedded:countdown-small
    verifier: embedded:countdown-prm
    split: validation
    questions: 40
    pool: 8
    difficulty_samples: 4
    searches:
      - {strategy: {name: beam_search, width: 2}, budgets: [4]}
"""


def outlay(*arguments, cwd=None, **options):
    command = [sys.executable, "-m", "outlay.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    study = folder / "study.yaml"
    study.write_text(STUDY)
    ran = outlay("run", study, "--out", folder / "out", "--workers", 2)
    assert ran.returncode == 0, ran.stderr
    return study, folder / "out", ran


def settled(path):
    summary = json.loads((path / "summary.json").read_text())
    del summary["seconds"]
    return summary


def test_a_study_leaves_summary_policy_report_and_traces(finished):
    _, out, ran = finished
    for name in ("summary.json", "report.html", "policy.yaml", "meta.json", "solutions", "runs"):
        assert (out / name).exists()
    assert "per bin, pilot" in ran.stdout
    assert "Written" in ran.stdout


def test_the_number_of_workers_does_not_change_the_summary(finished, tmp_path):
    study, out, _ = finished
    assert outlay("run", study, "--out", tmp_path / "one", "--workers", 1).returncode == 0
    assert settled(tmp_path / "one") == settled(out)


def test_a_killed_run_ends_with_the_same_summary(finished, tmp_path):
    study, out, _ = finished
    target = tmp_path / "killed"
    for delay in (1.0, 2.5):
        process = subprocess.Popen(
            [sys.executable, "-m", "outlay.cli.main", "run", str(study), "--out", str(target)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert outlay("run", study, "--out", target).returncode == 0
    assert settled(target) == settled(out)


def test_running_again_repeats_nothing_and_json_stands_alone(finished):
    study, out, _ = finished
    parts = sorted((out / "runs").iterdir())
    again = outlay("run", study, "--out", out, "--json")
    assert again.returncode == 0
    summary = json.loads(again.stdout)
    assert [group["task"] for group in summary["groups"]] == ["countdown"]
    assert sorted((out / "runs").iterdir()) == parts


def test_a_dry_run_prices_what_is_left_and_makes_nothing(finished, tmp_path):
    study, out, _ = finished
    new = outlay("run", study, "--out", tmp_path / "new", "--dry-run", "--json")
    left = json.loads(new.stdout)["left"]
    assert sum(row["runs"] for row in left) == 4 * 40
    assert all(row["flops"] > 0 for row in left)
    assert not (tmp_path / "new").exists()
    assert json.loads(outlay("run", study, "--out", out, "--dry-run", "--json").stdout) == {"left": []}


def test_a_folder_of_another_study_is_refused(finished):
    study, out, _ = finished
    refused = outlay("run", study, "--out", out, "--seed", 5)
    assert refused.returncode == 2
    assert "another study" in refused.stderr


def test_other_weights_under_the_same_name_are_refused(tmp_path):
    import shutil

    from safetensors.numpy import load_file, save_file

    from outlay.models import embedded_folder

    model = shutil.copytree(embedded_folder("countdown-small"), tmp_path / "model")
    study = tmp_path / "study.yaml"
    study.write_text(STUDY.replace("model: embedded:countdown-small", f"model: embedded:{model}").replace("40", "12"))
    assert outlay("run", study, "--out", tmp_path / "out").returncode == 0
    tensors = load_file(model / "model.safetensors")
    save_file({name: tensor * 2 for name, tensor in tensors.items()}, model / "model.safetensors")
    refused = outlay("run", study, "--out", tmp_path / "out")
    assert refused.returncode == 2
    assert "other data" in refused.stderr


def test_two_runs_into_one_folder_are_refused(finished, tmp_path):
    from outlay.traces.store import Store

    study, _, _ = finished
    with Store(tmp_path / "held").lock():
        refused = outlay("run", study, "--out", tmp_path / "held")
    assert refused.returncode == 2
    assert "Another run" in refused.stderr


def test_calibrate_writes_a_policy_that_loads(finished, tmp_path):
    from outlay.policies import Policy, State

    _, out, _ = finished
    done = outlay("calibrate", out, "--budget", 4, "--pilot", 2, "--out", tmp_path / "policy.yaml", "--json")
    assert done.returncode == 0, done.stderr
    assert 0 < json.loads(done.stdout)["measured"]["accuracy"]["mean"] <= 1
    policy = Policy.load(tmp_path / "policy.yaml")
    assert policy.decide(State(budget=4)).model == "embedded:countdown-small"


def test_traces_are_analysed_like_any_samples(finished, tmp_path):
    _, out, _ = finished
    done = outlay("analyse", out, "--out", tmp_path / "analysed", "--json")
    assert done.returncode == 0, done.stderr
    (group,) = json.loads(done.stdout)["groups"]
    assert group["questions"] == 40
    assert (tmp_path / "analysed" / "report.html").is_file()


def test_plugins_lists_what_there_is():
    found = json.loads(outlay("plugins", "--json").stdout)
    assert found["strategies"]["beam_search"]["from"] == "outlay.strategies.beam_search"
    assert {"countdown", "arithmetic", "arithmetic-clean"} <= set(found["tasks"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "nothing.yaml"], "no study file"),
        (["analyse", "nothing.jsonl"], "nothing.jsonl"),
        (["calibrate", ".", "--budget", "4"], "no traces"),
        (["demo", "--workers", "-1"], "workers"),
        (["lab", "check", "--family", "sudoku"], "sudoku"),
    ],
)
def test_a_mistake_gets_one_sentence_and_exit_code_two(arguments, says, tmp_path):
    failed = outlay(*arguments, cwd=tmp_path)
    assert failed.returncode == 2, failed.stderr
    assert says in failed.stderr
    assert "Traceback" not in failed.stderr
    assert len(failed.stderr.strip().splitlines()) == 1


def test_a_bad_line_is_named_by_file_line_and_field(tmp_path):
    file = tmp_path / "samples.jsonl"
    file.write_text('{"question_id": "a", "correct": true}\n{"question_id": "b"}\n')
    failed = outlay("analyse", file)
    assert failed.returncode == 2
    assert "samples.jsonl" in failed.stderr and "2" in failed.stderr and "correct" in failed.stderr


def test_the_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['outlay', '--help']\n"
        "from outlay.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'pyarrow', 'torch', 'jinja2', 'pydantic', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    checked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
