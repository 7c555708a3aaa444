"""VictoriaMetrics behind the same surface as InfluxDB, against the real server."""

from __future__ import annotations

import itertools
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TypeVar

import pytest

from tests.servers.fixtures import require
from tests.servers.process import Server, free_port, wait_until
from tests.servers.recipes import VICTORIAMETRICS
from tests.servers.victoriametrics import PASSWORD, USERNAME, Program, VictoriaMetrics
from zemanta_ops.stack.databases import ONCE, DatabaseError, Point, connect
from zemanta_ops.stack.databases.victoriametrics import VictoriaMetricsDatabase

NOW = datetime.now(timezone.utc)
DAY = timedelta(days=1)
S = TypeVar("S", bound=Server)
_numbers = itertools.count(1)


@pytest.fixture
def database(victoriametrics: VictoriaMetrics) -> VictoriaMetricsDatabase:
    name = f"test_{next(_numbers)}_{time.time_ns()}"
    return open_at(victoriametrics.url, database=name)


def open_at(write_url: str, read_url: str = "", *, timeout: float = 10.0, **options: str) -> VictoriaMetricsDatabase:
    database = connect(timeout=timeout, retry=ONCE, write_url=write_url, read_url=read_url, **options)
    assert isinstance(database, VictoriaMetricsDatabase)
    return database


def failure(call: Callable[[], object]) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught:
        call()
    return caught.value


def test_it_reports_its_own_version_and_not_that_of_prometheus(database: VictoriaMetricsDatabase) -> None:
    assert database.read_version() == VICTORIAMETRICS
    database.verify()


def test_what_was_written_is_read_back_with_its_tags_and_no_others(
    database: VictoriaMetricsDatabase, victoriametrics: VictoriaMetrics
) -> None:
    nonce = float(2**48 - 1)
    odd = 'a b"c\\d=é,汉'
    report = database.write(
        [Point("deploys", {"count": nonce}, {"env": "prod", "my-tag": odd}), Point("deploys", {"count": 3.0}, {})]
    )
    assert (report.written, report.refused) == (2, [])
    victoriametrics.flush()
    [reading] = database.read_values("deploys", "count", NOW - DAY, NOW + DAY, tags={"my-tag": odd})
    assert (reading.value, reading.tags) == (nonce, {"env": "prod", "my-tag": odd})
    [exact] = database.read_values("deploys", "count", NOW - DAY, NOW + DAY, equal_to=nonce)
    assert exact.tags["env"] == "prod"
    other = open_at(victoriametrics.url, database="other")
    assert other.read_values("deploys", "count", NOW - DAY, NOW + DAY) == []


def test_values_begin_with_the_start_and_end_before_the_end(
    database: VictoriaMetricsDatabase, victoriametrics: VictoriaMetrics
) -> None:
    start = NOW.replace(microsecond=0) - DAY
    moments = [start - timedelta(seconds=1), start, start + timedelta(seconds=59), start + timedelta(seconds=60)]
    points = [
        Point("edges", {"value": float(n)}, time_ns=int(moment.timestamp()) * 10**9) for n, moment in enumerate(moments)
    ]
    database.write(points)
    victoriametrics.flush()
    found = database.read_values("edges", "value", start, start + timedelta(seconds=60))
    assert [each.value for each in found] == [1.0, 2.0]


def test_a_point_that_is_written_again_is_not_replaced(
    database: VictoriaMetricsDatabase, victoriametrics: VictoriaMetrics
) -> None:
    for value in (0.5, 0.25):
        database.write([Point("again", {"value": value}, time_ns=int(NOW.timestamp() - 3_600) * 10**9)])
        victoriametrics.flush()
    assert 0.5 in [each.value for each in database.read_values("again", "value", NOW - DAY, NOW)]
    assert not database.replaces


def test_a_new_series_is_visible_without_a_flush_in_under_15_s(database: VictoriaMetricsDatabase) -> None:
    database.write([Point("fresh", {"value": 7.0})])
    assert wait_until(lambda: bool(database.read_values("fresh", "value", NOW - DAY, NOW + DAY, equal_to=7.0)), 15, 0.2)


def test_a_query_sees_the_newest_seconds(database: VictoriaMetricsDatabase, victoriametrics: VictoriaMetrics) -> None:
    database.write([Point("newest", {"value": 5.0}, {"n": str(database.name)})])
    victoriametrics.flush()
    assert [row["value"] for row in database.query(f'newest_value{{n="{database.name}"}}')] == [5.0]


