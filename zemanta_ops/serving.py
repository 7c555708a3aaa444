"""Keeps a process without real secrets from serving requests."""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.core.handlers.base import BaseHandler

from zemanta_ops.secrets import modes
from zemanta_ops.secrets.exceptions import ModeError


def refuse_deferred() -> None:
    """Let every request handler of this process fail as it is made, where ``ZEMANTA_OPS_SECRETS=deferred``.

    WSGI and ASGI servers, ``runserver`` and Django's test client make one when they start; builds and management
    commands make none. Failing there ends the server with a reason, before it takes its first request.
    """
    if modes.mode() == modes.DEFERRED:
        BaseHandler.load_middleware = _refuse  # type: ignore[method-assign]


def refuse_fake() -> None:
    """Stop a process whose secrets are random values, where DEBUG is off and no test runs.

    Raises:
        ModeError: Saying what to unset.
    """
    modes.refuse_fake(debug=settings.DEBUG)


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise ModeError(
        f"this process must not serve requests: its secrets are not decrypted, because "
        f"{modes.VARIABLE}={modes.DEFERRED}, which is for builds. Unset it"
    )
