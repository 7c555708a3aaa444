"""``decrypt_settings``: decrypts every Secret in the settings at once, and reports all failures together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

from zemanta_ops.secrets import binding, config, ledger, modes, overrides
from zemanta_ops.secrets.decrypt_tokens import decode_text, decrypt_tokens
from zemanta_ops.secrets.exceptions import ResolveError, SecretError, TokenError
from zemanta_ops.secrets.secret import Secret
from zemanta_ops.secrets.wire import REDACTED

logger = logging.getLogger(__name__)

PathAndSecret = tuple[str, Secret]


def decrypt_settings(namespace: MutableMapping[str, Any], *, app: str = "") -> None:
    """Replace every Secret in ``namespace`` with its plaintext, in nested dicts, lists and tuples too.

    Call it in the last line of a settings file, with ``globals()``. If a token is bound to a name, that name must be
    the path of the setting, such as ``DATABASES.default.PASSWORD``. If any secret fails, nothing changes.

    Args:
        namespace: The settings by name.
        app: The application that tokens must be bound to; by default ``app`` of ``zemanta_ops.toml``.

    Raises:
        ResolveError: Secrets cannot be decrypted; one line each, without values.
        TokenError: A Secret is in a set, where it cannot be replaced.
        ModeError: ``ZEMANTA_OPS_SECRETS=fake`` outside a test run while DEBUG is off.
    """
    modes.refuse_fake(debug=bool(namespace.get("DEBUG")))
    file = namespace.get("__file__")
    settings = config.load(*([Path(file)] if isinstance(file, str) else []))
    found = [each for name in list(namespace) if not name.startswith("__") for each in _find(name, namespace[name])]
    values = resolve_values(found, app, settings)
    for name in list(namespace):
        if not name.startswith("__"):
            namespace[name] = _replace(name, namespace[name], values.__getitem__)


class _Values(dict[str, Any]):
    """Plaintexts by setting path; its repr shows nothing, because error pages show the variables of a frame."""

    def __repr__(self) -> str:
        return REDACTED


def resolve_values(found: list[PathAndSecret], app: str, settings: config.Config) -> dict[str, Any]:
    """Return the value of each Secret by its path: its override, its plaintext, or a placeholder if deferred.

    Raises:
        ResolveError: Secrets cannot be decrypted.
    """
    if modes.mode() == modes.DEFERRED:
        return _Values({path: modes.Deferred(path) if any(secret.tokens) else "" for path, secret in found})
    values = _read_overrides(found, settings.path.parent if settings.path else Path.cwd())
    values.update(_decrypt([each for each in found if each[0] not in values], app, settings))
    return values


def _decrypt(found: list[PathAndSecret], app: str, settings: config.Config) -> _Values:
    failures = _check_bindings(found, app, settings)
    bound = [each for each in found if each[0] not in failures]
    results = iter(decrypt_tokens([token for _, secret in bound for token in secret.tokens]))
    values = _Values()
    for path, secret in bound:
        value = _accept(secret, [next(results) for _ in secret.tokens], path)
        if isinstance(value, SecretError):
            failures[path] = value.with_traceback(None)
        else:
            values[path] = value
        del value
    if failures:
        ordered = {path: (failures[path], secret) for path, secret in found if path in failures}
        raise ResolveError(
            {path: error for path, (error, _) in ordered.items()},
            {path: _name_backends(secret) for path, (_, secret) in ordered.items()},
        )
    return values


def _check_bindings(found: list[PathAndSecret], app: str, settings: config.Config) -> dict[str, SecretError]:
    failures: dict[str, SecretError] = {}
    for path, secret in found:
        try:
            secret.check(binding.expect(app=app, name=path, settings=settings))
        except SecretError as error:
            failures[path] = error
    return failures


def _accept(secret: Secret, results: list[bytes | SecretError], path: str) -> str | SecretError:
    try:
        return decode_text(secret.accept(results, path=path))
    except SecretError as error:
        return error


def _name_backends(secret: Secret) -> str:
    return ", ".join(dict.fromkeys(token.backend for token in secret.tokens if token))


def _read_overrides(found: list[PathAndSecret], folder: Path) -> _Values:
    given = overrides.read(folder)
    # Overrides of settings without a token too: Django's error page shows the environment.
    for value, _ in given.values():
        ledger.reveal(value)
    values = _Values()
    for path, _ in found:
        if path in given:
            values[path], origin = given[path]
            ledger.override(path, origin)
            logger.warning("the secret %s is overridden by %s", path, origin)
    return values


def _find(path: str, value: Any, above: tuple[int, ...] = ()) -> Iterator[PathAndSecret]:
    if isinstance(value, Secret):
        yield path, value
    elif isinstance(value, (set, frozenset)):
        if any(isinstance(member, Secret) for member in value):
            raise TokenError(f"{path}: a Secret in a set cannot be replaced; use a list or a tuple")
    elif id(value) not in above:
        for key, member in _members(value):
            yield from _find(f"{path}.{key}", member, (*above, id(value)))


def _replace(path: str, value: Any, value_at: Callable[[str], Any], above: tuple[int, ...] = ()) -> Any:
    if isinstance(value, Secret):
        return value_at(path)
    if id(value) in above or isinstance(value, (set, frozenset)):
        return value
    new = {key: _replace(f"{path}.{key}", member, value_at, (*above, id(value))) for key, member in _members(value)}
    if isinstance(value, (dict, list)):
        for key, member in new.items():
            if value[key] is not member:
                value[key] = member
        return value
    if any(value[key] is not member for key, member in new.items()):
        members = list(new.values())
        return type(value)(*members) if hasattr(value, "_fields") else type(value)(members)
    return value


def _members(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    return []
