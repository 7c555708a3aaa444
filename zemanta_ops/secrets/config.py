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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
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
_used: list[Config] = []
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

    @property
    def shown(self) -> str:
        """The path for messages: relative to the working directory if it is below."""
        if self.path is None:
            return FILE_NAME
        here = Path.cwd()
        return str(self.path.relative_to(here) if self.path.is_relative_to(here) else self.path)

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
            raise ConfigError(
                f"no environment is named: use --env or {ENVIRONMENT_VARIABLE}; {self.shown} has: {known}"
            )
        if wanted not in self.environments:
            raise ConfigError(f"{self.shown} has no environment of that name; it has: {known}")
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
    return next((found for start in starts if (found := _search(_normalize(start)))), None)


def load(*near: Path) -> Config:
    """Read the file that ``find`` returns, or return the defaults if there is none.

    Raises:
        ConfigError: The file cannot be read, or a key in it is unknown or of a wrong type. Never quotes a value.
    """
    if not near and _used:
        return _used[-1]
    path = find(*near)
    return _read(path) if path else Config()


@contextmanager
def use(settings: Config) -> Iterator[None]:
    """Make ``load()``, in every thread, return this configuration: a command may work on files of several projects."""
    _used.append(settings)
    try:
        yield
    finally:
        _used.pop()


def load_own(file: Path) -> Config:
    """Read the configuration that a file belongs to: the nearest one above it, wherever the command runs.

    ``ZEMANTA_OPS_CONFIG`` counts for a file that has none.

    Raises:
        ConfigError: As for ``load``; or ``ZEMANTA_OPS_CONFIG`` names another configuration than the file's own, or a
            link to the file and the file itself belong to different ones.
    """
    # A link may be in another project than its target; ".." is not a folder.
    places = {_normalize(file), file.resolve()}
    above = [path for place in sorted(places) if (path := _search(place))]
    # One file may be above both, by two names: a link to a release, for instance.
    found = {path: _read(path) for path in {each.resolve(): each for each in above}.values()}
    if len(found) > 1:
        raise ConfigError(f"{file} is a link from one project to another: {' and '.join(map(str, found))} apply to it")
    named = find() if os.environ.get(FILE_VARIABLE) else None
    if named is None:
        return next(iter(found.values()), Config())
    given = _read(named)
    for path, own in found.items():
        if replace(own, path=None) != replace(given, path=None):
            raise ConfigError(f"{FILE_VARIABLE} names another file than {path}, which {file} belongs to: unset it")
    return given


def _normalize(path: Path) -> Path:
    """Return the absolute path without "..", with its links."""
    return Path(os.path.normpath(path.absolute()))


def _search(place: Path) -> Path | None:
    return next((folder / FILE_NAME for folder in place.parents if (folder / FILE_NAME).is_file()), None)


def _read(path: Path) -> Config:
    try:
        stamp = (path.stat().st_mtime_ns, path.stat().st_size)
        if path not in _cache or _cache[path][0] != stamp:
            _cache[path] = (stamp, _parse(path, path.read_text(encoding="utf-8-sig")))
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
