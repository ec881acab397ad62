"""The studies of the repository: each can be read, and names models that are shipped."""

from pathlib import Path

import pytest

from outlay.models import embedded_folder
from outlay.study.study import load_study

FILES = sorted((Path(__file__).parents[2] / "studies").glob("*.yaml"))
STUDIES = [
    path for path in FILES if "\nentries:" in path.read_text(encoding="utf-8")
]  # the others are for other programs


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_study_is_named_as_its_file_and_names_models_that_are_shipped(path: Path) -> None:
    study = load_study(path)
    assert study.name == path.stem
    for entry in study.entries:
        for address in (entry.model, entry.large, entry.verifier, *entry.weak_verifiers):
            scheme, _, name = (address or "").rpartition("embedded:")
            if address and "embedded:" in address and not scheme:
                assert (embedded_folder(name) / "outlay.json").is_file()


def test_the_quick_form_asks_what_the_whole_study_asks() -> None:
    whole, quick = (
        load_study(path.parent / f"{name}.yaml") for path in FILES[:1] for name in ("snell2024", "snell2024-quick")
    )
    tasks = {entry.task for entry in whole.entries} - {"arithmetic-clean"}  # the control is left to the whole study
    assert {entry.task for entry in quick.entries} == tasks
    assert whole.every_finding and quick.every_finding
