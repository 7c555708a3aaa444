"""What programs print on standard error: each output is made by the real program, and the advice of the page is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.secrets.redaction.processes import CANARY, ROOT, run
from tests.servers.http import HttpError, call
from tests.servers.process import Server, free_port, listens

# Printed on standard error, which redact_stderr() redacts; `redact()` around the text is the other advice.
STDERR = {
    "print_exc": """
        try:
            raise ValueError(f"cannot use {VALUE}")
        except ValueError:
            traceback.print_exc()
    """,
    "print_exception of a chain": """
        try:
            try:
                raise KeyError(f"cannot use {VALUE}")
            except KeyError as error:
                raise ValueError("outer") from error
        except ValueError as error:
            traceback.print_exception(error)
    """,
    "print_stack": """
        eval(compile("traceback.print_stack()", f"<cannot use {VALUE}>", "exec"))
    """,
    "sys.exit": 'sys.exit(f"cannot use {VALUE}")',
    "raise SystemExit": 'raise SystemExit(["cannot use", VALUE])',
    "argparse": """
        import argparse
        argparse.ArgumentParser().parse_args([f"cannot-use-{VALUE}"])
    """,
    "CommandError": """
        import django
        from django.conf import settings
        from django.core.management import BaseCommand, CommandError

        class Command(BaseCommand):
            requires_system_checks = []

            def handle(self, **options):
                raise CommandError(f"cannot use {VALUE}")

        settings.configure()
        django.setup()
        Command().run_from_argv(["manage.py", "example"])
    """,
    "the stderr of a command": """
        from django.conf import settings
        from django.core.management import BaseCommand
        settings.configure()
        BaseCommand().stderr.write(f"cannot use {VALUE}")
    """,
    "wsgiref": """
        import io
        from wsgiref.handlers import SimpleHandler

        def application(environ, start_response):
            raise ValueError(f"cannot use {VALUE}")

        SimpleHandler(io.BytesIO(), io.BytesIO(), sys.stderr, {}).run(application)
    """,
    "warning": """
        import warnings
        warnings.warn(f"cannot use {VALUE}")
    """,
    "print": 'print("cannot use", VALUE, file=sys.stderr)',
    "writelines": 'sys.stderr.writelines(["cannot use ", VALUE])',
}
COMMON = ("print_exc", "sys.exit", "CommandError", "wsgiref", "warning")


@pytest.mark.parametrize(
    "name", [name if name in COMMON else pytest.param(name, marks=pytest.mark.more) for name in STDERR]
)
def test_standard_error_is_redacted_on_request(name: str, environment: dict[str, str]) -> None:
    printed = run(environment, f"redact_stderr()\nredact_stderr()\n{textwrap.dedent(STDERR[name])}")
    assert re.search(r"use.*<redacted>", printed), printed
    assert CANARY not in printed


@pytest.mark.more
@pytest.mark.parametrize("name", STDERR)
def test_without_it_the_page_is_right_that_they_are_not_redacted(name: str, environment: dict[str, str]) -> None:
    assert CANARY in run(environment, textwrap.dedent(STDERR[name]))


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    raise ValueError(VALUE)\nexcept ValueError:\n    print(redact(traceback.format_exc()))",
        'sys.exit(redact(f"cannot use {VALUE}"))',
    ],
)
def test_a_text_of_ones_own_is_redacted_by_hand(code: str, environment: dict[str, str]) -> None:
    printed = run(environment, code)
    assert "<redacted>" in printed
    assert CANARY not in printed


def test_the_stream_stays_what_it_was() -> None:
    script = """
import sys
before = sys.stderr
from zemanta_ops.secrets.redaction import redact_stderr
redact_stderr()
assert sys.stderr.fileno() == before.fileno() == 2
assert sys.stderr.encoding == before.encoding
assert sys.stderr.write("four") == 4
sys.stderr.flush()
sys.stderr = None
redact_stderr()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "four"


SITE = """
import os
from zemanta_ops.secrets import Secret, decrypt_settings
from zemanta_ops.secrets.redaction import redact_stderr

INSTALLED_APPS = ["zemanta_ops"]
SECRET_KEY = "example"
ALLOWED_HOSTS = ["*"]
DEBUG = True
ROOT_URLCONF = "site_settings"
WSGI_APPLICATION = "site_settings.application"
API = {"url": Secret(os.environ["CANARY_TOKEN"])}
decrypt_settings(globals())
redact_stderr()
urlpatterns = []

def application(environ, start_response):
    raise ValueError(f"cannot use {API['url']}")
"""


@pytest.mark.second_tier
def test_the_traceback_of_runserver_is_redacted(environment: dict[str, str], home: Path) -> None:
    (home / "site_settings.py").write_text(SITE)
    port = free_port()
    command = [sys.executable, "-m", "django", "runserver", "--noreload", f"127.0.0.1:{port}"]
    variables = {**environment, "PYTHONPATH": f"{ROOT}{os.pathsep}{home}", "DJANGO_SETTINGS_MODULE": "site_settings"}
    server = Server("runserver", command, home, lambda: listens(port), variables, traced=False)
    server.start()
    try:
        with pytest.raises((HttpError, OSError)):
            call(f"http://127.0.0.1:{port}/")
    finally:
        server.stop()
    assert "ValueError: cannot use <redacted>" in server.log()
    assert CANARY not in server.log()
