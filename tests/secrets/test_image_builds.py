"""Image builds of projects in the forms that large ones have: their settings parse secrets, and no key is there.

One reads everything with django-environ, in split settings, as cookiecutter-django does. The other reads a module of
configuration, checks what is in it and composes URLs from it, as NetBox does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.secrets.tokens import local

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = "app = 'shop'\nrequire_context = true\n"
SIGNING_KEY = "example-signing-key-that-is-as-long-as-the-check-of-this-application-wants"
VALUES = {
    "DJANGO_SECRET_KEY": SIGNING_KEY,
    "DATABASE_URL": "sqlite:///shop.sqlite3?example-password",
    "REDIS_URL": "rediscache://:example-password@redis:6379/0",
    "SENTRY_DSN": "https://0123456789abcdef@sentry.example.org/1",
    "SERVICE_ACCOUNT": '{"client_email": "shop@example.org", "private_key": "example"}',
}

ENVIRON = {
    "config/__init__.py": "",
    "config/base.py": """
from pathlib import Path
from zemanta_ops.secrets import load_env

ROOT = Path(__file__).resolve().parents[1]
env = load_env(
    ROOT / ".env",
    DJANGO_DEBUG=(bool, False),
    samples={
        "DATABASE_URL": "sqlite://:memory:",
        "REDIS_URL": "locmemcache://",
        "SENTRY_DSN": "https://build@localhost/1",
        "SERVICE_ACCOUNT": '{"client_email": "build"}',
    },
)
DEBUG = env("DJANGO_DEBUG")
DATABASES = {"default": env.db("DATABASE_URL")}
DATABASES["default"]["ATOMIC_REQUESTS"] = True
INSTALLED_APPS = ["django.contrib.staticfiles", "zemanta_ops"]
ROOT_URLCONF = "config.base"
urlpatterns = []
STATIC_URL, STATIC_ROOT = "static/", ROOT / "static"
""",
    "config/production.py": """
from config.base import *
import sentry_sdk

SECRET_KEY = env("DJANGO_SECRET_KEY")
ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS", default=["example.org"])
CACHES = {"default": env.cache("REDIS_URL")}
SERVICE_ACCOUNT = env.json("SERVICE_ACCOUNT")["client_email"]
sentry_sdk.init(dsn=env("SENTRY_DSN"), traces_sample_rate=env.float("RATE", default=0.0), transport=lambda event: None)
""",
}
MODULE = {
    "config/__init__.py": "",
    "config/configuration.py": """
from zemanta_ops.secrets import Secret, decrypt_settings

SECRET_KEY = Secret("{DJANGO_SECRET_KEY}", sample="build" * 12)
DATABASE = {{"NAME": ":memory:", "PASSWORD": Secret("{DATABASE_URL}")}}
REDIS = {{"caching": {{"HOST": "redis", "URL": Secret("{REDIS_URL}", sample="redis://build:6379/0")}}}}
SENTRY_DSN = Secret("{SENTRY_DSN}", sample="https://build@localhost/1")
ACCOUNT = Secret("{SERVICE_ACCOUNT}", sample='{{"client_email": "build"}}')
decrypt_settings(globals())
""",
    "config/production.py": """
import importlib, json, urllib.parse
from pathlib import Path
from django.core.exceptions import ImproperlyConfigured

configuration = importlib.import_module("config.configuration")
for name in ("SECRET_KEY", "DATABASE", "REDIS"):
    if not hasattr(configuration, name):
        raise ImproperlyConfigured(f"{name} is missing")
SECRET_KEY = configuration.SECRET_KEY
if len(SECRET_KEY) < 50:
    raise ImproperlyConfigured("SECRET_KEY is too short")
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", **configuration.DATABASE}}
CACHE_URL = urllib.parse.urlsplit(configuration.REDIS["caching"]["URL"])
if CACHE_URL.scheme not in ("redis", "rediss", "rediscache"):
    raise ImproperlyConfigured("REDIS has no such scheme")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": f"{CACHE_URL.geturl()}"}}
