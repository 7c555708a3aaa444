"""Whether a token may be used here: its application, environment and name against those of the reader."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zemanta_ops.secrets import config, modes
from zemanta_ops.secrets.exceptions import ContextError
from zemanta_ops.secrets.wire import Token


@dataclass(frozen=True)
class Expected:
    """What the reader of a token expects.

    Attributes:
        app: The application that reads, or "" if it is not known.
        file: The configuration file, or None if there is none.
        any_environment: Whether the reader may have no environment.
        name: The setting that is read, or "" if it is not known.
        environment: The current environment, or "".
        required: Whether tokens must be bound to app and name.
        excepted: SHA-256 of the tokens that need not be bound all the same.
    """

    app: str
    name: str
    environment: str
    required: bool
    excepted: frozenset[str]
    file: Path | None = None
    any_environment: bool = False


def expect(
    *, app: str = "", name: str = "", settings: config.Config | None = None, any_environment: bool = False
) -> Expected:
    """Combine the arguments of the reader with ``zemanta_ops.toml``."""
    settings = settings or config.load()
    return Expected(
        app or settings.app,
        name,
        settings.current_environment,
        settings.require_context,
        settings.allow_unbound,
        settings.path,
        any_environment,
    )


def check(token: Token, digest: str, here: Expected) -> None:
    """Refuse a token of another application, environment or name, and an unbound one if binding is required.

    Raises:
        ContextError: The token may not be used here. The message does not repeat the token's context.
    """
    app, name = token.app, token.name
    if app and not here.app:
        raise ContextError(_explain_missing_app(here.file))
    if app and app != here.app:
        raise ContextError("the token belongs to another application")
    # An image is built once, for every environment.
    environment = "" if modes.mode() == modes.DEFERRED else token.context.get("env")
    if environment and not here.environment and not here.any_environment:
        raise ContextError(
            "the token is bound to an environment, and this process does not know its own. Run: export "
            f"{config.ENVIRONMENT_VARIABLE}=…, or copy the {config.FILE_NAME} that has it here"
        )
    if environment and here.environment and environment != here.environment:
        raise ContextError(
            f"the token belongs to another environment than the one that {config.ENVIRONMENT_VARIABLE} names"
        )
    if name and not here.name:
        raise ContextError("the token is bound to a name: pass it as get(name=...), or use decrypt_settings()")
    if name and name != here.name:
        raise ContextError("the token belongs to another setting and cannot be moved: encrypt the secret for this name")
    if here.required and not (app and name and here.app) and digest not in here.excepted:
        raise ContextError(
            f"{config.FILE_NAME} requires tokens that are bound to app and name: encrypt it with --name, "
            f"or add its SHA-256 to allow_unbound"
        )


def _explain_missing_app(file: Path | None) -> str:
    if file is not None:
        return f"the token is bound to an application, and {file} does not name one. Add to it: app = …"
    return (
        f"the token is bound to an application, and this process does not know its own: {config.FILE_NAME} is missing "
        "here. Copy it to the folder of the settings file or one above it (in a Dockerfile: "
        f"COPY {config.FILE_NAME} ./), or set {config.FILE_VARIABLE} to its path, or pass app (a command: --app)"
    )
