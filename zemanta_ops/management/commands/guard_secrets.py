"""Stops a commit that puts a plaintext where an encrypted secret stood."""

from __future__ import annotations

from zemanta_ops.management.verb import VerbCommand


class Command(VerbCommand):
    """``python -m zemanta_ops.secrets guard_secrets`` as a management command."""

    verb = "guard_secrets"
