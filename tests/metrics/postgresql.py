"""Gives tests a Django connection to the real PostgreSQL, beside the suite's own database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.test import override_settings

from zemanta_ops.models import Lease

ALIAS = "postgresql"


class Router:
    """Sends everything that chooses for itself to PostgreSQL."""

    def db_for_read(self, model: object, **_: object) -> str:
        return ALIAS

    db_for_write = db_for_read


@contextmanager
def connected(settings: dict[str, object]) -> Iterator[Any]:
    """Make the connection ALIAS, with the table of the lease, and take everything away again."""
    configured = connections.configure_settings({"default": dict(connections.settings["default"]), ALIAS: settings})
    connections.settings[ALIAS] = configured[ALIAS]
    try:
        with override_settings(DATABASE_ROUTERS=[f"{__name__}.Router"]):
            connection: Any = connections[ALIAS]
            with connection.schema_editor() as editor:
                editor.create_model(Lease)
            yield connection
            with connection.schema_editor() as editor:
                editor.delete_model(Lease)
    finally:
        connections[ALIAS].close()
        del connections[ALIAS]
        del connections.settings[ALIAS]
