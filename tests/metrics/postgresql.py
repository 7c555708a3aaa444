"""Gives tests a Django connection to a database of their own, such as the real PostgreSQL, beside the suite's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connections
from django.test import override_settings

ALIAS = "postgresql"


class Router:
    """Sends everything that chooses for itself to the connection."""

    def db_for_read(self, model: object, **_: object) -> str:
        return ALIAS

    db_for_write = db_for_read


@contextmanager
def connected(settings: dict[str, object]) -> Iterator[Any]:
    """Make the connection ALIAS, with the tables of zemanta_ops, and take everything away again."""
    models = list(apps.get_app_config("zemanta_ops").get_models())
    configured = connections.configure_settings({"default": dict(connections.settings["default"]), ALIAS: settings})
    connections.settings[ALIAS] = configured[ALIAS]
    try:
        with override_settings(DATABASE_ROUTERS=[f"{__name__}.Router"]):
            connection: Any = connections[ALIAS]
            with connection.schema_editor() as editor:
                for model in models:
                    editor.create_model(model)
            try:
                yield connection
            finally:
                with connection.schema_editor() as editor:
                    for model in reversed(models):
                        editor.delete_model(model)
    finally:
        connections[ALIAS].close()
        del connections[ALIAS]
        del connections.settings[ALIAS]
