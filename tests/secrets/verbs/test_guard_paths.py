"""The hook finds the files that it is given, wherever it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.secrets.repositories import Commit, git
from tests.secrets.verbs.calls import call
from zemanta_ops.secrets.verbs import guard

TOKEN = 'KEY = Secret("kms:region=eu-west-1:QUJDREVGR0g=")\n'


@pytest.mark.parametrize("place", [".", "shop", "shop/settings", "other"])
@pytest.mark.parametrize("style", ["relative", "absolute", "through a link"])
def test_a_file_is_checked_by_any_of_its_names(
    place: str, style: str, repository: Path, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit("one", **{"shop/settings/base.py": TOKEN, "other/settings.py": TOKEN})
    file = repository / "shop" / "settings" / "base.py"
    file.write_text('KEY = "hunter2"\n')
    git(repository, "add", "--all")
    here = repository / place
    monkeypatch.chdir(here)
    (repository.parent / "link").symlink_to(repository)
    given = {
        "relative": Path(*[".."] * (0 if place == "." else len(Path(place).parts)), "shop", "settings", "base.py"),
        "absolute": file,
        "through a link": repository.parent / "link" / file.relative_to(repository),
    }[style]
    ended = call(guard, str(given))
    assert ended.code == 1
    assert ended.err.startswith("shop/settings/base.py:1: KEY was encrypted (kms)")
    assert call(guard, str(repository / "other" / "settings.py")).code == 0


def test_a_file_outside_of_the_repository_is_an_error(repository: Path, commit: Commit, tmp_path: Path) -> None:
    commit("one", **{"a.py": TOKEN})
    assert call(guard, str(tmp_path / "outside.py")).code == 1
