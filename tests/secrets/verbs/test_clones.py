"""History and guard in shallow and partial clones, and under what people configure in git for their own reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.secrets.repositories import Commit, git
from tests.secrets.tokens import local as made_locally
from tests.secrets.verbs.calls import call
from zemanta_ops.secrets.verbs import audit, guard, history, rotate

TOKEN = "kms:region=eu-west-1:QUJDREVGR0g="
SECRET = f'from zemanta_ops.secrets import Secret\nKEY = Secret("{TOKEN}")\nA = 1\n'
PLAIN = SECRET.replace(f'Secret("{TOKEN}")', '"hunter2"')
GONE = "from zemanta_ops.secrets import Secret\nA = 1\n"


@pytest.fixture
def origin(repository: Path, commit: Commit) -> Path:
    """A repository whose token is in its history only."""
    git(repository, "config", "uploadpack.allowFilter", "true")
    commit("one", **{"s.py": SECRET})
    commit("two", **{"s.py": GONE})
    return repository


def clone(origin: Path, option: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    git(origin.parent, "clone", "--quiet", option, f"file://{origin}", "clone")
    monkeypatch.chdir(origin.parent / "clone")
    return origin.parent / "clone"


def stage(folder: Path, text: str) -> None:
    (folder / "s.py").write_text(text)
    git(folder, "add", "s.py")


def test_the_guard_sees_the_history_of_a_partial_clone(origin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = clone(origin, "--filter=blob:none", monkeypatch)
    stage(folder, f"{GONE}B = 2\n")
    assert call(guard).code == 0
    stage(folder, f'{GONE}KEY = "hunter2"\n')
    assert "KEY was encrypted (kms) and would now be committed in plaintext" in call(guard).err


def test_the_history_of_a_partial_clone_names_what_fetches_it(origin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = clone(origin, "--filter=blob:none", monkeypatch)
    ended = call(history, "KEY", "s.py")
    assert ended.code == 1
    assert ended.err == (
        "no history: this is a partial clone, without all versions. Run: git fetch --refetch --no-filter\n"
    )
    git(folder, "fetch", "--quiet", "--refetch", "--no-filter")
    assert call(history, "KEY", "s.py").code == 0


def test_the_guard_says_that_a_shallow_clone_hides_older_tokens(origin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = clone(origin, "--depth=1", monkeypatch)
    stage(folder, f'{GONE}KEY = "hunter2"\n')
    ended = call(guard)
    assert (ended.code, "git fetch --unshallow" in ended.err) == (0, True)
    git(folder, "fetch", "--quiet", "--unshallow")
    assert call(guard).code == 1
    stage(folder, GONE)
    assert call(guard).err == ""


CONFIGURED = [
    {"log.diffMerges": "first-parent"},
    {"log.diffMerges": "remerge"},
    {"log.follow": "true", "log.showRoot": "false"},
    {"diff.renames": "false", "diff.renameLimit": "1"},
    {"diff.relative": "true", "diff.noprefix": "true", "color.ui": "always"},
]


@pytest.mark.parametrize("configured", CONFIGURED)
def test_no_version_is_hidden_by_what_a_person_has_configured(
    configured: dict[str, str], repository: Path, commit: Commit
) -> None:
    commit("one", **{"old/s.py": SECRET})
    git(repository, "mv", "old", "new")
    commit("moved")
    git(repository, "switch", "--quiet", "--create", "side")
    commit("two", **{"x.py": "X = 1\n"})
    git(repository, "switch", "--quiet", "main")
    commit("three", **{"y.py": "Y = 1\n"})
    git(repository, "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "merge", "--no-commit", "side")
    commit("merged", **{"new/s.py": PLAIN})
    commit("four", **{"new/s.py": SECRET})
    expected = call(history, "KEY", "new/s.py").out
    assert expected.count("plaintext") == 1
    assert "old/s.py" in expected
    for name, value in configured.items():
        git(repository, "config", name, value)
    assert call(history, "KEY", "new/s.py").out == expected


def test_a_name_with_a_line_break_does_not_stop_the_commits_of_other_files(repository: Path, commit: Commit) -> None:
    commit("one", **{"a\nb.py": SECRET})
    stage(repository, SECRET)
    assert call(guard).code == 0
    commit("two")
    (repository / "a\nb.py").write_text(PLAIN)
    git(repository, "add", "--all")
    assert "KEY was encrypted" in call(guard).err
    assert call(audit, "s.py").code == 0


def test_new_files_without_tokens_are_not_parsed(
    repository: Path, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit("one", **{"s.py": SECRET})
    (repository / "large.json").write_text('["example"]')
    (repository / "module.py").write_text("A = 1\n")
    stage(repository, SECRET)
    git(repository, "add", "--all")
    monkeypatch.setattr(guard, "decode", lambda *_: pytest.fail("parsed"))
    assert call(guard).code == 0


def test_submodules_and_large_files_with_tokens_are_named_and_left_out(
    repository: Path, commit: Commit, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = home / "other"
    git(home, "clone", "--quiet", str(repository), str(other))
    (other / "s.py").write_text(SECRET)
    git(other, "add", "s.py")
    git(other, "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "--quiet", "-m", "one")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "sub")
    commit("two", **{"s.py": SECRET.replace(TOKEN, made_locally("example")), "data.json": f'["{"x" * 5_000_000}"]'})
    (repository / "large.json").write_text(f'["{"x" * 4_194_290}", "{TOKEN}"]')
    monkeypatch.chdir(repository)
    for ended in (call(audit, "."), call(rotate, "--to", "local", ".")):
        assert ended.code == 0
        assert "sub: another git repository, left out. To include it, name it" in ended.err
        assert "large.json: larger than 4 MiB and has tokens, left out. To include it, name it" in ended.err
        assert "data.json" not in ended.err
    assert "left out" not in call(audit, "--exclude", "sub", "--exclude", "large.json", ".").err
    assert "sub/s.py" in call(audit, "sub").out


@pytest.mark.parametrize("name", ["app.ini", "Dockerfile", "deploy.sh", "notes.md", "analysis.ipynb", "k8s/values.tpl"])
def test_files_of_other_formats_with_tokens_are_named(
    repository: Path, commit: Commit, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    commit("one", **{"s.py": SECRET.replace(TOKEN, made_locally("example"))})
    (repository / name).parent.mkdir(exist_ok=True)
    (repository / name).write_text(f"FROM example\nENV KEY={TOKEN}\n")
    (repository / "other.ini").write_text("KEY = example\n")
    (repository / "image.bin").write_bytes(b"\0" + TOKEN.encode())
    monkeypatch.chdir(repository)
    for ended in (call(audit, "."), call(rotate, "--to", "local", ".")):
        assert ended.code == 0
        assert (
            f"{name}: not a settings file, and has tokens, left out: they are neither listed nor rotated" in ended.err
        )
        assert "other.ini" not in ended.err
        assert "image.bin" not in ended.err
    assert "left out" not in call(audit, "--exclude", name, ".").err
