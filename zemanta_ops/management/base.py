"""The base class of the management commands, and the values that their options accept."""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from zemanta_ops import parsing
from zemanta_ops.secrets.redaction import redact
from zemanta_ops.signals import exit_on_signals
from zemanta_ops.terminal import keep_line_breaks
from zemanta_ops.times import accept_moment

# argparse exits with this code for wrong arguments, so the commands do too.
EXIT_USAGE = 2
EXIT_SETTINGS = 3
# Sockets and selectors wait for at most 2**31 ms.
MOST_SECONDS = 1_000_000


class UsageError(CommandError):
    """The arguments of a command are wrong; exits with the code that argparse uses."""

    def __init__(self, text: str) -> None:
        super().__init__(text, returncode=EXIT_USAGE)


class OpsCommand(BaseCommand):
    """A command whose ``epilog`` shows examples and exit codes; it runs without system checks.

    SIGINT, SIGTERM and SIGHUP end it in order, with exit code 130, 143 or 129, unless it handles them itself.
    With ``--json``, an error before any output is a document too: ``{"ok": false, "problems": [...]}``.
    """

    epilog = ""
    requires_system_checks: tuple[str, ...] = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return a parser that shows the epilog with its own line breaks."""
        return super().create_parser(prog_name, subcommand, **{**keep_line_breaks(self.epilog), **kwargs})

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command until it returns or a signal ends it; its error has no decrypted secret in it.

        With ``--json``, an error before any output is a document.
        """
        out = _TrackedOutput(options.get("stdout") or self.stdout)
        if options.get("json"):
            options["stdout"] = out
        with exit_on_signals():
            try:
                return super().execute(*args, **options)
            except CommandError as error:
                # It may repeat what a library or the application's own code has raised.
                error.args = (redact(str(error)),)
                if options.get("json") and not out.was_written:
                    self.stdout.write(json.dumps({"ok": False, "problems": str(error).splitlines()}, indent=2))
                raise


class _TrackedOutput:
    """Standard output that knows whether anything was written to it."""

    def __init__(self, out: Any) -> None:
        self._out = out
        self.was_written = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)

    def write(self, text: str) -> None:
        self.was_written = True
        self._out.write(text)


def parse_seconds(text: str) -> float:
    """Return the seconds that an option gives: more than 0, and no more than the system can wait for at once."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text} is not a number greater than 0, and at most {MOST_SECONDS}")
    return number


def parse_port(text: str) -> int:
    """Return the port that an option gives, or 0 for a free one."""
    try:
        return parsing.accept_whole(0, 65535)(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} {error}") from None


def parse_count(text: str) -> int:
    """Return the whole number that an option gives; it must be greater than 0."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number greater than 0")
    return int(text)


def parse_time(text: str) -> datetime:
    """Return the time that an option gives: ISO 8601, or how long ago: 14d, 6h or 90m."""
    try:
        return accept_moment(text, datetime.now(timezone.utc))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} {error}") from None


def add_range_options(parser: CommandParser) -> None:
    """Declare ``--since`` and ``--until``."""
    parser.add_argument("--since", type=parse_time, metavar="TIME", help="fill back from a time, or from 14d or 6h ago")
    parser.add_argument("--until", type=parse_time, metavar="TIME", help="end of the back-fill (default: now)")


def check_range(since: datetime | None, until: datetime | None) -> None:
    """Refuse times between which there is nothing to fill back.

    Raises:
        UsageError: ``until`` has no ``since``, or ``since`` is not earlier.

    """
    if until and not since:
        raise UsageError("--until needs --since")
    if since and since >= (until or datetime.now(timezone.utc)):
        raise UsageError("--since must be earlier than --until, and not in the future")


def format_time(moment: float) -> str:
    """Return a time in seconds since the epoch as ISO 8601, in UTC, as ``parse_time`` reads it."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_folder(text: str) -> Path:
    """Return the folder that an option names: one that exists, or one to create."""
    path = Path(text)
    if text == "-" or (path.exists() and not path.is_dir()):
        raise argparse.ArgumentTypeError(f"{text} is not a folder, and there are several files to write")
    return path
