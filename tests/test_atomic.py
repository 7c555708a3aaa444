"""What is replaced is a regular file, and only that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.secrets.disk import Disk
from tests.special_files import KINDS, kept, make_special
from zemanta_ops import atomic
from zemanta_ops.atomic import NotRegularFileError, find_target, replace


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize(("kind", "words"), KINDS.items())
def test_what_is_not_a_regular_file_is_refused_before_anything_is_written(
    kind: str, words: str, link: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    monkeypatch.setattr(atomic, "step_hook", lambda step, _path: steps.append(step))
    path = make_special(kind, tmp_path / "target")
    if link:
        (tmp_path / "link").symlink_to("target")
    with kept(path), pytest.raises(NotRegularFileError, match=f"it is {words}, not a regular file"):
        replace(tmp_path / ("link" if link else "target"), b"new")
    assert not steps


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target = tmp_path / "folder" / "target"
    target.write_bytes(b"old")
    (tmp_path / "first").symlink_to("folder/target")
    (tmp_path / "second").symlink_to("first")
    replace(tmp_path / "second", b"new")
    assert target.read_bytes() == b"new"
    assert (tmp_path / "first").is_symlink()
    assert (tmp_path / "second").is_symlink()


def test_the_target_of_a_link_may_be_new(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    replace(tmp_path / "link", b"new", mode=0o600)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"
    assert (tmp_path / "target").stat().st_mode & 0o777 == 0o600


def test_a_loop_of_links_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        replace(tmp_path / "a", b"new")


def test_a_file_in_the_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"kept")
    with pytest.raises(NotADirectoryError):
        replace(tmp_path / "a" / "b", b"new")
    assert (tmp_path / "a").read_bytes() == b"kept"


def test_an_existing_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "target"
    path.write_bytes(b"old")
    path.chmod(0o640)
    replace(path, b"new", mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not Path("/dev/fd/1").exists(), reason="the system has no names for open files")
@pytest.mark.parametrize("name", ["/dev/fd/1", "/dev/fd/2", "out"])
@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_the_output_of_the_command_itself_is_not_replaced(kind: str, name: str, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from zemanta_ops.atomic import replace; print('kept', flush=True)\n"
        "try: replace(Path(sys.argv[1]), b'new')\n"
        "except OSError as error: print(error.strerror)\n"
    )
    out, link = tmp_path / "out", tmp_path / "link"
    # Only a link may be replaced by mistake.
    link.symlink_to(name)
    with out.open("wb") as file:
        arguments = [sys.executable, "-c", code, "link"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        stream = file if kind == "file" else subprocess.PIPE
        ended = subprocess.run(
            arguments, cwd=tmp_path, env=environment, stdout=stream, stderr=subprocess.STDOUT, check=True
        )
    if (kind, name) == ("pipe", "out"):
        assert out.read_bytes() == b"new"
        return
    shown = out.read_text() if kind == "file" else ended.stdout.decode()
    what = "the output of this command" if kind == "file" else "a pipe"
    assert shown == f"kept\nit is {what}, not a regular file\n"


def test_the_target_of_a_path_is_found_without_a_file(tmp_path: Path) -> None:
    assert find_target(tmp_path / "folder" / ".." / "new") == tmp_path.resolve() / "new"


def test_the_contents_are_on_the_disk_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    kept_before_rename: list[bool] = []

    def look(step: str, _path: Path) -> None:
        if step == "before rename":
            kept_before_rename.extend(disk.keeps(file) for file in tmp_path.glob(f"*{atomic.SUFFIX}"))

    monkeypatch.setattr(atomic, "step_hook", look)
    replace(tmp_path / "target", b"new")
    assert kept_before_rename == [True]
    assert disk.keeps(tmp_path / "target")
    assert disk.keeps(tmp_path)


def test_a_file_keeps_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, given = tmp_path / "target", []
    path.write_bytes(b"old")
    # Only a superuser can give a file away, so here the call is recorded.
    monkeypatch.setattr(os, "chown", lambda file, owner, group: given.append((Path(file).parent, owner, group)))
    replace(path, b"new")
    assert given == [(tmp_path, path.stat().st_uid, path.stat().st_gid)]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only a superuser can give a file away")
def test_a_superuser_leaves_a_file_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "target"
    path.write_bytes(b"old")
    os.chown(path, 12345, 23456)
    replace(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


def test_an_owner_that_cannot_be_kept_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "target"
    path.write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "chown", refuse)
    replace(path, b"new")
    assert path.read_bytes() == b"new"
