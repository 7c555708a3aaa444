"""``decrypt_settings``: every Secret of the settings at once, and all failures in one report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

from zemanta_ops.secrets import binding, config, ledger, modes, overrides
from zemanta_ops.secrets.decrypt_tokens import decoded, decrypt_tokens
from zemanta_ops.secrets.exceptions import ResolveError, SecretError, TokenError
from zemanta_ops.secrets.secret import REDACTED, Secret

logger = logging.getLogger(__name__)

Place = tuple[str, Secret]


def decrypt_settings(namespace: MutableMapping[str, Any], *, app: str = "") -> None:
    """Replace every Secret in ``namespace`` by its plaintext, in nested dicts, lists and tuples too.

    Call it as the last line of a settings file, with ``globals()``. Where a token is bound to a name, that name must
    be the path of the setting, such as ``DATABASES.default.PASSWORD``. Nothing changes unless all succeed.

    Args:
        namespace: Names to values.
        app: The application that tokens must be bound to; by default that of ``zemanta_ops.toml``.

    Raises:
        ResolveError: Some cannot be decrypted; one line each, without values.
        TokenError: A Secret stands in a set, where it cannot be replaced.
        ModeError: ``ZEMANTA_OPS_SECRETS=fake`` outside a test run while DEBUG is off.
    """
    modes.refuse_fake(debug=bool(namespace.get("DEBUG")))
    file = namespace.get("__file__")
    settings = config.load(*([Path(file)] if isinstance(file, str) else []))
    places = [place for name in list(namespace) if not name.startswith("__") for place in _find(name, namespace[name])]
    values = resolved(places, app, settings)
    for name in list(namespace):
        if not name.startswith("__"):
            namespace[name] = _replace(name, namespace[name], values.__getitem__)


class _Values(dict[str, Any]):
    """Setting path to plaintext; shown with the variables of a frame, it shows nothing."""

    def __repr__(self) -> str:
        return REDACTED


def resolved(places: list[Place], app: str, settings: config.Config) -> dict[str, Any]:
    """Return the value of each place by its path: the override, the plaintext or, where deferred, the stand-in.

    Raises:
        ResolveError: Some cannot be decrypted.
    """
    if modes.mode() == modes.DEFERRED:
        return _Values({path: modes.Deferred(path) if any(secret.tokens) else "" for path, secret in places})
    values = _overridden(places, settings.path.parent if settings.path else Path.cwd())
    values.update(_decrypted([place for place in places if place[0] not in values], app, settings))
    return values


def _decrypted(places: list[Place], app: str, settings: config.Config) -> _Values:
    failures: dict[str, SecretError] = {}
    for path, secret in places:
        try:
            secret.check(binding.expected(app=app, name=path, settings=settings))
        except SecretError as error:
            failures[path] = error
    bound = [place for place in places if place[0] not in failures]
    results = iter(decrypt_tokens([token for _, secret in bound for token in secret.tokens]))
    values = _Values()
    for path, secret in bound:
        value: str | SecretError
        try:
            value = decoded(secret.decrypted([next(results) for _ in secret.tokens], path=path))
        except SecretError as error:
            value = error
        if isinstance(value, SecretError):
            failures[path] = value.with_traceback(None)
        else:
            values[path] = value
        del value
    if failures:
        tokens = {path: [token.backend for token in secret.tokens if token] for path, secret in places}
        ordered = {path: failures[path] for path, _ in places if path in failures}
        raise ResolveError(ordered, {path: ", ".join(dict.fromkeys(tokens[path])) for path in ordered})
    return values


def _overridden(places: list[Place], folder: Path) -> _Values:
    given = overrides.read(folder)
    # Those of settings that hold no token too: the environment stands on Django's error page.
    for value, _ in given.values():
        ledger.reveal(value)
    values = _Values()
    for path, _ in places:
        if path in given:
            values[path], origin = given[path]
            ledger.override(path, origin)
            logger.warning("the secret %s is overridden by %s", path, origin)
    return values


def _find(path: str, value: Any, above: tuple[int, ...] = ()) -> Iterator[Place]:
    if isinstance(value, Secret):
        yield path, value
    elif isinstance(value, (set, frozenset)):
        if any(isinstance(member, Secret) for member in value):
            raise TokenError(f"{path}: a Secret in a set cannot be replaced; use a list or a tuple")
    elif id(value) not in above:
        for key, member in _members(value):
            yield from _find(f"{path}.{key}", member, (*above, id(value)))


def _replace(path: str, value: Any, resolved: Callable[[str], Any], above: tuple[int, ...] = ()) -> Any:
    if isinstance(value, Secret):
        return resolved(path)
    if id(value) in above or isinstance(value, (set, frozenset)):
        return value
    new = {key: _replace(f"{path}.{key}", member, resolved, (*above, id(value))) for key, member in _members(value)}
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
