"""The tables of the app: the locks of commands, and what ``check_alerts`` must not forget.

Times in whole seconds of the epoch are compared with the ends of windows, and do not depend on TIME_ZONE.
"""

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


class AlertCheck(models.Model):
    """An alert, and how far it has been judged. Whoever changes it or its series increments ``version``."""

    identity = models.CharField(max_length=255, primary_key=True)
    name = models.TextField()
    version = models.BigIntegerField(default=1)
    window_end = models.BigIntegerField(default=0)
    checked_at = models.BigIntegerField(default=0)

    class Meta:
        """The table has a fixed name."""

        db_table = "zemanta_ops_alert_check"
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class AlertState(models.Model):
    """One series of an alert: what the state machine remembers, and what each receiver has been sent.

    ``told`` has the level and the sequence of the last event by receiver, sent or not.
    """

    identity = models.CharField(max_length=255, primary_key=True)
    alert = models.ForeignKey(AlertCheck, on_delete=models.CASCADE, related_name="states")
    tags = models.JSONField()
    memory = models.JSONField()
    told = models.JSONField()
    value = models.FloatField(null=True)
    seen_end = models.BigIntegerField(default=0)

    class Meta:
        """The table has a fixed name."""

        db_table = "zemanta_ops_alert_state"
        default_permissions = ()

    def __str__(self) -> str:
        return self.identity


class AlertEvent(models.Model):
    """An event for one receiver. It is sent until the receiver has accepted it, and in the order of ``sequence``."""

    PENDING, SENT, REFUSED, SKIPPED = "pending", "sent", "refused", "skipped"

    id = models.BigAutoField(primary_key=True)
    identity = models.CharField(max_length=255)
    receiver = models.CharField(max_length=255)
    sequence = models.BigIntegerField()
    notification = models.JSONField()
    created_at = models.BigIntegerField()
    status = models.CharField(max_length=8, default=PENDING)
    attempts = models.IntegerField(default=0)
    next_attempt = models.FloatField(default=0)
    claimed_by = models.CharField(max_length=255, default="")
    claimed_until = models.DateTimeField(null=True)
    repeats = models.IntegerField(default=0)
    finished_at = models.BigIntegerField(null=True)
    problem = models.TextField(default="")

    class Meta:
        """The table has a fixed name."""

        db_table = "zemanta_ops_alert_event"
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["identity", "receiver", "sequence"], name="zemanta_ops_alert_event_once"),
        )
        indexes = (models.Index(fields=["status", "id"], name="zemanta_ops_alert_event_open"),)

    def __str__(self) -> str:
        return f"{self.identity} {self.sequence} to {self.receiver}"


class AlertSilence(models.Model):
    """A time in which an alert opens no incidents."""

    id = models.BigAutoField(primary_key=True)
    pattern = models.TextField()
    tags = models.JSONField()
    until = models.BigIntegerField()
    reason = models.TextField()
    author = models.TextField()
    created_at = models.BigIntegerField()

    class Meta:
        """The table has a fixed name."""

        db_table = "zemanta_ops_alert_silence"
        default_permissions = ()

    def __str__(self) -> str:
        return self.pattern
