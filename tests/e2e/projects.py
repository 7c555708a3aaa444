"""Real projects of others, with all of zemanta_ops on, each in a virtualenv of its own that is installed from PyPI."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.secrets.tokens import made
from tests.servers import pypi
from tests.servers.process import Server, free_port, listens
from zemanta_ops.secrets.backends import _agekeys

ROOT = Path(__file__).resolve().parents[2]
# What zemanta_ops itself needs, and the server.
OURS = ("gunicorn==23.0.0", "cryptography>=48", "platformdirs", "statsd", "tomli")

PLAINTEXTS = {
    "SECRET_KEY": "example-signing-key-of-a-real-project-that-is-longer-than-fifty-characters",
    "DATABASE_URL": "sqlite:///shop.sqlite3?password=example-database-password",
    "PAYMENT.gateways.0.credential": "example-payment-credential",
}

# The end of the last settings file: secrets, middleware, instrumentation and redaction, all on.
SETTINGS = """
import os
from pathlib import Path
from urllib.parse import urlsplit

from zemanta_ops.secrets import Secret, decrypt_settings

SECRET_KEY = Secret("{SECRET_KEY}")
DATABASE_URL = Secret("{DATABASE_URL}", sample="sqlite:///build.sqlite3").get(name="DATABASE_URL")
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": urlsplit(DATABASE_URL).path.lstrip("/")}}}}
PAYMENT = {{"gateways": [{{"url": "https://payment.example.org", "credential": Secret("{PAYMENT}")}}]}}
DEBUG = os.environ.get("EXAMPLE_DEBUG") == "on"
ALLOWED_HOSTS = ["*"]
STATIC_ROOT = Path.cwd() / "static-root"
SECURE_HSTS_SECONDS = 3600

INSTALLED_APPS = [*INSTALLED_APPS, "zemanta_ops"]
MIDDLEWARE = ["zemanta_ops.metrics.middleware.RequestMetricsMiddleware", *MIDDLEWARE]
ZEMANTA_OPS = {{
    "METRICS": {{
        "PORT": int(os.environ["EXAMPLE_METRICS_PORT"]),
        "HOST_TAG": None,
        "FLUSH_SECONDS": 0.1,
        "INSTRUMENT": ["database", "cache", "responses", "commands"],
    }}
}}
DEFAULT_EXCEPTION_REPORTER = "zemanta_ops.secrets.redaction.reporter.RedactingExceptionReporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "zemanta_ops.secrets.redaction.reporter.RedactingExceptionReporterFilter"
ADMINS = [("Ann", "ann@example.org")]
EMAIL_BACKEND, EMAIL_FILE_PATH = "django.core.mail.backends.filebased.EmailBackend", "mail"
LOGGING = {{
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {{
        "console": {{"class": "logging.StreamHandler"}},
        "mail": {{"class": "django.utils.log.AdminEmailHandler", "include_html": True}},
    }},
    "root": {{"handlers": ["console"], "level": "INFO"}},
    "loggers": {{"django.request": {{"handlers": ["mail", "console"], "propagate": False}}}},
}}
BASE_URLCONF, ROOT_URLCONF = ROOT_URLCONF, "failing_urls"
"""
FAILING = """
import json, logging
from django.conf import settings
from django.urls import include, path

def fail(request):
    credential = settings.PAYMENT["gateways"][0]["credential"]
    body = json.dumps({"key": settings.SECRET_KEY, "url": settings.DATABASE_URL})
    logging.getLogger("shop").info("pays with %s: %s", credential, body)
    raise ConnectionError(f"https://shop:{credential}@payment.example.org refuses {body}")

