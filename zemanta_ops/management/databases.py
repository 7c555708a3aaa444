"""The database of a command: the configured one, or the end of the command with a message that says what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from zemanta_ops.extras import MissingExtraError
from zemanta_ops.management.base import EXIT_SETTINGS
from zemanta_ops.stack.databases import Database, DatabaseError, Retry
from zemanta_ops.stack.databases.base import RetryUntilSilent
from zemanta_ops.stack.settings import open_database, open_writable_database

# How long a command waits for the answer to a request.
ANSWER_SECONDS = 10.0


def open_database_or_exit(
    *,
    to_write: bool = False,
    exit_code: int = EXIT_SETTINGS,
    timeout: float | None = None,
    retry: Retry | None = None,
) -> Database:
    """Return the configured database.

    The first request that has no answer is the last one, unless the command says otherwise.

    Args:
        to_write: Whether the command writes to it; not every database accepts that.
        exit_code: What the command ends with if there is no database, or it cannot be used.
        timeout: Seconds that one request may take; None for ``ANSWER_SECONDS``.
        retry: How transient failures are retried. A command that runs for long must not give up for good.

    Raises:
        CommandError: The message lists what to set, or what to install.

    """
    open_it = open_writable_database if to_write else open_database
    try:
        return open_it(timeout=timeout or ANSWER_SECONDS, retry=retry or RetryUntilSilent())
    except (ValueError, MissingExtraError) as error:
        raise CommandError(str(error), returncode=exit_code) from None


@contextmanager
def exit_on_failure(database: Database, exit_code: int) -> Iterator[None]:
    """End the command with this code, and with one line, if the database fails within the block."""
    try:
        yield
    except DatabaseError as error:
        raise CommandError(f"{database.name} cannot be read: {error}", returncode=exit_code) from None
