"""Every version of a setting is shown, newest first, and no plaintext of any."""

from __future__ import annotations

import json
import subprocess
import sys
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


TOKEN = "kms:region=eu-west-1&key=k{}:QUJDREVGR0g="


def _rows(*arguments: str) -> list[tuple[str, str, str]]:
    """Return change, key and file of each version, newest first."""
    return [(row["change"], row["key"], row["file"]) for row in json.loads(call(history, *arguments, "--json").out)]


def _secret(number: int) -> str:
    return f'# settings\nKEY = Secret("{TOKEN.format(number)}")\n'


def _merge(repository: Path, branch: str, *options: str) -> None:
    person = ["-c", "user.name=Eve", "-c", "user.email=eve@example.com"]
    git(repository, *person, "merge", "--quiet", "--no-ff", "--no-edit", *options, branch)


def test_a_merge_without_changes_of_its_own_is_no_version(repository: Path, commit: Commit) -> None:
    commit("one", **{"s.py": _secret(1)})
    git(repository, "switch", "--quiet", "--create", "side")
    commit("two", **{"s.py": _secret(2)})
    git(repository, "switch", "--quiet", "main")
    commit("other", **{"x.py": "X = 1\n"})
    _merge(repository, "side")
    assert _rows("KEY") == [("changed", "k2", "s.py"), ("added", "k1", "s.py")]


@pytest.mark.parametrize(
    "text", ['KEY = "hunter2"\n', 'KEY = f"hunter{2}"\n', "KEY = 123456\n", 'KEY = str("hunter2")\n']
)
def test_a_plaintext_that_a_merge_introduces_is_shown(repository: Path, commit: Commit, text: str) -> None:
    commit("one", **{"s.py": _secret(1)})
    git(repository, "switch", "--quiet", "--create", "side")
    commit("two", **{"x.py": "X = 1\n"})
    git(repository, "switch", "--quiet", "main")
    commit("three", **{"y.py": "Y = 1\n"})
    _merge(repository, "side", "--no-commit")
    merged = commit("merged", author="Eve", **{"s.py": text})
    after = commit("four", **{"s.py": _secret(4)})
    rows = json.loads(call(history, "KEY", "--json").out)
    assert [(row["commit"], row["change"], row["author"]) for row in rows][:2] == [
        (after[:12], "added" if rows[0]["change"] == "added" else "changed", "Ann"),
        (merged[:12], "plaintext", "Eve"),
    ]


def test_a_plaintext_in_a_new_file_that_a_merge_introduces_is_shown(repository: Path, commit: Commit) -> None:
    commit("one", **{"s.py": _secret(1)})
    git(repository, "switch", "--quiet", "--create", "side")
    commit("two", **{"x.py": "X = 1\n"})
    git(repository, "switch", "--quiet", "main")
    _merge(repository, "side", "--no-commit")
    commit("merged", **{"t.py": 'KEY = "hunter2"\n'})
    assert ("plaintext", "", "t.py") in _rows("KEY")


def test_both_branches_are_shown_with_what_each_changed(repository: Path, commit: Commit) -> None:
    commit("one", **{"s.py": _secret(1)})
    git(repository, "switch", "--quiet", "--create", "side")
    commit("two", **{"s.py": _secret(2)})
    commit("three", **{"s.py": _secret(3)})
    git(repository, "switch", "--quiet", "main")
    commit("four", **{"s.py": _secret(4)})
    _merge(repository, "side", "--strategy-option=ours")
    assert sorted(_rows("KEY")) == [
        ("added", "k1", "s.py"),
        ("changed", "k2", "s.py"),
        ("changed", "k3", "s.py"),
        ("changed", "k4", "s.py"),
    ]


def test_a_merge_that_resolves_a_conflict_is_a_version(repository: Path, commit: Commit) -> None:
    commit("one", **{"s.py": _secret(1)})
    git(repository, "switch", "--quiet", "--create", "side")
    commit("two", **{"s.py": _secret(2)})
    git(repository, "switch", "--quiet", "main")
    commit("three", **{"s.py": _secret(3)})
    with pytest.raises(subprocess.CalledProcessError):
        _merge(repository, "side")
    commit("merged", **{"s.py": _secret(5)})
    assert _rows("KEY")[0] == ("changed", "k5", "s.py")


def test_renames_are_followed_on_every_branch_and_with_changes(repository: Path, commit: Commit) -> None:
    commit("one", **{"a.py": _secret(1)})
    git(repository, "switch", "--quiet", "--create", "side")
    (repository / "sub").mkdir()
    git(repository, "mv", "a.py", "sub/b.py")
    commit("moved")
    # So different that git does not take it for a rename.
    git(repository, "rm", "--quiet", "sub/b.py")
    commit("rewritten", **{"c.py": "# rewritten\n" * 50 + f'KEY = Secret("{TOKEN.format(1)}")\n'})
    commit("rotated", **{"c.py": "# rewritten\n" * 50 + _secret(2)})
    git(repository, "switch", "--quiet", "main")
    commit("other", **{"x.py": "X = 1\n"})
    _merge(repository, "side")
    assert _rows("KEY", "c.py") == [("changed", "k2", "c.py"), ("added", "k1", "a.py")]


