"""The local backend: its keys, its tokens, and what SecretCrypt 1.x left behind."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from tests.secrets.disk import Disk
from tests.secrets.tokens import local, made
from zemanta_ops.secrets import LegacyTokenWarning, Secret, SecretError, ledger, wire
from zemanta_ops.secrets.backends import local as module
from zemanta_ops.secrets.backends._legacy import decrypt_cbc
from zemanta_ops.secrets.exceptions import EncryptError, MissingKeyError, TokenError, WrongKeyError

KEY = bytes(range(16))
IV = bytes(range(16, 32))


def cbc(plaintext: bytes, key: bytes = KEY, padded: bool = True) -> bytes:
    """Encrypt as SecretCrypt 1.x did."""
    if padded:
        padder = PKCS7(128).padder()
        plaintext = padder.update(plaintext) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(IV)).encryptor()
    return IV + encryptor.update(plaintext) + encryptor.finalize()


def old_token(body: bytes) -> str:
    return f"local::{base64.b64encode(body).decode()}"


@pytest.fixture
def old_key(home: Path) -> Path:
    """Put a key file of SecretCrypt 1.x into its old place; a trailing newline is tolerated."""
    path = home / "data" / "secretcrypt" / "key"
    path.parent.mkdir(parents=True)
    path.write_bytes(base64.b64encode(KEY) + b"\n")
    return path


def test_the_key_is_made_on_first_use_for_its_user_only(home: Path) -> None:
    local("x")
    [key] = module.folder().iterdir()
    assert key.name == "current.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert module.folder().stat().st_mode & 0o777 == 0o700
    assert len(base64.b64decode(key.read_bytes())) == 32


def test_a_new_key_is_on_the_disk_before_a_token_under_it_is_returned(home: Path, disk: Disk) -> None:
    """After a power failure, an empty key file would make every token that was printed unreadable."""
    local("example")
    [key] = module.folder().glob("*.key")
    assert disk.keeps(key)


def test_the_variable_says_where_keys_are(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(module.FOLDER_VARIABLE, str(home / "elsewhere"))
    token = local("x")
    assert (home / "elsewhere" / "current.key").exists()
    assert Secret(token).get() == "x"


def test_a_new_key_leaves_old_tokens_readable(home: Path) -> None:
    first, second = local("one"), made("local", "two", new_key=True)
    third = local("three")
    ids = [wire.parse(token).params["key"] for token in (first, second, third)]
    assert ids[0] != ids[1] == ids[2]
    assert [Secret(token).get() for token in (first, second, third)] == ["one", "two", "three"]


def test_fifty_first_runs_at_once_make_one_key(home: Path) -> None:
    # One parent that has imported all forks fifty children, which wait for the end of a pipe to start together.
    code = """
import os
from zemanta_ops.secrets import backends, wire
local = backends.load("local")
gate, starter = os.pipe()
children = []
for _ in range(50):
    if not os.fork():
        os.close(starter)
        os.read(gate, 1)
        os.write(1, wire.format(local.encrypt(b"example", {})).encode() + b"\\n")
        os._exit(0)
os.close(starter)
assert all(os.wait()[1] == 0 for _ in range(50))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    tokens = ended.stdout.split()
    assert len(tokens) == 50
    assert {Secret(token).get() for token in tokens} == {"example"}
    assert [path.name for path in module.folder().iterdir()] == ["current.key"]


def test_a_token_of_another_machine_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = local("x")
    monkeypatch.setenv(module.FOLDER_VARIABLE, str(home / "another"))
    for _ in range(2):
        with pytest.raises(MissingKeyError, match="not on this machine"):
            Secret(token).get()
        local("there is a key now, but another one")


@pytest.mark.parametrize("content", [b"", b"not base64!", base64.b64encode(b"short")])
def test_a_broken_key_file_is_named(content: bytes, home: Path) -> None:
    token = local("x")
    (module.folder() / "current.key").write_bytes(content)
    with pytest.raises(MissingKeyError, match=r"current\.key"):
        Secret(token).get()
    with pytest.raises(MissingKeyError, match=r"current\.key"):
        local("y")


def test_a_folder_that_cannot_be_written_is_an_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv(module.FOLDER_VARIABLE, str(home / "file" / "keys"))
    with pytest.raises(EncryptError, match="no key could be created"):
        local("x")


def test_an_option_of_another_backend_is_refused(home: Path) -> None:
    with pytest.raises(EncryptError, match="no option region; it has: new_key"):
        made("local", "x", region="eu-west-1")


