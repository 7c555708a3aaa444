"""``decrypt_settings``: decrypts every Secret in the settings at once, and reports all failures together."""

from __future__ import annotations

import os
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from zemanta_ops.secrets import binding, config, containers, modes, overrides
from zemanta_ops.secrets.decrypt_tokens import decode_text, decrypt_tokens
from zemanta_ops.secrets.exceptions import ResolveError, SecretError, TokenError
from zemanta_ops.secrets.secret import Secret
from zemanta_ops.secrets.wire import REDACTED

PathAndSecret = tuple[str, Secret]


def decrypt_settings(namespace: MutableMapping[str, Any] | type[Any], *, app: str = "") -> None:
    """Replace every Secret in the settings with its plaintext, in nested containers too.

    Call it in the last line of every settings file that has a Secret, with ``globals()``: in a file that imports
    another one it decrypts what that file has added. For a class of settings, as django-configurations has them, call
    it with the class. If a token is bound to a name, that name must be the path of the setting, such as
    ``DATABASES.default.PASSWORD``. If any secret fails, nothing changes.

    Reached are mappings, sequences, dataclasses, namespaces and the attributes of other objects; not reached are the
    closures and defaults of functions, and what properties return: write ``Secret(...).get()`` there.

    Args:
        namespace: The settings by name, or a class whose attributes they are.
        app: The application that tokens must be bound to; by default ``app`` of ``zemanta_ops.toml``.

    Raises:
        ResolveError: Secrets cannot be decrypted; one line for each reason, without values.
        TokenError: A Secret is in a set, or in another container that cannot be changed, or two of them have one path.
        ModeError: ``ZEMANTA_OPS_SECRETS=fake`` outside a test run while DEBUG is off.
    """
    # Also without any Secret: a token may be there in plain text.
    modes.guard_servers()
    settings = _read_class(namespace) if isinstance(namespace, type) else dict(namespace)
    modes.refuse_fake(debug=bool(settings.get("DEBUG")))
    file = _find_file(namespace)
    configured = config.load(*([Path(file)] if file else []))
    names = [name for name in settings if not name.startswith("__")]
    places = [place for name in names for place in containers.find(name, settings[name], Secret)]
    _refuse_obstacles(places)
    values = resolve_values([(place.path, place.secret) for place in places], app, configured)
    for name in {place.path.partition(".")[0] for place in places}:
        new = containers.replace(name, settings[name], Secret, values.__getitem__)
        if isinstance(namespace, type):
            setattr(namespace, name, new)
        else:
            namespace[name] = new
    if _is_last(namespace):
        overrides.warn_of_unused(configured, [place.path for place in places])


def _is_last(namespace: Mapping[str, Any] | type[Any]) -> bool:
    """Whether no other settings file is still to come: an override may be for a secret there."""
    module = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    return isinstance(namespace, type) or not module or namespace.get("__name__", module) == module


def _read_class(namespace: type[Any]) -> dict[str, Any]:
    """Return the upper-case attributes of a class and its bases as they are stored: no descriptor runs."""
    stored = {name: value for base in reversed(namespace.__mro__) for name, value in vars(base).items()}
    return {name: value for name, value in stored.items() if name.isupper()}


def _find_file(namespace: Mapping[str, Any] | type[Any]) -> str:
    if isinstance(namespace, type):
        file = getattr(sys.modules.get(namespace.__module__), "__file__", None)
    else:
        file = namespace.get("__file__")
    return file if isinstance(file, str) else ""


def _refuse_obstacles(places: list[containers.Place]) -> None:
    """Refuse what cannot be replaced, before anything is decrypted or changed.

    Raises:
        TokenError: One line for each place.
    """
    lines = [f"{place.path}: {place.obstacle}" for place in places if place.obstacle]
    paths = Counter(place.path for place in places)
    lines += [f"{path}: {count} secrets have this path; rename one" for path, count in paths.items() if count > 1]
    if lines:
        raise TokenError("\n".join(lines))


class _Values(dict[str, Any]):
    """Plaintexts by setting path; its repr shows nothing, because error pages show the variables of a frame."""

    def __repr__(self) -> str:
        return REDACTED


def resolve_values(found: list[PathAndSecret], app: str, settings: config.Config) -> dict[str, Any]:
    """Return the value of each Secret by its path: its override, its plaintext, or what takes its place.

    Raises:
        ResolveError: Secrets cannot be decrypted.
    """
    given = overrides.read(settings)
    values = _Values(given.take_all(path for path, _ in found))
    failures = _decrypt([each for each in found if each[0] not in values], app, settings, values)
    if failures:
        failed = {path: secret for path, secret in found if path in failures}
        unused = [each.problem for each in given.find_unused(failed)]
        advice = "\n".join(filter(None, [overrides.advise(failures), *unused]))
        raise ResolveError(failures, {path: _name_backends(failed[path]) for path in failures}, advice=advice)
    return values


def _decrypt(
    found: list[PathAndSecret], app: str, settings: config.Config, values: dict[str, Any]
) -> dict[str, SecretError]:
    """Add the values to ``values``; return the failures, in the order of the settings."""
    failures = _check_bindings(found, app, settings)
    bound = [each for each in found if each[0] not in failures]
    values.update(_read_all_substitutes(bound))
    encrypted = [each for each in bound if each[0] not in values]
    results = iter(decrypt_tokens([token for _, secret in encrypted for token in secret.tokens]))
    for path, secret in encrypted:
        value = _accept(secret, [next(results) for _ in secret.tokens], path)
        if isinstance(value, SecretError):
            failures[path] = value.with_traceback(None)
        else:
            values[path] = value
        del value
    return {path: failures[path] for path, _ in found if path in failures}


def _read_all_substitutes(found: list[PathAndSecret]) -> _Values:
    substitutes = ((path, secret.substitute(path)) for path, secret in found)
    return _Values(
        {path: each.decode() if isinstance(each, bytes) else each for path, each in substitutes if each is not None}
    )


def _check_bindings(found: list[PathAndSecret], app: str, settings: config.Config) -> dict[str, SecretError]:
    paths: dict[int, list[str]] = defaultdict(list)
    for path, secret in found:
        paths[id(secret)].append(path)
    failures: dict[str, SecretError] = {}
    for path, secret in found:
        try:
            name = _choose_name(secret, path, paths[id(secret)])
            secret.check(binding.expect(app=app, name=name, settings=settings))
        except SecretError as error:
            failures[path] = error
    return failures


def _choose_name(secret: Secret, path: str, paths: list[str]) -> str:
    """Return the path that a Secret is bound to, if it is one of those that share the Secret; or else its own."""
    bound = {token.name for token in secret.tokens if token and token.name}
    return next((each for each in paths if bound == {each}), path)


def _accept(secret: Secret, results: list[bytes | SecretError], path: str) -> str | SecretError:
    try:
        return decode_text(secret.accept(results, path=path))
    except SecretError as error:
        return error


def _name_backends(secret: Secret) -> str:
    return ", ".join(dict.fromkeys(token.backend for token in secret.tokens if token))