def test_a_path_that_is_gone_has_a_history_and_one_that_never_was_is_an_error(repository: Path, commit: Commit) -> None:
    commit("one", **{"old/s.py": _secret(1), "t.py": "X = 1\n"})
    git(repository, "rm", "--quiet", "-r", "old")
    commit("two")
    for path in ("old/s.py", "old", "."):
        assert _rows("KEY", path) == [("removed", "", "old/s.py"), ("added", "k1", "old/s.py")]
    ended = call(history, "KEY", "absent.py")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("no history: absent.py does not exist, and is not in the history")
    assert call(history, "KEY", "t.py").err.startswith("KEY: no setting of this name")
    assert call(history, "KEY", "/").code == 1


def test_another_file_with_the_setting_is_left_out_if_one_is_named(repository: Path, commit: Commit) -> None:
    commit("one", **{"a.py": _secret(1), "b.py": _secret(2)})
    assert _rows("KEY", "b.py") == [("added", "k2", "b.py")]
    assert len(_rows("KEY")) == 2


def test_what_cannot_be_read_is_said(repository: Path, commit: Commit, monkeypatch: pytest.MonkeyPatch) -> None:
    commit("one", **{"s.toml": f'KEY = "{TOKEN.format(1)}"\n', "s.py": _secret(2)})
    commit("two", **{"s.py": "KEY = (\n" + _secret(2)})
    commit("three", **{"s.py": _secret(3)})
    ended = call(history, "KEY", "s.py")
    assert (ended.code, ended.err) == (0, "s.py: 1 version is not valid and left out\n")
    # Simulated: the package is installed here.
    monkeypatch.delitem(sys.modules, "zemanta_ops.secrets.files.formats.toml_text", raising=False)
    monkeypatch.setitem(sys.modules, "tomlkit", None)
    ended = call(history, "KEY")
    assert ended.code == 1
    assert "s.toml: reading .toml files needs" in ended.err
    assert "zemanta-ops[source]" in ended.err
    assert "k3" in ended.out
    assert call(history, "KEY", "s.toml").out == ""
    assert call(history, "KEY", "s.py").code == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "s.py",
            '"""KEY = "no"\nKEY = 1\n"""\nX = {{\n"a": 1,\n}}\n' + "Y = [1, 2]\n" * 5 + 'KEY = Secret("{}")\nN = {}\n',
        ),
        ("s.yaml", "a:\n  b: 1\nKEY: {}\nn: {}\n"),
        ("s.toml", '[other]\nx = "1"\n[db]\ny = 1\nKEY = "{}"\nn = {}\n'),
        (".env", "A=1\nKEY={}\nN={}\n"),
        ("s.json", '{{"KEY": "{}",\n"n": {}}}\n'),
    ],
)
def test_thousands_of_versions_are_read_with_progress(repository: Path, name: str, text: str) -> None:
    commits = []
    for number in range(3000):
        data = text.format(TOKEN.format(number // 1000), number)
        commits.append(
            f"commit refs/heads/main\ncommitter Ann <ann@example.com> {1_700_000_000 + number} +0000\ndata 1\nx\n"
            f"M 644 inline {name}\ndata {len(data)}\n{data}\n"
        )
    stream = "".join(commits).encode()
    subprocess.run(["git", "fast-import", "--quiet"], cwd=repository, input=stream, check=True, capture_output=True)
    ended = call(history, "db.KEY" if name == "s.toml" else "KEY")
    assert len(ended.out.splitlines()) == 4
    assert ended.err.splitlines()[-1] == "read 3000/3000 versions"
    assert len(ended.err.splitlines()) == 10


def test_names_of_files_are_taken_as_they_are(repository: Path, commit: Commit) -> None:
    commit("one", **{"[s]*.py": _secret(1), "s.py": _secret(2)})
    assert _rows("KEY", "[s]*.py") == [("added", "k1", "[s]*.py")]


@pytest.mark.parametrize(
    ("value", "is_plaintext"),
    [
        ('environ["PASSWORD"]', False),
        ('env("PASSWORD", "")', False),
        ("OTHER_SETTING", False),
        ('""', False),
        ("None", False),
        ('"example-password"', True),
        ('env("PASSWORD", "example-password")', True),
    ],
)
def test_only_what_can_be_read_was_a_plaintext(value: str, is_plaintext: bool, commit: Commit) -> None:
    commit("one", **{"s.py": f"PASSWORD = {value}\n"})
    commit("two", **{"s.py": 'PASSWORD = Secret("kms:region=eu-west-1&key=k1:QUJDREVGR0g=")\n'})
    changes = [row["change"] for row in json.loads(call(history, "PASSWORD", "--json").out)]
    assert changes == (["changed", "plaintext"] if is_plaintext else ["added"])
