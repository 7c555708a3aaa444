"""Make the shop ready to be opened."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Migrates and loads the first jobs, in one process."""

    help = "Makes the tables and puts the first print jobs into them."
    requires_system_checks = ()

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do both."""
        call_command("migrate", verbosity=options["verbosity"], skip_checks=True)
        call_command("loaddata", "jobs", verbosity=options["verbosity"])
