"""The one table of the app."""

from __future__ import annotations

from django.db import models


class Lease(models.Model):
    """Which process does the work of a command now; see ``zemanta_ops.metrics.gauges.lease``."""

    name = models.CharField(max_length=64, primary_key=True)
    owner = models.CharField(max_length=255)
    expires_at = models.DateTimeField()

    class Meta:
        """The table has a fixed name, so that a project can grant rights on it."""

        db_table = "zemanta_ops_lease"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name} held by {self.owner}"
