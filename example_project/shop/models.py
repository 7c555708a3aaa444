"""What the shop keeps in its database."""

from django.db import models
from django.urls import reverse


class PrintJob(models.Model):
    """Something to be printed."""

    class State(models.TextChoices):
        """How far the job is."""

        WAITING = "waiting", "waiting"
        PRINTING = "printing", "on the press"
        DONE = "done", "done"

    title = models.CharField(max_length=80)
    pages = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING, db_index=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Newest first."""

        ordering = ("-pk",)

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Return the address of the job's page."""
        return reverse("job-detail", kwargs={"pk": self.pk})
