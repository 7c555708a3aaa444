from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.test import override_settings

from tests.docs.test_reference import CHECKS
from tests.secrets.tokens import local, made
from zemanta_ops.secrets import Secret, decrypt_settings, ledger
from zemanta_ops.secrets.backends import _agekeys
from zemanta_ops.secrets.backends import local as local_backend

LONG = "example-of-a-long-secret"


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("ZEMANTA_OPS_OVERRIDE__AA", "")
    monkeypatch.delenv("ZEMANTA_OPS_OVERRIDE__AA")
    ledger.forget()
    yield
    ledger.forget()


def messages(*, deploy: bool = True) -> dict[str, CheckMessage]:
    found = run_checks(tags=["zemanta_ops"], include_deployment_checks=deploy)
    return {message.id: message for message in found if message.id and message.id[13] == "0"}


def test_without_secrets_there_is_nothing_to_say() -> None:
    assert messages() == {}


def test_they_run_for_deployments_only() -> None:
    decrypt_settings({"A": Secret(f"plain::{LONG}")})
    assert set(messages()) == {"zemanta_ops.E002"}
    assert messages(deploy=False) == {}


def test_e001_names_the_setting_that_was_not_decrypted() -> None:
    loop: list[Any] = [Secret(f"plain::{LONG}")]
    loop.append(loop)
    taken = {"INFLUXDB": {"TOKEN": Secret(f"plain::{LONG}")}}
    with override_settings(EXAMPLE={"a": ({"b": 1}, loop)}, ZEMANTA_OPS=taken):
        message = messages()["zemanta_ops.E001"]
    assert message.msg == "EXAMPLE.a.1.0 is a Secret that was not decrypted."
    assert "decrypt_settings(globals())" in str(message.hint)


def test_e001_names_a_token_that_no_secret_holds() -> None:
    with override_settings(EXAMPLE={"a": ["plain::example-of-a-bare-token"]}):
        message = messages(deploy=False)["zemanta_ops.E001"]
    assert message.msg == "EXAMPLE.a.0 is the text of a token, which would be used as the value."
    assert "Secret(...)" in str(message.hint)


def test_e001_runs_always_and_check_deploy_ends_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    script = (
        "from django.conf import settings; from zemanta_ops.secrets import Secret; import sys; "
        "settings.configure(INSTALLED_APPS=['zemanta_ops'], SECRET_KEY=Secret('plain::x'), "
        "SECRET_KEY_FALLBACKS=[Secret('plain::y')]); import django; django.setup(); "
        "from django.core.management import execute_from_command_line as run; run(['manage.py', *sys.argv[1:]])"
    )
    for arguments in (["check"], ["check", "--deploy"]):
        done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "SECRET_KEY is a Secret that was not decrypted." in done.stderr
        assert "SECRET_KEY_FALLBACKS.0 is a Secret" in done.stderr
        assert "Traceback" not in done.stderr


def test_e002_names_tokens_for_development() -> None:
    Secret(f"plain::{LONG}").get()
    decrypt_settings({"A": Secret(local(LONG))})
    found = run_checks(tags=["zemanta_ops"], include_deployment_checks=True)
    texts = [each.msg for each in found if each.id == "zemanta_ops.E002"]
    assert texts == [
        "A secret that was read without its name is a plain token, which is for development.",
        "A is a local token, which is for development.",
    ]


def legacy() -> None:
    ledger.record(ledger.Entry("A", "local", "", legacy=True))


def open_key_file() -> None:
    decrypt_settings({"A": Secret(local(LONG))})
    (local_backend.folder() / "current.key").chmod(0o644)


def shared() -> None:
    decrypt_settings({"A": Secret(f"plain::{LONG}"), "B": Secret(f"plain::{LONG}")})


def overridden() -> None:
    path = Path(".secrets.local.toml")
    path.touch(mode=0o600)
    path.write_text(f'A = "{LONG}"\n')
    decrypt_settings({"A": Secret("kms:region=eu-west-1:QUJD")})


