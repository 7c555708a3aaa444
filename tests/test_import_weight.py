"""What an import pulls in: a process that decrypts nothing and emits nothing pays for nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    *("boto3", "botocore", "hvac", "influxdb_client", "rich", "cryptography", "httpx", "requests", "celery", "yaml"),
    *("msgspec", "ruamel", "tomlkit", "zemanta_ops.secrets.configfile"),
)

# Whatever module of these rooms is loaded, and in whatever folder it is.
OPERATORS = (
    *("zemanta_ops.stack", "zemanta_ops.atomic", "zemanta_ops.management", "zemanta_ops.testing"),
    *("zemanta_ops.secrets.verbs", "zemanta_ops.secrets.rotation", "zemanta_ops.secrets.files"),
)


@pytest.mark.parametrize("module", ["zemanta_ops", "zemanta_ops.secrets", "zemanta_ops.metrics", "zemanta_ops.conf"])
def test_no_heavy_package_is_imported_before_it_is_used(module: str) -> None:
    script = f"import {module}, sys; print(*sorted(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_secrets_half_is_imported_without_django() -> None:
    script = "import zemanta_ops.secrets, sys; print('django' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_worker_that_serves_requests_loads_nothing_that_is_for_operators_and_nothing_heavy() -> None:
    settings = {
        "INSTALLED_APPS": ["zemanta_ops"],
        "MIDDLEWARE": ["zemanta_ops.metrics.middleware.RequestMetricsMiddleware"],
        "ROOT_URLCONF": "zemanta_ops",
        "ZEMANTA_OPS": {"METRICS": {"INSTRUMENT": ["database", "cache", "responses"]}},
        "ALLOWED_HOSTS": ["*"],
    }
    script = (
        f"import django, sys; from django.conf import settings; settings.configure(**{settings}); django.setup(); "
        "import zemanta_ops; zemanta_ops.urlpatterns = []; from django.core.handlers.wsgi import WSGIHandler; "
        "from django.test import RequestFactory; WSGIHandler().get_response(RequestFactory().get('/')).close(); "
        f"rooms = {OPERATORS}; heavy = {HEAVY}; "
        "print(*sorted(name for name in sys.modules if name in heavy or name.startswith(rooms)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