SERVICE_ACCOUNT = json.loads(configuration.ACCOUNT)["client_email"]
import sentry_sdk
sentry_sdk.init(dsn=configuration.SENTRY_DSN, transport=lambda event: None)
ALLOWED_HOSTS = ["example.org"]
INSTALLED_APPS = ["django.contrib.staticfiles", "zemanta_ops"]
ROOT_URLCONF = "config.production"
urlpatterns = []
STATIC_URL, STATIC_ROOT = "static/", Path(__file__).resolve().parents[1] / "static"
""",
}

Make = Callable[[Mapping[str, str]], Path]


def tokens(names: Mapping[str, str]) -> dict[str, str]:
    return {variable: local(value, app="shop", name=names[variable]) for variable, value in VALUES.items()}


def environ(folder: Path) -> None:
    lines = [f"{name}={token}\n" for name, token in tokens({name: name for name in VALUES}).items()]
    (folder / ".env").write_text("".join(lines))
    write(folder, ENVIRON)


def module(folder: Path) -> None:
    names = dict(
        zip(VALUES, ("SECRET_KEY", "DATABASE.PASSWORD", "REDIS.caching.URL", "SENTRY_DSN", "ACCOUNT"), strict=True)
    )
    text = MODULE["config/configuration.py"].format(**tokens(names))
    write(folder, {**MODULE, "config/configuration.py": text})


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture(params=[environ, pytest.param(module, marks=pytest.mark.more)], ids=["environ", "module"])
def project(request: pytest.FixtureRequest, home: Path) -> Path:
    """Return a project; its key is in this home and not in an image."""
    folder = home / "project"
    folder.mkdir()
    (folder / "zemanta_ops.toml").write_text(CONFIGURATION)
    request.param(folder)
    return folder


def run(project: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "XDG_DATA_HOME")}
    return subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env={**kept, "PYTHONPATH": f"{project}{os.pathsep}{ROOT}", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def manage(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(project, "-m", "django", *arguments, "--settings", "config.production", **environment)


BUILD = {"ZEMANTA_OPS_SECRETS": "deferred", "XDG_DATA_HOME": "/nonexistent"}


def test_the_image_is_built_without_a_key(project: Path) -> None:
    done = manage(project, "collectstatic", "--noinput", **BUILD)
    assert (done.returncode, "0 static files copied" in done.stdout) == (0, True), done.stderr


def test_the_same_settings_have_the_secrets_where_the_key_is(project: Path) -> None:
    script = (
        "from config import production as p; print(p.SECRET_KEY, p.SERVICE_ACCOUNT, p.CACHES['default']['LOCATION'])"
    )
    done = run(project, "-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:2] == [SIGNING_KEY, "shop@example.org"]
    assert "example-password" in done.stdout


def test_without_the_key_and_without_the_mode_the_error_names_every_setting(project: Path) -> None:
    done = manage(project, "collectstatic", "--noinput", XDG_DATA_HOME="/nonexistent")
    assert done.returncode != 0
    assert "5 secrets could not be decrypted" in done.stderr
    assert "Without the key: set ZEMANTA_OPS_OVERRIDE__" in done.stderr


def test_an_image_without_the_configuration_file_is_not_built(project: Path) -> None:
    (project / "zemanta_ops.toml").unlink()
    done = manage(project, "collectstatic", "--noinput", **BUILD)
    assert done.returncode != 0
    assert "COPY zemanta_ops.toml" in done.stderr


def test_the_image_serves_nothing_with_samples(project: Path) -> None:
    script = (
        "import django, os; django.setup(); os.environ.pop('ZEMANTA_OPS_SECRETS');"
        "from django.core.handlers.wsgi import WSGIHandler; WSGIHandler()"
    )
    done = run(project, "-c", script, DJANGO_SETTINGS_MODULE="config.production", **BUILD)
    assert "this process must not serve requests" in done.stderr
