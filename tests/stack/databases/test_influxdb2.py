"""What is sent to InfluxDB 2.x: Flux evaluates ``${…}`` in a text, and a value must not be evaluated."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from tests.stack.answering import Answer, answering, in_turn
from zemanta_ops.stack.databases import ONCE, connect


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("${1 + 1}", r"\${1 + 1}"),
        ("$1", "$1"),
        ('a"b', r"a\"b"),
        ("a\\b", r"a\\b"),
        ("a\\${t}", r"a\\\${t}"),
    ],
)
def test_names_and_values_are_quoted_in_flux(text: str, quoted: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    with (
        answering(in_turn(Answer(200, ""))) as server,
        connect(server.url, bucket=text, org="o", token="example-token", retry=ONCE) as database,
    ):
        database.read_values("m", "f", start, start, tags={"t": text})
    query = json.loads(server.requests[0].body)["query"]
    assert f'from(bucket: "{quoted}")' in query
    assert f'r["t"] == "{quoted}"' in query
