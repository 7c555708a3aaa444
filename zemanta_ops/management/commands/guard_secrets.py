"""``manage.py guard_secrets``."""

from zemanta_ops.management.verbs import VerbCommand


class Command(VerbCommand):
    """The verb ``guard`` of the secrets half."""

    verb = "guard"
