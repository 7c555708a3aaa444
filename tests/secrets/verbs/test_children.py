"""What git, the one child of the verbs, is given: no key, no password and no plaintext. Real git behind a witness."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.secrets.nowhere import CANARY, shown
from tests.secrets.repositories import Commit, git
from tests.secrets.tokens import made
from tests.secrets.verbs.calls import call
from zemanta_ops.secrets.verbs import audit, guard, history, rotate

SECRET_VARIABLES = [
    "ZEMANTA_OPS_OVERRIDE__A",
    "ZEMANTA_OPS_PASSWORD",
    "ZEMANTA_OPS_SEALED_KEY",
    "ZEMANTA_OPS_VAULT_SECRET_ID",
    "VAULT_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
]


@pytest.fixture
def witness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file into which a git of ours writes its arguments and environment before it becomes the real one."""
    seen, folder = tmp_path / "seen", tmp_path / "bin"
    folder.mkdir()
    script = folder / "git"
    script.write_text(f'#!/bin/sh\ncat /proc/$$/cmdline /proc/$$/environ >> {seen}\nexec {shutil.which("git")} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return seen


def test_no_key_and_no_plaintext_stands_in_the_arguments_or_the_environment_of_git(
    repository: Path, commit: Commit, home: Path, witness: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    text = f"A = Secret({made('plain', CANARY)!r})\nB = Secret({made('local', CANARY)!r})\n"
    commit("one", **{"settings.py": text, ".env": f"C_PASSWORD='{CANARY.splitlines()[0]}'\n"})
    (repository / "settings.py").write_text(f"{text}D = 'x'\n")
    git(repository, "add", "settings.py")
    for name in SECRET_VARIABLES:
        monkeypatch.setenv(name, CANARY)
    ended = [
        call(audit, "--json"),
        call(history, "B", "--json"),
        call(history, "A"),
        call(guard),
        call(rotate, "--to", "local", "--dry-run"),
        call(rotate, "--to", "local", "--dry-run", "--json", "--from", "plain"),
    ]
    assert [end.code for end in ended] == [1, 0, 0, 0, 0, 0]
    assert '"backend": "local"' in ended[1].out
    assert '"from": [' in ended[5].out
    for text in (witness.read_bytes().decode(errors="replace"), *(end.out + end.err for end in ended)):
        assert shown(text) == []
    assert "GIT_OPTIONAL_LOCKS" in witness.read_text(errors="replace")
