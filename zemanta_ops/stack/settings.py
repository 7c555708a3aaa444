"""The database that ``ZEMANTA_OPS["INFLUXDB"]`` names, and what is wrong with the settings."""

from __future__ import annotations

from collections.abc import Iterator

from zemanta_ops.conf import Section, conf
from zemanta_ops.stack.databases import Database, Retry, connect


def open_database(*, timeout: float = 10.0, retry: Retry | None = None) -> Database | None:
    """Return the configured database, None where none is configured.

    Raises:
        ValueError: the settings contradict each other, see ``connect``.
        MissingClientError: InfluxDB 2.x is configured and its client is not installed.

    """
    influx = conf.influxdb
    if not influx.url:
        return None
    return connect(
        influx.url,
        database=influx.database,
        username=influx.username,
        password=influx.password,
        org=influx.org,
        bucket=influx.bucket,
        token=influx.token,
        timeout=timeout,
        retry=retry,
    )


def bad_settings() -> Iterator[str]:
    """Yield a sentence for each setting whose value is not usable; the value is not in it."""
    for section in (conf.metrics, conf.influxdb):
        yield from _bad_in(section)


def _bad_in(section: Section) -> Iterator[str]:
    for setting in section.settings().values():
        for place, raw in section.sources(setting)[:1]:
            try:
                setting.parse(raw)
            except (TypeError, ValueError) as error:
                yield f"{place} {error}"
