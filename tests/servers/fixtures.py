"""Fixtures that start real servers on free ports in temporary folders and stop them afterwards.

If a server is not installed, the test is skipped with the line that installs it; with CI=true it fails.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import pytest

from tests.servers import cache, debian
from tests.servers.debian import Memcached, PostgreSQL, Redis
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import InfluxDB2
from tests.servers.kapacitor import Kapacitor
from tests.servers.kms import KMS
from tests.servers.process import COVERAGE, Server
from tests.servers.stores import Store, store_of_1, store_of_2, store_of_victoriametrics
from tests.servers.telegraf import Telegraf
from tests.servers.vault import Vault
from tests.servers.victoriametrics import VictoriaMetrics

_numbers = itertools.count(1)


def require(server: str) -> None:
    """Skip the test, or fail it with CI=true, if a server is not installed."""
    if not cache.installed(server):
        reason = f"{server} is not installed: python -m tests.servers install {server}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def require_package(package: str) -> None:
    """Skip the test, or fail it with CI=true, if a Debian package is not installed."""
    if package in debian.missing():
        reason = f"{package} is not installed: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def run(server: Server, stack: ExitStack) -> None:
    """Start a server and leave its end to the stack."""
    stack.callback(server.stop)
    server.start()


@pytest.fixture(scope="module")
def without_coverage() -> Iterator[None]:
    """Measure no coverage in the processes of a module that run nothing but what other tests run too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(COVERAGE, raising=False)
        yield


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


@pytest.fixture
def start_influxdb2(tmp_path_factory: pytest.TempPathFactory, server_stack: ExitStack) -> Callable[[], InfluxDB2]:
    """Return a function that starts a real InfluxDB 2.7, to stop or pause; most tests share ``influxdb2``."""
    require("influxdb2")

    def start() -> InfluxDB2:
        influxdb = InfluxDB2(tmp_path_factory.mktemp("influxdb2"))
        run(influxdb, server_stack)
        return influxdb

    return start


@pytest.fixture(scope="session")
def influxdb2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB2]:
    """Return the InfluxDB 2.7 that all tests of a run share; do not stop it."""
    require("influxdb2")
    with ExitStack() as stack:
        server = InfluxDB2(tmp_path_factory.mktemp("influxdb2"))
        run(server, stack)
        yield server


@pytest.fixture
def bucket(influxdb2: InfluxDB2) -> str:
    """Return the name of an empty bucket in the shared InfluxDB 2.7."""
    return influxdb2.create(f"test_{next(_numbers)}")


@pytest.fixture(scope="session", params=["influxdb1", pytest.param("influxdb2", marks=pytest.mark.second_tier)])
def new_store(request: pytest.FixtureRequest) -> Callable[[], Store]:
    """Return a function that makes an empty store; a test that asks for it runs against 1.8 and against 2.7."""
    server = request.getfixturevalue(request.param)
    make = store_of_1 if request.param == "influxdb1" else store_of_2
    return lambda: make(server, server.create(f"store_{next(_numbers)}"))


@pytest.fixture(
    scope="session",
    params=["influxdb1", "victoriametrics", pytest.param("influxdb2", marks=pytest.mark.second_tier)],
)
def new_any_store(request: pytest.FixtureRequest) -> Callable[[], Store]:
    """Return a function that makes an empty store of every kind, VictoriaMetrics among them."""
    server = request.getfixturevalue(request.param)
    if isinstance(server, VictoriaMetrics):
        return lambda: store_of_victoriametrics(server, f"store_{next(_numbers)}")
    make = store_of_1 if request.param == "influxdb1" else store_of_2
    return lambda: make(server, server.create(f"store_{next(_numbers)}"))


@pytest.fixture(scope="session")
def guarded_influxdb1(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB1]:
    """Return the InfluxDB 1.8 with users that all tests of a run share; do not stop it."""
    require("influxdb1")
    with ExitStack() as stack:
        server = InfluxDB1(tmp_path_factory.mktemp("influxdb1"), auth=True)
        run(server, stack)
        yield server


@pytest.fixture(params=["guarded_influxdb1", pytest.param("influxdb2", marks=pytest.mark.second_tier)])
def guarded_store(request: pytest.FixtureRequest) -> Store:
    """Return an empty store that asks for credentials: of 1.8 with users, and of 2.7."""
    server = request.getfixturevalue(request.param)
    make = store_of_2 if request.param == "influxdb2" else store_of_1
    return make(server, server.create(f"guarded_{next(_numbers)}"))


@pytest.fixture(params=["start_influxdb1", pytest.param("start_influxdb2", marks=pytest.mark.second_tier)])
def own_store(request: pytest.FixtureRequest) -> Store:
    """Return a store in a server of the test's own, which it may stop or pause."""
    server = request.getfixturevalue(request.param)()
    make = store_of_2 if request.param == "start_influxdb2" else store_of_1
    return make(server, server.create("metrics"))


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    """Return an empty store of InfluxDB 1.8 or 2.7."""
    return new_store()


@pytest.fixture(scope="session")
def victoriametrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaMetrics]:
    """Return the VictoriaMetrics that all tests of a run share; write under a label ``db`` of your own."""
    require("victoriametrics")
    with ExitStack() as stack:
        server = VictoriaMetrics(tmp_path_factory.mktemp("victoriametrics"))
        run(server, stack)
        yield server


@pytest.fixture
def kapacitor(tmp_path_factory: pytest.TempPathFactory, server_stack: ExitStack, influxdb1: InfluxDB1) -> Kapacitor:
    """Return a Kapacitor of the test's own, which reads from and writes to the shared InfluxDB 1.8."""
    require("kapacitor")
    server = Kapacitor(tmp_path_factory.mktemp("kapacitor"), influxdb1.url)
    run(server, server_stack)
    return server


@pytest.fixture(scope="session")
def sops() -> Path:
    """Return the program ``sops``."""
    require("sops")
    return cache.binary("sops")


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


@pytest.fixture
def memcached(tmp_path_factory: pytest.TempPathFactory, server_stack: ExitStack) -> Memcached:
    """Return a memcached of the test's own."""
    require_package("memcached")
    server = Memcached(tmp_path_factory.mktemp("memcached"))
    run(server, server_stack)
    return server


@pytest.fixture(scope="session")
def kms_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KMS]:
    """Return the KMS (moto over HTTP) that all tests of a run share."""
    kms = KMS(tmp_path_factory.mktemp("kms"))
    kms.start()
    yield kms
    kms.server.stop()
