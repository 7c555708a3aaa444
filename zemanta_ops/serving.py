"""What a process without real secrets must not do: serve requests, check the characters of a secret."""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.core.checks.registry import registry
from django.core.checks.security.base import check_secret_key, check_secret_key_fallbacks
from django.core.handlers.base import BaseHandler

from zemanta_ops.secrets import modes
from zemanta_ops.secrets.exceptions import ModeError


def refuse_deferred() -> None:
    """Make every request handler raise when it is constructed, if ``ZEMANTA_OPS_SECRETS=deferred``.

    WSGI and ASGI servers, ``runserver`` and Django's test client construct one when they start; builds and management
    commands do not. The error ends the server, with a reason, before it accepts its first request.
    """
    if modes.mode() == modes.DEFERRED:
        BaseHandler.load_middleware = _refuse  # type: ignore[method-assign]


def refuse_fake() -> None:
    """Stop a process whose secrets are random values, unless DEBUG is on or a test is running.

    Raises:
        ModeError: The message says what to unset.

    """
    modes.refuse_fake(debug=settings.DEBUG)


def skip_secret_key_checks() -> None:
    """Remove Django's checks of ``SECRET_KEY`` if ``ZEMANTA_OPS_SECRETS=deferred``: they count its characters."""
    if modes.mode() == modes.DEFERRED:
        registry.deployment_checks -= {check_secret_key, check_secret_key_fallbacks}


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise ModeError(
        f"this process must not serve requests: its secrets are not decrypted, because "
        f"{modes.VARIABLE}={modes.DEFERRED}, which is for builds. Unset it"
    )
