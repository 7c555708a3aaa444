"""Overrides of tokens before decryption: for developers who may not decrypt, or if the key service is down."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from zemanta_ops.secrets import modes
from zemanta_ops.secrets.config import parse_toml
from zemanta_ops.secrets.exceptions import ConfigError

FILE_NAME = ".secrets.local.toml"
PREFIX = modes.OVERRIDE_PREFIX


def read(folder: Path) -> dict[str, tuple[str, str]]:
    """Return value and origin by setting path, from the environment and from ``.secrets.local.toml`` in ``folder``.

    ``ZEMANTA_OPS_OVERRIDE__DATABASES__default__PASSWORD`` overrides ``DATABASES.default.PASSWORD``. A variable wins
    over the file.

    Raises:
        ConfigError: The file cannot be read, or a value in it is not a string. Never quotes a value.
    """
    path = folder / FILE_NAME
    found: dict[str, tuple[str, str]] = {}
    if path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} cannot be read: {type(error).__name__}") from None
        _flatten(path, parse_toml(path, text), "", found)
    for name, value in os.environ.items():
        if name.startswith(PREFIX):
            found[name[len(PREFIX) :].replace("__", ".")] = value, name
    return found


def _flatten(path: Path, table: Mapping[str, object], prefix: str, found: dict[str, tuple[str, str]]) -> None:
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            _flatten(path, value, f"{name}.", found)
        elif isinstance(value, str):
            found[name] = value, str(path)
        else:
            raise ConfigError(f"{path}: {name} must be a string or a table")
