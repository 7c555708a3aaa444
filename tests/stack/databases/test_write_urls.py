"""Several write URLs of VictoriaMetrics: a write goes to the first that can be reached, and to no second one."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest

from tests.servers.victoriametrics import VictoriaMetrics
from tests.stack.answering import never_taken
from zemanta_ops.stack.databases import ONCE, Database, DatabaseError, Point, connect

POINTS = [Point("deploys", {"count": 1.0})]


def open_behind(port: int, victoriametrics: VictoriaMetrics) -> Database:
    """Return a database that is written to at this port first, and then at a real server."""
    urls = f"http://127.0.0.1:{port},{victoriametrics.url}"
    return connect(write_url=urls, read_url=victoriametrics.url, database="write_urls", timeout=0.5, retry=ONCE)


@pytest.mark.parametrize("down", [lambda: nullcontext(1), never_taken], ids=["unreachable", "blocked"])
def test_points_go_to_the_next_server_if_the_first_is_gone(
    down: Callable[[], AbstractContextManager[int]], victoriametrics: VictoriaMetrics
) -> None:
    with down() as port, open_behind(port, victoriametrics) as database:
        assert database.write(POINTS).written == 1


def test_points_do_not_go_to_the_next_server_if_the_first_may_have_them(victoriametrics: VictoriaMetrics) -> None:
    """It has accepted the connection: they would count twice."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        open_behind(silent.getsockname()[1], victoriametrics) as database,
        pytest.raises(DatabaseError) as raised,
    ):
        database.write(POINTS)
    assert (raised.value.kind, raised.value.report and raised.value.report.unwritten) == ("timeout", POINTS)
