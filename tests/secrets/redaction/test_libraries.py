"""Libraries that print or log in ways of their own show no secret."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.secrets.redaction.processes import CANARY, HEAD, run
from tests.servers import pypi

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
    "structlog's formatter": """
        import logging, structlog
        handler = logging.StreamHandler()
        renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
        handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer))
        logging.getLogger().addHandler(handler)
        structlog.configure(
            processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
        )
        try:
            raise ValueError(f"cannot use {VALUE}")
        except ValueError:
            structlog.get_logger().exception("it failed", url=VALUE, nested={"a": [VALUE]})
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
    "the metrics of Sentry": """
        import sentry_sdk
        from sentry_sdk import metrics
        from sentry_sdk.transport import Transport

        class Kept(Transport):
            def capture_envelope(self, envelope):
                print(envelope.serialize().decode())

        sentry_sdk.init(
            dsn="http://key@127.0.0.1:9/1", transport=Kept, default_integrations=False, before_send_metric=before_send,
        )
        metrics.count("cannot use", 1, attributes={"url": VALUE})
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
    assert "Logging error" not in printed


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
