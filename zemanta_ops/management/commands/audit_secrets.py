"""``manage.py audit_secrets``."""

from zemanta_ops.management.verbs import VerbCommand


class Command(VerbCommand):
    """The verb ``audit`` of the secrets half."""

    verb = "audit"
