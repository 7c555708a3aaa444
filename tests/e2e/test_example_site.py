"""The example site in the situations that its secrets know: tests, builds, servers, a developer without the key."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.servers.process import Server, free_port

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {"DJANGO_SETTINGS_MODULE": "example_project.settings.production"}
pytestmark = pytest.mark.usefixtures("without_coverage")

# No KMS answers, and there are no credentials.
CLOSED = {"AWS_ENDPOINT_URL_KMS": "http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED": "true"}
DEFERRED = {**PRODUCTION, "ZEMANTA_OPS_SECRETS": "deferred"}

Done = subprocess.CompletedProcess[str]


def run(folder: Path, *arguments: str, extra: Mapping[str, str], stdin: str = "") -> Done:
    """Run this Python with the site's data in a folder, in a home and without AWS credentials."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("XDG_", "ZEMANTA_", "DJANGO_", "SHOP_", "AWS_"))
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**kept, "HOME": str(folder), "SHOP_DATA_DIR": str(folder), "ALLOWED_HOSTS": "*", **extra},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_sites_own_tests_pass_with_production_settings_and_fake_secrets(tmp_path: Path) -> None:
    done = run(tmp_path, "manage.py", "test", "example_project", extra={**PRODUCTION, "ZEMANTA_OPS_SECRETS": "fake"})
    assert done.returncode == 0, done.stderr
    assert "Ran 6 tests" in done.stderr


def test_collectstatic_needs_no_key_where_secrets_are_deferred(tmp_path: Path) -> None:
    done = run(tmp_path, "manage.py", "collectstatic", "--no-input", extra=DEFERRED)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "static" / "shop" / "site.css").is_file()


def test_the_deploy_checks_pass_over_deferred_secrets(tmp_path: Path) -> None:
    done = run(tmp_path, "manage.py", "check", "--deploy", extra=DEFERRED)
    assert done.returncode == 0, done.stderr
    assert "ERRORS" not in done.stderr


@pytest.mark.parametrize(
    "server",
    [
        ("gunicorn", "example_project.wsgi", "--bind", "127.0.0.1:0", "--workers", "1"),
        ("uvicorn", "example_project.asgi:application", "--port", "0"),
        ("django", "runserver", "--noreload", "127.0.0.1:0"),
    ],
    ids=lambda server: server[0],
)
def test_a_server_refuses_to_start_where_secrets_are_deferred(server: tuple[str, ...], tmp_path: Path) -> None:
    done = run(tmp_path, "-m", *server, extra=DEFERRED)
    assert done.returncode != 0
    assert "this process must not serve requests" in done.stdout + done.stderr


@pytest.mark.second_tier
def test_uwsgi_refuses_to_start_where_secrets_are_deferred(tmp_path: Path) -> None:
    uwsgi = Path(sys.executable).with_name("uwsgi")
    if not uwsgi.is_file():
        if os.environ.get("CI") == "true":
            pytest.fail("uwsgi is not installed", pytrace=False)
        pytest.skip("uwsgi is not installed: pip install --group servers")
    options = ("--http-socket", "127.0.0.1:0", "--need-app", "--virtualenv", sys.prefix, "--pythonpath", str(ROOT))
    start = f"import os, sys; os.execv({str(uwsgi)!r}, sys.argv[1:])"
    done = run(tmp_path, "-c", start, str(uwsgi), *options, "--module", "example_project.wsgi", extra=DEFERRED)
    assert done.returncode != 0
    assert "this process must not serve requests" in done.stdout + done.stderr


def test_a_developer_without_the_key_starts_with_values_of_their_own(tmp_path: Path) -> None:
    shutil.copy(ROOT / "example_project" / "zemanta_ops.toml", tmp_path)
    own = tmp_path / ".secrets.local.toml"
    own.touch(mode=0o600)
    own.write_text(
        """
SECRET_KEY = "my-own-signing-key"
NEWSLETTER_API_KEY = "my-own-newsletter"
DATABASES.default.PASSWORD = "my-own-database"
PAYMENT.gateways.0.credential = "my-own-card"
PAYMENT.gateways.1.credential = "my-own-invoice"
ZEMANTA_OPS.INFLUXDB.PASSWORD = "my-own-influxdb"
""",
        encoding="utf-8",
    )
    port = free_port()
    environment = {**CLOSED, **PRODUCTION, "ZEMANTA_OPS_CONFIG": str(tmp_path / "zemanta_ops.toml")}
    server = Server(
        "runserver",
        [sys.executable, str(ROOT / "manage.py"), "runserver", "--noreload", f"127.0.0.1:{port}"],
        tmp_path,
        lambda: status(port) is not None,
        {**environment, "SHOP_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
    )
    try:
        server.start()
        assert status(port) == HTTPStatus.MOVED_PERMANENTLY
        assert "the secret SECRET_KEY is overridden by" in server.log()
        assert "my-own" not in server.log()
    finally:
        server.stop()


def status(port: int) -> int | None:
    """Return the status of the home page, which production sends to https; None if nobody listens."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/", headers={"Host": "shop.example.org"})
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def test_production_without_the_key_says_which_settings_failed_and_shows_no_token(tmp_path: Path) -> None:
    done = run(tmp_path, "manage.py", "check", extra={**PRODUCTION, **CLOSED})
    assert done.returncode == 1
    for path in ("SECRET_KEY", "DATABASES.default.PASSWORD", "PAYMENT.gateways.1.credential"):
        assert path in done.stderr
    assert "AQICAH" not in done.stderr


def test_the_error_page_of_debug_shows_no_secret(tmp_path: Path) -> None:
    script = """
from django.conf import settings
from django.test import Client
page = Client(raise_request_exception=False, SERVER_NAME="localhost").get("/fail/").content.decode()
assert "PaymentError" in page and "Local vars" in page
print(page)
"""
    done = run(tmp_path, "manage.py", "shell", "--verbosity", "0", extra={}, stdin=script)
    assert done.returncode == 0, done.stderr
    assert "Bearer &lt;redacted&gt;" in done.stdout
    assert "development-only" not in done.stdout + done.stderr
