"""No datagram keeps the parser busy, whatever is in it."""

from __future__ import annotations

from time import process_time

import pytest

from tests.stack.hostile_datagrams import HOSTILE
from zemanta_ops.stack.statsd import parse


@pytest.mark.parametrize("dogstatsd", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_no_datagram_takes_more_than_moments(name: str, dogstatsd: bool) -> None:
    start = process_time()
    parse(HOSTILE[name], dogstatsd=dogstatsd)
    assert process_time() - start < 2
