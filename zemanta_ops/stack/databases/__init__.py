"""InfluxDB 1.x and 2.x behind one small surface: write points, read values back, say what went wrong.

with connect(url="http://127.0.0.1:8086", database="telegraf") as database:
    report = database.write([Point("deploys", {"count": 1}, {"env": "prod"})])
    report.refused          # each refused line with the reason
"""

from __future__ import annotations

from zemanta_ops.stack.databases.base import ONCE, Database, Reading, Retry, WriteReport
from zemanta_ops.stack.databases.errors import DatabaseError, MissingClientError
from zemanta_ops.stack.databases.influxdb1 import InfluxDB1Database
from zemanta_ops.stack.databases.line_protocol import Point
from zemanta_ops.stack.databases.urls import check_kind, split_url

__all__ = [
    "ONCE",
    "Database",
    "DatabaseError",
    "MissingClientError",
    "Point",
    "Reading",
    "Retry",
    "WriteReport",
    "connect",
]


def connect(
    url: str,
    *,
    database: str = "",
    username: str = "",
    password: str = "",
    org: str = "",
    bucket: str = "",
    token: str = "",
    timeout: float = 10.0,
    retry: Retry | None = None,
) -> Database:
    """Return the database; nothing is sent yet.

    Args:
        url: for example ``http://127.0.0.1:8086``.
        database: of InfluxDB 1.x; ``database/policy`` names a retention policy.
        username: of InfluxDB 1.x; empty where it asks for none.
        password: of that user.
        org: the organisation of InfluxDB 2.x.
        bucket: of that organisation.
        token: an API token that may read it, and write it if you do.
        timeout: seconds that one request may take.
        retry: how transient failures are tried again.

    Raises:
        ValueError: neither or both of database and bucket are given, or the URL is not one of http or https.
        MissingClientError: a bucket is given and influxdb-client is not installed.

    """
    split_url(url)
    check_kind(database, bucket)
    if database:
        return InfluxDB1Database(url, database, username, password, timeout=timeout, retry=retry)
    from zemanta_ops.stack.databases.influxdb2 import InfluxDB2Database

    return InfluxDB2Database(url, org, bucket, token, timeout=timeout, retry=retry)
