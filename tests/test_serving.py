"""A process without real secrets does not serve requests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.test import Client, override_settings

from zemanta_ops import serving
from zemanta_ops.secrets import Secret, StrictSecret, modes
from zemanta_ops.secrets.exceptions import ModeError, UndecryptedError

TOKEN = "plain::example-plaintext"
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the methods of Django back after the test."""
    monkeypatch.setattr(BaseHandler, "load_middleware", BaseHandler.load_middleware)
    monkeypatch.setattr(BaseCommand, "execute", BaseCommand.execute)


def has_loaded(handler: BaseHandler) -> bool:
    """Return whether a handler has its middleware, which it loads when the guard has let it pass."""
    chain = getattr(handler, "_middleware_chain", None)
    return hasattr(BaseHandler.load_middleware, "guards_secrets") and chain is not None


def test_deferred_secrets_let_no_handler_start(monkeypatch: pytest.MonkeyPatch) -> None:
    serving.guard_handlers()
    WSGIHandler()
    monkeypatch.setenv(modes.VARIABLE, modes.DEFERRED)
    with pytest.raises(ModeError, match="Unset it"):
        WSGIHandler()


@pytest.mark.parametrize("handler", [WSGIHandler, ASGIHandler, lambda: Client().get("/")])
@pytest.mark.parametrize(
    ("overridden", "named"),
    [
        ({"SECRET_KEY": Secret(TOKEN)}, "SECRET_KEY is a Secret that was not decrypted"),
        ({"CACHES": {"default": {"OPTIONS": {"password": Secret(TOKEN)}}}}, "CACHES.default.OPTIONS.password is"),
        ({"A": SimpleNamespace(b=deque([Secret(TOKEN)])), "B": (Secret(TOKEN),)}, "A.b.0, B.0 are Secrets that were"),
        ({"A": MappingProxyType({"b": Secret(TOKEN)})}, "A.b is"),
    ],
)
def test_no_handler_starts_with_an_undecrypted_secret(
    handler: Callable[[], object], overridden: dict[str, Any], named: str
) -> None:
    serving.guard_handlers()
    with override_settings(**overridden), pytest.raises(UndecryptedError) as caught:
        handler()
    assert named in str(caught.value)
    assert "decrypt_settings(globals()) as the last line of tests.settings" in str(caught.value)


@pytest.mark.parametrize("handler", [WSGIHandler, ASGIHandler])
@pytest.mark.parametrize(
    ("overridden", "named"),
    [
        ({"SECRET_KEY": "plain::bare-one"}, "SECRET_KEY is the text of a token."),
        ({"SECRET_KEY_FALLBACKS": ["plain::bare-two\n"]}, "SECRET_KEY_FALLBACKS.0 is the text"),
        (
            {"ZEMANTA_OPS": {"INFLUXDB": {"TOKEN": "vault:v=1&key=shop:RVhBTVBMRUVYQU1QTEU="}}},
            "ZEMANTA_OPS.INFLUXDB.TOKEN is",
        ),
        (
            {"A": SimpleNamespace(b=("kms:region=eu-west-1:RVhBTVBMRUVYQU1QTEU=",)), "B": "plain::bare-three"},
            "A.b.0, B are the texts of",
        ),
    ],
)
def test_no_handler_starts_with_a_token_that_no_secret_holds(
    handler: Callable[[], object], overridden: dict[str, Any], named: str
) -> None:
    serving.guard_handlers()
    with override_settings(**overridden), pytest.raises(UndecryptedError) as caught:
        handler()
    assert named in str(caught.value)
    assert "bare-" not in str(caught.value)


def test_a_token_in_a_helper_variable_is_no_value() -> None:
    serving.guard_handlers()
    settings = {"HELPER": "plain::the-token-of-a-helper"}
    settings["A"] = Secret(settings["HELPER"]).get()
    StrictSecret("plain::the-token-of-another")
    with override_settings(**settings, OTHER="plain::the-token-of-another"):
        assert has_loaded(WSGIHandler())


def test_what_only_looks_like_a_token_is_a_value() -> None:
    serving.guard_handlers()
    with override_settings(A="local:8080", B="https://example.org:8443/", C="kms:region=eu-west-1", D="sealed:a:b c"):
        assert has_loaded(WSGIHandler())


def test_no_worker_starts_with_a_token_that_no_secret_holds() -> None:
    serving.guard_commands()
    with override_settings(A="plain::bare-of-a-worker"), pytest.raises(CommandError, match="must not run tasks: A is"):
        call_command(worker("rqworker"))


def test_a_secret_of_zemanta_ops_itself_may_be_left_as_it_is() -> None:
    serving.guard_handlers()
    with override_settings(ZEMANTA_OPS={"INFLUXDB": {"TOKEN": Secret(TOKEN)}}):
        assert has_loaded(WSGIHandler())


def test_a_class_of_settings_is_told_its_own_cure() -> None:
    serving.guard_handlers()
    where = r"decrypt_settings\(cls\) .* setup\(\) of shop\.settings\.Production"
    overridden = override_settings(A=Secret(TOKEN), CONFIGURATION="shop.settings.Production")
    with overridden, pytest.raises(UndecryptedError, match=where):
        WSGIHandler()


