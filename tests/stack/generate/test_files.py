from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.special_files import KINDS, kept, make_special
from zemanta_ops.stack.generate.files import GeneratedFile, WriteError, compare_files, write_files

FILES = [GeneratedFile("a.conf", "one\n"), GeneratedFile("deep/er/b.env", "two é\n", 0o600)]


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_new_files_are_written_with_their_folders_and_modes(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    targets = compare_files(FILES, folder)
    assert [target.state for target in targets] == ["new", "new"]
    write_files(targets)
    assert contents(folder) == {"a.conf": "one\n", "deep/er/b.env": "two é\n"}
    assert [mode(folder / file.path) for file in FILES] == [0o644, 0o600]


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    write_files(compare_files(FILES, tmp_path))
    before = (tmp_path / "a.conf").stat().st_ino
    targets = compare_files(FILES, tmp_path)
    assert [target.state for target in targets] == ["unchanged", "unchanged"]
    write_files(targets)
    assert (tmp_path / "a.conf").stat().st_ino == before


def test_nothing_is_written_where_one_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "deep/er/b.env").write_text("mine\n")
    with pytest.raises(WriteError, match=r"b\.env has other contents. To overwrite it, add --force"):
        write_files(compare_files(FILES, tmp_path))
    assert contents(tmp_path) == {"deep/er/b.env": "mine\n"}


def test_force_overwrites_and_keeps_the_mode_and_the_link(tmp_path: Path) -> None:
    real = tmp_path / "real.conf"
    real.write_text("mine\n")
    real.chmod(0o640)
    (tmp_path / "a.conf").symlink_to(real)
    write_files(compare_files(FILES[:1], tmp_path), force=True)
    assert (tmp_path / "a.conf").is_symlink()
    assert (real.read_text(), mode(real)) == ("one\n", 0o640)


@pytest.mark.parametrize(("kind", "words"), KINDS.items())
def test_what_is_not_a_regular_file_is_in_the_way(kind: str, words: str, tmp_path: Path) -> None:
    path = make_special(kind, tmp_path / "a.conf")
    with kept(path), pytest.raises(WriteError, match=rf"a\.conf cannot be read: it is {words}, not a regular file"):
        write_files(compare_files(FILES[:1], tmp_path), force=True)


def test_a_file_in_the_place_of_a_folder_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "deep").write_text("a file")
    with pytest.raises(WriteError, match="cannot be read: Not a directory"):
        compare_files(FILES[1:], tmp_path)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Simulated: a full disk.
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "a.conf").write_text("mine\n")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WriteError, match=r"a\.conf could not be written: No space left on device"):
        write_files(compare_files(FILES[:1], tmp_path), force=True)
    assert contents(tmp_path) == {"a.conf": "mine\n"}
