"""Settings that parse a secret: samples and overrides let them load where no key is, and errors name the setting."""

from __future__ import annotations

import base64
import copy
import hmac
import json
import pickle
import re
import urllib.parse
from collections.abc import Callable
from email.utils import parseaddr
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dj_database_url
import environ
import pytest
import sentry_sdk
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIHandler

from tests.secrets.configuration import Config, saved, write
from tests.secrets.tokens import local
from zemanta_ops import serving
from zemanta_ops.secrets import Secret, StrictSecret, decrypt_settings, ledger, load_config, modes
from zemanta_ops.secrets.exceptions import ModeError, ResolveError, TokenError
from zemanta_ops.secrets.redaction import redact

# Nothing here can decrypt it: whatever tries to, fails.
TOKEN = "kms:region=eu-west-1:QUJDREVGR0g="
URL = "postgres://build:build@localhost/build"


def parse_with_environ(value: Any) -> Any:
    env = environ.Env()
    env.ENVIRON = {"DATABASE_URL": value}
    return env.db()


# What settings do with a secret beyond passing it on, and a harmless value that it works with.
PARSERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "dj_database_url": (dj_database_url.parse, URL),
    "env.db_url_config": (environ.Env.db_url_config, URL),
    "env.db": (parse_with_environ, URL),
    "env.cache_url_config": (environ.Env.cache_url_config, "redis://:build@localhost/0"),
    "env.email_url_config": (environ.Env.email_url_config, "smtp://build:build@localhost:25"),
    "sentry_sdk": (lambda value: sentry_sdk.Client(dsn=value), "https://build@localhost/1"),
    "urlparse": (lambda value: urllib.parse.urlparse(value).hostname, URL),
    "urlsplit": (lambda value: urllib.parse.urlsplit(value).password, URL),
    "unquote": (urllib.parse.unquote, "build"),
    "parse_qs": (urllib.parse.parse_qs, "build=1"),
    "json.loads": (json.loads, '{"build": 1}'),
    "base64": (base64.b64decode, "YnVpbGQ="),
    "bytes.fromhex": (bytes.fromhex, "00"),
    "int": (int, "1"),
    "ip address": (lambda value: ip_address(str(value)), "127.0.0.1"),
    "regular expression": (lambda value: re.match("build", value), "build"),
    "split": (lambda value: value.split(","), "build"),
    "slice": (lambda value: value[:2], "build"),
    "f-string": (lambda value: f"redis://:{value}@localhost", "build"),
    "join": (lambda value: ",".join([value]), "build"),
    "hmac": (lambda value: hmac.new(value.encode(), b"", "sha256"), "build"),
    "path": (lambda value: Path(value).name, "/build"),
    "environment": (lambda value: __import__("os").environ.setdefault("EXAMPLE_BUILD", value), "build"),
    "address": (parseaddr, "build@localhost"),
    "starts with": (lambda value: value.startswith("b"), "build"),
    "length": (len, "build"),
}


@pytest.fixture
def deferred(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.DEFERRED)
    monkeypatch.setenv("EXAMPLE_BUILD", "")  # so that it is gone after the test
    monkeypatch.delenv("EXAMPLE_BUILD")


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put Django's own method back after the test."""
    monkeypatch.setattr(BaseHandler, "load_middleware", BaseHandler.load_middleware)


def read(secret: Secret, name: str = "DATABASE_URL") -> Any:
    settings: dict[str, Any] = {name: secret}
    decrypt_settings(settings)
    return settings[name]


@pytest.mark.usefixtures("deferred")
@pytest.mark.parametrize(("parse", "sample"), PARSERS.values(), ids=PARSERS)
def test_a_build_parses_the_sample(parse: Callable[[Any], Any], sample: str) -> None:
    value = read(Secret(TOKEN, sample=sample))
    assert value == sample
    parse(value)


