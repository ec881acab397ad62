"""What `benchmarks/kill_and_resume.py` does to the demo, done to a small study."""

import subprocess
import sys
from pathlib import Path

import pytest
from programs import STUDY

pytestmark = pytest.mark.system

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kill_and_resume.py"


@pytest.mark.skipif(not SCRIPT.exists(), reason="the benchmarks are not here")
def test_a_study_that_is_killed_at_random_moments_ends_with_the_same_summary(tmp_path):
    study = tmp_path / "study.yaml"
    study.write_text(STUDY.format(questions=250))
    arguments = ["--study", str(study), "--kills", "2", "--workers", "2"]
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "summaries: equal" in done.stdout
    assert "workers gone" in done.stdout
