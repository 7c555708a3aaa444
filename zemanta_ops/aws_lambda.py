"""CloudWatch to the database of metrics as an AWS Lambda function, without Django.

The function reads its declarations from ``cloudwatch.toml`` in its package. The database is in the environment, in
``INFLUXDB_URL`` and the other names of ``ZEMANTA_OPS["INFLUXDB"]``, or in ``VICTORIAMETRICS_WRITE_URL`` and the other
names of ``ZEMANTA_OPS["VICTORIAMETRICS"]``. A variable may hold a token instead of a secret. It
is decrypted once, when the module is loaded, bound to ``ZEMANTA_OPS_APP`` and to the name of the variable.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from zemanta_ops.secrets import Secret, backends, decrypt_settings
from zemanta_ops.secrets.redaction.values import redact
from zemanta_ops.stack.cloudwatch.clients import AwsClients
from zemanta_ops.stack.cloudwatch.declarations import Declaration, DeclarationError, suggest
from zemanta_ops.stack.cloudwatch.defaults import parse_toml
from zemanta_ops.stack.cloudwatch.listing import Listing
from zemanta_ops.stack.cloudwatch.run import push
from zemanta_ops.stack.databases import Database, Retry, connect
from zemanta_ops.times import accept_moment

APP_VARIABLE = "ZEMANTA_OPS_APP"
FILE_VARIABLE = "ZEMANTA_OPS_CLOUDWATCH"
FILE_NAME = "cloudwatch.toml"

_ADDRESSES = {"INFLUXDB_URL": "INFLUXDB_", "VICTORIAMETRICS_WRITE_URL": "VICTORIAMETRICS_"}
_EVENT_KEYS = ("only", "since", "until")
_DATABASE_SECONDS = 5.0
_CONNECT_SECONDS = 3.0


class IncompleteError(Exception):
    """A run did not cover everything; the rest is written. Lambda counts it as an error, which raises the alarm."""


class UnreachableError(Exception):
    """The function cannot reach what it needs."""


class Context(Protocol):
    """What the function uses of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run."""
        ...


def read_database_options(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the options of the database, with their tokens decrypted.

    Raises:
        ValueError: The environment does not name exactly one database.
        SecretError: A token cannot be decrypted.

    """
    named = [name for name in _ADDRESSES if environment.get(name)]
    if len(named) != 1:
        raise ValueError(f"one of {' and '.join(_ADDRESSES)} must be set; {len(named)} are")
    prefix = _ADDRESSES[named[0]]
    given = {name: value for name, value in environment.items() if name.startswith(prefix) and value}
    settings: dict[str, Any] = {
        name: Secret(value) if backends.is_token(value) else value for name, value in given.items()
    }
    decrypt_settings(settings, app=environment.get(APP_VARIABLE, ""))
    return {name.removeprefix(prefix).lower(): value for name, value in settings.items()}


def read_declarations(environment: Mapping[str, str], region: str) -> tuple[Declaration, ...]:
    """Return the declarations of the file in the package; the shipped ones if there is no file and none is named."""
    given = environment.get(FILE_VARIABLE)
    path = Path(given or Path(environment.get("LAMBDA_TASK_ROOT", "."), FILE_NAME))
    text = path.read_text(encoding="utf-8") if given or path.exists() else ""
    return parse_toml(text, place=path.name, region=region)


_options = read_database_options(os.environ)
_clients = AwsClients(read_timeout=15.0)
_declarations = read_declarations(os.environ, _clients.default_region)
_listing = Listing()
_reached: set[str] = set()


def handler(event: Mapping[str, Any] | None, context: Context) -> dict[str, Any]:
    """Run once, and return the report; it is logged too.

    Args:
        event: May have ``only``, names of declarations, and ``since`` and ``until``, the times of a back-fill.
        context: Lambda's context.

    Raises:
        IncompleteError: Something failed or is missing; the rest is written.
        UnreachableError: CloudWatch or the database cannot be reached.

    """
    now = datetime.now(timezone.utc)
    only, since, until = read_event(event, now)
    declarations = _choose(only)
    with _connect() as database:
        _check_reach(database)
        coverage = push(
            _clients,
            database,
            declarations,
            now=now,
            deadline=lambda: context.get_remaining_time_in_millis() / 1000,
            since=since,
            until=until,
            listing=_listing,
        )
    document = coverage.build_document()
    print(redact(json.dumps(document)))  # noqa: T201  what a function prints is its log
    if not coverage.ok:
        raise IncompleteError(redact("; ".join([*coverage.problems, *map(str, coverage.gaps)])))
    return document


def read_event(event: Any, now: datetime) -> tuple[tuple[str, ...], datetime | None, datetime | None]:
    """Return the names of declarations, and the start and the end of a back-fill.

    Raises:
        ValueError: The event has what the function does not read; a back-fill must not become an ordinary run.

    """
    given = {} if event is None else event
    if not isinstance(given, Mapping):
        raise ValueError('the event must be an object, such as {} or {"since": "6h"}')
    if "detail-type" in given:
        # EventBridge describes itself if the schedule has no input of its own.
        given = {}
    for key in given:
        if key not in _EVENT_KEYS:
            raise ValueError(f"the event has {key!r}. {suggest(str(key), _EVENT_KEYS)}")
    only = given.get("only") or ()
    only = (only,) if isinstance(only, str) else only
    if not isinstance(only, (list, tuple)):
        raise ValueError("only must be the name of a declaration, or a list of names")
    since, until = (_read_time(given, key, now) for key in ("since", "until"))
    if until and not since:
        raise ValueError("until needs since")
    if since and since >= (until or now):
        raise ValueError("since must be earlier than until, and not in the future")
    return tuple(map(str, only)), since, until


def _connect() -> Database:
    return connect(timeout=_DATABASE_SECONDS, retry=Retry(attempts=2), **_options)


def _choose(names: Any) -> list[Declaration]:
    known = [each.name for each in _declarations]
    for name in names:
        if name not in known:
            raise DeclarationError([f"only: there is no declaration {name!r}. {suggest(str(name), known)}"])
    return [each for each in _declarations if not names or each.name in names]


def _read_time(event: Mapping[str, Any], key: str, now: datetime) -> datetime | None:
    if event.get(key) is None:
        return None
    try:
        return accept_moment(str(event[key]), now)
    except ValueError as error:
        raise ValueError(f"{key} {error}") from None


def _check_reach(database: Database) -> None:
    """Connect to CloudWatch and to the database, once each; a subnet without a route would only cost time-outs."""
    region = _declarations[0].regions[0] if _declarations else _clients.default_region
    endpoint = _clients.get_client("cloudwatch", region, "own").meta.endpoint_url
    places = {"CloudWatch": endpoint}
    url = _options.get("url") or _options.get("write_url", "").partition(",")[0]
    if urlsplit(url).port:
        # Without one, the port depends on the kind of database.
        places[database.name] = url
    _reached.update(name for name, url in places.items() if name not in _reached and _connects(url))
    missing = [f"{name} ({_show(url)})" for name, url in places.items() if name not in _reached]
    if missing:
        raise UnreachableError(
            f"this function cannot reach {' and '.join(missing)}. In a VPC it needs a NAT gateway, or the endpoints "
            "monitoring, kms and logs, and a security group that lets it out to the database"
        )


def _connects(url: str) -> bool:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), _CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def _show(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
