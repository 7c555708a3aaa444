"""InfluxDB 1.x and 2.x behind one small surface: write points, read values back, say what went wrong.

with connect(url="http://127.0.0.1:8086", database="telegraf") as database:
    report = database.write([Point("deploys", {"count": 1}, {"env": "prod"})])
    report.refused          # each refused line with the reason
"""

from __future__ import annotations

from zemanta_ops.metrics.stack.influxdb.database import ONCE, Database, Reading, Retry, WriteReport
from zemanta_ops.metrics.stack.influxdb.errors import InfluxError, MissingClientError
from zemanta_ops.metrics.stack.influxdb.places import check_kind, split_url
from zemanta_ops.metrics.stack.influxdb.points import Point
from zemanta_ops.metrics.stack.influxdb.v1 import DatabaseV1

__all__ = [
    "ONCE",
    "Database",
    "InfluxError",
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
        return DatabaseV1(url, database, username, password, timeout=timeout, retry=retry)
    from zemanta_ops.metrics.stack.influxdb.v2 import DatabaseV2

    return DatabaseV2(url, org, bucket, token, timeout=timeout, retry=retry)
