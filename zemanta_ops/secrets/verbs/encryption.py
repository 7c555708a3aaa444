"""How verbs encrypt: the backend and its options, from the command line and ``zemanta_ops.toml``."""

from __future__ import annotations

import argparse
import codecs
import copy
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zemanta_ops.secrets import backends, config, ledger, wire
from zemanta_ops.secrets.backends.base import Backend, Option
from zemanta_ops.secrets.exceptions import ConfigError, EncryptError, SecretError
from zemanta_ops.secrets.verbs.arguments import GivenText

_BLANK = b"\0 \t\n\v\f\r"
# Some shells write one before no output at all.
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

# Options of backends are kept apart from those of the verb by this start of their names in the namespace.
_DEST = "backend_option_"


def add_encryption_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare environment, application, and the options of the backend that the command line names."""
    parser.add_argument("--env", action=GivenText, default="", metavar="NAME", help="environment of zemanta_ops.toml")
    parser.add_argument(
        "--app", action=GivenText, default="", help="bind to this application (default: app of zemanta_ops.toml)"
    )
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


@dataclass(frozen=True)
class Choice:
    """What the command line says about encryption; an empty field leaves it to ``zemanta_ops.toml``."""

    backend: str = ""
    environment: str = ""
    app: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """How a plaintext is encrypted: backend, its options, and the application it may be bound to."""

    backend: str
    options: Mapping[str, Any]
    app: str


def encrypt(
    options: argparse.Namespace,
    read: Callable[[], bytes],
    name: str,
    kept: Mapping[str, str] | None = None,
    own: config.Config | None = None,
) -> str:
    """Return a token of the plaintext that ``read`` returns, made according to the command line.

    ``read`` is called after everything else was checked. The token is bound to ``name``, unless that is empty, and to
    the pairs in ``kept``.

    Args:
        options: The command line.
        read: Returns the plaintext.
        name: The setting to bind to, or "".
        kept: Other pairs to bind to.
        own: The configuration of the file that the token is for, if it is for one.

    Raises:
        EncryptError: The plaintext is empty without ``--empty``; or the backend refuses.
        ConfigError: Neither the command line nor the configuration names a backend, or they disagree.
    """
    method = choose_method(read_choice(options), own or config.load(), own=own is not None)
    context = {**(kept or {}), **_read_context(options, method.app, name)}
    value = read()
    refuse_empty(value, options)
    # No log or error page shows it, whatever fails from here on.
    ledger.reveal(value)
    return wire.format(backends.load(method.backend).encrypt(value, context, **method.options))


def refuse_empty(value: bytes, options: argparse.Namespace) -> None:
    """Refuse an empty plaintext, such as the output of a failed command, unless ``--empty`` is given.

    Raises:
        EncryptError: It is empty or blank: only white space, zero bytes or a byte order mark.
    """
    mark = next(filter(value.startswith, _MARKS), b"")
    if not value.removeprefix(mark).strip(_BLANK) and not options.empty:
        blank = "blank" if value.strip(b"\r\n") else "empty"
        raise EncryptError(f"the plaintext is {blank}, so nothing was encrypted: use --empty if that is the secret")


def read_choice(options: argparse.Namespace) -> Choice:
    """Return what the command line says."""
    return Choice(options.backend or "", options.env, options.app, _read_options(options))


def choose_method(choice: Choice, settings: config.Config, *, own: bool) -> Method:
    """Combine the command line with ``zemanta_ops.toml``.

    Args:
        choice: The command line.
        settings: The configuration.
        own: Whether it is that of the file that is written; then the command line must not contradict it.

    Raises:
        ConfigError: Neither names a backend, or they disagree.
    """
    if own:
        check_agreement(choice, settings)
    app = choice.app or settings.app
    if choice.backend and not choice.environment and not (own and settings.environments):
        return Method(choice.backend, choice.options, app)
    if not settings.environments:
        raise ConfigError(f"name a backend ({', '.join(backends.names())}), or set one in {config.FILE_NAME}")
    environment = _find_environment(choice, settings) if own else settings.environment(choice.environment)
    if choice.backend and choice.backend != environment.backend:
        return Method(choice.backend, choice.options, app)
    return Method(environment.backend, dict(environment.options) | dict(choice.options), app)


def check_agreement(choice: Choice, settings: config.Config) -> None:
    """Refuse a command line that contradicts the configuration of the file.

    Raises:
        ConfigError: It names another application, another backend, or another key.
    """
    if choice.app and settings.app and choice.app != settings.app:
        raise ConfigError(f"--app is not the application of {settings.shown}: leave it out, or change it there")
    if not settings.environments or not (choice.backend or choice.options):
        return
    if choice.environment or not choice.backend:
        candidates = [settings.environment(choice.environment)]
    else:
        candidates = list(settings.environments.values())
    candidates = [each for each in candidates if choice.backend in ("", each.backend)]
    if not candidates:
        raise ConfigError(
            f"{settings.shown} has no environment{' of that name' if choice.environment else ''} with the "
            f"{choice.backend} backend: add it there first, or leave the backend out"
        )
    if all(_find_disagreements(choice, each) for each in candidates):
        names = ", ".join(_find_disagreements(choice, candidates[0]))
        raise ConfigError(f"{settings.shown} has another {names}: change it there first, or leave the option out")


def _find_disagreements(choice: Choice, environment: config.Environment) -> list[str]:
    given, known = choice.options, environment.options
    return [name for name in given if name in known and _as_set(given[name]) != _as_set(known[name])]


def _as_set(value: Any) -> set[str]:
    return set(map(str, value)) if isinstance(value, (list, tuple)) else {str(value)}


def _find_environment(choice: Choice, settings: config.Config) -> config.Environment:
    """Return the environment that the command line names, or the one that fits it."""
    if choice.environment or not choice.backend:
        return settings.environment(choice.environment)
    fitting = [
        each
        for each in settings.environments.values()
        if each.backend == choice.backend and not _find_disagreements(choice, each)
    ]
    current = [each for each in fitting if each.name == settings.current_environment] or fitting
    if any(each.options != current[0].options for each in current):
        raise ConfigError(f"{settings.shown} has several environments with the {choice.backend} backend: use --env")
    return current[0]


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
    if any(not value.strip() for _, _, value in pairs):
        raise EncryptError("a --context has no value. Is the variable set? Otherwise leave the option out")
    free = {key: value for key, _, value in pairs}
    if set(free) & {"app", "name"}:
        raise EncryptError("app and name have options of their own: use --app and --name")
    # Tokens of SecretCrypt's users have no context, so app alone is added only on request.
    bound = {"app": app, "name": name} if name or options.app else {}
    return {key: value for key, value in (bound | free).items() if value}
