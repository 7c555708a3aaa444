"""Replaces tokens before decryption: for a developer who may not decrypt, and for an outage of the key service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from zemanta_ops.secrets.config import parse_toml
from zemanta_ops.secrets.exceptions import ConfigError

FILE_NAME = ".secrets.local.toml"
PREFIX = "ZEMANTA_OPS_OVERRIDE__"


def read(folder: Path) -> dict[str, tuple[str, str]]:
    """Return setting path to value and origin, from the environment and ``.secrets.local.toml`` in ``folder``.

    ``ZEMANTA_OPS_OVERRIDE__DATABASES__default__PASSWORD`` stands for ``DATABASES.default.PASSWORD`` and wins.

    Raises:
        ConfigError: The file cannot be read, or holds something else than strings; without any value.
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
