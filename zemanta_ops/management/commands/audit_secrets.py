"""Lists every encrypted secret and what is wrong with it."""

from __future__ import annotations

from zemanta_ops.management.verb import VerbCommand


class Command(VerbCommand):
    """``python -m zemanta_ops.secrets audit_secrets`` as a management command."""

    verb = "audit_secrets"
