"""How verbs encrypt: the backend and its options, from the command line and ``zemanta_ops.toml``."""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from zemanta_ops.secrets import backends, config, ledger, wire
from zemanta_ops.secrets.backends.base import Backend, Option
from zemanta_ops.secrets.exceptions import ConfigError, EncryptError, SecretError

# Options of backends are kept apart from those of the verb by this start of their names in the namespace.
_DEST = "backend_option_"


def add_encryption_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare environment, application, and the options of the backend that the command line names."""
    parser.add_argument("--env", default="", metavar="NAME", help="environment of zemanta_ops.toml")
    parser.add_argument("--app", default="", help="bind to this application (default: app of zemanta_ops.toml)")
    parse = parser.parse_known_args

    def parse_known_args(
        args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        texts = list(sys.argv[1:] if args is None else args)
        failure = _add_backends(parser, _find_names(texts))
        options, unknown = parse(texts, copy.copy(namespace))
        if unknown and failure:
            parser.error(str(failure))
        if unknown:
            # It may belong to the backend in zemanta_ops.toml. If to any other, that backend reports it by name.
            _add_backends(parser, backends.names())
            options, unknown = parse(texts, namespace)
        return options, unknown

    # The options depend on the backend that the arguments name, but argparse must know them before it parses.
    parser.parse_known_args = parse_known_args  # type: ignore[method-assign,assignment]


def _find_names(texts: Iterable[str]) -> list[str]:
    known = backends.names()
    return [name for name in dict.fromkeys(text.rpartition("=")[2] for text in texts) if name in known]


def _add_backends(parser: argparse.ArgumentParser, names: Iterable[str]) -> SecretError | None:
    """Add the options of backends to a parser; return the error of the last one that could not be loaded."""
    failure = None
    for name in names:
        try:
            _add_options(parser, name, backends.load(name))
        except SecretError as error:
            failure = error
    return failure


def _add_options(parser: argparse.ArgumentParser, name: str, backend: Backend) -> None:
    group = parser.add_argument_group(f"options of the {name} backend")
    for key, option in backend.options.items():
        flag = f"--{(option.flag or key).replace('_', '-')}"
        # Two backends may have the same option, and the verb itself has --key or KEY.
        if key != "key" and flag not in parser._option_string_actions:
            group.add_argument(flag, dest=f"{_DEST}{key}", help=option.help.replace("%", "%%"), **_action(option))


def _action(option: Option) -> dict[str, Any]:
    if option.kind is bool:
        return {"action": "store_true", "default": None}
    if option.kind is list:
        return {"action": "append", "metavar": option.metavar}
    return {"type": option.kind, "metavar": option.metavar}


def encrypt(
    options: argparse.Namespace, read: Callable[[], bytes], name: str, kept: Mapping[str, str] | None = None
) -> str:
    """Return a token of the plaintext that ``read`` returns, made according to the command line.

    ``read`` is called after everything else was checked. The token is bound to ``name``, unless that is empty, and to
    the pairs in ``kept``.
    """
    backend, given, app = choose_backend(options)
    context = {**(kept or {}), **_read_context(options, app, name)}
    value = read()
    # No log or error page shows it, whatever fails from here on.
    ledger.reveal(value)
    return wire.format(backends.load(backend).encrypt(value, context, **given))


def choose_backend(options: argparse.Namespace) -> tuple[str, dict[str, Any], str]:
    """Return name and options of the backend, and the application, from the arguments and ``zemanta_ops.toml``.

    Raises:
        ConfigError: Neither names a backend.
    """
    settings = config.load()
    given, app = _read_options(options), options.app or settings.app
    if options.backend and not options.env:
        return options.backend, given, app
    if not settings.environments:
        raise ConfigError(f"name a backend ({', '.join(backends.names())}), or set one in {config.FILE_NAME}")
    environment = settings.environment(options.env)
    if options.backend and options.backend != environment.backend:
        return options.backend, given, app
    return environment.backend, dict(environment.options) | given, app


def _read_options(options: argparse.Namespace) -> dict[str, Any]:
    return {
        name.removeprefix(_DEST): value
        for name, value in vars(options).items()
        if value is not None and (name == "key" or name.startswith(_DEST))
    }


def _read_context(options: argparse.Namespace, app: str, name: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in options.context]
    if any(not separator for _, separator, _ in pairs):
        raise EncryptError("--context takes KEY=VALUE")
    free = {key: value for key, _, value in pairs}
    if set(free) & {"app", "name"}:
        raise EncryptError("app and name have options of their own: use --app and --name")
    # Tokens of SecretCrypt's users have no context, so app alone is added only on request.
    bound = {"app": app, "name": name} if name or options.app else {}
    return {key: value for key, value in (bound | free).items() if value}
