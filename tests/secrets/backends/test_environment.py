"""What a backend itself needs is taken from a file as it is, but for the line break that editors add."""

from __future__ import annotations

from pathlib import Path

import pytest

from zemanta_ops.secrets.backends._environment import from_environment
from zemanta_ops.secrets.exceptions import MissingKeyError


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("text", ["example", "  example pass word ", "\texample\t", "two\nlines"])
def test_a_file_loses_its_last_line_break_only(
    text: str, end: str, mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A blank belongs to a password: without it, another key would be derived."""
    path = tmp_path / "password"
    path.write_bytes((mark + text + end).encode())
    monkeypatch.delenv("ZEMANTA_OPS_EXAMPLE", raising=False)
    monkeypatch.setenv("ZEMANTA_OPS_EXAMPLE_FILE", str(path))
    assert from_environment("ZEMANTA_OPS_EXAMPLE") == text


@pytest.mark.parametrize(("data", "reason"), [(b"\xff\xfee\0", "not UTF-8"), (None, "No such file or directory")])
def test_a_file_that_cannot_be_read_is_an_error_with_the_reason(
    data: bytes | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if data is not None:
        (tmp_path / "password").write_bytes(data)
    monkeypatch.setenv("ZEMANTA_OPS_EXAMPLE_FILE", str(tmp_path / "password"))
    with pytest.raises(
        MissingKeyError, match=f"the file that ZEMANTA_OPS_EXAMPLE_FILE names cannot be read: {reason}$"
    ):
        from_environment("ZEMANTA_OPS_EXAMPLE")
