"""A real git repository to work in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Commit = Callable[..., str]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, with no configuration of the person who runs the tests."""
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    git(folder, "init", "--quiet", "--initial-branch=main")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def commit(repository: Path) -> Commit:
    """Write files and commit them: ``commit("message", author="Ann", date="2024-01-01", **{"a.py": text})``."""

    def commit(message: str, author: str = "Ann", date: str = "2024-01-01T12:00:00+0000", **files: str) -> str:
        for name, text in files.items():
            path = repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        git(repository, "add", "--all")
        person = ["-c", f"user.name={author}", "-c", f"user.email={author.lower()}@example.com"]
        git(repository, *person, "commit", "--quiet", "--date", date, "-m", message)
        return git(repository, "rev-parse", "HEAD").strip()

    return commit


def git(folder: Path, *arguments: str) -> str:
    """Run git as a user would."""
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout
