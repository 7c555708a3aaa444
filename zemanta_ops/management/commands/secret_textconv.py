"""``manage.py secret_textconv``."""

from zemanta_ops.management.verbs import VerbCommand


class Command(VerbCommand):
    """The verb ``textconv`` of the secrets half."""

    verb = "textconv"
