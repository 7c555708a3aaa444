"""A site whose settings hold a plaintext through several backends, and whose view fails with it in every variable.

The tokens come from the file that ``CANARY_FILE`` names: backend to token.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import django
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from zemanta_ops.secrets import Secret, decrypt_settings

DEBUG = True
SECRET_KEY = "tests-only-not-a-secret"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = __name__
INSTALLED_APPS = ["zemanta_ops"]
DEFAULT_EXCEPTION_REPORTER = "zemanta_ops.secrets.redaction.reporter.RedactingExceptionReporter"
ADMINS = ["ann@example.com"] if django.VERSION >= (6, 0) else [("Ann", "ann@example.com")]
_MAIL = "django.core.mail.backends.filebased.EmailBackend"
_FOLDER = str(Path(os.environ["CANARY_FILE"]).with_name("mail"))
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": _MAIL, "OPTIONS": {"file_path": _FOLDER}}}
else:
    EMAIL_BACKEND, EMAIL_FILE_PATH = _MAIL, _FOLDER
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {
        "console": {"class": "logging.StreamHandler"},
        "mail": {"class": "django.utils.log.AdminEmailHandler", "include_html": True},
    },
    "root": {"handlers": ["console"], "level": "DEBUG"},
    "loggers": {"django.request": {"handlers": ["mail"]}},
}
VALUES: dict[str, Any] = {
    backend: Secret(token) for backend, token in json.loads(Path(os.environ["CANARY_FILE"]).read_text()).items()
}
LONG = ["x" * 4090, {"urls": [Secret.template("redis://:{}@host", str(*VALUES["local"].texts), quote=True)]}]
decrypt_settings(globals())


def fail(request: HttpRequest) -> HttpResponse:
    """Raise with the plaintext at hand in many forms."""
    import logging
    import warnings

    for backend, value in VALUES.items():
        nested = {"deep": [(value, {backend: value.encode()})], "body": json.dumps({"a": value}).encode()}
        cut = "x" * (4096 - len(value) // 2) + value
        logging.getLogger("a.b").debug("%s is %r", backend, value, extra={"more": nested})
        warnings.warn("harmless", stacklevel=1)
        try:
            raise KeyError(value, nested, cut)
        except KeyError as error:
            if backend == request.GET.get("backend"):
                raise ConnectionError(f"wrong: {value}") from error
    return HttpResponse(f"{len(VALUES)} values")


urlpatterns = [path("fail/", fail), path("well/", lambda _: HttpResponse("well"))]


def __getattr__(name: str) -> Any:
    # Made on demand: this module is the settings too, which must be complete before an application is made.
    if name == "wsgi":
        return get_wsgi_application()
    if name == "asgi":
        return get_asgi_application()
    raise AttributeError(name)
