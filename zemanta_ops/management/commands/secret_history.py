"""``manage.py secret_history``."""

from zemanta_ops.management.verbs import VerbCommand


class Command(VerbCommand):
    """The verb ``history`` of the secrets half."""

    verb = "history"
