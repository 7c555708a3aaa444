"""The database of a command: the configured one, or the end of the command with a message that says what is missing."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from zemanta_ops.extras import MissingExtraError
from zemanta_ops.management.base import EXIT_SETTINGS
from zemanta_ops.stack.databases import Database
from zemanta_ops.stack.settings import open_database, open_writable_database


def open_database_or_exit(*, to_write: bool = False, exit_code: int = EXIT_SETTINGS, **options: Any) -> Database:
    """Return the configured database.

    Args:
        to_write: Whether the command writes to it; not every database accepts that.
        exit_code: What the command ends with if there is no database, or it cannot be used.
        options: ``timeout`` and ``retry``, as for ``stack.settings.open_database``.

    Raises:
        CommandError: The message lists what to set, or what to install.

    """
    try:
        return open_writable_database(**options) if to_write else open_database(**options)
    except (ValueError, MissingExtraError) as error:
        raise CommandError(str(error), returncode=exit_code) from None
