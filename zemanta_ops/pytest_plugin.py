"""The pytest plugin: fixtures, and silence: while it is loaded, metrics go nowhere unless ENABLED says otherwise.

It is loaded in every pytest run of an environment that has the package, so it imports neither half until asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from zemanta_ops.testing import Recorder


@pytest.fixture
def captured_metrics() -> Iterator[Recorder]:
    """Record the metrics that the test emits; see ``zemanta_ops.testing.Recorder`` for the assertions."""
    from zemanta_ops.testing import capture_metrics

    with capture_metrics() as recorder:
        yield recorder
