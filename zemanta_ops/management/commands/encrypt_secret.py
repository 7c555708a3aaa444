"""``manage.py encrypt_secret``."""

from zemanta_ops.management.verbs import VerbCommand


class Command(VerbCommand):
    """The verb ``encrypt`` of the secrets half."""

    verb = "encrypt"
