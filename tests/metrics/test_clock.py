from __future__ import annotations

import pytest

from zemanta_ops.metrics.clock import MAX_WAIT_SECONDS, measure_wait


@pytest.mark.parametrize(
    ("start", "end", "waited"),
    [
        (100.0, 103.5, 3.5),
        (100.0, 100.0, 0.0),
        # The clock of the machine that published is ahead.
        (100.0, 99.0, 0.0),
        (MAX_WAIT_SECONDS, 0.0, 0.0),
        (0.0, MAX_WAIT_SECONDS - 1, MAX_WAIT_SECONDS - 1),
        (0.0, MAX_WAIT_SECONDS, None),
        (0.0, 2 * MAX_WAIT_SECONDS, None),
    ],
)
def test_a_wait_is_never_negative_and_never_years(start: float, end: float, waited: float | None) -> None:
    assert measure_wait(start, end) == waited
