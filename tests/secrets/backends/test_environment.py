"""What a backend itself needs is taken from a file as it is, but for the line break that editors add."""

from __future__ import annotations

from pathlib import Path

import pytest

from zemanta_ops.secrets.backends._environment import from_environment


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("text", ["example", "  example pass word ", "\texample\t", "two\nlines"])
def test_a_file_loses_its_last_line_break_only(
    text: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A blank belongs to a password: without it, another key would be derived."""
    path = tmp_path / "password"
    path.write_bytes((text + end).encode())
    monkeypatch.delenv("ZEMANTA_OPS_EXAMPLE", raising=False)
    monkeypatch.setenv("ZEMANTA_OPS_EXAMPLE_FILE", str(path))
    assert from_environment("ZEMANTA_OPS_EXAMPLE") == text
