"""The first table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the table of the print jobs."""

    initial = True
    dependencies = ()

    operations = (
        migrations.CreateModel(
            name="PrintJob",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=80)),
                ("pages", models.PositiveIntegerField(default=1)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "waiting"), ("printing", "on the press"), ("done", "done")],
                        db_index=True,
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
            ],
            options={"ordering": ("-pk",)},
        ),
    )
