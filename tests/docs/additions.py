"""One plug-in of each kind, as CONTRIBUTING describes it: one new file, and one line in a registry."""

from __future__ import annotations

from tests.docs.addition import Addition
from tests.docs.stack_additions import DATABASE, RECEIVER, TARGET

BACKEND = Addition(
    "secrets/backends/mirror.py",
    '''
from zemanta_ops.secrets.backends.base import Backend, from_base64, to_base64
from zemanta_ops.secrets.wire import Token, context_params


class MirrorBackend(Backend):
    """Reverses the plaintext. An example, not encryption."""

    name = "mirror"
    production = False

    def encrypt(self, plaintext, context, **options):
        return Token(self.name, context_params(context), to_base64(plaintext[::-1]))

    def decrypt(self, token):
        return from_base64(token)[::-1]
''',
    "secrets/backends/__init__.py",
    "_PATHS = {\n",
    '    "mirror": "zemanta_ops.secrets.backends.mirror.MirrorBackend",\n',
    """
from zemanta_ops.secrets import Secret, backends, wire
token = wire.format(backends.load("mirror").encrypt(b"example secret", {}))
proof = [Secret(token).get(), backends.is_token(token)] == ["example secret", True]
""",
)

INSTRUMENTATION = Addition(
    "metrics/instrumentation/touches.py",
    """
from pathlib import Path

from zemanta_ops import metrics
from zemanta_ops.metrics.instrumentation.patching import Patch


def touch(original, path, *args, **kwargs):
    metrics.incr("file.touched")
    return original(path, *args, **kwargs)


_PATCH = Patch(Path, "touch", touch)
install = _PATCH.apply
uninstall = _PATCH.remove
""",
    "metrics/instrumentation/__init__.py",
    "NAMES = (",
    '"touches", ',
    """
from zemanta_ops.metrics import instrumentation
from zemanta_ops.testing import capture_metrics
instrumentation.install(["touches"])
with capture_metrics() as recorded:
    Path("touched").touch()
instrumentation.uninstall()
proof = [record.name for record in recorded.find("file.touched")] == ["file.touched"]
""",
)

METRIC = Addition(
    "",
    "",
    "metrics/catalog.py",
    'REQUEST_TAGS = ("method", "view", "status", "exception")\n',
    'TOUCHED = Metric("file.touched", "counter", "files", (), "files touched", source="touches")\n',
    """
from zemanta_ops.metrics import catalog
proof = "file.touched" in [metric.name for metric in catalog.METRICS]
""",
)

FORMAT = Addition(
    "secrets/files/formats/lines_text.py",
    '''
from zemanta_ops.secrets.files.formats.base import Literal, line_of, pieces


def scalars(text):
    """Return the value of each line NAME value."""
    found, start = [], 0
    for line in text.splitlines(keepends=True):
        name, _, value = line.rstrip().partition(" ")
        span = (start + len(name) + 1, start + len(name) + 1 + len(value))
        found.append(Literal((name,), value, span, pieces(text, span, value), line_of(text, span[0])))
        start += len(line)
    return found
''',
    "secrets/files/formats/__init__.py",
    "_BY_SUFFIX = {\n",
    '    ".lines": "lines_text",\n',
    """
from zemanta_ops.secrets.files.scan import find_tokens
from zemanta_ops.secrets.files.source_file import read
Path("secrets.lines").write_text("PASSWORD local:v=2&key=0123456789abcdef:ZXhhbXBsZSBib2R5\\n")
proof = [found.literal.setting for found in find_tokens(read(Path("secrets.lines")))] == ["PASSWORD"]
""",
)

CHECK = Addition(
    "checks/names.py",
    '''
from django.core.checks import Warning, register


@register("zemanta_ops")
def check_names(**_):
    """Warn always."""
    return [Warning("An example.", hint="Nothing to do.", id="zemanta_ops.W999")]
''',
    "checks/__init__.py",
    "",
    "from zemanta_ops.checks import names as names\n",
    """
from django.core.checks import run_checks
proof = "zemanta_ops.W999" in [message.id for message in run_checks()]
""",
)

VERB = Addition(
    "secrets/verbs/count.py",
    '''
HELP = "count the arguments"
EPILOG = "examples:\\\\n  count a b"


def add_arguments(parser):
    """Declare the arguments."""
    parser.add_argument("arguments", nargs="*")


def run(options, out, err):
    """Print how many there are."""
    out.write(f"{len(options.arguments)}\\n")
    return 0
''',
    "secrets/verbs/__init__.py",
    "PATHS = {\n",
    '    "count": "zemanta_ops.secrets.verbs.count",\n',
    """
import contextlib, io
from zemanta_ops.secrets.__main__ import main
with contextlib.redirect_stdout(io.StringIO()) as out:
    code = main(["count", "a", "b"])
proof = (code, out.getvalue()) == (0, "2\\n")
""",
)

COMMAND = Addition(
    "management/commands/count_secrets.py",
    '''
from zemanta_ops.management.verbs import VerbCommand


class Command(VerbCommand):
    """The verb ``count`` as a management command."""

    verb = "count"
''',
    "",
    "",
    "",
    """
import io
from django.core.management import call_command
out = io.StringIO()
call_command("count_secrets", "a", "b", "c", stdout=out)
proof = out.getvalue() == "3\\n"
""",
)

ADDITIONS = {
    "Backend": BACKEND,
    "Instrumentation": INSTRUMENTATION,
    "Metric": METRIC,
    "File format": FORMAT,
    "Database": DATABASE,
    "Target of ``generate_stack``": TARGET,
    "Receiver of alerts": RECEIVER,
    "System check": CHECK,
    "Verb about secrets": VERB,
    "Management command": COMMAND,
}
