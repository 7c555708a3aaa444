"""A .env file whose name does not say so is one for every command, the hook and the loaders alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.secrets.repositories import Commit, git
from tests.secrets.tokens import local as token
from tests.secrets.verbs.calls import call
from zemanta_ops.secrets import load_config, load_env
from zemanta_ops.secrets.verbs import audit, guard, history, migrate, rotate

PLAINTEXT = "example-plaintext"
NAMES = ["env.d/production/common", ".envs/.production/.django", "deploy/variables"]

pytestmark = pytest.mark.usefixtures("_keys")


@pytest.fixture
def _keys(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_KEY_DIR", str(repository.parent / "keys"))


def text(value: str) -> str:
    return f"# Common\nDEBUG=off\nSIGNING_KEY={value}\n"


@pytest.mark.parametrize("name", NAMES)
def test_audit_and_rotate_find_its_tokens(name: str, repository: Path, commit: Commit) -> None:
    old = token(PLAINTEXT)
    commit("one", **{name: text(old), "Makefile": "all: build\n\techo\n", "LICENSE": "Do what you like.\n"})
    ended = call(audit, "--allow", "local", ".")
    assert (ended.code, ended.err) == (0, "")
    assert f"{name}:3" in ended.out
    ended = call(rotate, "--to", "local", "--new-key", ".")
    assert ended.code == 0, ended.err
    assert old not in (repository / name).read_text()
    assert load_config(name)["SIGNING_KEY"] == PLAINTEXT
    assert load_env(name)("SIGNING_KEY") == PLAINTEXT


@pytest.mark.parametrize("name", NAMES)
def test_the_hook_stops_a_plaintext_in_it(name: str, repository: Path, commit: Commit) -> None:
    commit("one", **{name: text(token(PLAINTEXT))})
    (repository / name).write_text(text("hunter2"))
    git(repository, "add", "--all")
    ended = call(guard)
    assert ended.code == 1
    assert ended.err.startswith(f"{name}:3: SIGNING_KEY was encrypted (local)")


@pytest.mark.parametrize("name", NAMES)
def test_the_hook_stops_a_plaintext_that_moves_there(name: str, repository: Path, commit: Commit) -> None:
    commit("one", **{"production.env": text(token(PLAINTEXT))})
    (repository / name).parent.mkdir(parents=True, exist_ok=True)
    (repository / name).write_text(text("hunter2"))
    (repository / "production.env").write_text("DEBUG=off\n")
    git(repository, "add", "--all")
    assert f"{name}:3: SIGNING_KEY" in call(guard).err


@pytest.mark.parametrize("name", NAMES)
def test_the_hook_refuses_one_that_is_not_valid_any_more(name: str, repository: Path, commit: Commit) -> None:
    commit("one", **{name: text(token(PLAINTEXT))})
    (repository / name).write_text("Common:\n  SIGNING_KEY hunter2\n")
    git(repository, "add", "--all")
    ended = call(guard)
    assert ended.code == 1
    assert "cannot be checked" in ended.err


@pytest.mark.parametrize("name", NAMES)
def test_its_history_is_shown(name: str, commit: Commit) -> None:
    commit("plain", **{name: text("hunter2"), "Makefile": "all: SIGNING_KEY\n"})
    commit("encrypted", **{name: text(token(PLAINTEXT))})
    ended = call(history, "SIGNING_KEY")
    assert ended.code == 0, ended.err
    assert [line.split()[4] for line in ended.out.splitlines()[1:]] == ["changed", "plaintext"]
    assert "Makefile" not in ended.out + ended.err


@pytest.mark.parametrize("ignored", [False, True])
def test_a_folder_of_such_files_is_migrated_if_it_is_named(ignored: bool, repository: Path) -> None:
    for name in ("common", "postgresql"):
        (repository / "env.d/production").mkdir(parents=True, exist_ok=True)
        (repository / "env.d/production" / name).write_text(f"{name.upper()}_PASSWORD={PLAINTEXT}-{name}\n")
    (repository / ".gitignore").write_text("env.d/\n" if ignored else "")
    assert call(migrate, "--to", "local", "env.d").code == 0
    assert load_config("env.d/production/common")["COMMON_PASSWORD"] == f"{PLAINTEXT}-common"


@pytest.mark.parametrize("content", ["all: build\n\techo\n", "#!/bin/sh\nA=b\n", "hunter2\n", "\0\xff"])
def test_other_files_without_an_ending_are_left_alone(content: str, repository: Path, commit: Commit) -> None:
    commit("one", tool=content)
    (repository / "tool").write_text(content + "SIGNING_KEY=hunter2\n")
    git(repository, "add", "--all")
    assert call(guard).code == 0
    assert "tool" not in call(audit, ".").out
