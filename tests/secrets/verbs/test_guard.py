"""The pre-commit hook stops a plaintext that replaces a token, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.secrets.files.test_credentials import EXAMPLES
from tests.secrets.repositories import Commit, git
from tests.secrets.verbs.calls import call
from zemanta_ops.secrets.files.formats import scalars, strings
from zemanta_ops.secrets.files.plaintext import ALLOW
from zemanta_ops.secrets.files.source_file import read
from zemanta_ops.secrets.verbs import guard, keygen

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
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
    assert call(guard) == (1, "", f"s.py:1: not valid Python {PYTHON}. The file cannot be checked for plaintexts\n")


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


def test_the_hook_runs_for_every_commit_whatever_its_files_are() -> None:
    definition = {literal.setting: literal.value for literal in scalars(read(HOOKS).text, ".yaml")}
    assert definition["0.always_run"] == "true"
    assert "0.files" not in definition


@pytest.mark.parametrize(
    ("name", "old", "new", "module"),
    [
        ("s.toml", f'KEY = "{TOKEN}"\n', 'KEY = "hunter2"\n', "tomlkit"),
        ("s.toml", f'KEY = "{TOKEN}"\n', "# nothing\n", "tomlkit"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: hunter2\n", "ruamel.yaml"),
    ],
)
def test_what_cannot_be_checked_without_the_parser_is_refused(
    repository: Path, commit: Commit, monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str, module: str
) -> None:
    commit("one", **{name: old, "x.toml": "a = 1\n", "x.yaml": "a: 1\n"})
    for kind in ("toml_text", "yaml_text"):
        monkeypatch.delitem(sys.modules, f"zemanta_ops.secrets.files.formats.{kind}", raising=False)
    # Simulated: the packages are installed here.
    monkeypatch.setitem(sys.modules, module, None)
    _stage(repository, "x.toml", "a = 'local: secret'\n")
    _stage(repository, "x.yaml", "a: 'local: secret'\n")
    assert call(guard) == (0, "", "")
    _stage(repository, name, new)
    ended = call(guard)
    assert ended.code == 1
    assert re.match(r"reading \.\w+ files needs .*zemanta-ops\[source\].*The file cannot be checked", ended.err)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("s.py", b"KEY = (hunter2\n"),
        ("s.py", b"KEY = '\xff'\n"),
        ("s.py", b"# coding: nonsense\nKEY = 'hunter2'\n"),
        ("s.py", b"<<<<<<< ours\nKEY = 'hunter2'\n=======\n"),
        ("s.py", b"KEY = '\0hunter2'\n"),
        ("s.py", b"print 'hunter2'\n"),
    ],
)
def test_a_file_of_tokens_that_cannot_be_read_is_refused(
    repository: Path, commit: Commit, name: str, data: bytes
) -> None:
    commit("one", **{name: SETTINGS})
    (repository / name).write_bytes(data)
    git(repository, "add", "--all")
    ended = call(guard)
    assert ended.code == 1
    assert "The file cannot be checked for plaintexts" in ended.err
    assert "hunter2" not in ended.err


def test_a_new_file_that_cannot_be_read_and_may_have_a_lost_secret_is_refused(repository: Path, commit: Commit) -> None:
    commit("one", **{"s.py": SETTINGS})
    _stage(repository, "s.py", "from new import *\n")
    _stage(repository, "other.py", "print 'hunter2'\n")
    assert call(guard) == (0, "", "")
    _stage(repository, "new.py", "KEY = (hunter2\n")
    assert call(guard) == (1, "", f"new.py:1: not valid Python {PYTHON}. The file cannot be checked for plaintexts\n")


def test_a_file_of_tokens_under_a_name_of_another_kind_is_refused(repository: Path, commit: Commit) -> None:
    text = "# settings\n" * 20
    commit("one", **{"s.py": text + SETTINGS})
    git(repository, "mv", "s.py", "s.conf")
    _stage(repository, "s.conf", text + SETTINGS)
    assert call(guard).code == 0
    _stage(repository, "s.conf", text + SETTINGS.replace(f'Secret("{TOKEN}")', '"hunter2"'))
    assert "is not a .py" in call(guard).err


def test_files_of_other_kinds_never_block(repository: Path, commit: Commit) -> None:
    commit("one", **{"s.py": SETTINGS, "t.py": "x = 1\n"})
    for name, data in {
        "t.py": b"x = (\n",
        "chart/secret.yaml": b"kind: Secret\ndata: {{ .Values.KEY | b64enc }}\n  {{- end }}\n",
        "tsconfig.json": b'{// local: comment\n"KEY": 1,}',
        "logo.png": bytes(range(256)) * 9,
        "broken.env": b"KEY\n",
        "utf16.json": "{}".encode("utf-16"),
        "README.rst": b"KEY = 'documented'\n",
        "link.py": b"",
    }.items():
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_bytes(data)
    (repository / "link.py").unlink()
    (repository / "link.py").symlink_to("s.py")
    _stage(repository, "s.py", SETTINGS.replace("shop", "other"))
    assert call(guard) == (0, "", "")


def test_a_development_file_beside_the_production_file_is_normal(repository: Path, commit: Commit) -> None:
    commit("one", **{"prod.py": SETTINGS})
    _stage(repository, "dev.py", 'KEY = "dev"\nDB = {"PASSWORD": "dev"}\n')
    _stage(repository, "prod.py", SETTINGS + "NEW = 1\n")
    assert call(guard) == (0, "", "")
    commit("two")
    _stage(repository, "dev.py", 'KEY = "other"\nDB = {"PASSWORD": "dev"}\n')
    _stage(repository, "prod.py", SETTINGS)
    assert call(guard) == (0, "", "")
    _stage(repository, "base.py", SETTINGS)
    _stage(repository, "prod.py", "from base import *\n")
    assert call(guard) == (0, "", "")


def test_a_token_that_moves_to_another_file_leaves_its_place_to_a_development_value(
    repository: Path, commit: Commit
) -> None:
    commit("one", **{"settings.py": f'KEY = Secret("{TOKEN}")\n'})
    _stage(repository, "production.py", f'KEY = Secret("{TOKEN}")\n')
    _stage(repository, "settings.py", 'KEY = "dev"\n')
    assert call(guard) == (0, "", "")


@pytest.mark.parametrize(
    "between",
    [
        {"s.py": "KEY = os.environ['KEY']\n"},
        {"s.py": "X = (\n"},
        {"s.py": SETTINGS.replace(f'Secret("{TOKEN}")\n', f'Secret("{TOKEN}")  # moved\n', 1)},
    ],
)
def test_a_plaintext_over_two_commits_is_stopped(repository: Path, commit: Commit, between: dict[str, str]) -> None:
    commit("one", **{"s.py": SETTINGS})
    commit("two", **between)
    _stage(repository, "s.py", 'KEY = "hunter2"\n')
    ended = call(guard)
    assert ended.err.startswith("s.py:1: KEY was encrypted (kms)")
    assert "hunter2" not in ended.err


def test_a_plaintext_over_two_commits_and_a_rename_is_stopped(repository: Path, commit: Commit) -> None:
    text = "# settings\n" * 20
    commit("one", **{"s.py": text + SETTINGS})
    git(repository, "mv", "s.py", "t.py")
    commit("two")
    commit("three", **{"t.py": text})
    _stage(repository, "t.py", text + 'KEY = "hunter2"\n')
    assert call(guard).err.startswith("t.py:21: KEY was encrypted (kms)")


def test_a_plaintext_in_a_module_that_the_settings_import_is_stopped(repository: Path, commit: Commit) -> None:
    commit("one", **{"s.py": SETTINGS})
    _stage(repository, "s.py", "from .keys import MY_VALUE\nKEY = MY_VALUE\n")
    _stage(repository, "keys.py", 'MY_VALUE = "hunter2"\n')
    assert call(guard).err.startswith("keys.py:1: KEY was encrypted (kms)")


def test_a_plaintext_that_stays_and_a_file_that_is_named_do_not_block(repository: Path, commit: Commit) -> None:
    commit("one", **{"s.py": SETTINGS})
    commit("two", **{"s.py": 'KEY = "hunter2"\n', "t.py": SETTINGS})
    _stage(repository, "s.py", 'KEY = "hunter2"\nNEW = 1\n')
    assert call(guard) == (0, "", "")
    _stage(repository, "t.py", 'KEY = "hunter2"\n')
    assert call(guard, "s.py") == (0, "", "")
    assert call(guard, "t.py").code == 1


def test_excluded_files_are_not_checked(repository: Path, commit: Commit) -> None:
    commit("one", **{"s.py": SETTINGS, "zemanta_ops.toml": 'exclude = ["fixtures/", "*.example.py"]\n'})
    (repository / "fixtures").mkdir()
    _stage(repository, "fixtures/key.txt", EXAMPLES["a key of Stripe"])
    _stage(repository, "a.example.py", EXAMPLES["a key of Stripe"])
    assert call(guard) == (0, "", "")
    _stage(repository, "key.txt", EXAMPLES["a key of Stripe"])
    assert call(guard).code == 1


def test_credentials_are_stopped_in_any_file_and_a_comment_allows_one(repository: Path, commit: Commit) -> None:
    text = f"{EXAMPLES['a key of Stripe']}\n"
    commit("one", **{"notes.txt": text})
    _stage(repository, "notes.txt", f"first\n{text}")
    assert call(guard) == (0, "", "")
    _stage(repository, "README", f"a\n{EXAMPLES['a token of GitHub']}\n")
    ended = call(guard)
    assert ended.code == 1
    assert ended.err.startswith("README:2: a token of GitHub would be committed")
    assert EXAMPLES["a token of GitHub"] not in ended.err
    _stage(repository, "README", f"# {ALLOW}: revoked\n{EXAMPLES['a token of GitHub']}\n")
    assert call(guard) == (0, "", "")


@pytest.mark.parametrize("suite", ["pq", "x25519"])
def test_a_key_file_of_keygen_is_stopped(repository: Path, suite: str) -> None:
    path = repository.parent / "example.key"
    call(keygen, "--suite", suite, "--output", str(path))
    _stage(repository, "anything", path.read_text())
    ended = call(guard)
    assert ended.err.startswith("anything:2: a private key of age would be committed")
    assert "AGE-SECRET" not in ended.err
