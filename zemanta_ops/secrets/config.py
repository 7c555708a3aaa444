"""``zemanta_ops.toml``, the committed configuration file of the secrets half. Only this module reads it.

::

    app = "shop"
    environment = "production"        # the default environment
    require_context = true            # refuse tokens that are not bound to app and name
    allow_unbound = ["3a7b…"]         # SHA-256 of the tokens that may be unbound
    exclude = ["charts/"]             # files that hold no tokens of ours

    [environments.production]
    backend = "kms"
    key = "alias/shop"
    region = "eu-west-1"
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zemanta_ops.secrets.exceptions import ConfigError

FILE_NAME = "zemanta_ops.toml"
FILE_VARIABLE = "ZEMANTA_OPS_CONFIG"
ENVIRONMENT_VARIABLE = "ZEMANTA_OPS_ENV"

_TYPES: dict[str, type] = {
    "app": str,
    "environment": str,
    "require_context": bool,
    "allow_unbound": list,
    "exclude": list,
    "environments": dict,
}
_cache: dict[Path, tuple[tuple[int, int], Config]] = {}


@dataclass(frozen=True)
class Environment:
    """How the secrets of one environment are encrypted; ``options`` are those of the backend."""

    name: str
    backend: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Config:
    """The contents of the file, or the defaults if there is none."""

    path: Path | None = None
    app: str = ""
    default_environment: str = ""
    require_context: bool = False
    allow_unbound: frozenset[str] = frozenset()
    exclude: tuple[str, ...] = ()
    environments: Mapping[str, Environment] = field(default_factory=dict)

    @property
    def current_environment(self) -> str:
        """The name in ``ZEMANTA_OPS_ENV``, or the file's ``environment``, or ""."""
        return os.environ.get(ENVIRONMENT_VARIABLE, "") or self.default_environment

    def environment(self, name: str = "") -> Environment:
        """Return the named environment, or else the current one, or else the only one in the file.

        Raises:
            ConfigError: There is no such environment, or there are several and none is named.
        """
        wanted = name or self.current_environment
        if not wanted and len(self.environments) == 1:
            wanted = next(iter(self.environments))
        known = ", ".join(sorted(self.environments)) or "none"
        if not wanted:
            raise ConfigError(f"no environment is named: use --env or {ENVIRONMENT_VARIABLE}; {FILE_NAME} has: {known}")
        if wanted not in self.environments:
            raise ConfigError(f"{FILE_NAME} has no environment of that name; it has: {known}")
        return self.environments[wanted]


def find(*near: Path) -> Path | None:
    """Search for the file upward from each of ``near``, from the settings module, and from the working directory.

    Raises:
        ConfigError: ``ZEMANTA_OPS_CONFIG`` names a file that does not exist.
    """
    named = os.environ.get(FILE_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise ConfigError(f"{FILE_VARIABLE} names a file that does not exist")
        return Path(named)
    settings = getattr(sys.modules.get(os.environ.get("DJANGO_SETTINGS_MODULE", "")), "__file__", None)
    starts = [*near, *([Path(settings)] if settings else []), Path.cwd() / FILE_NAME]
    folders = (folder for start in starts for folder in start.absolute().parents)
    return next((folder / FILE_NAME for folder in folders if (folder / FILE_NAME).is_file()), None)


def load(*near: Path) -> Config:
    """Read the file that ``find`` returns, or return the defaults if there is none.

    Raises:
        ConfigError: The file cannot be read, or a key in it is unknown or of a wrong type. Never quotes a value.
    """
    path = find(*near)
    if path is None:
        return Config()
    try:
        stamp = (path.stat().st_mtime_ns, path.stat().st_size)
        if path not in _cache or _cache[path][0] != stamp:
            _cache[path] = (stamp, _parse(path, path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {type(error).__name__}") from None
    return _cache[path][1]


def parse_toml(path: Path, text: str) -> dict[str, Any]:
    """Parse TOML; an error names the file, line and column, never a value."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = str(error).rpartition(" (")[2].rstrip(")")
        raise ConfigError(f"{path} is not valid TOML {place if place.startswith('at ') else ''}".rstrip()) from None


def _parse(path: Path, text: str) -> Config:
    raw = parse_toml(path, text)
    for key, value in raw.items():
        _check_entry(path, key, value)
    return Config(
        path=path,
        app=raw.get("app", ""),
        default_environment=raw.get("environment", ""),
        require_context=raw.get("require_context", False),
        allow_unbound=frozenset(map(str, raw.get("allow_unbound", ()))),
        exclude=tuple(map(str, raw.get("exclude", ()))),
        environments={name: _read_environment(path, name, body) for name, body in raw.get("environments", {}).items()},
    )


def _check_entry(path: Path, key: str, value: object) -> None:
    if key not in _TYPES:
        from difflib import get_close_matches  # imported here: it would slow every start

        near = get_close_matches(key, _TYPES, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(_TYPES)}"
        raise ConfigError(f"{path} has an unknown key{hint}")
    if not isinstance(value, _TYPES[key]):
        raise ConfigError(f"{path}: {key} must be a {_TYPES[key].__name__}")


def _read_environment(path: Path, name: str, body: object) -> Environment:
    if not isinstance(body, dict) or not isinstance(body.get("backend"), str):
        raise ConfigError(f"{path}: environments.{name} must be a table with a backend")
    options = {key: value for key, value in body.items() if key != "backend"}
    return Environment(name, body["backend"], options)
