"""Fixtures that start real servers on free ports in temporary folders and stop them afterwards.

Where a server is not installed, the test is skipped with the line that installs it; with CI=true it fails.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import pytest

from tests.servers import cache, debian
from tests.servers.debian import PostgreSQL, Redis
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.kms import KMS
from tests.servers.process import Server
from tests.servers.telegraf import Telegraf
from tests.servers.vault import Vault

_numbers = itertools.count(1)


def require(server: str) -> None:
    """Skip the test, or fail it with CI=true, where a server is not installed."""
    if not cache.installed(server):
        reason = f"{server} is not installed: python -m tests.servers install {server}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def require_package(package: str) -> None:
    """Skip the test, or fail it with CI=true, where a Debian package is not installed."""
    if package in debian.missing():
        reason = f"{package} is not installed: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def run(server: Server, stack: ExitStack) -> None:
    """Start a server and leave its end to the stack."""
    stack.callback(server.stop)
    server.start()


class StartTelegraf(Protocol):
    """Starts Telegraf on a configuration whose statsd input listens on ``port``."""

    def __call__(self, config: str, port: int, env: Mapping[str, str] | None = None) -> Telegraf: ...


class StartInfluxDB1(Protocol):
    """Starts an InfluxDB 1.8 of the test's own."""

    def __call__(
        self, *, auth: bool = False, flux: bool = False, max_series: int = 0, max_values: int = 0
    ) -> InfluxDB1: ...


@pytest.fixture
def server_stack() -> Iterator[ExitStack]:
    """Return a stack that is unwound after the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start_telegraf(tmp_path_factory: pytest.TempPathFactory, server_stack: ExitStack) -> StartTelegraf:
    """Return a function that starts a real Telegraf."""
    require("telegraf")

    def start(config: str, port: int, env: Mapping[str, str] | None = None) -> Telegraf:
        telegraf = Telegraf(tmp_path_factory.mktemp("telegraf"), config, port, env)
        run(telegraf, server_stack)
        return telegraf

    return start


@pytest.fixture
def start_influxdb1(tmp_path_factory: pytest.TempPathFactory, server_stack: ExitStack) -> StartInfluxDB1:
    """Return a function that starts a real InfluxDB 1.8 with options; most tests share ``influxdb1``."""
    require("influxdb1")

    def start(*, auth: bool = False, flux: bool = False, max_series: int = 0, max_values: int = 0) -> InfluxDB1:
        folder: Path = tmp_path_factory.mktemp("influxdb1")
        influxdb = InfluxDB1(folder, auth=auth, flux=flux, max_series=max_series, max_values=max_values)
        run(influxdb, server_stack)
        return influxdb

    return start


@pytest.fixture(scope="session")
def influxdb1(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB1]:
    """Return the InfluxDB 1.8 that all tests of a run share; do not stop it."""
    require("influxdb1")
    with ExitStack() as stack:
        server = InfluxDB1(tmp_path_factory.mktemp("influxdb1"))
        run(server, stack)
        yield server


@pytest.fixture
def database(influxdb1: InfluxDB1) -> str:
    """Return the name of an empty database in the shared InfluxDB 1.8."""
    return influxdb1.create(f"test_{next(_numbers)}")


@pytest.fixture(scope="session")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    """Return the Vault that all tests of a run share; give keys names of your own."""
    require("vault")
    with ExitStack() as stack:
        server = Vault(tmp_path_factory.mktemp("vault"))
        run(server, stack)
        yield server


@pytest.fixture(scope="session")
def age() -> Path:
    """Return the folder that holds the programs ``age`` and ``age-keygen``."""
    require("age")
    return cache.binary("age").parent


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Return the PostgreSQL that all tests of a run share."""
    require_package("postgresql")
    # The folders that pytest makes are closed to the user that PostgreSQL runs as.
    with TemporaryDirectory() as folder, ExitStack() as stack:
        server = PostgreSQL(Path(folder))
        run(server, stack)
        yield server


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory, server_stack: ExitStack) -> Redis:
    """Return a Redis of the test's own."""
    require_package("redis-server")
    server = Redis(tmp_path_factory.mktemp("redis"))
    run(server, server_stack)
    return server


@pytest.fixture(scope="session")
def kms_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KMS]:
    """Return the KMS (moto over HTTP) that all tests of a run share."""
    kms = KMS(tmp_path_factory.mktemp("kms"))
    kms.start()
    yield kms
    kms.server.stop()
