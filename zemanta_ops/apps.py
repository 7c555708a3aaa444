"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig


class ZemantaOpsConfig(AppConfig):
    """Registers the system checks."""

    name = "zemanta_ops"
    verbose_name = "Zemanta ops"
