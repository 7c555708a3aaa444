"""``load_config``: reads TOML, YAML, JSON and ``.env`` files with secrets into a dict or a typed structure."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar, overload

from zemanta_ops.secrets import backends, config, modes, overrides
from zemanta_ops.secrets.configfile.parsing import ConfigFile, read
from zemanta_ops.secrets.exceptions import ResolveError, TokenError
from zemanta_ops.secrets.files.formats.base import SettingPath
from zemanta_ops.secrets.resolve import resolve_values
from zemanta_ops.secrets.secret import Secret, StrictSecret

T = TypeVar("T")


@overload
def load_config(
    path: str | PathLike[str], *, app: str = "", samples: Mapping[str, str] | None = None
) -> dict[str, Any]: ...


@overload
def load_config(
    path: str | PathLike[str],
    type: type[T],
    *,
    app: str = "",
    strict: bool = True,
    samples: Mapping[str, str] | None = None,
) -> T: ...


def load_config(
    path: str | PathLike[str],
    type: Any = None,  # noqa: A002 (the argument's natural name, as in json libraries)
    *,
    app: str = "",
    strict: bool = True,
    samples: Mapping[str, str] | None = None,
) -> Any:
    """Read a configuration file and decrypt all tokens in it at once.

    Every string that ``audit_secrets`` lists as a token becomes its plaintext. A field of type ``Secret`` must be a
    token (or empty) and becomes a decrypted ``Secret``; one of type ``StrictSecret`` stays encrypted. If a token is
    bound to a name, that must be its path in the file, such as ``database.password``.

    Args:
        path: A ``.toml``, ``.yaml``, ``.yml``, ``.json`` or ``.env`` file.
        type: A dataclass, a msgspec ``Struct`` or another type that msgspec reads; by default the result is a dict.
        app: The application that tokens must be bound to; by default ``app`` of ``zemanta_ops.toml``.
        strict: Refuse names that ``type`` does not have.
        samples: Harmless values for deferred and fake modes, by the names of settings, as ``sample`` of ``Secret``.

    Raises:
        ConfigError: The file cannot be read or does not fit ``type``. SettingPath file, line and name, never a value.
        ResolveError: Tokens cannot be decrypted; one line each.
        MissingExtraError: YAML, or ``type``, needs the extra ``config``.
        ModeError: ``ZEMANTA_OPS_SECRETS=fake`` outside a test run.
    """
    modes.refuse_fake()
    file = read(Path(path))
    given = samples or {}
    if type is None:
        return _replace(file.data, (), _values(file, {}, app, given).get)
    from zemanta_ops.secrets.configfile import typed

    kinds = typed.find_secrets(file, type, strict=strict)
    return typed.convert(file, _replace(file.data, (), _values(file, kinds, app, given).get), type)


def _values(
    file: ConfigFile, kinds: dict[SettingPath, type], app: str, samples: Mapping[str, str]
) -> dict[SettingPath, Any]:
    """Return the value of each token: its plaintext, or the ``Secret`` that its field requires."""
    secrets = _make_secrets(file, kinds, samples)
    paths = {names: ".".join(names) for names in secrets}
    counts = Counter(paths.values())
    for names, path in paths.items():
        if counts[path] > 1:
            raise file.error(names, "is the name of two settings, because a name contains a dot")
    read_now = [(paths[names], secret) for names, secret in secrets.items() if isinstance(secret, Secret)]
    try:
        values = resolve_values(read_now, app, config.load(file.path))
    except ResolveError as error:
        places = {path: file.place(names) for names, path in paths.items() if path in error.failures}
        raise ResolveError(error.failures, error.backends, places, error.advice) from None
    if not os.environ.get("DJANGO_SETTINGS_MODULE"):
        # Otherwise an override may be for a secret in the settings, which are not complete yet.
        overrides.warn_of_unused(config.load(file.path), [path for path, _ in read_now])
    return {names: _finish(secret, names in kinds, paths[names], values) for names, secret in secrets.items()}


def _make_secrets(
    file: ConfigFile, kinds: dict[SettingPath, type], samples: Mapping[str, str]
) -> dict[SettingPath, Secret | StrictSecret]:
    """Return the secrets of the file. Settings that share a token by a YAML alias share its Secret, too."""
    made: dict[SettingPath, Secret | StrictSecret] = {}
    shared: dict[tuple[int, str | None], Secret | StrictSecret] = {}
    for names, text in _strings(file.data, ()):
        if names not in kinds and not backends.is_token(text):
            continue
        made[names] = _make_secret(file, names, text, kinds, samples)
        if names not in kinds:
            made[names] = shared.setdefault((id(text), samples.get(".".join(names))), made[names])
    return made


def _finish(secret: Secret | StrictSecret, typed: bool, path: str, values: dict[str, Any]) -> Any:
    if isinstance(secret, Secret) and typed:
        value = values[path]
        secret.bind_to(path, value if isinstance(value, str) else None)
        return secret
    return values[path] if isinstance(secret, Secret) else secret


def _make_secret(
    file: ConfigFile, names: SettingPath, text: str, kinds: dict[SettingPath, type], samples: Mapping[str, str]
) -> Secret | StrictSecret:
    kind = kinds.get(names, Secret)
    try:
        made: Secret | StrictSecret = kind(text.strip(), sample=samples.get(".".join(names)))
    except TokenError as error:
        raise file.error(names, f"must be a token: {error}") from None
    return made


def _strings(value: Any, names: SettingPath) -> Iterator[tuple[SettingPath, str]]:
    if isinstance(value, str):
        yield names, value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from _strings(member, (*names, str(key)))
    elif isinstance(value, (list, tuple)):
        for index, member in enumerate(value):
            yield from _strings(member, (*names, str(index)))


def _replace(value: Any, names: SettingPath, found: Callable[[SettingPath, Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _replace(member, (*names, str(key)), found) for key, member in value.items()}
    if isinstance(value, list):
        return [_replace(member, (*names, str(index)), found) for index, member in enumerate(value)]
    return found(names, value)
