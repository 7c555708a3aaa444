"""Make ``check --deploy`` usable in a build, in which secrets are deferred."""

from __future__ import annotations

from django.core.checks.registry import registry
from django.core.checks.security.base import check_secret_key, check_secret_key_fallbacks

from zemanta_ops.secrets import modes


def skip_secret_key_checks() -> None:
    """Remove Django's checks of ``SECRET_KEY`` if ``ZEMANTA_OPS_SECRETS=deferred``: they count its characters."""
    if modes.mode() == modes.DEFERRED:
        registry.deployment_checks -= {check_secret_key, check_secret_key_fallbacks}
