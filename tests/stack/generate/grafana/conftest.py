"""What the tests of dashboards and of alert rules share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stack.generate.grafana.strict_types import build_checker


@pytest.fixture(scope="session")
def checker() -> Path:
    """Return the program that reads documents with Grafana's own types."""
    return build_checker()
