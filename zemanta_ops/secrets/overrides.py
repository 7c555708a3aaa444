"""Overrides of tokens before decryption: for developers who may not decrypt, or if the key service is down."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from zemanta_ops.secrets import ledger, modes
from zemanta_ops.secrets.config import Config, parse_toml
from zemanta_ops.secrets.exceptions import (
    ConfigError,
    DeniedError,
    MissingKeyError,
    SecretError,
    ThrottledError,
    UnreachableError,
)
from zemanta_ops.secrets.wire import REDACTED

FILE_NAME = ".secrets.local.toml"
PREFIX = modes.OVERRIDE_PREFIX

logger = logging.getLogger(__name__)

# An override helps if the key cannot be used here; not if the token is bad.
_NO_KEY = (MissingKeyError, DeniedError, ThrottledError, UnreachableError)


class Unused(NamedTuple):
    """An override that matches no secret: its name in a file (or ""), its variable or file, and a sentence about it."""

    name: str
    origin: str
    problem: str


class Overrides(dict[str, tuple[str, str]]):
    """Value and origin of each override, by the part of its variable after the prefix.

    Its repr shows nothing, because error pages show the variables of a frame.
    """

    def __repr__(self) -> str:
        return REDACTED

    def take(self, path: str) -> str | None:
        """Return the value that overrides a setting, and remember and log that it does; None if none does.

        Raises:
            ConfigError: The variable is empty, as one is whose own value was not set.
        """
        found = self.get(_make_key(path)) if path else None
        if found is None:
            return None
        value, origin = found
        if not value and origin.startswith(PREFIX):
            raise ConfigError(
                f"{origin} is empty. Run: unset {origin}, or write the empty value of {path} to {FILE_NAME}"
            )
        if ledger.overrides().get(path) != origin:
            ledger.override(path, origin)
            logger.warning("the secret %s is overridden by %s", path, origin)
        return value

    def take_all(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the values that override settings, by their paths."""
        return {path: value for path in paths if (value := self.take(path)) is not None}

    def find_unused(self, paths: Iterable[str] = ()) -> list[Unused]:
        """Return those that have overridden no secret, each with the closest of ``paths``."""
        used = {_make_key(path) for path in ledger.overrides()}
        known = {_make_key(path): path for path in (*paths, *(entry.path for entry in ledger.entries()))}
        return [_describe(key, origin, known) for key, (_, origin) in self.items() if key not in used]


def read(settings: Config) -> Overrides:
    """Return the overrides in the environment and in ``.secrets.local.toml`` next to ``zemanta_ops.toml``.

    ``ZEMANTA_OPS_OVERRIDE__DATABASES__default__PASSWORD`` overrides ``DATABASES.default.PASSWORD``. A variable wins
    over the file. Without ``zemanta_ops.toml``, the file is searched for in the working directory.

    Raises:
        ConfigError: Other users can read the file, it cannot be read, or a value in it is not a string. Never quotes a
            value.
    """
    path = (settings.path.parent if settings.path else Path.cwd()) / FILE_NAME
    found = Overrides()
    if path.is_file():
        _refuse_open(path)
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} cannot be read: {type(error).__name__}") from None
        _flatten(path, parse_toml(path, text), "", found)
    for name, value in os.environ.items():
        if name.startswith(PREFIX):
            found[name[len(PREFIX) :]] = value, name
    # Those of settings without a token too: Django's error page shows the environment.
    for value, _ in found.values():
        ledger.reveal(value)
    return found


def warn_of_unused(settings: Config, paths: Iterable[str] = ()) -> None:
    """Log each override that matches none of ``paths``, nor any secret that was read before."""
    for unused in read(settings).find_unused(paths):
        logger.warning("%s", unused.problem)


def advise(failures: Mapping[str, SecretError]) -> str:
    """Return how to run without the key: the variables that override these settings. "" if that is not the problem."""
    paths = [path for path, error in failures.items() if isinstance(error, _NO_KEY)]
    if not paths:
        return ""
    if paths == [""]:
        return 'To override it without the key, name it: .get(name="…")'
    names = [name for path in paths if (name := modes.override_variable(path))]
    shown = " and ".join([*names[:2], *([f"{len(names) - 2} more"] if len(names) > 2 else [])])
    variables = f"set {shown}, or " if names else ""
    return f"Without the key: {variables}write {'its value' if len(paths) == 1 else 'the values'} to {FILE_NAME}"


def _make_key(path: str) -> str:
    return path.replace(".", "__")


def _describe(key: str, origin: str, known: Mapping[str, str]) -> Unused:
    from difflib import get_close_matches  # imported here: it would slow every start

    near = next(iter(get_close_matches(key, known, n=1)), "")
    name = "" if origin.startswith(PREFIX) else key.replace("__", ".")
    hint = f". Did you mean {known[near] if name else PREFIX + near}?" if near else ""
    return Unused(name, origin, f"{f'{name} in ' if name else ''}{origin} overrides no secret{hint}")


def _refuse_open(path: Path) -> None:
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{path} can be read or changed by its group or other users. Run: chmod 600 {path}")


def _flatten(path: Path, table: Mapping[str, object], prefix: str, found: Overrides) -> None:
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            _flatten(path, value, f"{name}.", found)
        elif isinstance(value, str):
            found[_make_key(name)] = value, str(path)
        else:
            raise ConfigError(f"{path}: {name} must be a string or a table")
