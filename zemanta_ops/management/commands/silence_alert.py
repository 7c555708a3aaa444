"""Keep an alert from opening incidents for a while."""

from __future__ import annotations

import argparse
import difflib
import getpass
import json
import math
import re
import time
from datetime import datetime, timedelta, timezone
from typing import Any

from django.core.management.base import CommandError, CommandParser

from zemanta_ops.management.base import EXIT_SETTINGS, OpsCommand, UsageError, parse_count
from zemanta_ops.stack.alerting.declared import read_declared
from zemanta_ops.stack.alerting.series import format_time
from zemanta_ops.stack.alerting.silences import Silence, add_silence, list_silences, remove_silence
from zemanta_ops.stack.alerting.store import describe_database_error, list_names
from zemanta_ops.tables import TABLE_ERRORS
from zemanta_ops.terminal import escape

EXIT_MISSING = 4
_AHEAD = re.compile(r"(\d{1,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

EPILOG = """
examples:
  manage.py silence_alert shop.error_ratio --until 2h --reason "moving the database"
  manage.py silence_alert shop.error_ratio --tags view=cart --until 2026-03-01T12:00 --reason "known, being fixed"
  manage.py silence_alert 'shop.*' --until 30m --reason deploy     quote the star: the shell has one too
  manage.py silence_alert --list
  manage.py silence_alert --remove 3

Times without a zone are UTC. While an alert is silenced, no incident opens or gets worse, but one that is open is
still resolved. When the silence ends, what is still bad is sent.

exit codes:
  0  done
  2  wrong arguments, or no alert has this name
  3  the silence cannot be stored; the message says why
  4  --remove: there is no such silence
"""


class Command(OpsCommand):
    """Stores, lists and removes silences."""

    help = "Keeps an alert from opening incidents for a while."
    epilog = EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("name", nargs="?", metavar="KEY", help="the alert's name; * matches any text")
        parser.add_argument("--tags", type=parse_tags, default={}, metavar="TAG=VALUE,…", help="only these series")
        parser.add_argument("--until", type=parse_until, metavar="TIME", help="a time, or 30m, 2h or 1d from now")
        parser.add_argument("--reason", default="", metavar="TEXT", help="why; list_alerts shows it")
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--list", action="store_true", help="list the silences")
        mode.add_argument("--remove", type=parse_count, metavar="NUMBER", help="end a silence")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Add, list or remove."""
        try:
            if options["list"]:
                self._print(list_silences(time.time()), options["json"])
            elif options["remove"]:
                self._remove(options["remove"])
            else:
                self._add(options)
        except TABLE_ERRORS as error:
            raise CommandError(describe_database_error(error), returncode=EXIT_SETTINGS) from None

    def _add(self, options: dict[str, Any]) -> None:
        name, until = options["name"], options["until"]
        if not name or until is None or not options["reason"].strip():
            raise UsageError("KEY, --until and --reason are needed; or use --list or --remove NUMBER")
        now = time.time()
        if until <= now:
            raise UsageError("--until is in the past")
        check_name(name)
        self._print([add_silence(name, options["tags"], until, options["reason"], find_author(), now)], options["json"])

    def _remove(self, number: int) -> None:
        if not remove_silence(number):
            raise CommandError(
                f"There is no silence {number}. Run: manage.py silence_alert --list", returncode=EXIT_MISSING
            )
        self.stdout.write(f"removed  {number}")

    def _print(self, silences: list[Silence], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps([{**vars(each), "until": format_time(each.until)} for each in silences]))
            return
        for each in silences:
            self.stdout.write(describe_silence(each))
        if not silences:
            self.stdout.write("nothing is silenced")


def describe_silence(silence: Silence) -> str:
    """Return one line about a silence."""
    tags = ",".join(f"{tag}={value}" for tag, value in sorted(silence.tags.items()))
    about = f"{silence.pattern}{{{tags}}}" if tags else silence.pattern
    return escape(f"{silence.number}  {about} until {format_time(silence.until)} by {silence.author}: {silence.reason}")


def check_name(name: str) -> None:
    """Refuse a name that no alert has."""
    judges = read_declared().judges
    known = sorted({*(judge.name for judge in judges), *list_names()})
    if any(Silence(0, name, {}, 0, "", "").applies_to(each, {}) for each in known):
        return
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(known)}"
    raise UsageError(f"No alert has the name {name}. {hint}")


def parse_until(text: str) -> int:
    """Return the time that an option gives, in seconds of the epoch: ISO 8601, or minutes, hours or days from now."""
    now = datetime.now(timezone.utc)
    if ahead := _AHEAD.fullmatch(text):
        return math.ceil((now + timedelta(**{_UNITS[ahead[2]]: int(ahead[1])})).timestamp())
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return math.ceil((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp())
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text} is not a time, such as 2026-03-01T12:00, 30m, 2h or 1d") from None


def parse_tags(text: str) -> dict[str, str]:
    """Return the tags that an option gives."""
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(tag.strip() and equals for tag, equals, _ in pairs):
        raise argparse.ArgumentTypeError(f"{text} does not have the form TAG=VALUE,TAG=VALUE")
    return {tag.strip(): value.strip() for tag, _, value in pairs}


def find_author() -> str:
    """Return who runs the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"