@pytest.mark.usefixtures("deferred")
@pytest.mark.parametrize(("parse", "sample"), PARSERS.values(), ids=PARSERS)
def test_a_build_parses_an_override(parse: Callable[[Any], Any], sample: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_OVERRIDE__DATABASE_URL", sample)
    value = read(Secret(TOKEN))
    assert value == sample
    parse(value)


@pytest.mark.usefixtures("deferred")
@pytest.mark.parametrize("name", PARSERS)
def test_without_them_the_error_names_the_setting(name: str) -> None:
    parse, _ = PARSERS[name]
    with pytest.raises((ModeError, TypeError)) as caught:
        parse(read(Secret(TOKEN)))
    # Before Python 3.11, re does not report what it got.
    assert "DATABASE_URL" in str(caught.value) or str(caught.value) == "expected string or bytes-like object"


@pytest.mark.usefixtures("deferred")
def test_the_error_names_what_helps_a_build() -> None:
    with pytest.raises(ModeError) as caught:
        str(read(Secret(TOKEN), "SENTRY_DSN"))
    assert "ZEMANTA_OPS_OVERRIDE__SENTRY_DSN" in str(caught.value)
    assert 'sample="' in str(caught.value)


@pytest.mark.usefixtures("deferred")
def test_any_path_can_be_deferred() -> None:
    settings: dict[str, Any] = {"A": {"a\0b\udcffé": Secret(TOKEN)}}
    decrypt_settings(settings)
    [value] = settings["A"].values()
    assert "a" in type(value).__name__


@pytest.mark.usefixtures("deferred")
def test_every_way_to_read_a_secret_has_the_sample() -> None:
    assert Secret(TOKEN, sample=URL).get() == URL
    assert Secret(TOKEN, sample=URL).get_bytes() == URL.encode()
    assert Secret(TOKEN, sample="").get() == ""
    assert StrictSecret(TOKEN, sample=URL).decrypt() == URL
    assert StrictSecret(TOKEN, sample=URL).decrypt_bytes() == URL.encode()
    nested: dict[str, Any] = {"A": [{"b": (Secret(TOKEN, sample="c"),)}]}
    decrypt_settings(nested)
    assert nested == {"A": [{"b": ("c",)}]}


@pytest.mark.usefixtures("deferred")
def test_a_template_has_the_sample_inside_its_pattern() -> None:
    secret = Secret.template("postgres://shop:{}@db/shop", TOKEN, quote=True, sample="b/d")
    assert secret.get() == "postgres://shop:b%2Fd@db/shop"
    assert Secret.template("{}:{}", TOKEN, "", sample="a").get() == "a:"


@pytest.mark.usefixtures("deferred")
def test_copies_and_pickles_keep_the_sample() -> None:
    for secret in (
        Secret(TOKEN, sample=URL),
        Secret.template("{}", TOKEN, sample=URL),
        StrictSecret(TOKEN, sample=URL),
    ):
        for twin in (copy.copy(secret), copy.deepcopy(secret), pickle.loads(pickle.dumps(secret))):
            assert (twin.decrypt if isinstance(twin, StrictSecret) else twin.get)() == URL


def test_a_fake_secret_is_its_sample_and_is_looked_for_in_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.FAKE)
    settings: dict[str, Any] = {"A": Secret(TOKEN, sample=URL), "B": Secret(TOKEN), "C": Secret("", sample=URL)}
    decrypt_settings(settings)
    assert settings["A"] == URL
    assert settings["B"].startswith("fake-")
    assert settings["C"] == ""
    assert redact(f"connects to {URL}") == "connects to <redacted>"
    assert Secret.template("redis://:{}@cache/0", TOKEN, sample="build").get() == "redis://:build@cache/0"


def test_an_override_takes_precedence_over_the_sample(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_OVERRIDE__DATABASE_URL", "sqlite://")
    for mode in (modes.DEFERRED, modes.FAKE, ""):
        monkeypatch.setenv(modes.VARIABLE, mode)
        assert read(Secret(TOKEN, sample=URL)) == "sqlite://"


def test_a_sample_never_takes_the_place_of_a_plaintext(home: Path) -> None:
    assert read(Secret(local("example"), sample=URL)) == "example"
    unreadable = "local:v=2&key=0123456789abcdef:AAAA"
    with pytest.raises(ResolveError):
        read(Secret(unreadable, sample=URL))
    for read_one in (Secret(unreadable, sample=URL).get, StrictSecret(unreadable, sample=URL).decrypt):
        with pytest.raises(Exception, match="not on this machine"):
            read_one()


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("later", ["", modes.FAKE, modes.DEFERRED])
def test_a_process_that_has_read_a_sample_in_deferred_mode_never_serves(
    later: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.DEFERRED)
    read(Secret(TOKEN, sample=URL))
    monkeypatch.setenv(modes.VARIABLE, later)
    serving.guard_handlers()
    with pytest.raises(ModeError, match="must not serve requests"):
        WSGIHandler()
    ledger.forget()
    if later != modes.DEFERRED:
        WSGIHandler()


@pytest.mark.usefixtures("deferred")
def test_a_token_under_another_name_is_refused_in_a_build_too() -> None:
    token = local("example", app="shop", name="OTHER", env="production")
    with pytest.raises(ResolveError, match="another setting"):
        decrypt_settings({"DATABASE_URL": Secret(token, sample=URL)}, app="shop")
    settings: dict[str, Any] = {"OTHER": Secret(token, sample=URL)}
    decrypt_settings(settings, app="shop")
    assert settings == {"OTHER": URL}


@pytest.mark.usefixtures("deferred")
def test_load_config_takes_samples_by_name(home: Path) -> None:
    path = write(home, "config.toml", [TOKEN] * 2)
    samples = {"database.password": "build", "database.host": "not a token", "absent": "x"}
    config = load_config(path, samples=samples)
    assert config["database"]["password"] == "build"
    assert config["database"]["host"] == "db"
    with pytest.raises(ModeError, match=r"mirrors\.1\.key"):
        str(config["mirrors"][1]["key"])
    typed = load_config(path, Config, samples=samples)
    assert typed.database.password.get() == "build"
    assert load_config(saved(home, ".env", f"DATABASE_URL={TOKEN}\n"), samples={"DATABASE_URL": URL}) == {
        "DATABASE_URL": URL
    }


@pytest.mark.parametrize("sample", [b"build", 1, ["build"]])
def test_a_sample_is_text(sample: Any) -> None:
    with pytest.raises(TokenError, match="a sample must be text"):
        Secret(TOKEN, sample=sample)
    with pytest.raises(TokenError, match="a sample must be text"):
        Secret.template("{}", TOKEN, sample=sample)