def test_what_the_server_drops_after_accepting_it_is_counted_by_reason(database: VictoriaMetricsDatabase) -> None:
    before = database.read_dropped()
    long, late = (
        Point("x", {"value": 1.0}, {"tag": "v" * 5000}),
        Point("x", {"value": 1.0}, {}, time.time_ns() + 10**15),
    )
    assert database.write([Point("kept", {"value": 1.0}), long, late]).written == 3

    def grown() -> dict[str, int]:
        return {reason: count - before.get(reason, 0) for reason, count in database.read_dropped().items()}

    # The server renews what it reports about itself once a second.
    assert wait_until(lambda: grown() == {"too_long_label_value": 1, "big_timestamp": 1}, 10)


def test_one_line_that_is_refused_does_not_keep_the_others_out(
    database: VictoriaMetricsDatabase, victoriametrics: VictoriaMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = [Point("bulk", {"value": float(n)}, {"n": str(n)}) for n in range(20)]
    encode = Point.encode
    monkeypatch.setattr(Point, "encode", lambda self: "bulk nonsense" if self.tags["n"] == "7" else encode(self))
    report = database.write(points)
    assert (report.written, [line for line, _ in report.refused]) == (19, ["bulk nonsense"])
    victoriametrics.flush()
    assert len(database.read_values("bulk", "value", NOW - DAY, NOW + DAY)) == 19


@pytest.mark.parametrize("path", ["/absent", "/insert/0/influx", "/select/0/prometheus"])
def test_a_path_that_the_server_does_not_know_is_named_and_not_bisected(
    victoriametrics: VictoriaMetrics, path: str
) -> None:
    database = open_at(victoriametrics.url + path)
    assert failure(database.read_version).kind == "wrong_path"
    assert failure(lambda: database.write([Point("a", {"value": 1.0})] * 2)).kind == "wrong_path"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaMetrics]:
    require("victoriametrics")
    with running(VictoriaMetrics(tmp_path_factory.mktemp("guarded"), auth=True)) as server:
        yield server


@contextmanager
def running(server: S) -> Iterator[S]:
    """Start a server and stop it."""
    try:
        server.start()
        yield server
    finally:
        server.stop()


def test_credentials_are_sent_and_wrong_ones_are_unauthorized(guarded: VictoriaMetrics) -> None:
    right = open_at(guarded.url, username=USERNAME, password=PASSWORD)
    right.verify()
    assert right.write([Point("a", {"value": 1.0})]).written == 1
    for user, password in (("", ""), (USERNAME, "example-wrong-password")):
        wrong = open_at(guarded.url, username=user, password=password)
        for error in (failure(wrong.verify), failure(partial(wrong.write, [Point("a", {"value": 1.0})]))):
            assert error.kind == "unauthorized"
            assert "example" not in str(error)


def test_read_only_mode_is_told_apart(tmp_path: Path) -> None:
    require("victoriametrics")
    flags = ["-storage.minFreeDiskSpaceBytes=1000TB"]
    with running(VictoriaMetrics(tmp_path, flags=flags)) as server:
        database = open_at(server.url)
        database.verify()
        assert failure(lambda: database.write([Point("a", {"value": 1.0})])).kind == "disk_full"


def test_the_shapes_of_a_cluster_are_reached_through_a_proxy(victoriametrics: VictoriaMetrics, tmp_path: Path) -> None:
    config, url = tmp_path / "auth.yml", victoriametrics.url
    config.write_text(
        "unauthorized_user:\n  url_map:\n"
        + "".join(
            f'  - src_paths: ["{path}/.*"]\n    drop_src_path_prefix_parts: 3\n    url_prefix: "{url}/"\n'
            for path in ("/insert/42:7/influx", "/select/42:7/prometheus")
        )
    )
    with running(Program("vmauth", tmp_path, [f"-auth.config={config}"])) as proxy:
        url = proxy.url
        name = f"cluster_{time.time_ns()}"
        database = open_at(f"{url}/insert/42:7/influx", f"{url}/select/42:7/prometheus", database=name)
        database.verify()
        assert database.write([Point("a", {"value": 1.0})]).written == 1
        victoriametrics.flush()
        assert len(database.read_values("a", "value", NOW - DAY, NOW + DAY)) == 1
        wrong = open_at(f"{url}/insert/43/influx", f"{url}/select/43/prometheus")
        assert failure(wrong.verify).kind == "wrong_path"


