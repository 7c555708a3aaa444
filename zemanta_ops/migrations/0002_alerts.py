from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Makes the tables of ``check_alerts``."""

    dependencies: ClassVar[list[tuple[str, str]]] = [("zemanta_ops", "0001_lease")]
    operations: ClassVar[list[migrations.operations.base.Operation]] = [
        migrations.CreateModel(
            name="AlertCheck",
            fields=[
                ("identity", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("name", models.TextField()),
                ("version", models.BigIntegerField(default=1)),
                ("window_end", models.BigIntegerField(default=0)),
                ("checked_at", models.BigIntegerField(default=0)),
            ],
            options={"db_table": "zemanta_ops_alert_check", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="AlertState",
            fields=[
                ("identity", models.CharField(max_length=255, primary_key=True, serialize=False)),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="states",
                        to="zemanta_ops.alertcheck",
                    ),
                ),
                ("tags", models.JSONField()),
                ("memory", models.JSONField()),
                ("told", models.JSONField()),
                ("value", models.FloatField(null=True)),
                ("seen_end", models.BigIntegerField(default=0)),
            ],
            options={"db_table": "zemanta_ops_alert_state", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="AlertEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("identity", models.CharField(max_length=255)),
                ("receiver", models.CharField(max_length=255)),
                ("sequence", models.BigIntegerField()),
                ("notification", models.JSONField()),
                ("created_at", models.BigIntegerField()),
                ("status", models.CharField(default="pending", max_length=8)),
                ("attempts", models.IntegerField(default=0)),
                ("next_attempt", models.FloatField(default=0)),
                ("claimed_by", models.CharField(default="", max_length=255)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("repeats", models.IntegerField(default=0)),
                ("finished_at", models.BigIntegerField(null=True)),
                ("problem", models.TextField(default="")),
            ],
            options={
                "db_table": "zemanta_ops_alert_event",
                "default_permissions": (),
                "indexes": [models.Index(fields=["status", "id"], name="zemanta_ops_alert_event_open")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("identity", "receiver", "sequence"), name="zemanta_ops_alert_event_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AlertSilence",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("pattern", models.TextField()),
                ("tags", models.JSONField()),
                ("until", models.BigIntegerField()),
                ("reason", models.TextField()),
                ("author", models.TextField()),
                ("created_at", models.BigIntegerField()),
            ],
            options={"db_table": "zemanta_ops_alert_silence", "default_permissions": ()},
        ),
    ]
