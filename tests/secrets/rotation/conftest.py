"""A folder with files of every format, and the tokens in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.secrets import deterministic
from tests.secrets.rotation.rotations import token
from zemanta_ops.secrets import backends


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("ZEMANTA_OPS_KEY_DIR", str(tmp_path / ".keys"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backends._PATHS, "sealed", deterministic.PATH)
    monkeypatch.setattr(backends, "_loaded", {})


@pytest.fixture
def files(folder: Path) -> dict[str, str]:
    """Plaintext by setting; the files hold the tokens, with comments, CRLF and quotes of every kind."""
    texts = {
        "a.py": "# é\r\nA = Secret('{}').get()  # one\r\nB = {{'x': [Secret(\n    \"{}\"\n)]}}\n",
        "b.toml": "[db]  # two\r\npassword = '{}'\n",
        "c.yaml": "db:\n  - password: {}  # a comment\n",
        "d.json": '{{"e": "{}",\t"n": 1.50}}',
        ".env": "export F={} # more\nPLAIN=plaintext-value\n",
    }
    plaintexts = {"A": "one-1", "B.x.0": "two-2", "db.password": "three", "db.0.password": "four", "e": "5", "F": "ß"}
    values = iter(plaintexts.values())
    for name, text in texts.items():
        count = len(re.findall(r"(?<!{){}(?!})", text))
        (folder / name).write_bytes(text.format(*(token(next(values)) for _ in range(count))).encode())
    return plaintexts
