"""What the pages are walked through with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.project import Project


@pytest.fixture
def new_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Project]:
    """Return a function that makes a project: ``new_project(VAULT_ADDR=…)``."""
    for name in ("ZEMANTA_OPS_SECRETS", "ZEMANTA_OPS_ENV", "ZEMANTA_OPS_CONFIG", "ZEMANTA_OPS_KEY_DIR", "CI"):
        monkeypatch.delenv(name, raising=False)
    return lambda **environment: Project(tmp_path / "project", environment)
