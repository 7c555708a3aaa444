"""The demo uses Telegraf and InfluxDB if they are installed, and does without them if not."""

from __future__ import annotations

from pathlib import Path

import pytest

from example_project.demo.pipeline import pipeline
from tests.servers import cache


def test_without_the_servers_there_is_no_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.ENV, str(tmp_path / "empty"))
    with pipeline(tmp_path) as found:
        assert found is None
