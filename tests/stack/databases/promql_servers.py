"""Canned answers of VictoriaMetrics and Prometheus, and what was sent to get them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.stack.answering import Answer, Server, answering, in_turn
from zemanta_ops.stack.databases import ONCE, DatabaseError, connect
from zemanta_ops.stack.databases.prometheus import PrometheusDatabase
from zemanta_ops.stack.databases.promql import PromQLDatabase
from zemanta_ops.stack.databases.victoriametrics import VictoriaMetricsDatabase

HEADER = "X-Server-Hostname"

Open = Callable[..., Any]


def victoria(url: str, **options: Any) -> PromQLDatabase:
    found = connect(write_url=url, retry=ONCE, **options)
    assert isinstance(found, VictoriaMetricsDatabase)
    return found


def prometheus(url: str, **options: Any) -> PromQLDatabase:
    found = connect(remote_write_url="http://unused.example", read_url=url, retry=ONCE, **options)
    assert isinstance(found, PrometheusDatabase)
    return found


def success(result: Any) -> Answer:
    return Answer(200, json.dumps({"status": "success", "data": result}), product=HEADER)


def failing(status: int, body: str, product: str = HEADER, **headers: str) -> Answer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, body, named, product)


@contextmanager
def connected(opened: Open, *answers: Answer, **options: Any) -> Iterator[tuple[Any, Server]]:
    with answering(in_turn(*answers)) as server, opened(server.url, **options) as database:
        yield database, server


def sent(server: Server) -> list[tuple[str, dict[str, str]]]:
    split = [urlsplit(request.path) for request in server.requests]
    return [(each.path, {name: texts[0] for name, texts in parse_qs(each.query).items()}) for each in split]


def fail(function: Callable[[], Any]) -> tuple[str, int, str]:
    with pytest.raises(DatabaseError) as caught:
        function()
    return caught.value.kind, caught.value.status, str(caught.value)
