"""InfluxDB 1.8 and 2.7 and VictoriaMetrics as one thing to the tests that must hold for all."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

from tests.servers.influxdb1 import ADMIN, ADMIN_PASSWORD, InfluxDB1, Point
from tests.servers.influxdb2 import ORG, TOKEN, InfluxDB2
from tests.servers.telegraf import influxdb1_output, influxdb2_output
from tests.servers.victoriametrics import VictoriaMetrics
from zemanta_ops.stack.databases import Database, connect

USER_PASSWORD = "example-user-password"

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Store:
    """A database of InfluxDB 1.8, a bucket of InfluxDB 2.7, or a label of VictoriaMetrics, for one test.

    ``output`` is Telegraf's section that writes there, ``settings`` are ``ZEMANTA_OPS[section]``.
    """

    server: InfluxDB1 | InfluxDB2 | VictoriaMetrics
    name: str
    output: str
    settings: dict[str, str]
    section: str = "INFLUXDB"

    def last_points(self, measurements: str) -> list[Point]:
        """Return the last point of every series of the measurements that match a regular expression."""
        return self.server.last_points(measurements, self.name)

    def types(self, measurement: str) -> dict[str, str] | None:
        """Return the field types of a measurement: float, integer, string or boolean; None if it has none."""
        return None if isinstance(self.server, VictoriaMetrics) else self.server.types(measurement, self.name)

    def write(self, lines: str) -> None:
        """Write line protocol."""
        self.server.write(lines, self.name)

    def connect(self, **changed: Any) -> Database:
        """Return the product's own database for it, with some of the settings changed."""
        given = {key.lower(): value for key, value in self.settings.items()}
        return connect(**{**given, **changed})

    def limited(self, action: str) -> Store:
        """Return the same store with the credentials of somebody who may only ``read``, or only ``write``."""
        if isinstance(self.server, InfluxDB2):
            return store_of_2(self.server, self.name, self.server.new_token(self.name, action))
        assert isinstance(self.server, InfluxDB1)
        user = f"user_{next(_numbers)}"
        self.server.create_user(user, USER_PASSWORD, action.upper(), self.name)
        return store_of_1(self.server, self.name, user, USER_PASSWORD)

    def mistaken(self) -> Store:
        """Return the same store with a wrong token or password."""
        wrong = (
            {"TOKEN": "example-wrong-token"} if isinstance(self.server, InfluxDB2) else {"PASSWORD": "example-wrong"}
        )
        return replace(self, settings={**self.settings, **wrong})

    def elsewhere(self, url: str = "", name: str = "") -> Store:
        """Return a store at another address, or of another name, with the same credentials."""
        kind = "BUCKET" if isinstance(self.server, InfluxDB2) else "DATABASE"
        address = "WRITE_URL" if isinstance(self.server, VictoriaMetrics) else "URL"
        settings = {**self.settings, address: url or self.server.url, kind: name or self.name}
        return replace(self, settings=settings)


def store_of_1(server: InfluxDB1, database: str, user: str = ADMIN, password: str = ADMIN_PASSWORD) -> Store:
    """Return a store in InfluxDB 1.8; with the user if it has users."""
    settings = {"URL": server.url, "DATABASE": database}
    output = influxdb1_output(server.url, database)
    if server.auth:
        settings.update(USERNAME=user, PASSWORD=password)
        output += f'  username = "{user}"\n  password = "{password}"\n'
    return Store(server, database, output, settings)


def store_of_2(server: InfluxDB2, bucket: str, token: str = TOKEN) -> Store:
    """Return a store in InfluxDB 2.7."""
    settings = {"URL": server.url, "ORG": ORG, "BUCKET": bucket, "TOKEN": token}
    return Store(server, bucket, influxdb2_output(server.url, bucket, token), settings)


def store_of_victoriametrics(server: VictoriaMetrics, database: str) -> Store:
    """Return a store in VictoriaMetrics."""
    settings = {"WRITE_URL": server.url, "DATABASE": database}
    return Store(server, database, influxdb1_output(server.url, database), settings, "VICTORIAMETRICS")
