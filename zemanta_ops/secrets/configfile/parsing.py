"""Parsers of TOML, YAML, JSON and ``.env`` files; every error names file and line and quotes nothing."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zemanta_ops.secrets import config
from zemanta_ops.secrets.configfile import lines
from zemanta_ops.secrets.exceptions import ConfigError, MissingExtraError
from zemanta_ops.secrets.files.formats import dotenv, kind_of
from zemanta_ops.secrets.files.formats.base import FormatError, SettingPath

# No settings file comes near these limits, but YAML aliases exceed them in a few lines.
MAX_DEPTH = 64
MAX_VALUES = 100_000


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file; ``data`` holds its names and values."""

    path: Path
    kind: str
    text: str = field(repr=False)
    data: dict[Any, Any] = field(repr=False)

    def error(self, names: SettingPath, problem: str) -> ConfigError:
        """Return an error with file, line and name."""
        return ConfigError(f"{self.place(names)}: {'.'.join(names) or 'the file'} {problem}")

    def place(self, names: SettingPath) -> str:
        """Return ``file:line`` of a setting, or the file alone if the line is not known."""
        line = lines.line_of(self.text, self.kind, names)
        return f"{self.path}:{line}" if line else str(self.path)


def read(path: Path) -> ConfigFile:
    """Read a configuration file.

    Raises:
        ConfigError: It cannot be read, its format is unknown, or it does not hold names and values.
        MissingExtraError: It is YAML, and its parser is not installed.
    """
    raw = _read_bytes(path)
    kind = (kind_of(path.name, raw) or "").replace(".yml", ".yaml")
    if kind not in _PARSERS:
        raise ConfigError(f"{path} is not a .toml, .yaml, .yml, .json or .env file")
    text = _decode(path, raw)
    try:
        data = _PARSERS[kind](path, text)
    except FormatError as error:
        raise ConfigError(f"{path}:{error.line}: {error.reason}" if error.line else f"{path}: {error.reason}") from None
    except (RecursionError, ValueError):
        raise ConfigError(f"{path} is nested too deeply, or a value is out of range") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path} must hold names with values")
    file = ConfigFile(path, kind, text, data)
    _measure(file)
    return file


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None


def _decode(path: Path, raw: bytes) -> str:
    try:
        return raw.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8") from None


def _measure(file: ConfigFile) -> None:
    """Refuse data that is too deep or too large: YAML aliases may be recursive."""
    count = 0
    left: list[tuple[Any, int]] = [(file.data, 0)]
    while left:
        value, depth = left.pop()
        count += 1
        if depth > MAX_DEPTH:
            raise ConfigError(f"{file.path} is nested too deeply: more than {MAX_DEPTH} levels")
        if count > MAX_VALUES:
            raise ConfigError(f"{file.path} has more than {MAX_VALUES} values")
        members = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
        left += [(member, depth + 1) for member in members]


def _json(_path: Path, text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise FormatError(0, "a name is repeated in an object")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise FormatError(error.lineno, "not valid JSON") from None


def _yaml(_path: Path, text: str) -> Any:
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError
    except ImportError:
        raise MissingExtraError("reading YAML files", "config") from None
    try:
        # An empty file has no settings.
        return YAML(typ="safe", pure=True).load(text) or {}
    except MarkedYAMLError as error:
        mark = error.problem_mark
        raise FormatError(mark.line + 1 if mark else 0, "not valid YAML, or more than one document") from None
    except YAMLError:
        raise FormatError(0, "not valid YAML") from None


def _dotenv(_path: Path, text: str) -> Any:
    found: dict[str, str] = {}
    for literal in dotenv.scalars(text):
        if literal.setting in found:
            raise FormatError(literal.line, f"{literal.setting} is repeated")
        found[literal.setting] = literal.value
    return found


_PARSERS: dict[str, Callable[[Path, str], Any]] = {
    ".toml": config.parse_toml,
    ".yaml": _yaml,
    ".json": _json,
    ".env": _dotenv,
}