urlpatterns = [path("fail/", fail), path("", include(settings.BASE_URLCONF))]
"""


@dataclass(frozen=True)
class Kind:
    """A project of others.

    Attributes:
        name: Its package on PyPI.
        version: The version of that package.
        requires: Other packages.
        create: Makes the project in a folder, with the python of the virtualenv.
        settings: The file, below the folder, that the secrets are added to.
        module: Its dotted name.
        application: ``module:name`` of the WSGI application.
        page: A path that answers.
        configure: Changes the text of the settings, for projects whose settings are not a module.
        environment: Variables of every process.
    """

    name: str
    version: str
    create: Callable[[Path, Path], None]
    settings: str
    module: str
    application: str
    page: str
    requires: tuple[str, ...] = ()
    configure: Callable[[str, str], str] = lambda text, more: f"{text}\n{more}\ndecrypt_settings(globals())\n"
    environment: Mapping[str, str] = field(default_factory=dict)

    def install(self) -> Path:
        """Return the python of the virtualenv; made at the first time, in the cache."""

        def build(folder: Path) -> None:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
            wanted = [f"{self.name}=={self.version}", *self.requires, *OURS]
            pip: list[str | Path] = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
            subprocess.run([*pip, *wanted], check=True, capture_output=True)

        return pypi.installed(f"venv-{self.name}", self.version, build) / "bin" / "python"


class Checkout:
    """A created project with zemanta_ops in it; its private key is beside it, not in it."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        """Create it, and write its secrets, settings and failing page."""
        self.kind = kind
        self.folder = folder / "project"
        self.folder.mkdir()
        self.python = kind.install()
        self.port, self.metrics_port = free_port(), free_port()
        self._package = folder / "package"
        self._package.mkdir()
        (self._package / "zemanta_ops").symlink_to(ROOT / "zemanta_ops")
        identity = _agekeys.generate("mlkem768x25519")
        self.key = {"ZEMANTA_OPS_SEALED_KEY": identity.text()}
        kind.create(self.python, self.folder)
        (self.folder / "zemanta_ops.toml").write_text('app = "shop"\nrequire_context = true\n')
        (self.folder / "failing_urls.py").write_text(FAILING)
        tokens = {
            name: made("sealed", text, {"app": "shop", "name": name}, recipients=str(identity.recipient))
            for name, text in PLAINTEXTS.items()
        }
        path = self.folder / kind.settings
        more = SETTINGS.format(**{name.partition(".")[0]: token for name, token in tokens.items()})
        path.write_text(kind.configure(path.read_text(), more))

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the variables of a process of the project; nothing of this machine can decrypt."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": f"{self.folder}{os.pathsep}{self._package}",
            "DJANGO_SETTINGS_MODULE": self.kind.module,
            "EXAMPLE_METRICS_PORT": str(self.metrics_port),
            **self.kind.environment,
            **variables,
        }

    def manage(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a management command."""
        return subprocess.run(
            [self.python, "manage.py", *arguments],
            cwd=self.folder,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            check=False,
        )

    def gunicorn(self, **variables: str) -> Server:
        """Return the server, not yet started."""
        command: list[str | Path] = [
            self.python,
            "-m",
            "gunicorn",
            self.kind.application,
            "--bind",
            f"127.0.0.1:{self.port}",
        ]
        environment = self.environment(**variables)
        return Server("gunicorn", command, self.folder, lambda: listens(self.port), environment, traced=False)


def _run(*command: str | Path) -> None:
    """Run a program that knows nothing of these tests."""
    subprocess.run(command, check=True, capture_output=True, env={"PATH": os.environ["PATH"]})


def start_project(python: Path, folder: Path) -> None:
    """Run ``startproject`` of Django."""
    _run(python, "-m", "django", "startproject", "shop", folder)


def start_wagtail(python: Path, folder: Path) -> None:
    """Run ``wagtail start``: settings in several files."""
    script = "from wagtail.bin.wagtail import main; main()"
    _run(python, "-c", script, "start", "shop", folder)


def start_oscar(python: Path, folder: Path) -> None:
    """Make a project as the documentation of django-oscar describes it."""
    start_project(python, folder)
    (folder / "shop" / "urls.py").write_text(
        "from django.apps import apps\nfrom django.urls import include, path\n"
        'urlpatterns = [path("i18n/", include("django.conf.urls.i18n")),\n'
        '               path("", include(apps.get_app_config("oscar").urls[0]))]\n'
    )
    settings = folder / "shop" / "settings.py"
    settings.write_text(f"{settings.read_text()}\n{textwrap.dedent(OSCAR)}")


OSCAR = """
    from oscar import INSTALLED_APPS
    from oscar.defaults import *

    SITE_ID = 1
    MIDDLEWARE += ["oscar.apps.basket.middleware.BasketMiddleware"]
    TEMPLATES[0]["OPTIONS"]["context_processors"] += [
        "oscar.apps.search.context_processors.search_form",
        "oscar.apps.communication.notifications.context_processors.notifications",
        "oscar.apps.checkout.context_processors.checkout",
        "oscar.core.context_processors.metadata",
    ]
    AUTHENTICATION_BACKENDS = ["oscar.apps.customer.auth_backends.EmailBackend"]
    HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
"""


def start_configurations(python: Path, folder: Path) -> None:
    """Make a project whose settings are a class of django-configurations."""
    start_project(python, folder)
    manage = folder / "manage.py"
    manage.write_text(manage.read_text().replace("django.core.management", "configurations.management"))


def put_into_class(text: str, more: str) -> str:
    """Return settings as attributes of a class that decrypts them in ``setup``."""
    body = textwrap.indent(f"{text}\n{more}", "    ")
    setup = "    @classmethod\n    def setup(cls):\n        super().setup()\n        decrypt_settings(cls)\n"
    imports = "from configurations import Configuration\nfrom zemanta_ops.secrets import decrypt_settings\n"
    return f"{imports}\n\nclass Production(Configuration):\n{body}\n{setup}"


KINDS = (
    Kind("wagtail", "7.2", start_wagtail, "shop/settings/production.py", "shop.settings.production", "shop.wsgi", "/"),
    Kind("django-oscar", "4.2.1", start_oscar, "shop/settings.py", "shop.settings", "shop.wsgi", "/catalogue/"),
    Kind(
        "django-configurations",
        "2.5.1",
        start_configurations,
        "shop/settings.py",
        "shop.settings",
        "configurations.wsgi",
        "/admin/login/",
        requires=("Django>=5.2,<6",),
        configure=put_into_class,
        environment={"DJANGO_CONFIGURATION": "Production"},
    ),
)
