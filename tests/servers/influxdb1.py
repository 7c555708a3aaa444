"""A real InfluxDB 1.8 in a folder of its own, and what the tests ask of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.servers import cache
from tests.servers.certificates import Certificate
from tests.servers.http import HttpError, answers, call
from tests.servers.process import Server, free_port, listens

ADMIN = "admin"
ADMIN_PASSWORD = "example-admin-password"

Row = dict[str, Any]


class Point(NamedTuple):
    """A point as the database holds it; the time in nanoseconds."""

    measurement: str
    tags: dict[str, str]
    time: int
    fields: dict[str, Any]


class InfluxDB1(Server):
    """InfluxDB 1.8; with ``auth`` there is an administrator from the start.

    ``flux`` turns ``/api/v2/query`` on, which costs seconds at every start. ``max_series`` and ``max_values`` are
    ``max-series-per-database`` and ``max-values-per-tag``, 0 for no limit.
    """

    def __init__(
        self,
        folder: Path,
        *,
        auth: bool = False,
        flux: bool = False,
        max_series: int = 0,
        max_values: int = 0,
        tls: Certificate | None = None,
    ) -> None:
        self.port = free_port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.auth = auth
        path = folder / "influxdb.conf"
        path.write_text(
            _config(folder, self.port, free_port(), auth=auth, flux=flux, max_series=max_series, max_values=max_values)
        )
        if tls:
            secure = (
                f'https-enabled = true\n  https-certificate = "{tls.certificate}"\n  https-private-key = "{tls.key}"'
            )
            path.write_text(path.read_text().replace("[http]\n", f"[http]\n  {secure}\n"))
        command: list[str | Path] = [cache.binary("influxdb1"), "run", "-config", path]
        healthy = (lambda: listens(self.port)) if tls else (lambda: answers(f"{self.url}/ping"))
        super().__init__("influxd", command, folder, healthy)

    def start(self) -> None:
        """Start it; the first time with ``auth``, create the administrator."""
        super().start()
        if self.auth and not self._administrator():
            call(
                f"{self.url}/query",
                data=b"",
                parameters={"q": f"CREATE USER {ADMIN} WITH PASSWORD '{ADMIN_PASSWORD}' WITH ALL PRIVILEGES"},
            )

    def _administrator(self) -> bool:
        try:
            self.query("SHOW DATABASES")
        except HttpError:
            return False
        return True

    def query(self, text: str, database: str = "") -> list[Row]:
        """Return the rows of an InfluxQL statement as dicts, tags and the series' ``name`` among them."""
        return [{"name": name, **tags, **columns} for name, tags, columns in self._series(text, database)]

    def last_points(self, measurements: str, database: str) -> list[Point]:
        """Return the last point of every series of the measurements that match a regular expression."""
        # With "ORDER BY time DESC LIMIT 1", a field of a point was missing now and then, for as long as it was asked.
        points: dict[Any, Point] = {}
        for name, tags, columns in self._series(f"SELECT * FROM /{measurements}/ GROUP BY *", database):
            time = columns.pop("time")
            fields = {key: value for key, value in columns.items() if value is not None}
            kept = {key: value for key, value in tags.items() if value}
            points[name, frozenset(kept.items())] = Point(name, kept, time, fields)
        return list(points.values())

    def _series(self, text: str, database: str) -> Iterator[tuple[str, dict[str, str], Row]]:
        """Yield measurement, tags and columns of each row of an answer."""
        parameters = {"q": text, "epoch": "ns", **({"db": database} if database else {})}
        if self.auth:
            parameters.update(u=ADMIN, p=ADMIN_PASSWORD)
        answer = json.loads(call(f"{self.url}/query", parameters, data=b""))["results"][0]
        if "error" in answer:
            raise HttpError(200, answer["error"])
        for series in answer.get("series", ()):
            for values in series.get("values", ()):
                columns = dict(zip(series["columns"], values, strict=True))
                yield series.get("name", ""), series.get("tags", {}), columns

    def write(self, lines: str, database: str) -> None:
        """Write line protocol."""
        parameters = {"db": database, **({"u": ADMIN, "p": ADMIN_PASSWORD} if self.auth else {})}
        call(f"{self.url}/write", parameters, data=lines.encode())

    def create(self, database: str) -> str:
        """Create a database and return its name."""
        self.query(f'CREATE DATABASE "{database}"')
        return database

    def create_user(self, name: str, password: str, privilege: str, database: str) -> None:
        """Create a user with READ, WRITE or ALL on one database."""
        self.query(f"CREATE USER \"{name}\" WITH PASSWORD '{password}'")
        self.query(f'GRANT {privilege} ON "{database}" TO "{name}"')

    def types(self, measurement: str, database: str) -> dict[str, str]:
        """Return the field types of a measurement: float, integer, string or boolean."""
        rows = self.query(f'SHOW FIELD KEYS FROM "{measurement}"', database)
        return {row["fieldKey"]: row["fieldType"] for row in rows}


def _config(folder: Path, port: int, rpc_port: int, *, auth: bool, flux: bool, max_series: int, max_values: int) -> str:
    return f"""
reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  max-series-per-database = {max_series}
  max-values-per-tag = {max_values}
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  auth-enabled = {str(auth).lower()}
  flux-enabled = {str(flux).lower()}
  log-enabled = false
[continuous_queries]
  log-enabled = false
"""
