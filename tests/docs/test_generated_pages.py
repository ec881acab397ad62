import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_pages_made_from_the_code_are_up_to_date():
    checked = subprocess.run([sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_the_readme_names_no_command_that_does_not_exist():
    import re

    import typer

    from outlay.cli.main import app

    known = set(typer.main.get_command(app).commands)
    named = set(
        re.findall(
            r"\boutlay ([a-z]+)\b",
            "\n".join(
                block for block in re.findall(r"```(?:bash|sh)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
            ),
        )
    )
    assert named
    assert named <= known
