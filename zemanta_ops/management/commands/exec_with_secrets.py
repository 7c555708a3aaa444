"""``manage.py exec_with_secrets``."""

from zemanta_ops.management.verbs import VerbCommand


class Command(VerbCommand):
    """The verb ``exec`` of the secrets half."""

    verb = "exec"