def test_every_cut_and_every_flipped_byte_is_a_secret_error(home: Path) -> None:
    token = local("example-plaintext", app="shop", name="A")
    broken = [token[:length] for length in range(1, len(token))]
    for index, character in enumerate(token):
        broken.append(token[:index] + chr(ord(character) ^ 1) + token[index + 1 :])
    for text in broken:
        with pytest.raises(SecretError) as caught:
            Secret(text).get(name="A")
        assert "example-plaintext" not in str(caught.value)
        assert token.rpartition(":")[2][:20] not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token.replace("v=2&", ""),
        lambda token: token.replace("v=2", "v=3"),
        lambda token: token.replace("v=2", "v=2&v=2"),
        lambda token: token.replace("v=2", "v=2&x=1"),
        lambda token: token.replace("v=2", "v=2&c.app=x"),
        lambda token: token.replace("v=2", "v=2&c.a%2Fb=x"),
        lambda token: token.replace("v=2", "v=2&c.a="),
        lambda token: token.partition("key=")[0] + "key=../../etc/passwd:" + token.rpartition(":")[2],
        lambda token: token.partition("&key=")[0] + ":" + token.rpartition(":")[2],
    ],
)
def test_params_cannot_be_dropped_doubled_added_or_be_paths(change: Callable[[str], str], home: Path) -> None:
    with pytest.raises(TokenError, match="malformed local token"):
        Secret(change(local("x"))).get()


def test_a_token_wrapped_by_a_mail_program_still_opens(home: Path) -> None:
    token = local("x" * 100)
    assert Secret(f"{token[:90]}\n  {token[90:]}\n").get() == "x" * 100


def test_a_token_of_1x_opens_with_a_warning_once(old_key: Path) -> None:
    with pytest.warns(LegacyTokenWarning, match="Encrypt the secret again") as caught:
        assert Secret(old_token(cbc(b"example"))).get() == "example"
        assert Secret(old_token(cbc(b"another"))).get() == "another"
    assert len(caught) == 1


def test_a_token_of_the_very_first_process_of_1x_opens(old_key: Path) -> None:
    with pytest.warns(LegacyTokenWarning):
        assert Secret(old_token(cbc(b"example", base64.b64encode(KEY)))).get() == "example"


def test_a_token_under_a_key_file_that_secretcrypt_for_go_wrote_opens(old_key: Path) -> None:
    old_key.write_bytes(KEY)
    with pytest.warns(LegacyTokenWarning):
        assert Secret(old_token(cbc(b"example"))).get() == "example"


def test_of_two_results_the_text_is_meant() -> None:
    """A wrong key passes the padding in 0.39 % of tries: find such a pair of keys."""
    body = cbc(b"example")
    wrong = next(
        key for number in range(100_000) if (key := number.to_bytes(16, "big")) and accepts(body, key) and key != KEY
    )
    assert decrypt_cbc(body, [KEY, wrong]) == b"example"
    assert decrypt_cbc(body, [wrong, KEY]) == b"example"
    with pytest.raises(WrongKeyError, match="encrypt the secret again"):
        decrypt_cbc(body, [KEY, KEY])


def accepts(body: bytes, key: bytes) -> bool:
    try:
        decrypt_cbc(body, [key]).decode()
    except UnicodeDecodeError:
        return True
    except SecretError:
        return False
    return False


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 31])
def test_a_cut_token_of_1x_is_malformed(length: int, old_key: Path) -> None:
    with pytest.raises(TokenError, match="truncated"):
        Secret(old_token(cbc(b"example")[:length])).get()


def test_every_flipped_byte_of_1x_is_an_error_or_a_warned_value(old_key: Path) -> None:
    body = cbc(b"example-of-two-blocks-in-1x")
    for index in range(len(body)):
        changed = body[:index] + bytes([body[index] ^ 1]) + body[index + 1 :]
        ledger.forget()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", LegacyTokenWarning)
            try:
                value = Secret(old_token(changed)).get_bytes()
            except SecretError as error:
                assert "example" not in str(error)
            else:
                assert value != b"example-of-two-blocks-in-1x"
                assert [each.category for each in warned] == [LegacyTokenWarning]


def test_a_wrong_key_file_of_1x_is_an_error(old_key: Path) -> None:
    token = old_token(cbc(b"example"))
    old_key.write_bytes(base64.b64encode(b"0123456789abcdef"))
    with pytest.raises(WrongKeyError):
        Secret(token).get()
    old_key.write_text("hunter2")
    with pytest.raises(MissingKeyError, match="not a key file") as caught:
        Secret(token).get()
    assert "hunter2" not in str(caught.value)
    old_key.unlink()
    old_key.mkdir()
    with pytest.raises(MissingKeyError, match="cannot be read"):
        Secret(token).get()
    old_key.rmdir()
    with pytest.raises(MissingKeyError, match="key file"):
        Secret(token).get()


def test_a_token_of_1x_has_no_params(old_key: Path) -> None:
    with pytest.raises(TokenError, match="unknown"):
        Secret(old_token(cbc(b"example")).replace("::", ":x=1:")).get()


def test_keys_are_kept_where_the_platform_keeps_them(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.folder() == home / "data" / "zemanta_ops" / "keys"
    assert module.legacy_key_file() == home / "data" / "secretcrypt" / "key"
    assert os.environ["HOME"] == str(home)
