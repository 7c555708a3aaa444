"""``manage.py decrypt_secret``."""

from zemanta_ops.management.verbs import VerbCommand


class Command(VerbCommand):
    """The verb ``decrypt`` of the secrets half."""

    verb = "decrypt"
