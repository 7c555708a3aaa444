"""A file that cannot be read is named; nothing takes it for one without tokens."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files.source_file import describe_left_out, discover, read


@pytest.fixture(autouse=True)
def unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be read whose name begins so; to root, which tests may be, every mode is readable."""
    opens = Path.open

    def open_others(path: Path, *given: Any, **options: Any) -> Any:
        if path.name.startswith("unreadable"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opens(path, *given, **options)

    monkeypatch.setattr(Path, "open", open_others)


def test_it_is_a_settings_file_if_its_name_cannot_exclude_that(tmp_path: Path) -> None:
    for name in ("unreadable", "unreadable.py", "unreadable.bin", "readable"):
        (tmp_path / name).touch()
    assert [path.name for path in discover([tmp_path])] == ["unreadable", "unreadable.py"]
    for path in discover([tmp_path, tmp_path / "unreadable"]):
        with pytest.raises(SourceError, match=r"unreadable(\.py)? cannot be read: Permission denied"):
            read(path)


def test_what_is_left_out_is_named_with_the_reason(tmp_path: Path) -> None:
    for name in ("unreadable.bin", "readable.bin"):
        (tmp_path / name).touch()
    assert describe_left_out(tmp_path) == [f"{tmp_path / 'unreadable.bin'}: cannot be read: Permission denied"]
