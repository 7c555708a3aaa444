"""TLS to real databases: certificates that are accepted and refused, and one side without TLS."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.servers.certificates import Certificate, self_sign
from tests.servers.fixtures import require, run
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import InfluxDB2
from zemanta_ops.stack.databases import ONCE, Database, DatabaseError, connect

second_tier = pytest.mark.second_tier
versions = pytest.mark.parametrize("version", ["influxdb1", pytest.param("influxdb2", marks=second_tier)])


def start(version: str, folder: Path, stack: ExitStack, tls: Certificate | None) -> int:
    require(version)
    server = InfluxDB1(folder, tls=tls) if version == "influxdb1" else InfluxDB2(folder, tls=tls)
    run(server, stack)
    return server.port


def open_at(version: str, url: str) -> Database:
    if version == "influxdb1":
        return connect(url, database="metrics", retry=ONCE)
    return connect(url, bucket="metrics", org="example-org", token="example", retry=ONCE)


def read_failure(version: str, url: str) -> tuple[str, str]:
    """Return kind and text of the failure of each request; they are the same."""
    found = set()
    with open_at(version, url) as database:
        for request in (database.read_version, lambda: database.query("x")):
            with pytest.raises(DatabaseError) as raised:
                request()
            found.add((raised.value.kind, str(raised.value)))
    assert len(found) == 1, found
    return found.pop()


@versions
@pytest.mark.parametrize(("days", "words"), [(1, "self-signed certificate"), (-1, "certificate has expired")])
def test_a_certificate_that_is_not_accepted_is_reported_with_the_reason(
    version: str, days: int, words: str, tmp_path: Path, server_stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = self_sign(tmp_path, days=days)
    port = start(version, tmp_path, server_stack, tls)
    if days < 0:
        # An authority is trusted, and the certificate is too old.
        monkeypatch.setenv("SSL_CERT_FILE", str(tls.certificate))
    kind, text = read_failure(version, f"https://127.0.0.1:{port}")
    assert (kind, words in text) == ("tls", True), text


@versions
def test_a_certificate_for_another_host_is_reported(
    version: str, tmp_path: Path, server_stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = self_sign(tmp_path, address="127.0.0.9")
    port = start(version, tmp_path, server_stack, tls)
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.certificate))
    kind, text = read_failure(version, f"https://127.0.0.1:{port}")
    assert (kind, "IP address mismatch" in text) == ("tls", True), text


@versions
def test_the_variable_on_the_page_about_certificates_makes_one_accepted(
    version: str, tmp_path: Path, server_stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = self_sign(tmp_path)
    port = start(version, tmp_path, server_stack, tls)
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.certificate))
    with open_at(version, f"https://127.0.0.1:{port}") as database:
        assert database.read_version()
        with pytest.raises(DatabaseError) as raised:
            database.query("x")
    assert raised.value.kind != "tls"


@versions
def test_plain_to_tls_and_back_name_the_scheme(version: str, tmp_path: Path, server_stack: ExitStack) -> None:
    (tmp_path / "plain").mkdir()
    secure = start(version, tmp_path, server_stack, self_sign(tmp_path))
    plain = start(version, tmp_path / "plain", server_stack, None)

    kind, text = read_failure(version, f"http://127.0.0.1:{secure}")
    assert (kind, "should start with https://" in text) == ("tls", True), text
    kind, text = read_failure(version, f"https://127.0.0.1:{plain}")
    assert (kind, "should start with http://" in text) == ("tls", True), text


@contextmanager
def ending(tls: Certificate | None, last_words: bytes) -> Iterator[int]:
    """Run a server that ends each connection which is not TLS, as proxies in other languages than Go do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if tls:
        context.load_cert_chain(tls.certificate, tls.key)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                if tls and connection.recv(1, socket.MSG_PEEK) == b"\x16":
                    with context.wrap_socket(connection, server_side=True) as secure:
                        secure.recv(1)
                else:
                    connection.sendall(last_words)
                    if not last_words:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize("last_words", [b"", b"\x15\x03\x01\x00\x02\x02\x46"], ids=["reset", "alert"])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_server_that_only_ends_plain_connections_is_asked_for_tls(
    last_words: bytes, trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = self_sign(tmp_path)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tls.certificate))
    with ending(tls, last_words) as port:
        url = f"http://127.0.0.1:{port}"
        for database in (connect(url, database="d", retry=ONCE), connect(write_url=url, retry=ONCE)):
            with pytest.raises(DatabaseError, match="start with https://") as raised:
                database.read_version()
            assert raised.value.kind == "tls"


@pytest.mark.parametrize(("last_words", "kind"), [(b"", "unreachable"), (b"220 mail.example\r\n", "foreign")])
def test_a_server_that_ends_connections_and_has_no_tls_is_not_called_one(last_words: bytes, kind: str) -> None:
    with ending(None, last_words) as port, pytest.raises(DatabaseError) as raised:
        connect(f"http://127.0.0.1:{port}", database="d", retry=ONCE).read_version()
    assert raised.value.kind == kind
