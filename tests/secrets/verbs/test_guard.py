"""The pre-commit hook stops a plaintext where a token stood, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.secrets.repositories import Commit, git
from tests.secrets.verbs.calls import call
from zemanta_ops.secrets.files.formats import strings
from zemanta_ops.secrets.files.source_file import read
from zemanta_ops.secrets.verbs import guard

TOKEN = "kms:region=eu-west-1:QUJDREVGR0g="
SETTINGS = f'KEY = Secret("{TOKEN}")\nDB = {{"PASSWORD": Secret("{TOKEN}").get()}}\nNAME = "shop"\n'
HOOKS = Path(__file__).parents[3] / ".pre-commit-hooks.yaml"


def _stage(repository: Path, name: str, text: str) -> None:
    (repository / name).write_text(text)
    git(repository, "add", "--all")


@pytest.mark.parametrize(
    "changed",
    [
        SETTINGS.replace(f'Secret("{TOKEN}")\nDB', '"hunter2"\nDB'),
        SETTINGS.replace(f'Secret("{TOKEN}").get()', '"hunter2"'),
        SETTINGS.replace(f'KEY = Secret("{TOKEN}")', 'KEY = Secret("plain::hunter2")'),
        SETTINGS.replace(f'KEY = Secret("{TOKEN}")', 'KEY = Secret("hunter2")'),
        SETTINGS.replace(f'KEY = Secret("{TOKEN}")', 'KEY = environ.get("KEY") or "hunter2"'),
    ],
)
def test_a_plaintext_where_a_token_stood_is_stopped(repository: Path, commit: Commit, changed: str) -> None:
    commit("one", **{"s.py": SETTINGS})
    _stage(repository, "s.py", changed)
    for arguments in ((), ("s.py",)):
        ended = call(guard, *arguments)
        assert ended.code == 1
        assert re.match(r"s\.py:\d: (KEY|DB\.PASSWORD) was encrypted \(kms\) and would now", ended.err)
        assert "hunter2" not in ended.err


@pytest.mark.parametrize(
    "changed",
    [
        SETTINGS,
        SETTINGS.replace("QUJD", "WFla"),
        SETTINGS.replace('"shop"', '"other"'),
        SETTINGS.replace(f'KEY = Secret("{TOKEN}")\n', ""),
        SETTINGS.replace(f'KEY = Secret("{TOKEN}")', 'KEY = os.environ["KEY"]'),
        SETTINGS.replace(f'KEY = Secret("{TOKEN}")', 'KEY = ""'),
        SETTINGS + 'NEW = "text"\n',
    ],
)
def test_other_changes_pass(repository: Path, commit: Commit, changed: str) -> None:
    commit("one", **{"s.py": SETTINGS})
    _stage(repository, "s.py", changed + "# changed\n")
    assert call(guard) == (0, "", "")


def test_a_plaintext_in_another_or_a_renamed_file_is_stopped(repository: Path, commit: Commit) -> None:
    commit("one", **{"s.py": "# settings\n" * 20 + SETTINGS})
    git(repository, "mv", "s.py", "t.py")
    _stage(repository, "t.py", "# settings\n" * 20 + SETTINGS.replace(f'KEY = Secret("{TOKEN}")', 'KEY = "hunter2"'))
    assert call(guard).err.startswith("t.py:21: KEY")
    _stage(repository, "t.py", "# settings\n" * 20)
    _stage(repository, "new.toml", 'KEY = "hunter2"\n')
    assert call(guard).err.startswith("new.toml:1: KEY")


def test_a_staged_file_that_cannot_be_read_is_stopped(repository: Path, commit: Commit) -> None:
    commit("one", **{"s.py": SETTINGS, "t.py": "(\n"})
    _stage(repository, "s.py", "KEY = (hunter2\n")
    _stage(repository, "t.py", "x = 1\n")
    assert call(guard) == (1, "", "s.py:1: not valid Python. The file cannot be checked for plaintexts\n")


def test_a_first_commit_and_no_repository(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _stage(repository, "s.py", SETTINGS)
    assert call(guard) == (0, "", "")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert call(guard).code == 1


def test_git_itself_refuses_the_commit(repository: Path, commit: Commit) -> None:
    """The entry of the hook definition, run by git as a hook."""
    definition = {literal.setting: literal.value for literal in strings(read(HOOKS).text, ".yaml")}
    entry = definition["0.entry"].replace("python", sys.executable, 1)
    commit("one", **{"s.py": SETTINGS})
    hook = repository / ".git" / "hooks" / "pre-commit"
    hook.write_text(f"#!/bin/sh\nexec {entry} s.py\n")
    hook.chmod(0o755)
    _stage(repository, "s.py", SETTINGS.replace(f'KEY = Secret("{TOKEN}")', 'KEY = "hunter2"'))
    with pytest.raises(subprocess.CalledProcessError) as caught:
        commit("two")
    assert "KEY was encrypted" in caught.value.stderr
    _stage(repository, "s.py", SETTINGS + "# fine\n")
    commit("two")


@pytest.mark.parametrize(
    ("name", "wanted"), [("a/b.py", True), (".env", True), ("x/.env.local", True), ("a.yml", True), ("a.rst", False)]
)
def test_the_definition_names_the_files_that_can_be_read(name: str, wanted: bool) -> None:
    definition = {literal.setting: literal.value for literal in strings(read(HOOKS).text, ".yaml")}
    assert bool(re.search(definition["0.files"], name)) is wanted
