"""``manage.py edit_secret``."""

from zemanta_ops.management.verbs import VerbCommand


class Command(VerbCommand):
    """The verb ``edit`` of the secrets half."""

    verb = "edit"
