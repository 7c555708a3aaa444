"""The registry: backends by name, loaded late, and the error if a package is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.secrets.tokens import made
from zemanta_ops.secrets import Secret, backends, wire
from zemanta_ops.secrets.__main__ import main
from zemanta_ops.secrets.backends.base import from_base64
from zemanta_ops.secrets.backends.plain import PlainBackend
from zemanta_ops.secrets.exceptions import DecryptError, SecretError, TokenError


@pytest.mark.parametrize(
    ("package", "extra", "token"),
    [
        ("botocore", "kms", "kms:region=eu-west-1:QUJD"),
        ("hvac", "vault", "vault:v=1&key=shop:vault:v1:QUJD"),
        ("cryptography.hazmat.primitives.hpke", "sealed", "sealed:v=1&suite=x25519&key=0123456789abcdef:QUJD"),
    ],
)
def test_a_missing_package_is_named_with_the_line_that_installs_it(
    package: str, extra: str, token: str, tmp_path: Path
) -> None:
    code = f"""
import sys
sys.modules[{package!r}] = None
from zemanta_ops.secrets import Secret, SecretError
try:
    Secret({token!r}).get()
except SecretError as error:
    print(error)
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f'pip install "zemanta-ops[{extra}]"' in ended.stdout
    assert "QUJD" not in ended.stdout


def test_a_backend_of_ones_own_is_added_by_its_dotted_path(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "_PATHS", dict(backends._PATHS))
    monkeypatch.setattr(backends, "_loaded", {})
    with pytest.raises(TokenError, match="unknown backend"):
        Secret("shouting::example")
    backends.register("shouting", f"{__name__}.Shouting")
    assert "shouting" in backends.names()
    assert Secret("shouting::example").get() == "EXAMPLE"


class Shouting(PlainBackend):
    """A backend of a user."""

    name = "shouting"

    def decrypt(self, token: wire.Token) -> bytes:
        """Shout."""
        return super().decrypt(token).upper()


@pytest.mark.parametrize("backend", ["sealed", "password", "vault"])
def test_one_token_is_decrypted_as_a_batch_of_one(backend: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = backends.load(backend)
    failure = DecryptError("example")
    for outcome in (b"example", failure):
        monkeypatch.setattr(loaded, "decrypt_many", lambda tokens, outcome=outcome: [outcome])
        if isinstance(outcome, bytes):
            assert loaded.decrypt(wire.Token(backend)) == outcome
        else:
            with pytest.raises(SecretError) as caught:
                loaded.decrypt(wire.Token(backend))
            assert caught.value is failure


@pytest.mark.parametrize("changed", ["QR==", "QQ", "QQ=", "QQ==QQ==", "Q-==", "Ä"])
def test_base64_has_one_spelling(changed: str) -> None:
    """``QR==`` gives the same byte as ``QQ==``: a changed token that would open all the same."""
    assert from_base64(wire.Token("local", {}, "Q\n Q==")) == b"A"
    with pytest.raises(TokenError, match="not base64"):
        from_base64(wire.Token("local", {}, changed))


@pytest.mark.parametrize("backend", ["sealed", "password", "vault", "kms", "local", "plain"])
def test_an_unknown_option_is_refused_with_the_known_ones(backend: str, home: Path) -> None:
    with pytest.raises(SecretError, match=f"the {backend} backend has no option colour; it has: "):
        made(backend, "x", colour="red")


@pytest.mark.parametrize("backend", ["kms", "vault", "sealed", "password", "local"])
def test_the_options_of_a_backend_are_in_its_help(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["encrypt", backend, "--help"])
    # Lines are wrapped, at hyphens too.
    shown = "".join(capsys.readouterr().out.split())
    for name, option in backends.load(backend).options.items():
        assert name == "key" or f"--{(option.flag or name).replace('_', '-')}" in shown
        assert name == "key" or option.help.replace(" ", "") in shown


def test_an_option_of_another_backend_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plaintext = home / "plaintext"
    plaintext.write_text("example")
    assert main(["encrypt", "--region", "eu-west-1", "local", "--from-file", str(plaintext)]) == 1
    assert "the local backend has no option region; it has: new_key" in capsys.readouterr().err


def test_an_option_that_no_backend_has_is_a_wrong_argument(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["encrypt", "local", "--colour", "red"])
    assert caught.value.code == 2
    assert "unrecognized arguments: --colour" in capsys.readouterr().err


def test_options_of_a_backend_without_its_package_name_the_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(backends, "_loaded", {})
    for name in ("kms", "_aws_calls", "_aws_session"):
        monkeypatch.delitem(sys.modules, f"zemanta_ops.secrets.backends.{name}", raising=False)
        monkeypatch.delattr(backends, name, raising=False)
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)
    with pytest.raises(SystemExit) as caught:
        main(["encrypt", "kms", "alias/shop", "--region", "eu-west-1"])
    assert caught.value.code == 2
    assert 'pip install "zemanta-ops[kms]"' in capsys.readouterr().err
