"""``manage.py rotate_secrets``."""

from zemanta_ops.management.verbs import VerbCommand


class Command(VerbCommand):
    """The verb ``rotate`` of the secrets half."""

    verb = "rotate"
