"""What the operators' verbs ask of git, asked of a real repository."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.secrets.repositories import Commit, git
from zemanta_ops.secrets.files.git import (
    GitError,
    blame,
    is_in_history,
    is_shallow,
    list_staged,
    list_tracked,
    list_versions,
    read_objects,
    run,
)
from zemanta_ops.secrets.files.versions import find_names, list_changes, list_contents


def test_blame_names_author_and_date_of_each_line(repository: Path, commit: Commit) -> None:
    first = commit("one", author="Ann", date="2024-01-01T12:00:00+0000", **{"s.py": "A = 1\n\tB = 2\nC = 3\n"})
    second = commit("two", author="Bob", date="2024-02-01T12:00:00+0200", **{"s.py": "A = 1\n\tB = 5\nC = 3\n"})
    (repository / "s.py").write_text("A = 1\n\tB = 5\nC = 6\n")
    lines = blame(repository / "s.py")
    assert [lines[number].hash for number in (1, 2, 3)] == [first, second, ""]
    assert [lines[number].author for number in (1, 2, 3)] == ["Ann", "Bob", "not committed"]
    assert lines[2].date == datetime(2024, 2, 1, 10, tzinfo=timezone.utc)
    assert lines[3].date is None


def test_versions_follow_renames(repository: Path, commit: Commit) -> None:
    text = "".join(f"LINE_{number} = {number}\n" for number in range(20))
    first = commit("one", **{"old é.py": text})
    git(repository, "mv", "old é.py", "new.py")
    second = commit("two")
    third = commit("three", author="Bob", **{"new.py": text + "B = 1\n"})
    commit("other file", **{"x.py": ""})
    found = list_versions(repository / "new.py")
    assert [(v.commit.hash, v.name) for v in found] == [(third, "new.py"), (second, "new.py"), (first, "old é.py")]
    assert found[0].commit.author == "Bob"
    assert read_objects(repository, [f"{first}:old é.py", f"{first}:new.py", f"{third}:new.py"]) == [
        text.encode(),
        None,
        (text + "B = 1\n").encode(),
    ]


def test_a_repository_without_history_is_an_error_that_says_so(repository: Path) -> None:
    (repository / "s.py").write_text("A = 1\n")
    with pytest.raises(GitError, match="does not have any commits"):
        list_versions(repository / "s.py")
    with pytest.raises(GitError):
        blame(repository / "s.py")


def test_a_shallow_clone_is_told_and_its_edge_is_marked(repository: Path, commit: Commit, tmp_path: Path) -> None:
    commit("one", **{"s.py": "A = 1\n"})
    commit("two", **{"s.py": "A = 1\nB = 1\n"})
    commit("three", **{"s.py": "A = 1\nB = 1\nC = 1\n"})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=2", f"file://{repository}", str(clone))
    assert is_shallow(clone)
    assert not is_shallow(repository)
    assert blame(clone / "s.py")[1].boundary
    assert not blame(clone / "s.py")[3].boundary
    assert len(list_versions(clone / "s.py")) == 2


def test_no_git_and_no_repository_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(GitError, match="not a git repository"):
        list_tracked(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="not installed"):
        list_tracked(tmp_path)


def test_tracked_and_new_files_are_listed_and_ignored_ones_are_not(repository: Path, commit: Commit) -> None:
    commit("one", **{"a.py": "", ".gitignore": "*.log\n", "sub/b.py": ""})
    (repository / "new.py").touch()
    (repository / "x.log").touch()
    assert sorted(path.name for path in list_tracked(repository)) == [".gitignore", "a.py", "b.py", "new.py"]
    assert [path.name for path in list_tracked(repository / "sub")] == ["b.py"]


def test_a_file_name_with_a_line_break_is_read(repository: Path, commit: Commit) -> None:
    commit("one", **{"a\nb.py": "A = 1\n", "c.py": "A = 2\n"})
    names = ["HEAD:a\nb.py", ":a\nb.py", "HEAD:x\ny.py", "HEAD:c.py"]
    assert read_objects(repository, names) == [b"A = 1\n", b"A = 1\n", None, b"A = 2\n"]


def test_blame_needs_no_list_of_ignored_commits(repository: Path, commit: Commit) -> None:
    commit("one", **{"s.py": "A = 1\n"})
    newest = commit("two", **{"s.py": "A = 2\n"})
    (repository / ".ignored").write_text(f"{newest}\n")
    for name in (".ignored", ".missing"):
        git(repository, "config", "blame.ignoreRevsFile", name)
        assert blame(repository / "s.py")[1].hash == newest


def ask_everything(repository: Path) -> None:
    """Ask all that the verbs ask."""
    file = repository / "s.py"
    blame(file)
    list_versions(file)
    list_tracked(repository)
    list_staged(repository)
    is_in_history(repository, "s.py")
    read_objects(repository, ["HEAD:s.py"])
    assert find_names(repository, "A") == {"s.py"}
    assert len(list_changes(repository, ["s.py"])) == 2
    assert len(list(list_contents(repository, "s.py"))) == 2
    run(repository, "status", "--porcelain")


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Path]:
    """A program that leaves a file beside itself if it runs."""
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path / 'sprung'}\ncat\n")
    script.chmod(0o755)
    yield script


def has_sprung(trap: Path) -> bool:
    """Return whether the program has run, and forget it."""
    sprung = trap.parent / "sprung"
    try:
        return sprung.exists()
    finally:
        sprung.unlink(missing_ok=True)


def test_a_hostile_configuration_runs_nothing(repository: Path, commit: Commit, trap: Path) -> None:
    commit("one", **{"s.py": "A = 1\n", ".gitattributes": "*.py diff=trap filter=none\n"})
    commit("two", **{"s.py": "A = 2\n"})
    (repository / "s.py").write_text("A = 3\n")
    git(repository, "add", "s.py")
    for key in ("diff.external", "diff.trap.command", "diff.trap.textconv", "core.fsmonitor", "core.pager"):
        git(repository, "config", key, str(trap))
    ask_everything(repository)
    assert not has_sprung(trap)


@pytest.mark.parametrize(
    ("key", "arguments"),
    [
        ("diff.external", ("diff", "HEAD^")),
        ("diff.trap.textconv", ("log", "-S", "A", "--name-only")),
        ("core.fsmonitor", ("status",)),
    ],
)
def test_without_the_options_that_prevent_it_the_configuration_runs_a_program(
    key: str, arguments: tuple[str, ...], repository: Path, commit: Commit, trap: Path
) -> None:
    commit("one", **{"s.py": "A = 1\n", ".gitattributes": "*.py diff=trap\n"})
    commit("two", **{"s.py": "A = 2\n"})
    git(repository, "config", key, str(trap))
    git(repository, *arguments)
    assert has_sprung(trap)