def misnamed() -> None:
    # The fixture removes it.
    os.environ["ZEMANTA_OPS_OVERRIDE__AA"] = LONG
    decrypt_settings({"A": Secret(f"plain::{LONG}")})


def short() -> None:
    decrypt_settings({"A": Secret("plain::1234567")})


@pytest.mark.parametrize(
    ("arrange", "number", "says", "hint"),
    [
        (legacy, "W003", "A is a local token of SecretCrypt 1.x", "encrypt_secret --name A"),
        (open_key_file, "W004", "is readable by others", "chmod 600"),
        (shared, "W005", "The same token is used for A and for B.", "encrypt_secret --name B"),
        (overridden, "W006", "A is overridden by", "Run: rm "),
        (
            misnamed,
            "W008",
            "ZEMANTA_OPS_OVERRIDE__AA overrides no secret. Did you mean",
            "unset ZEMANTA_OPS_OVERRIDE__AA",
        ),
        (short, "W007", "A is shorter than 8 characters", "encrypt_secret --name A"),
    ],
)
def test_a_warning_says_where_and_what_to_type(arrange: Callable[[], None], number: str, says: str, hint: str) -> None:
    arrange()
    message = messages()[f"zemanta_ops.{number}"]
    assert says in message.msg
    assert hint in str(message.hint)
    assert LONG not in str(message)


def test_an_override_of_the_environment_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_OVERRIDE__A", LONG)
    decrypt_settings({"A": Secret("kms:region=eu-west-1:QUJD")})
    assert "Run: unset ZEMANTA_OPS_OVERRIDE__A" in str(messages()["zemanta_ops.W006"].hint)


def test_every_check_says_what_to_do(tmp_path: Path) -> None:
    """All at once, so that none of them is left out."""
    legacy()
    open_key_file()
    shared()
    misnamed()
    short()
    overridden()
    with override_settings(EXAMPLE=Secret(f"plain::{LONG}")):
        found = messages()
    assert sorted(found) == [each for each in CHECKS if each[13] == "0"]
    assert [number for number, message in found.items() if not re.search("Run: |Add ", str(message.hint))] == []


def test_an_open_file_with_the_private_key_of_sealed_tokens_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = _agekeys.generate("x25519")
    path = tmp_path / "example.key"
    path.write_text(identity.text())
    path.chmod(0o644)
    monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY_FILE", str(path))
    decrypt_settings({"A": Secret(made("sealed", LONG, recipients=str(identity.recipient)))})
    assert str(path) in messages()["zemanta_ops.W004"].msg
    path.chmod(0o600)
    assert "zemanta_ops.W004" not in messages()


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o604, 0o602, 0o610, 0o601])
@pytest.mark.parametrize("legacy_file", [False, True])
def test_a_key_file_that_anybody_else_can_open_is_named(mode: int, legacy_file: bool) -> None:
    decrypt_settings({"A": Secret(local(LONG))})
    path = local_backend.legacy_key_file() if legacy_file else local_backend.folder() / "current.key"
    path.parent.mkdir(exist_ok=True)
    path.touch()
    path.chmod(0o600)
    assert "zemanta_ops.W004" not in messages()
    path.chmod(mode)
    assert messages()["zemanta_ops.W004"].msg == f"The key file {path} is readable by others."


def test_a_closed_key_file_is_fine() -> None:
    decrypt_settings({"A": Secret(local(LONG))})
    assert "zemanta_ops.W004" not in messages()


def test_a_secret_in_the_packages_own_settings_that_cannot_be_decrypted_is_named() -> None:
    token = Secret("local:v=2&key=0123456789abcdef:QUJD")
    taken = {"INFLUXDB": {"URL": "http://127.0.0.1:8086", "ORG": "o", "BUCKET": "b", "TOKEN": token}}
    with override_settings(ZEMANTA_OPS=taken):
        texts = [message.msg for message in run_checks(tags=["zemanta_ops"])]
    assert texts == [
        'ZEMANTA_OPS["INFLUXDB"]["TOKEN"] is a Secret that cannot be decrypted (MissingKeyError); it is ignored.'
    ]
