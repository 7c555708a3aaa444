"""What is read of an answer of PromQL, whatever server gives it."""

from __future__ import annotations

import json

import pytest

from tests.stack.answering import Answer, answering, in_turn
from zemanta_ops.stack.databases import ONCE, connect


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"value": [30, "3"]}, {"time": 30, "value": 3.0}),
        ({"values": [[10, "1"], [20, "2"], [30, "3"]]}, {"time": 30, "value": 3.0}),
    ],
    ids=["a moment", "a range"],
)
def test_the_newest_point_of_each_series_counts(result: dict[str, object], expected: dict[str, float]) -> None:
    body = {"status": "success", "data": {"result": [{"metric": {"host": "web-1"}, **result}]}}
    answer = Answer(200, json.dumps(body), product="X-Server-Hostname")
    with answering(in_turn(answer)) as server, connect(write_url=server.url, retry=ONCE) as database:
        assert database.query("jobs[1m]") == [{"host": "web-1", **expected}]
