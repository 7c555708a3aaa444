"""From a plaintext to a token, as the arguments of a verb and ``zemanta_ops.toml`` say."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from zemanta_ops.secrets import backends, config, ledger, wire
from zemanta_ops.secrets.exceptions import ConfigError, EncryptError

_OPTIONS = ("key", "region", "new_key", "recipients", "suite", "mount", "derived", "key_version")


def add_target(parser: argparse.ArgumentParser) -> None:
    """Declare what says how to encrypt, but for backend and key."""
    parser.add_argument("--env", default="", metavar="NAME", help="environment of zemanta_ops.toml")
    parser.add_argument("--app", default="", help="bind to this application (default: app of zemanta_ops.toml)")
    parser.add_argument("--region", help="AWS region (kms)")
    parser.add_argument("--new-key", action="store_true", default=None, help="make a new active key first (local)")
    parser.add_argument(
        "--recipient",
        dest="recipients",
        action="append",
        metavar="PUBLIC_KEY",
        help="a public key, age1pq1… or age1…; several: each of them can read (sealed)",
    )
    parser.add_argument("--suite", help="argon2id or scrypt (password)")
    parser.add_argument("--mount", metavar="PATH", help="mount of the transit engine (vault)")
    parser.add_argument("--derived", action="store_true", default=None, help="the key is a derived one (vault)")
    parser.add_argument("--key-version", type=int, metavar="N", help="version of the key (vault; default: the newest)")


def encrypted(
    options: argparse.Namespace, read: Callable[[], bytes], name: str, kept: Mapping[str, str] | None = None
) -> str:
    """Return the token of what ``read`` returns, bound to ``name`` unless that is empty, and to ``kept``."""
    backend, chosen, app = target(options)
    context = {**(kept or {}), **_context(options, app, name)}
    value = read()
    # Whatever goes wrong from here on, no log and no error page shows it.
    ledger.reveal(value)
    return wire.format(backends.load(backend).encrypt(value, context, **chosen))


def target(options: argparse.Namespace) -> tuple[str, dict[str, Any], str]:
    """Return backend, its options and the application, of the arguments and ``zemanta_ops.toml``."""
    settings = config.load()
    given = {name: value for name in _OPTIONS if (value := getattr(options, name)) is not None}
    app = options.app or settings.app
    if options.backend and not options.env:
        return options.backend, given, app
    if not settings.environments:
        raise ConfigError(f"name a backend ({', '.join(backends.names())}), or set one in {config.FILE_NAME}")
    environment = settings.environment(options.env)
    if options.backend and options.backend != environment.backend:
        return options.backend, given, app
    return environment.backend, dict(environment.options) | given, app


def _context(options: argparse.Namespace, app: str, name: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in options.context]
    if any(not separator for _, separator, _ in pairs):
        raise EncryptError("--context takes KEY=VALUE")
    free = {key: value for key, _, value in pairs}
    if set(free) & {"app", "name"}:
        raise EncryptError("app and name have options of their own: --app, --name")
    # A token of SecretCrypt's users has no context, so app alone is added only where a name is bound as well.
    bound = {"app": app, "name": name} if name or options.app else {}
    return {key: value for key, value in (bound | free).items() if value}
