"""Real databases behind a proxy that removes the header by which their answers are known."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.servers.fixtures import require, run
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.stores import Store
from tests.servers.victoriametrics import Program, VictoriaMetrics
from tests.stack.answering import Answer, Request, answering
from tests.stack.proxying import proxying
from zemanta_ops.stack.databases import ONCE, DatabaseError, Point, connect

HEADERS = ("X-Influxdb-Version", "X-Server-Hostname")
VERSION = re.compile(r"v?\d+\.\d+\.\d+")


def test_a_database_whose_header_is_hidden_is_written_and_read(new_any_store: Callable[[], Store]) -> None:
    store = new_any_store()
    now = datetime.now(timezone.utc)
    key = "write_url" if store.section == "VICTORIAMETRICS" else "url"
    with proxying(store.server.url, *HEADERS) as proxy:
        # A new object each time: none knows what another has found out.
        with store.connect(**{key: proxy.url}) as database:
            assert database.write([Point("hidden", {"value": 5.0}, {}, time.time_ns())]).written == 1
        with store.connect(**{key: proxy.url}) as database:
            assert VERSION.match(database.read_version())
            database.verify()
            database.verify_writing()
            if isinstance(store.server, VictoriaMetrics):
                store.server.flush()
            found = database.read_values("hidden", "value", now - timedelta(minutes=1), now + timedelta(minutes=1))
    assert [each.value for each in found] == [5.0]


def test_what_is_wrong_behind_such_a_proxy_keeps_its_name(guarded_store: Store) -> None:
    stores = ((guarded_store.mistaken(), "unauthorized"), (guarded_store.limited("write"), "forbidden"))
    with proxying(guarded_store.server.url, *HEADERS) as proxy:
        for store, kind in stores:
            with store.connect(url=proxy.url, retry=ONCE) as database, pytest.raises(DatabaseError) as raised:
                database.verify()
            assert raised.value.kind == kind


def test_influxdb_is_known_behind_a_proxy_that_answers_for_it(
    influxdb1: InfluxDB1, database: str, tmp_path: Path, server_stack: ExitStack
) -> None:
    require("victoriametrics")
    (tmp_path / "auth.yml").write_text(f'unauthorized_user:\n  url_prefix: "{influxdb1.url}/"\n')
    # vmauth has a /ping and a /health of its own.
    proxy = Program("vmauth", tmp_path, [f"-auth.config={tmp_path / 'auth.yml'}"])
    run(proxy, server_stack)
    with connect(proxy.url, database=database, retry=ONCE) as reached:
        assert VERSION.match(reached.read_version())
        reached.verify()
        assert reached.write([Point("m", {"value": 1.0})]).written == 1


@pytest.mark.parametrize(
    ("at_query", "kind"),
    [
        (Answer(400, '{"error":"error parsing query: found ZEMANTA_OPS, expected SELECT"}', product=""), None),
        (Answer(400, '{"code":"invalid","message":"found ZEMANTA_OPS, expected SELECT"}', product=""), None),
        (Answer(401, "{}", {"WWW-Authenticate": 'Basic realm="InfluxDB"'}, product=""), None),
        (Answer(401, '{"code": "unauthorized", "message": "unauthorized access"}', product=""), None),
        (Answer(401, "{}", {"WWW-Authenticate": 'Basic realm="intranet"'}, product=""), "foreign"),
        (Answer(404, "not here", product=""), "foreign"),
        (Answer(204, product=""), "foreign"),
    ],
)
def test_without_health_the_parser_of_queries_is_known(at_query: Answer, kind: str | None) -> None:
    def answer(request: Request) -> Answer:
        if request.path.startswith("/query"):
            return at_query
        return (
            Answer(204, product="")
            if request.method == "POST" or request.path == "/ping"
            else Answer(404, "no", product="")
        )

    # InfluxDB before 1.8 has no /health; it is not built here.
    with answering(answer) as server, connect(server.url, database="d", retry=ONCE) as database:
        if kind is None:
            assert database.read_version() == "of unknown version"
            assert database.write([Point("m", {"value": 1.0})]).written == 1
            return
        for fails in (database.read_version, lambda: database.write([Point("m", {"value": 1.0})])):
            with pytest.raises(DatabaseError) as raised:
                fails()
            assert raised.value.kind == kind


@pytest.mark.parametrize("body", ["", "{}", '{"status":"error"}', '{"name":"another"}'])
@pytest.mark.parametrize("section", [{"url": "{}", "database": "d"}, {"write_url": "{}"}], ids=str)
def test_a_server_that_accepts_everything_is_not_a_database_with_a_hidden_header(
    section: dict[str, str], body: str
) -> None:
    with answering(lambda _: Answer(200 if body else 204, body, product="")) as server:
        options: dict[str, Any] = {key: value.format(server.url) for key, value in section.items()}
        with connect(**options, retry=ONCE) as database, pytest.raises(DatabaseError) as raised:
            database.write([Point("m", {"value": 1.0})])
    assert raised.value.kind == "foreign"
