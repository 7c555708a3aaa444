"""Every version of a setting is shown, newest first, and no plaintext of any."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.secrets.repositories import Commit, git
from tests.secrets.verbs.calls import call
from zemanta_ops.secrets.verbs import history

SETTINGS = "# settings\n" * 30 + 'DEBUG = False\nDB = {{"PASSWORD": {}}}\nOTHER = Secret("kms::T1RIRVJPVEhFUg==")\n'


@pytest.fixture
def past(repository: Path, commit: Commit) -> list[str]:
    """A password that was plain, encrypted, rotated by another person, moved with its file, broken off and removed."""
    texts = [
        '"hunter2"',
        'Secret("local:v=2&key=k1:QUJDREVGR0g=")',
        'Secret("kms:region=eu-west-1&key=k2&app=shop:QUJDREVGR0g=")',
    ]
    done = [commit("plain", **{"old.py": SETTINGS.format(texts[0])})]
    done.append(commit("encrypted", date="2024-02-01T12:00:00+0000", **{"old.py": SETTINGS.format(texts[1])}))
    commit("broken", **{"old.py": "X = (\n" + SETTINGS.format(texts[1])})
    commit("mended, and another line", **{"old.py": "X = 1\n" + SETTINGS.format(texts[1])})
    git(repository, "mv", "old.py", "new.py")
    commit("moved")
    done.append(
        commit("rotated", author="Bob", date="2024-03-01T12:00:00+0000", **{"new.py": SETTINGS.format(texts[2])})
    )
    return done


def test_versions_are_listed_newest_first(past: list[str]) -> None:
    ended = call(history, "DB.PASSWORD", "--json")
    rows = [tuple(row.values()) for row in json.loads(ended.out)]
    assert rows == [
        (past[2][:12], "2024-03-01 12:00", "Bob", "changed", "kms", "k2", "shop", "new.py"),
        (past[1][:12], "2024-02-01 12:00", "Ann", "changed", "local", "k1", "", "old.py"),
        (past[0][:12], "2024-01-01 12:00", "Ann", "plaintext", "", "", "", "old.py"),
    ]
    assert ended.code == 0
    assert "hunter2" not in ended.out


def test_a_person_gets_a_table(past: list[str]) -> None:
    ended = call(history, "DB.PASSWORD", "new.py")
    assert [line.split()[0] for line in ended.out.splitlines()] == ["COMMIT", *(name[:12] for name in past[::-1])]


@pytest.mark.usefixtures("past")
def test_a_removed_setting_still_has_a_history(repository: Path, commit: Commit) -> None:
    last = commit("removed", **{"new.py": "# settings\n" * 30})
    rows = json.loads(call(history, "DB.PASSWORD", "--json").out)
    assert (rows[0]["commit"], rows[0]["change"]) == (last[:12], "removed")
    assert len(rows) == 4


@pytest.mark.usefixtures("past")
@pytest.mark.parametrize("name", ["ABSENT", "DEBUG", "DB"])
def test_what_never_was_a_secret_has_none(name: str) -> None:
    ended = call(history, name)
    assert (ended.code, ended.out) == (1, "")
    assert name in ended.err


@pytest.mark.usefixtures("past")
def test_a_shallow_clone_says_that_it_is(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", "clone")
    monkeypatch.chdir(tmp_path / "clone")
    ended = call(history, "DB.PASSWORD")
    assert ended.code == 0
    assert len(ended.out.splitlines()) == 2
    assert "git fetch --unshallow" in ended.err


def test_without_git_or_history_it_says_so(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / "s.py").write_text('A = Secret("kms::QUJDREVGR0g=")\n')
    assert call(history, "A").err.startswith("no history: your current branch 'main' does not have any commits")
    monkeypatch.setenv("PATH", "")
    assert call(history, "A", "s.py") == (1, "", "no history: git is not installed, or not in PATH\n")


def test_an_authors_name_cannot_steer_the_terminal(repository: Path, commit: Commit) -> None:
    commit("one", author="Eve\x1b[2J", **{"s.py": 'A = Secret("kms::QUJDREVGR0g=")\n'})
    assert "\x1b" not in call(history, "A").out
