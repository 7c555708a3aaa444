"""Files are replaced whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from zemanta_ops import atomic as neutral
from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files.file_replacement import append_to_file, remove_leftovers, replace_file

STEPS = ["before write", "after write", "before fsync", "after fsync", "before rename", "after rename"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.py"
    path.write_bytes(b"old")
    path.chmod(0o640)
    return path


def test_the_bytes_change_and_the_mode_stays(file: Path) -> None:
    replace_file(file, b"new\r\n", b"old")
    assert file.read_bytes() == b"new\r\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(file.parent.iterdir()) == [file]


def test_a_symbolic_link_stays_and_its_target_changes(file: Path) -> None:
    link = file.parent / "sub" / "link.py"
    link.parent.mkdir()
    link.symlink_to("../settings.py")
    replace_file(link, b"new", b"old")
    assert link.is_symlink()
    assert file.read_bytes() == b"new"


@pytest.mark.parametrize("data", [b"", b"somebody else's"])
def test_a_file_changed_meanwhile_is_left_alone(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    with pytest.raises(SourceError, match="changed by another program meanwhile"):
        replace_file(file, b"new", b"old")
    assert file.read_bytes() == data
    assert list(file.parent.iterdir()) == [file]


def test_a_read_only_file_is_refused_even_to_root(file: Path) -> None:
    file.chmod(0o444)
    with pytest.raises(SourceError, match="read-only"):
        replace_file(file, b"new", b"old")
    assert file.read_bytes() == b"old"


def test_a_missing_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"absent\.py could not be written and is unchanged: No such file"):
        replace_file(tmp_path / "absent.py", b"", b"")


def test_a_full_disk_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A real file-size limit of the kernel imitates a full disk: the write fails half way, with an errno.
    code = f"""
        import resource, signal
        from pathlib import Path
        from zemanta_ops.secrets.files.file_replacement import replace_file
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, {resource.RLIM_INFINITY}))
        replace_file(Path({str(file)!r}), b"n" * 10_000, b"old")
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert "could not be written and is unchanged: File too large" in ended.stderr
    assert file.read_bytes() == b"old"
    assert list(file.parent.iterdir()) == [file]


def test_appending_to_a_full_disk_is_an_error() -> None:
    with pytest.raises(SourceError, match=os.strerror(errno.ENOSPC)):
        append_to_file(Path("/dev/full"), b"line\n")


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_the_file_is_the_old_or_the_new_one(file: Path, step: str) -> None:
    code = f"""
        import os, signal
        from pathlib import Path
        import zemanta_ops.atomic
        from zemanta_ops.secrets.files.file_replacement import replace_file
        def end(step, path):
            if step == {step!r}:
                os.kill(os.getpid(), signal.SIGKILL)
        zemanta_ops.atomic.step_hook = end
        replace_file(Path({str(file)!r}), b"new", b"old")
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert ended.returncode == -9
    assert file.read_bytes() == (b"new" if step == "after rename" else b"old")
    remove_leftovers(file)
    assert list(file.parent.iterdir()) == [file]
    replace_file(file, b"newer", file.read_bytes())
    assert file.read_bytes() == b"newer"


def test_a_folder_that_cannot_be_opened_to_be_synced_is_no_failure(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Windows opens no folder; it cannot run here, so its refusal is a mock.
    opened = os.open

    def refuse_folders(path: Any, *arguments: Any, **options: Any) -> int:
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse_folders)
    replace_file(file, b"new", b"old")
    assert file.read_bytes() == b"new"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="shows the open files of a process on Linux only")
def test_the_temporary_file_is_closed_before_it_is_renamed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_files: list[str] = []

    def look(step: str, _path: Path) -> None:
        if step == "before rename":
            open_files.extend(str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink())

    monkeypatch.setattr(neutral, "step_hook", look)
    replace_file(file, b"new", b"old")
    assert open_files
    assert not [name for name in open_files if name.endswith(neutral.SUFFIX)]


def test_leftovers_of_a_name_with_brackets_are_its_own(tmp_path: Path) -> None:
    for name in (".a[b].py.x.zemanta-ops.tmp", ".ab.py.x.zemanta-ops.tmp"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path / "a[b].py")
    assert [path.name for path in tmp_path.iterdir()] == [".ab.py.x.zemanta-ops.tmp"]
