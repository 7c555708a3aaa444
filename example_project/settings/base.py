"""What every environment has in common. Nothing in here is secret: each environment's file adds its secrets."""

import os
from pathlib import Path
from typing import Any

PROJECT_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("SHOP_DATA_DIR", PROJECT_DIR.parent))

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
USE_TZ = True
TIME_ZONE = "UTC"

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
    "zemanta_ops",
    "example_project.shop",
]

MIDDLEWARE = [
    "zemanta_ops.metrics.middleware.RequestMetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "shop.sqlite3",
        "OPTIONS": {"timeout": 20},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES: dict[str, dict[str, Any]] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
# A web server in front of the site does this; if there is none, an environment may set True.
SERVE_STATIC = False

# Without it the error page of DEBUG and the mail to the admins would show secrets that are in variables.
DEFAULT_EXCEPTION_REPORTER = "zemanta_ops.secrets.redaction.reporter.RedactingExceptionReporter"

# Where the shop reaches its own API: the page "mirror" calls it over HTTP.
SHOP_URL = os.environ.get("SHOP_URL", "http://127.0.0.1:8000")
PAYMENT: dict[str, Any] = {"currency": "EUR", "gateways": [{"name": "card"}, {"name": "invoice"}]}

ZEMANTA_OPS: dict[str, dict[str, Any]] = {
    "METRICS": {
        "TAGS": {"app": "print-shop"},
        "EXCLUDE_PATHS": ["/static/*", "/healthz/"],
        "INSTRUMENT": ["http"],
    },
    # What Telegraf writes to, for the commands that read it back; nowhere unless the environment names a database.
    "INFLUXDB": {"URL": os.environ.get("SHOP_INFLUX_URL", ""), "DATABASE": os.environ.get("SHOP_INFLUX_DATABASE", "")},
}
