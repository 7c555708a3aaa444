"""Shows every version of one setting in git."""

from __future__ import annotations

from zemanta_ops.management.verb import VerbCommand


class Command(VerbCommand):
    """``python -m zemanta_ops.secrets secret_history`` as a management command."""

    verb = "secret_history"