def test_a_vmagent_that_cannot_deliver_is_found(victoriametrics: VictoriaMetrics, tmp_path: Path) -> None:
    (folder := tmp_path / "full").mkdir()
    full, url = VictoriaMetrics(folder, flags=["-storage.minFreeDiskSpaceBytes=1000TB"]), victoriametrics.url
    targets = [url, f"http://127.0.0.1:{free_port()}", f"{url}/wrong", full.url]
    flags = [f"-remoteWrite.url={each}/api/v1/write" for each in targets]
    agent = Program("vmagent", tmp_path, [*flags, f"-remoteWrite.tmpDataPath={tmp_path}/kept"])
    with running(full), running(agent):
        database = open_at(agent.url, url)
        assert database.describe_undelivered({}) == ""
        assert database.write([Point("a", {"value": 1.0})]).written == 1
        words = [f"-remoteWrite.url {each}" for each in ("2 (no connection)", "3 (status 400)", "4 (status 503)")]
        assert wait_until(lambda: all(each in database.describe_undelivered({}) for each in words), 30)
        assert "-remoteWrite.url 1" not in database.describe_undelivered({})
        assert "failed during this check" in database.describe_undelivered({})
    assert database.describe_undelivered({}) == ""
    assert agent.url in str(failure(lambda: database.write([Point("a", {"value": 1.0})])))


def test_what_vmagent_failed_to_deliver_before_counts_only_if_it_still_keeps_something(
    victoriametrics: VictoriaMetrics, tmp_path: Path
) -> None:
    (folder := tmp_path / "target").mkdir()
    target = VictoriaMetrics(folder)
    # What its one worker tries to deliver is not counted as kept.
    flags = [f"-remoteWrite.url={target.url}/api/v1/write", "-remoteWrite.queues=1", "-remoteWrite.flushInterval=100ms"]
    agent = Program("vmagent", tmp_path, [*flags, f"-remoteWrite.tmpDataPath={tmp_path}/kept"])
    with running(agent):
        database = open_at(agent.url, victoriametrics.url)

        def write() -> bool:
            database.write([Point("a", {"value": 1.0})])
            return " bytes wait for -remoteWrite.url 1 (no connection)" in describe()

        def describe() -> str:
            return database.describe_undelivered(database.count_failed_deliveries())

        assert wait_until(write, 30, every=0.3)
        assert wait_until(lambda: "requests failed before this check" in describe(), 30)
        with running(target):
            assert wait_until(lambda: describe() == "", 60)
            assert database.count_failed_deliveries()


class _Proxy(BaseHTTPRequestHandler):
    status = 502

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        self.send_header("Content-Length", "15")
        self.end_headers()
        self.wfile.write(b"<html>no</html>")

    do_GET = do_POST = _answer  # noqa: N815  (http.server's names)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("status", "kind"), [(502, "gateway"), (504, "gateway"), (302, "proxy"), (404, "proxy"), (200, "proxy")]
)
def test_what_stands_in_front_is_not_taken_for_the_database(status: int, kind: str) -> None:
    server = HTTPServer(("127.0.0.1", 0), type("Proxy", (_Proxy,), {"status": status}))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        database = open_at(f"http://127.0.0.1:{server.server_port}")
        error = failure(database.verify)
        assert (error.kind, "html" in str(error)) == (kind, False)
    finally:
        server.shutdown()
        server.server_close()


def test_a_server_that_is_down_hangs_or_speaks_another_protocol_is_told_apart(tmp_path: Path) -> None:
    port = free_port()
    assert failure(open_at(f"http://127.0.0.1:{port}").verify).kind == "unreachable"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert failure(open_at(url, timeout=0.2).verify).kind == "timeout"


def test_faults_of_tls_are_told_apart(victoriametrics: VictoriaMetrics, tmp_path: Path) -> None:
    plain = open_at(victoriametrics.url.replace("http://", "https://"))
    error = failure(plain.verify)
    assert error.kind == "tls"
    assert "http://" in str(error)
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    flags = ["-tls", f"-tlsCertFile={certificate}", f"-tlsKeyFile={key}"]
    server = VictoriaMetrics(tmp_path, flags=flags)
    server._healthy = lambda: _listens(server.port)
    with running(server):
        error = failure(open_at(f"https://127.0.0.1:{server.port}").verify)
        assert (error.kind, "self-signed" in str(error)) == ("tls", True)
        error = failure(open_at(f"http://127.0.0.1:{server.port}").verify)
        assert (error.kind, "https://" in str(error)) == ("tls", True)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
