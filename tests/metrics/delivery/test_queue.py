from __future__ import annotations

from zemanta_ops.metrics.delivery.queue import PendingSamples
from zemanta_ops.metrics.series.series import COUNTER, Series


def test_samples_that_wait_are_taken_once_in_their_order() -> None:
    pending = PendingSamples()
    series = [Series(COUNTER, name, {}, "", {}) for name in ("a", "b")]
    assert not pending
    for number, each in enumerate(series):
        pending.append(each, number)
    assert pending
    assert pending.take_all() == ([(series[0], 0), (series[1], 1)], 0)
    assert not pending
    assert pending.take_all() == ([], 0)


def test_what_finds_no_room_is_counted_until_it_is_taken() -> None:
    pending = PendingSamples()
    for number in range(PendingSamples.MAX_SAMPLES + 5):
        pending.append(Series(COUNTER, "n", {}, "", {}), number)
    entries, lost = pending.take_all()
    assert (len(entries), entries[-1][1], lost) == (PendingSamples.MAX_SAMPLES, PendingSamples.MAX_SAMPLES - 1, 5)
    pending.append(Series(COUNTER, "n", {}, "", {}), 1)
    assert pending.take_all()[1] == 0
