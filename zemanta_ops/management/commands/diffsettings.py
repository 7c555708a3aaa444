"""Django's ``diffsettings`` with revealed secrets redacted; found before Django's own because this app is installed."""

from __future__ import annotations

from typing import Any

from django.core.management.commands.diffsettings import Command as DiffSettings

from zemanta_ops.secrets.redaction import redact


class Command(DiffSettings):
    """Displays differences between the current settings.py and Django's default settings, secrets redacted."""

    def handle(self, **options: Any) -> str:
        """Redact what Django's command would print."""
        return redact(super().handle(**options))
