"""What an import pulls in: a process that decrypts nothing and emits nothing pays for nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    *("boto3", "botocore", "hvac", "influxdb_client", "rich", "cryptography", "httpx", "requests", "celery", "yaml"),
    *("msgspec", "ruamel", "tomlkit", "libcst", "zemanta_ops.secrets.configfile"),
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


def test_a_start_of_django_loads_nothing_that_is_for_operators_and_nothing_heavy() -> None:
    rooms = ("zemanta_ops.metrics.stack", "zemanta_ops.secrets.source", "zemanta_ops.atomic")
    script = (
        "import django; from django.conf import settings; settings.configure(INSTALLED_APPS=['zemanta_ops']); "
        f"django.setup(); import sys; print(*sorted({{*{HEAVY}, *{rooms}}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
