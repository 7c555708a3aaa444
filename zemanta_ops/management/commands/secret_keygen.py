"""``manage.py secret_keygen``."""

from zemanta_ops.management.verbs import VerbCommand


class Command(VerbCommand):
    """The verb ``keygen`` of the secrets half."""

    verb = "keygen"