def test_handlers_are_guarded_once() -> None:
    serving.guard_handlers()
    guarded = BaseHandler.load_middleware
    serving.guard_handlers()
    assert BaseHandler.load_middleware is guarded


@pytest.mark.parametrize(
    ("mode", "debug", "testing", "refused"),
    [
        ("", False, False, False),
        (modes.FAKE, False, False, True),
        (modes.FAKE, True, False, False),
        (modes.FAKE, False, True, False),
    ],
)
def test_fake_secrets_are_for_tests_and_debug(
    mode: str, debug: bool, testing: bool, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(modes.VARIABLE, mode)
    monkeypatch.setattr(modes, "under_test", lambda: testing)
    with override_settings(DEBUG=debug):
        if refused:
            with pytest.raises(ModeError, match="DEBUG is off"):
                serving.refuse_fake()
        else:
            serving.refuse_fake()


class Worker(BaseCommand):
    """A command whose module a test sets: the packages that have such commands are not needed here."""

    requires_system_checks = ()

    def handle(self, *_: Any, **__: Any) -> str:
        return "ran"


def worker(module: str) -> BaseCommand:
    made: BaseCommand = type("Command", (Worker,), {"__module__": f"shop.management.commands.{module}"})()
    return made


@pytest.mark.parametrize(
    "command",
    [
        type("Renamed", (type(worker("rqworker")),), {"__module__": "shop.management.commands.work"})(),
        *map(worker, ["rqworker", "rqworker-pool", "db_worker", "qcluster", "run_huey", "process_tasks", "runworker"]),
    ],
)
def test_a_command_that_runs_tasks_refuses_to_start_with_deferred_secrets(
    command: BaseCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving.guard_commands()
    monkeypatch.setenv(modes.VARIABLE, modes.DEFERRED)
    with pytest.raises(CommandError, match=r"must not run tasks.*Unset it"):
        call_command(command)
    monkeypatch.setenv(modes.VARIABLE, modes.FAKE)
    monkeypatch.setattr(modes, "under_test", lambda: False)
    with pytest.raises(CommandError, match="DEBUG is off"):
        call_command(command)


def test_other_commands_run_with_deferred_secrets_and_workers_run_with_real_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serving.guard_commands()
    assert call_command(worker("rqworker")) == "ran"
    monkeypatch.setenv(modes.VARIABLE, modes.DEFERRED)
    assert call_command(worker("build_pages")) == "ran"


UNLISTED = """
from zemanta_ops.secrets import Secret, StrictSecret, decrypt_settings
import {module}
SECRET_KEY = {key}
{last}
"""
# Read while Django was not imported, and never passed to decrypt_settings.
EARLY = "from zemanta_ops.secrets import Secret; KEY = Secret('plain::example', sample='build').get()"


@pytest.mark.parametrize(
    ("mode", "key", "last", "refusal"),
    [
        ("", "Secret('plain::example')", "", "SECRET_KEY is a Secret that was not decrypted"),
        (modes.DEFERRED, "Secret('plain::example')", "decrypt_settings(globals())", "secrets are not decrypted"),
        (modes.DEFERRED, "StrictSecret('plain::example', sample='build').decrypt()", "", "secrets are not decrypted"),
        (modes.DEFERRED, "early.KEY", "import os; del os.environ['ZEMANTA_OPS_SECRETS']", "was read as its sample"),
        (modes.FAKE, "early.KEY", "", "for test runs"),
    ],
)
def test_no_server_starts_without_real_secrets_even_if_the_application_is_not_installed(
    mode: str, key: str, last: str, refusal: str, tmp_path: Path
) -> None:
    (tmp_path / "early.py").write_text(EARLY)
    module = "early" if "early" in key else "sys"
    (tmp_path / "unlisted.py").write_text(UNLISTED.format(module=module, key=key, last=last))
    done = subprocess.run(
        [sys.executable, "-c", f"import {module}; from django.core.wsgi import get_wsgi_application as get; get()"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "unlisted", modes.VARIABLE: mode},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert refusal in done.stderr


WORKER = """
from celery import Celery
from django.conf import settings
from zemanta_ops.secrets import Secret

SECRET_KEY = "example"
INSTALLED_APPS = {installed}
BROKER = Secret("plain::memory://", sample="memory://").get(name="BROKER")
app = Celery("worker", broker=BROKER)
"""


@pytest.mark.parametrize(("later", "installed"), [(modes.DEFERRED, ["zemanta_ops"]), ("", ["zemanta_ops"]), ("", [])])
def test_a_worker_of_celery_refuses_to_start_with_deferred_secrets(
    later: str, installed: list[str], tmp_path: Path
) -> None:
    text = WORKER.format(installed=installed)
    (tmp_path / "worker.py").write_text(f"{text}\nimport os\nos.environ[{modes.VARIABLE!r}] = {later!r}\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "DJANGO_SETTINGS_MODULE": "worker"}
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "worker", "worker", "--pool", "solo"],
        cwd=tmp_path,
        env={**environment, modes.VARIABLE: modes.DEFERRED},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode != 0
    assert "this process must not run tasks" in done.stdout + done.stderr
