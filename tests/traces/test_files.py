import os
import time
from pathlib import Path

import pytest

from outlay.errors import UserError
from outlay.traces.files import LEFTOVER_SECONDS, check_file, check_folder, together, write_text_whole, write_whole


def test_a_file_appears_with_the_folders_on_its_way(tmp_path: Path) -> None:
    write_text_whole(tmp_path / "a" / "b.txt", "whole")
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["b.txt"]
    assert (tmp_path / "a" / "b.txt").read_text() == "whole"


@pytest.mark.parametrize("durable", [False, True])
def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, durable: bool) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def half(file: Path) -> None:
        file.write_text("ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match=r"a\.txt cannot be written \(No space left"):
        write_whole(target, half, durable=durable)
    assert target.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_an_error_of_the_writers_own_is_not_disguised(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"):
        write_whole(tmp_path / "a", lambda file: (_ for _ in ()).throw(ValueError("mine")))
    assert list(tmp_path.iterdir()) == []


def test_what_can_be_written_passes_and_nothing_is_made(tmp_path: Path) -> None:
    check_folder(tmp_path)
    check_folder(tmp_path / "new" / "deep")
    check_file(tmp_path / "new" / "policy.yaml")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("check", "name"), [(check_folder, "file"), (check_folder, "file/x"), (check_file, "file/x")])
def test_a_file_on_the_way_is_named(tmp_path: Path, check: object, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file"):
        check(tmp_path / name)  # type: ignore[operator]


def test_a_folder_where_a_file_is_wanted_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        check_file(tmp_path)


def leftover(folder: Path, name: str, age: float) -> Path:
    file = folder / f".{name}.{'0f' * 16}.tmp"
    file.write_text("half")
    os.utime(file, (time.time() - age,) * 2)
    return file


def test_an_old_leftover_of_the_same_file_is_removed_and_no_other(tmp_path: Path) -> None:
    old = leftover(tmp_path, "a[1].txt", LEFTOVER_SECONDS + 60)
    others = [leftover(tmp_path, "b.txt", LEFTOVER_SECONDS + 60), tmp_path / ".a[1].txt.notes.tmp"]
    others[1].write_text("mine")
    write_text_whole(tmp_path / "a[1].txt", "whole")
    assert not old.exists()
    assert all(other.exists() for other in others)


def test_a_young_temporary_file_may_be_somebody_elses(tmp_path: Path) -> None:
    young = leftover(tmp_path, "a.txt", 0)
    write_text_whole(tmp_path / "a.txt", "whole")
    assert young.exists()


def test_files_of_one_block_appear_together(tmp_path: Path) -> None:
    with together():
        write_text_whole(tmp_path / "a", "1")
        assert not (tmp_path / "a").exists()
        write_text_whole(tmp_path / "b" / "c", "2")
    assert ((tmp_path / "a").read_text(), (tmp_path / "b" / "c").read_text()) == ("1", "2")
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["a", "b", "c"]


def test_where_one_of_a_block_cannot_be_written_none_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="No space left"), together():
        write_text_whole(tmp_path / "a", "new")
        write_whole(tmp_path / "b", full)
    assert (tmp_path / "a").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_after_a_block_files_appear_at_once_again(tmp_path: Path) -> None:
    with together():
        pass
    write_text_whole(tmp_path / "a", "1")
    assert (tmp_path / "a").exists()
