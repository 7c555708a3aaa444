"""Whether a token may be read here: the application, the environment and the name that it is bound to."""

from __future__ import annotations

from dataclasses import dataclass

from zemanta_ops.secrets import config
from zemanta_ops.secrets.exceptions import ContextError
from zemanta_ops.secrets.wire import Token


@dataclass(frozen=True)
class Expected:
    """What the reader of a token states."""

    app: str
    name: str
    environment: str
    required: bool
    excepted: frozenset[str]


def expected(*, app: str = "", name: str = "", settings: config.Config | None = None) -> Expected:
    """Join what a caller states with what ``zemanta_ops.toml`` says."""
    settings = settings or config.load()
    return Expected(
        app or settings.app, name, settings.current_environment, settings.require_context, settings.allow_unbound
    )


def check(token: Token, digest: str, here: Expected) -> None:
    """Refuse a token of another application or name, and where it is required an unbound one.

    Raises:
        ContextError: With what to do; the pairs of the token are not repeated.
    """
    app, name = token.context.get("app"), token.context.get("name")
    if app and here.app and app != here.app:
        raise ContextError("the token belongs to another application")
    environment = token.context.get("env")
    if environment and here.environment and environment != here.environment:
        raise ContextError(f"the token belongs to another environment than {config.ENVIRONMENT_VARIABLE} says")
    if name and not here.name:
        raise ContextError("the token carries a name: state it with get(name=...), or use decrypt_settings()")
    if name and name != here.name:
        raise ContextError("the token belongs to another setting: a token cannot be moved, encrypt it for this name")
    if here.required and not (app and name and here.app) and digest not in here.excepted:
        raise ContextError(
            f"{config.FILE_NAME} requires tokens bound to app and name: encrypt it with --name, "
            f"or add its SHA-256 to allow_unbound"
        )
