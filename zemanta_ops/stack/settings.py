"""The database that ``ZEMANTA_OPS`` configures, and the settings that the stack cannot use."""

from __future__ import annotations

from typing import Any

from zemanta_ops.conf import SETTING, conf, read_section
from zemanta_ops.stack.databases import Database, Retry, connect


def open_database(*, timeout: float = 10.0, retry: Retry | None = None) -> Database | None:
    """Return the configured database, or None if none is configured.

    Args:
        timeout: Seconds that one request may take.
        retry: How transient failures are retried; None for the default.

    Raises:
        ValueError: The settings contradict each other, see ``connect``.
        MissingExtraError: The package that the database needs is not installed.

    """
    options = read_database_options()
    return connect(timeout=timeout, retry=retry, **options) if options else None


def read_database_options() -> dict[str, str]:
    """Return the arguments of ``connect`` that ``ZEMANTA_OPS["INFLUXDB"]`` gives, or nothing if it has no URL."""
    if not conf.influxdb.url:
        return {}
    names = [name.lower() for name in conf.influxdb.settings()]
    return {name: value for name in names if (value := getattr(conf.influxdb, name))}


def read_cloudwatch_options() -> dict[str, Any]:
    """Return ``ZEMANTA_OPS["CLOUDWATCH"]`` as ``build_declarations`` takes it, or nothing if the section is absent."""
    given = read_section(conf.cloudwatch.key)
    return {name: getattr(conf.cloudwatch, name.lower()) for name in conf.cloudwatch.settings() if name in given}


CLOUDWATCH_PLACE = f'{SETTING}["{conf.cloudwatch.key}"]'


def list_faults(*, unused: tuple[str, ...] = ()) -> list[str]:
    """Return a sentence for each setting whose value cannot be used; the value is not in it.

    Unlike the system checks, which also run in builds, this includes secrets that were not decrypted.

    Args:
        unused: Names of settings whose value is not needed, so a secret there need not be decrypted.

    """
    faults = [fault for fault in conf.find_faults() if fault.is_decisive]
    return [str(fault) for fault in faults if not (fault.is_deferred and fault.setting.name in unused)]
