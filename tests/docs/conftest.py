"""What the pages are walked through with."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.project import Project
from tests.servers import cache, pypi
from tests.servers.fixtures import require


@pytest.fixture
def new_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Project]:
    """Return a function that makes a project: ``new_project(folder_of_programs, VAULT_ADDR=…)``."""
    for name in ("ZEMANTA_OPS_SECRETS", "ZEMANTA_OPS_ENV", "ZEMANTA_OPS_CONFIG", "ZEMANTA_OPS_KEY_DIR", "CI"):
        monkeypatch.delenv(name, raising=False)

    def new(*programs: Path, **environment: str) -> Project:
        path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
        return Project(tmp_path / "project", {"PATH": path, **environment})

    return new


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the program ``aws``."""
    return pypi.aws(tmp_path_factory.mktemp("aws"))


@pytest.fixture(scope="session")
def vault_program() -> Path:
    """Return the folder of the program ``vault``."""
    require("vault")
    return cache.binary("vault").parent
