"""``manage.py migrate_secrets``."""

from zemanta_ops.management.verbs import VerbCommand


class Command(VerbCommand):
    """The verb ``migrate`` of the secrets half."""

    verb = "migrate"
