"""The database that ``ZEMANTA_OPS`` configures, and the settings that the stack cannot use."""

from __future__ import annotations

from typing import Any

from zemanta_ops.conf import conf
from zemanta_ops.setting import SETTING, Section, read_section
from zemanta_ops.stack.databases import Database, Retry, connect

NO_DATABASE = (
    f'No database is configured. Set {SETTING}["INFLUXDB"] to a dict with URL and DATABASE, '
    f'or {SETTING}["VICTORIAMETRICS"] to one with WRITE_URL and READ_URL'
)


def find_database(*, timeout: float = 10.0, retry: Retry | None = None) -> Database | None:
    """Return the configured database, or None if none is configured.

    Args:
        timeout: Seconds that one request may take.
        retry: How transient failures are retried; None for the default.

    Raises:
        ValueError: A setting of the database cannot be used, or settings contradict each other.
        MissingExtraError: The package that the database needs is not installed.

    """
    faults = [str(fault) for section in conf.list_databases() for fault in section.find_faults()]
    if faults := [*faults, *conf.find_conflicts()]:
        raise ValueError("; ".join(faults))
    options = read_database_options()
    return connect(timeout=timeout, retry=retry, **options) if options else None


def open_database(*, timeout: float = 10.0, retry: Retry | None = None) -> Database:
    """Return the configured database.

    Raises:
        ValueError: As for ``find_database``; or none is configured.
        MissingExtraError: The package that the database needs is not installed.

    """
    database = find_database(timeout=timeout, retry=retry)
    if database is None:
        raise ValueError(NO_DATABASE)
    return database


def open_writable_database(*, timeout: float = 10.0, retry: Retry | None = None) -> Database:
    """Return the configured database, to write to it.

    Raises:
        ValueError: As for ``open_database``; or only Telegraf can write to it.
        MissingExtraError: The package that the database needs is not installed.

    """
    database = open_database(timeout=timeout, retry=retry)
    if not database.is_writable:
        raise ValueError(f"{database.name} accepts remote write only, which Telegraf sends. Use Telegraf")
    return database


def read_database_options() -> dict[str, str]:
    """Return the arguments of ``connect`` for the database that the settings name, or nothing if they name none."""
    if conf.influxdb in conf.list_databases():
        return _read_texts(conf.influxdb)
    if conf.victoriametrics in conf.list_databases():
        options = _read_texts(conf.victoriametrics)
        return {**options, "write_url": ",".join(conf.victoriametrics.write_url)}
    if conf.prometheus in conf.list_databases():
        options = _read_texts(conf.prometheus)
        return {"remote_write_url": options.pop("write_url", ""), **options}
    return {}


def _read_texts(section: Section) -> dict[str, str]:
    values = {name.lower(): getattr(section, name.lower()) for name in section.settings()}
    return {name: value for name, value in values.items() if value and isinstance(value, str)}


def read_cloudwatch_options() -> dict[str, Any]:
    """Return ``ZEMANTA_OPS["CLOUDWATCH"]`` as ``build_declarations`` takes it; an empty section is valid."""
    given = read_section(conf.cloudwatch.key)
    return {name: getattr(conf.cloudwatch, name.lower()) for name in conf.cloudwatch.settings() if name in given}


CLOUDWATCH_PLACE = f'{SETTING}["{conf.cloudwatch.key}"]'


def list_faults(*, unused: tuple[str, ...] = ()) -> list[str]:
    """Return a sentence for each setting that cannot be used, or else for each contradiction; no value is in it.

    Unlike the system checks, which also run in builds, this includes secrets that were not decrypted.

    Args:
        unused: Names of settings whose value is not needed, so a secret there need not be decrypted.

    """
    faults = [fault for fault in conf.find_faults() if fault.is_decisive]
    used = [str(fault) for fault in faults if not (fault.is_deferred and fault.setting.name in unused)]
    return used or list(conf.find_conflicts())
