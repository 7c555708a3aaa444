"""What programs print without logging: each output is made by the real program, and the advice of the page is run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.secrets.tokens import local
from tests.servers import pypi
from tests.servers.http import HttpError, call
from tests.servers.process import Server, free_port, listens

ROOT = Path(__file__).resolve().parents[3]
CANARY = "c4nary-example-of-a-secret"
HEAD = """
import os, sys, traceback
from zemanta_ops.secrets import Secret
from zemanta_ops.secrets.redaction import before_send, redact, redact_stderr, redact_value

VALUE = Secret(os.environ["CANARY_TOKEN"]).get()
"""

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


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """Return the variables of a process that can decrypt the secret."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_DATA_HOME")}
    return {**kept, "PYTHONPATH": str(ROOT), "CANARY_TOKEN": local(CANARY)}


def run(environment: dict[str, str], code: str, *packages: Path) -> str:
    path = os.pathsep.join([str(ROOT), *map(str, packages)])
    done = subprocess.run(
        [sys.executable, "-c", f"{HEAD}{code}"],
        env={**environment, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


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


TEST = """
import os
from zemanta_ops.secrets import Secret

def test_it(capsys):
    value = Secret(os.environ["CANARY_TOKEN"]).get()
    print("captured", value)
    nested = {"url": [value]}
    assert value == "something else", f"it is {value}"

def test_well():
    assert True

def test_skipped():
    import pytest
    pytest.skip(Secret(os.environ["CANARY_TOKEN"]).get())
"""


@pytest.mark.parametrize("options", [["--showlocals", "--tb=long", "-rA"], ["-n1", "--tb=short"]], ids=str)
def test_the_output_of_pytest_is_redacted(options: list[str], environment: dict[str, str], home: Path) -> None:
    (home / "test_site.py").write_text(TEST)
    arguments = ["-p", "no:cacheprovider", "-p", "no:django", "--junitxml=out.xml"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, *options, "test_site.py"],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 1 passed, 1 skipped" in done.stdout, done.stdout + done.stderr
    assert "it is <redacted>" in done.stdout
    for text in (done.stdout, done.stderr, (home / "out.xml").read_text()):
        assert CANARY not in text


BROKEN = """
import os, sys
from zemanta_ops.secrets import Secret
if "conftest" not in __name__:
    print("prints", Secret(os.environ["CANARY_TOKEN"]).get())
raise ValueError("cannot use " + Secret(os.environ["CANARY_TOKEN"]).get())
"""


@pytest.mark.parametrize("name", ["test_site.py", "conftest.py"])
def test_a_module_that_cannot_be_imported_is_reported_without_a_secret(
    name: str, environment: dict[str, str], home: Path
) -> None:
    (home / "test_site.py").write_text(TEST)
    (home / name).write_text(BROKEN)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:django", "test_site.py"],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "cannot use" in done.stdout + done.stderr
    assert CANARY not in done.stdout + done.stderr


def test_random_values_are_not_redacted_by_pytest(environment: dict[str, str], home: Path) -> None:
    (home / "test_site.py").write_text(TEST)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:django", "test_site.py"],
        cwd=home,
        env={**environment, "ZEMANTA_OPS_SECRETS": "fake"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "it is fake-" in done.stdout


LIBRARIES = {
    "rich after it": """
        import rich.traceback
        rich.traceback.install()
        redact_stderr()
        raise ValueError(f"cannot use {VALUE}")
    """,
    "rich with variables": """
        import rich.traceback
        rich.traceback.install(show_locals=True)
        redact_stderr()
        def fail(password):
            raise ValueError("cannot use it")
        fail(VALUE)
    """,
    "structlog": """
        import structlog
        structlog.configure(processors=[
            structlog.processors.format_exc_info,
            lambda logger, name, event: redact_value(event),
            structlog.processors.JSONRenderer(),
        ])
        try:
            raise ValueError(f"cannot use {VALUE}")
        except ValueError:
            structlog.get_logger().exception("cannot use it", url=VALUE, nested={"a": [VALUE]})
    """,
    "structlog through logging": """
        import logging, structlog
        logging.basicConfig()
        structlog.configure(
            processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
            logger_factory=structlog.stdlib.LoggerFactory(),
        )
        structlog.get_logger().error("cannot use it", url=VALUE)
    """,
    "loguru with a sink": """
        from loguru import logger
        logger.remove()
        logger.add(lambda text: sys.stderr.write(redact(text)))
        def fail(password):
            raise ValueError(f"cannot use {password}")
        try:
            fail(VALUE)
        except ValueError:
            logger.exception("cannot use {}", VALUE)
    """,
    "loguru on a redacted stream": """
        redact_stderr()
        from loguru import logger
        logger.bind(url=VALUE).error("cannot use {}", VALUE)
    """,
    "the logs of Sentry": """
        import json, sentry_sdk
        from sentry_sdk import logger
        from sentry_sdk.transport import Transport

        class Kept(Transport):
            def capture_envelope(self, envelope):
                print(envelope.serialize().decode())

        sentry_sdk.init(
            dsn="http://key@127.0.0.1:9/1", transport=Kept, enable_logs=True, default_integrations=False,
            before_send=before_send, before_send_log=before_send,
        )
        logger.error("cannot use {url}", url=VALUE, attributes={"again": VALUE})
        sentry_sdk.flush()
    """,
    "celery report": """
        from celery import Celery
        app = Celery("shop", broker=f"redis://:{VALUE}@127.0.0.1/0")
        app.conf.update(broker_transport_options={"cannot use": VALUE}, result_backend=f"redis://:{VALUE}@host")
        print(redact(app.bugreport()))
    """,
}


@pytest.fixture(scope="session")
def loggers() -> Path:
    """Return the folder of packages that print or log in ways of their own."""
    return pypi.loggers()


@pytest.mark.second_tier
@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_that_follows_the_page_prints_no_secret(
    loggers: Path, name: str, environment: dict[str, str]
) -> None:
    printed = run(environment, textwrap.dedent(LIBRARIES[name]), loggers)
    assert "cannot use" in printed, printed
    assert "<redacted>" in printed
    assert CANARY not in printed


def test_rich_before_the_first_secret_prints_none(environment: dict[str, str]) -> None:
    code = f"import rich.traceback\nrich.traceback.install()\n{HEAD}raise ValueError(f'cannot use {{VALUE}}')"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "cannot use <redacted>" in done.stderr
    assert CANARY not in done.stderr


TOOLBAR = """
import json
import django
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path

def page(request):
    return HttpResponse("<html><body>page</body></html>")

settings.configure(
    DEBUG=True, SECRET_KEY="example", ROOT_URLCONF="__main__", STATIC_URL="static/", ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["django.contrib.staticfiles", "zemanta_ops", "debug_toolbar"],
    MIDDLEWARE=["debug_toolbar.middleware.DebugToolbarMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_EXCEPTION_REPORTER_FILTER="zemanta_ops.secrets.redaction.reporter.RedactingExceptionReporterFilter",
    DEBUG_TOOLBAR_CONFIG={"SHOW_TOOLBAR_CALLBACK": lambda request: True, "IS_RUNNING_TESTS": False},
    SERVICE={"cannot use": VALUE}, HEALTH_URL=f"https://host/?a={VALUE}",
)
django.setup()
urlpatterns = [path("page/", page), path("__debug__/", include("debug_toolbar.urls"))]
answer = Client().get("/page/")
import re
store = re.search(r'data-(?:store|request)-id="([^"]+)"', answer.content.decode()).group(1)
for panel in ("SettingsPanel", "RequestPanel", "HeadersPanel"):
    for name in ("request_id", "store_id"):
        print(Client().get("/__debug__/render_panel/", {name: store, "panel_id": panel}).content.decode())
"""


@pytest.mark.second_tier
def test_the_panels_of_django_debug_toolbar_show_no_secret(loggers: Path, environment: dict[str, str]) -> None:
    printed = run(environment, TOOLBAR, loggers)
    assert "HEALTH_URL" in printed, printed[-3000:]
    assert "redacted" in printed
    assert CANARY not in printed
    assert json.dumps(CANARY)[1:-1] not in printed
