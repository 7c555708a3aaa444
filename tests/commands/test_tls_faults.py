"""A database whose TLS the application accepts and Telegraf does not, with the real servers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands.faults import INTERNAL, found
from tests.servers.certificates import Certificate, self_sign
from tests.servers.fixtures import StartTelegraf, require, run
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import free_port
from tests.servers.stores import Store, store_of_1
from tests.servers.telegraf import config, influxdb1_output
from zemanta_ops.stack.check.agent_output import OutputTarget, find_obstacle

pytestmark = pytest.mark.more


@dataclass(frozen=True)
class Secured:
    """An InfluxDB 1.8 with TLS, whose certificate nobody knows, and a database in it."""

    store: Store
    tls: Certificate


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    require("influxdb1")
    folder = tmp_path_factory.mktemp("secured")
    tls = self_sign(folder)
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        server = InfluxDB1(folder, tls=tls)
        run(server, stack)
        patch.setenv("SSL_CERT_FILE", str(tls.certificate))
        yield Secured(store_of_1(server, server.create("metrics")), tls)


def judge(secured: Secured, start: StartTelegraf, more: str = "", url: str = "", **env: str) -> tuple[int, str, str]:
    """Start a Telegraf, check, and return exit code, cause and text of its hop."""
    port = free_port()
    output = influxdb1_output(url or secured.store.server.url, "metrics") + more + INTERNAL
    # The tests' own variable is not Telegraf's.
    start(config(port, output, interval="500ms"), port, {"SSL_CERT_FILE": "", **env})
    code, cause, one = found("telegraf", secured.store, "--timeout", "3", port=port)
    return code, cause, one["text"]


def test_a_telegraf_without_the_authority_is_told(secured: Secured, start_telegraf: StartTelegraf) -> None:
    code, cause, text = judge(secured, start_telegraf)

    assert (code, cause) == (13, "agent_tls")
    assert "without tls_ca" in text
    assert "self-signed certificate" in text


def test_a_telegraf_with_the_wrong_authority_is_told(
    secured: Secured, start_telegraf: StartTelegraf, tmp_path: Path
) -> None:
    other = self_sign(tmp_path).certificate
    code, cause, text = judge(secured, start_telegraf, f'  tls_ca = "{other}"\n')

    assert (code, cause) == (13, "agent_tls")
    assert f"with tls_ca = {other}" in text


def test_a_telegraf_that_speaks_without_tls_is_told(secured: Secured, start_telegraf: StartTelegraf) -> None:
    url = secured.store.server.url
    code, cause, text = judge(secured, start_telegraf, url=url.replace("https", "http"))

    assert (code, cause) == (13, "agent_tls")
    assert "the port speaks TLS" in text


def test_a_telegraf_whose_database_is_not_there_is_told(secured: Secured, start_telegraf: StartTelegraf) -> None:
    port = free_port()
    code, cause, text = judge(secured, start_telegraf, url=f"https://127.0.0.1:{port}")

    assert (code, cause) == (13, "agent_not_writing")
    assert f"https://127.0.0.1:{port} cannot be reached: Connection refused" in text


@pytest.mark.parametrize("more", ['  tls_ca = "{}"\n', "  insecure_skip_verify = true\n", "SSL_CERT_FILE"])
def test_a_telegraf_that_accepts_the_certificate_is_healthy(
    secured: Secured, start_telegraf: StartTelegraf, more: str
) -> None:
    authority = str(secured.tls.certificate)
    env = {"SSL_CERT_FILE": authority} if more == "SSL_CERT_FILE" else {}
    code, cause, _ = judge(secured, start_telegraf, "" if env else more.format(authority), **env)

    assert (code, cause) == (0, "")


def test_an_authority_in_the_environment_of_telegraf_counts(secured: Secured, start_telegraf: StartTelegraf) -> None:
    port = free_port()
    output = influxdb1_output(secured.store.server.url, "metrics")
    for authority, cause in ((str(secured.tls.certificate), None), ("", "agent_tls")):
        telegraf = start_telegraf(config(port, output), port, {"SSL_CERT_FILE": authority})
        found = find_obstacle([OutputTarget(secured.store.server.url)], telegraf.pid)
        assert (found and found.cause) == cause
        telegraf.stop()


def test_one_url_that_can_be_written_to_is_enough(secured: Secured) -> None:
    dead = OutputTarget(f"http://127.0.0.1:{free_port()}")
    good = OutputTarget(secured.store.server.url, authority=str(secured.tls.certificate))
    assert find_obstacle([dead, good], 0) is None
    assert find_obstacle([], 0) is None
    unknown = find_obstacle([dead, OutputTarget(secured.store.server.url)], 0)
    assert unknown is not None
    assert unknown.cause == "agent_tls"


def test_a_port_without_tls_is_told_from_a_certificate() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        obstacle = find_obstacle([OutputTarget(url, is_verified=False)], 0)
    assert obstacle is not None
    assert url in obstacle.text
