"""Databases of metrics: the list of them, to which a new one is added, and the choice of the configured one.

with connect("http://127.0.0.1:8086", database="telegraf") as database:
    report = database.write([Point("deploys", {"count": 1}, {"env": "prod"})])
    report.refused          # each refused line with the reason

A database is one module of this package, with one line in ``MODULES``. The module has a subclass of ``Database`` and
names it in ``DATABASE``.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from zemanta_ops.stack.databases.base import ONCE, Database, Retry, StoredValue
from zemanta_ops.stack.databases.errors import DatabaseError, WriteReport
from zemanta_ops.stack.databases.line_protocol import Point

__all__ = ["ONCE", "Database", "DatabaseError", "Point", "Retry", "StoredValue", "WriteReport", "connect"]

MODULES = (
    "zemanta_ops.stack.databases.influxdb1",
    "zemanta_ops.stack.databases.influxdb2",
    "zemanta_ops.stack.databases.victoriametrics",
    "zemanta_ops.stack.databases.prometheus",
)


def connect(url: str = "", *, timeout: float = 10.0, retry: Retry | None = None, **options: str) -> Database:
    """Return the database that the options choose, without sending anything.

    Args:
        url: For example ``http://127.0.0.1:8086``.
        timeout: Seconds that one request may take.
        retry: How transient failures are retried; None for the default.
        options: The settings of the section in ``ZEMANTA_OPS`` in lower case. InfluxDB 1.x: ``database``, or
            ``database/policy`` for a retention policy, ``username``, ``password``. InfluxDB 2.x: ``bucket``, ``org``,
            ``token``. VictoriaMetrics: ``write_url``, ``read_url``, ``database``, ``username``, ``password``, without
            ``url``. Prometheus: ``remote_write_url``, ``read_url``, ``username``, ``password``.

    Raises:
        ValueError: The options do not choose exactly one database, or the URL is not one of http or https.
        MissingExtraError: The package that the database needs is not installed.

    """
    given = {**options, "url": url}
    return choose_class(given)(given, timeout=timeout, retry=retry or Retry())


def choose_class(options: Mapping[str, str]) -> type[Database]:
    """Return the class of the database that the options choose.

    Raises:
        ValueError: They do not choose exactly one.

    """
    classes: list[type[Database]] = [import_module(module).DATABASE for module in MODULES]
    chosen = [each for each in classes if all(map(options.get, each.chosen_by))]
    if len(chosen) != 1:
        raise ValueError(f"the database needs either {' or '.join(each.needs for each in classes)}")
    return chosen[0]
