from __future__ import annotations

from collections.abc import Iterator

import pytest

from zemanta_ops.metrics import instrumentation


@pytest.fixture(autouse=True)
def nothing_stays_installed() -> Iterator[None]:
    yield
    instrumentation.uninstall()
