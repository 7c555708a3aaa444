"""``load_config``: TOML, YAML, JSON and ``.env`` files that carry secrets, into a dict or a typed structure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar, overload

from zemanta_ops.secrets import config, modes, wire
from zemanta_ops.secrets.configfile.parsing import File, Names, read
from zemanta_ops.secrets.exceptions import ResolveError, TokenError
from zemanta_ops.secrets.resolve import resolved
from zemanta_ops.secrets.secret import Secret, StrictSecret

T = TypeVar("T")


@overload
def load_config(path: str | PathLike[str], *, app: str = "") -> dict[str, Any]: ...


@overload
def load_config(path: str | PathLike[str], type: type[T], *, app: str = "", strict: bool = True) -> T: ...


def load_config(
    path: str | PathLike[str],
    type: Any = None,  # noqa: A002 (the argument's natural name, as in json libraries)
    *,
    app: str = "",
    strict: bool = True,
) -> Any:
    """Read a configuration file and decrypt the tokens in it, all at once.

    A string that is a token, just as ``audit_secrets`` would list it, becomes its plaintext; a field of type ``Secret``
    must be a token (or empty) and becomes a decrypted ``Secret``, one of type ``StrictSecret`` is left encrypted. Where
    a token is bound to a name, that must be its path in the file, such as ``database.password``.

    Args:
        path: A ``.toml``, ``.yaml``, ``.yml``, ``.json`` or ``.env`` file.
        type: A dataclass or a msgspec ``Struct`` (or what else msgspec reads); by default the result is a dict.
        app: The application that tokens must be bound to; by default that of ``zemanta_ops.toml``.
        strict: Refuse names that ``type`` does not have.

    Raises:
        ConfigError: The file cannot be read or does not fit ``type``; with file, line and name, never a value.
        ResolveError: Some tokens cannot be decrypted; one line each.
        MissingExtraError: YAML, or ``type``, needs the extra ``config``.
        ModeError: ``ZEMANTA_OPS_SECRETS=fake`` outside of a test run.
    """
    modes.refuse_fake()
    file = read(Path(path))
    if type is None:
        return _replaced(file.data, (), _values(file, {}, app).get)
    from zemanta_ops.secrets.configfile import typed

    kinds = typed.wanted(file, type, strict=strict)
    return typed.convert(file, _replaced(file.data, (), _values(file, kinds, app).get), type)


def _values(file: File, kinds: dict[Names, type], app: str) -> dict[Names, Any]:
    """Return what stands for each token: its plaintext, or the ``Secret`` that its field wants."""
    secrets = {
        names: _made(file, names, text, kinds)
        for names, text in _strings(file.data, ())
        if _is_token(names, text, kinds)
    }
    paths = {names: ".".join(names) for names in secrets}
    counts = Counter(paths.values())
    for names, path in paths.items():
        if counts[path] > 1:
            raise file.error(names, "is the name of two settings: a name has a dot in it")
    read_now = [(paths[names], secret) for names, secret in secrets.items() if isinstance(secret, Secret)]
    try:
        values = resolved(read_now, app, config.load(file.path))
    except ResolveError as error:
        places = {path: file.place(names) for names, path in paths.items() if path in error.failures}
        raise ResolveError(error.failures, error.backends, places) from None
    return {names: _finished(secret, names in kinds, paths[names], values) for names, secret in secrets.items()}


def _finished(secret: Secret | StrictSecret, typed: bool, path: str, values: dict[str, Any]) -> Any:
    if isinstance(secret, Secret) and typed:
        value = values[path]
        secret.settle(path, value if isinstance(value, str) else None)
        return secret
    return values[path] if isinstance(secret, Secret) else secret


def _is_token(names: Names, text: str, kinds: dict[Names, type]) -> bool:
    return names in kinds or wire.is_token(text)


def _made(file: File, names: Names, text: str, kinds: dict[Names, type]) -> Secret | StrictSecret:
    try:
        made: Secret | StrictSecret = kinds.get(names, Secret)(text.strip())
    except TokenError as error:
        raise file.error(names, f"must be a token: {error}") from None
    return made


def _strings(value: Any, names: Names) -> Iterator[tuple[Names, str]]:
    if isinstance(value, str):
        yield names, value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from _strings(member, (*names, str(key)))
    elif isinstance(value, (list, tuple)):
        for index, member in enumerate(value):
            yield from _strings(member, (*names, str(index)))


def _replaced(value: Any, names: Names, found: Callable[[Names, Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(member, (*names, str(key)), found) for key, member in value.items()}
    if isinstance(value, list):
        return [_replaced(member, (*names, str(index)), found) for index, member in enumerate(value)]
    return found(names, value)
