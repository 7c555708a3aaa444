"""A real InfluxDB 2.7 in a folder of its own, and what the tests ask of it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.servers import cache
from tests.servers.certificates import Certificate
from tests.servers.http import HttpError, answers, call, call_json
from tests.servers.influxdb1 import Point
from tests.servers.process import Server, free_port, listens

ORG = "example-org"
USER = "admin"
PASSWORD = "example-admin-password"
TOKEN = "example-operator-token"
FIRST_BUCKET = "first"


class InfluxDB2(Server):
    """InfluxDB 2.7, set up at its first start: one organisation, one bucket, and an operator's token."""

    def __init__(self, folder: Path, *, tls: Certificate | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command: list[str | Path] = [
            cache.binary("influxdb2", "influxd"),
            "run",
            f"--http-bind-address=127.0.0.1:{self.port}",
            f"--bolt-path={folder}/influxd.bolt",
            f"--sqlite-path={folder}/influxd.sqlite",
            f"--engine-path={folder}/engine",
            "--reporting-disabled",
            "--log-level=warn",
            *([f"--tls-cert={tls.certificate}", f"--tls-key={tls.key}"] if tls else []),
        ]
        self.tls = tls
        healthy = (lambda: listens(self.port)) if tls else (lambda: answers(f"{self.url}/health"))
        super().__init__("influxd", command, folder, healthy)

    def start(self) -> None:
        """Start it; the first time, set it up, unless its certificate is one that nothing trusts."""
        super().start()
        if self.tls:
            return
        if call_json(f"{self.url}/api/v2/setup")["allowed"]:
            first = {"username": USER, "password": PASSWORD, "org": ORG, "bucket": FIRST_BUCKET, "token": TOKEN}
            call_json(f"{self.url}/api/v2/setup", first)

    def call(self, path: str, body: Any = None, *, method: str | None = None) -> Any:
        """Call ``/api/v2/<path>`` as the operator: a POST if there is a body, else a GET."""
        headers = {"Authorization": f"Token {TOKEN}"}
        return call_json(f"{self.url}/api/v2/{path}", body, method=method, headers=headers)

    def create(self, bucket: str) -> str:
        """Create a bucket and return its name."""
        org = self.call(f"orgs?org={ORG}")["orgs"][0]["id"]
        self.call("buckets", {"orgID": org, "name": bucket})
        return bucket

    def new_token(self, bucket: str, *actions: str) -> str:
        """Return a token that may do this and no more in one bucket: ``read``, ``write`` or both."""
        found = self.call(f"buckets?name={bucket}")["buckets"][0]
        resource = {"type": "buckets", "id": found["id"], "orgID": found["orgID"]}
        permissions = [{"action": action, "resource": resource} for action in actions]
        made = self.call("authorizations", {"orgID": found["orgID"], "permissions": permissions})
        token: str = made["token"]
        return token

    def write(self, lines: str, bucket: str) -> None:
        """Write line protocol."""
        parameters = {"org": ORG, "bucket": bucket}
        headers = {"Authorization": f"Token {TOKEN}"}
        call(f"{self.url}/api/v2/write", parameters, data=lines.encode(), headers=headers)

    def query(self, flux: str) -> list[dict[str, Any]]:
        """Return the rows of a Flux query as dicts of columns; times are text, a missing value is not there."""
        body = {"query": flux, "dialect": {"annotations": ["datatype"], "header": True}}
        headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json", "Accept": "application/csv"}
        text = call(f"{self.url}/api/v2/query", {"org": ORG}, data=json.dumps(body).encode(), headers=headers)
        return list(_rows(text))

    def last_points(self, measurements: str, bucket: str) -> list[Point]:
        """Return the last point of every series of the measurements that match a regular expression."""
        rows = self.query(
            f'from(bucket: "{bucket}") |> range(start: 0)'
            f" |> filter(fn: (r) => r._measurement =~ /{measurements}/) |> last()"
        )
        points: dict[tuple[str, frozenset[tuple[str, str]]], Point] = {}
        for row in rows:
            tags = {key: value for key, value in row.items() if key not in NOT_TAGS}
            key = (row["_measurement"], frozenset(tags.items()))
            point = Point(row["_measurement"], tags, _nanoseconds(row["_time"]), {})
            points.setdefault(key, point).fields[row["_field"]] = row["_value"]
        return list(points.values())

    def types(self, measurement: str, bucket: str) -> dict[str, str]:
        """Return the field types of a measurement: float, integer, string or boolean."""
        points = self.last_points(f"^{re.escape(measurement)}$", bucket)
        return {name: TYPES[type(value)] for point in points for name, value in point.fields.items()}


TYPES = {float: "float", int: "integer", str: "string", bool: "boolean"}
NOT_TAGS = {"_start", "_stop", "_time", "_value", "_field", "_measurement"}
_READ: dict[str, Callable[[str], Any]] = {
    "double": float,
    "long": int,
    "unsignedLong": int,
    "boolean": "true".__eq__,
}


def _nanoseconds(text: str) -> int:
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 10**9 + int(fraction.ljust(9, "0"))


def _rows(text: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of annotated CSV, in which each table begins with the types and the names of its columns."""
    types: list[str] = []
    names: list[str] = []
    for row in csv.reader(io.StringIO(text, newline="")):
        if row and row[0] == "#datatype":
            types, names = row, []
        elif row and not names:
            names = row
        elif row:
            if names[1] == "error":
                raise HttpError(200, row[1])
            # The first three columns are for annotations, and the names of result and table.
            cells = zip(names[3:], types[3:], row[3:], strict=True)
            yield {name: _READ.get(kind, str)(cell) for name, kind, cell in cells if cell}
