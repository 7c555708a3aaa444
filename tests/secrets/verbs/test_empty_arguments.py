"""An option whose variable is not set (--name "$NAME") is refused: it never means another binding, key or folder."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from tests.secrets.tokens import local
from zemanta_ops.secrets.__main__ import main

SOURCE = 'from zemanta_ops.secrets import Secret\n\nKEY = Secret("{}")\n'


@pytest.fixture(autouse=True)
def _folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(home.parent))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"example-plaintext\n")))
    (home / "settings.py").write_text(SOURCE.format(local("example-plaintext")))


REFUSED = [
    ["encrypt", "local", "--name", ""],
    ["encrypt", "local", "--name", " "],
    ["encrypt", "local", "--name="],
    ["encrypt", "local", "--name", "KEY", "--app", ""],
    ["encrypt", "local", "--env", ""],
    ["encrypt", "", "--name", "KEY"],
    ["encrypt", "local", "--from-env-file", ""],
    ["decrypt", "plain::example", "--name", ""],
    ["exec", "--app", "", "--", "true"],
    ["audit", "--app", "", "settings.py"],
    ["audit", ""],
    ["history", "KEY", ""],
    ["rotate", "--to", "local", "--new-key", ""],
    ["rotate", "--to", "", "--new-key", "settings.py"],
    ["rotate", "--to", "local", "--new-key", "--from-key", "", "settings.py"],
    ["rotate", "--to", "local", "--new-key", "--from", "", "settings.py"],
    ["migrate", "--to", "local", "--env", "", "settings.py"],
    ["edit", "settings.py", "KEY", "--env", ""],
]


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_an_empty_argument_is_refused(arguments: list[str], home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = (home / "settings.py").read_text()
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    ended = capfd.readouterr()
    assert (caught.value.code, ended.out) == (2, "")
    assert ended.err.endswith("it is empty. Is the variable set? Otherwise leave it out\n")
    assert (home / "settings.py").read_text() == before


@pytest.mark.parametrize("pair", ["env=", "tenant= "])
def test_a_context_without_a_value_is_refused(pair: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["encrypt", "local", "--context", pair]) == 1
    ended = capfd.readouterr()
    assert (ended.out, "has no value. Is the variable set?" in ended.err) == ("", True)
