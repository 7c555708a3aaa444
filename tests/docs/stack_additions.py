"""The additions that belong to ``zemanta_ops.stack``."""

from __future__ import annotations

from tests.docs.addition import Addition

DATABASE = Addition(
    "stack/databases/text_file.py",
    '''
from pathlib import Path

from zemanta_ops.stack.databases.base import Database


class TextFileDatabase(Database):
    """Appends lines to a file; an example, which reads nothing."""

    chosen_by = ("path",)
    needs = "path"

    def __init__(self, options, **limits):
        super().__init__(options, **limits)
        self.path = Path(options["path"])

    @staticmethod
    def describe(options):
        return f"the file {options['path']}"

    def read_version(self):
        return "1"

    def verify(self):
        self.path.touch()

    def query(self, text):
        return []

    def read_values(self, *args, **kwargs):
        return []

    def close(self):
        pass

    def _write_lines(self, body, *args):
        self.path.write_bytes(body)


DATABASE = TextFileDatabase
''',
    "stack/databases/__init__.py",
    "MODULES = (\n",
    '    "zemanta_ops.stack.databases.text_file",\n',
    """
from zemanta_ops.stack.databases import Point, connect
with connect(path="points") as database:
    database.write([Point("deploys", {"count": 1})])
proof = Path("points").read_text().startswith("deploys count=1")
""",
)

TARGET = Addition(
    "stack/generate/firewall.py",
    '''
from zemanta_ops.conf import conf
from zemanta_ops.stack.generate.files import Generated, GeneratedFile


def generate(is_secret):
    """Open the agent's port."""
    return Generated([GeneratedFile("firewall.nft", f"udp dport {conf.metrics.port} accept\\n")])
''',
    "stack/generate/__init__.py",
    "TARGETS = {\n",
    '    "firewall": "zemanta_ops.stack.generate.firewall",\n',
    """
import io
from django.core.management import call_command
call_command("generate_stack", "firewall", "--output", ".", stdout=io.StringIO())
proof = Path("firewall.nft").read_text() == "udp dport 8125 accept\\n"
""",
)

RECEIVER = Addition(
    "stack/alerting/receivers/text_file.py",
    '''
from pathlib import Path

from zemanta_ops.parsing import accept_text
from zemanta_ops.stack.alerting.receivers.base import Receiver, ReceiverOption


class TextFile(Receiver):
    """Appends the summaries to a file."""

    options = (ReceiverOption("PATH", accept_text),)

    def send(self, notification):
        """Append one line."""
        with Path(self.values["PATH"]).open("a") as file:
            file.write(f"{notification.action} {notification.summary}\\n")
''',
    "stack/alerting/receivers/__init__.py",
    "PATHS = {\n",
    '    "file": "zemanta_ops.stack.alerting.receivers.text_file.TextFile",\n',
    """
from django.test import override_settings
from zemanta_ops.stack.alerting.receivers import Notification, read_receivers
receivers = {"log": {"BACKEND": "file", "PATH": "alerts.txt"}}
with override_settings(ZEMANTA_OPS={"ALERTS": {"RECEIVERS": receivers}}):
    log = read_receivers().usable["log"]
log.send(Notification("trigger", "a", 1, "a", {}, "crit", "ok", 1.0, "it hurts", "2026-03-01T12:00:00+00:00"))
proof = Path("alerts.txt").read_text() == "trigger it hurts\\n"
""",
)
