"""ZEMANTA_OPS_SECRETS: deferred and fake."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote as url_quote

import pytest
from django.conf import settings
from django.test import override_settings

from tests.secrets.tokens import local
from zemanta_ops.secrets import Secret, StrictSecret, decrypt_settings, modes
from zemanta_ops.secrets.exceptions import ModeError, ResolveError
from zemanta_ops.secrets.redaction import redact

TOKEN = "kms:region=eu-west-1:QUJD"

USES: list[Any] = [
    str,
    bytes,
    len,
    list,
    int,
    float,
    json.dumps,
    lambda value: "".join([value]),
    lambda value: f"{value}",
    lambda value: "%s" % value,  # noqa: UP031
    lambda value: value + "x",
    lambda value: "x" + value,
    lambda value: value.encode(),
    lambda value: value["x"],
    lambda value: "x" in value,
]


@pytest.fixture
def deferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.DEFERRED)


def stand_in() -> Any:
    settings = {"DATABASES": {"default": {"PASSWORD": Secret(TOKEN)}}}
    decrypt_settings(settings)
    return settings["DATABASES"]["default"]["PASSWORD"]


@pytest.mark.usefixtures("deferred")
@pytest.mark.parametrize("use", USES)
def test_a_deferred_secret_raises_when_it_is_used_as_a_value(use: Any) -> None:
    value = stand_in()
    assert value
    with pytest.raises((ModeError, TypeError)) as caught:
        use(value)
    if isinstance(caught.value, ModeError):
        assert "DATABASES.default.PASSWORD" in str(caught.value)


@pytest.mark.usefixtures("deferred")
def test_a_deferred_secret_can_be_shown_copied_and_compared() -> None:
    value = stand_in()
    assert repr(value) == "<deferred secret>"
    assert not isinstance(value, str)
    assert value == value
    assert hash(value)
    for twin in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        with pytest.raises(ModeError, match=r"DATABASES\.default\.PASSWORD"):
            str(twin)
    assert not hasattr(value, "__html__")


@pytest.mark.usefixtures("deferred")
def test_a_deferred_setting_can_be_read_any_number_of_times() -> None:
    value = stand_in()
    name = "EXAMPLE"
    with override_settings(**{name: value}):
        # Django asks the value itself for an attribute from the second time on.
        reads = [getattr(settings, name) for _ in range(3)]
        assert all(each is value for each in reads)
    assert not callable(value)


@pytest.mark.usefixtures("deferred")
def test_single_secrets_are_deferred_too() -> None:
    values: list[Any] = [Secret(TOKEN).get(), Secret(TOKEN).get_bytes(), StrictSecret(TOKEN).decrypt()]
    for value in values:
        assert isinstance(value, modes.Deferred)
    assert Secret("").get() == ""
    assert StrictSecret("").decrypt() == ""


@pytest.mark.usefixtures("deferred")
def test_an_empty_secret_is_not_deferred() -> None:
    settings: dict[str, Any] = {"A": Secret("")}
    decrypt_settings(settings)
    assert settings["A"] == ""


def test_a_fake_secret_needs_no_key_and_stays_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.FAKE)
    settings: dict[str, Any] = {"A": Secret(TOKEN), "B": [Secret(TOKEN)], "C": Secret("kms:region=eu-west-1:QUJE")}
    decrypt_settings(settings)
    assert settings["A"] == settings["B"][0] == Secret(TOKEN).get()
    assert settings["A"] != settings["C"]


def test_a_fake_secret_is_bound_as_the_real_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test suite finds a token of another environment before the start in production does."""
    monkeypatch.setenv(modes.VARIABLE, modes.FAKE)
    monkeypatch.setenv("ZEMANTA_OPS_ENV", "staging")
    with pytest.raises(ResolveError, match="belongs to another environment"):
        decrypt_settings({"A": Secret(local("example", env="production"))})


@pytest.mark.parametrize(("debug", "refused"), [(True, False), (False, True)])
def test_fake_secrets_are_refused_in_production(debug: bool, refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.FAKE)
    monkeypatch.setattr(modes, "under_test", lambda: False)
    settings: dict[str, Any] = {"A": Secret(TOKEN), "DEBUG": debug}
    if refused:
        with pytest.raises(ModeError, match="DEBUG is off"):
            decrypt_settings(settings)
    else:
        decrypt_settings(settings)


def test_a_test_run_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert modes.under_test()
    monkeypatch.delitem(sys.modules, "pytest")
    monkeypatch.setattr(sys, "argv", ["manage.py", "test"])
    assert modes.under_test()
    for arguments in (["runserver"], ["runserver", "test"], ["loaddata", "--database", "test"], []):
        monkeypatch.setattr(sys, "argv", ["manage.py", *arguments])
        assert not modes.under_test()
    monkeypatch.setattr(sys, "argv", ["/usr/bin/python3 -m unittest", "discover"])
    assert modes.under_test()


@pytest.mark.parametrize(
    ("arguments", "known"),
    [
        (["-m", "unittest", "test_it"], True),
        (["-m", "unittest", "discover", "-p", "test_it.py"], True),
        (["-m", "coverage", "run", "--data-file=measured", "-m", "unittest", "test_it"], True),
        (["-c", "import unittest.mock, test_it; test_it.check()"], False),
    ],
)
def test_fake_secrets_are_for_unittest_itself(arguments: list[str], known: bool, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import unittest\n"
        "from zemanta_ops.secrets import Secret, decrypt_settings\n"
        f"def check():\n    decrypt_settings({{'A': Secret('{TOKEN}'), 'DEBUG': False}})\n"
        "class It(unittest.TestCase):\n    def test_it(self):\n        check()\n"
    )
    environment = {**os.environ, modes.VARIABLE: modes.FAKE, "PYTHONPATH": str(Path(__file__).parents[2])}
    environment.pop("COVERAGE_PROCESS_START", None)
    ended = subprocess.run(
        [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (ended.returncode == 0) == known, ended.stderr


def test_another_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.VARIABLE, "off")
    with pytest.raises(ModeError, match="deferred or fake, or not set"):
        Secret(TOKEN).get()


@pytest.mark.usefixtures("deferred")
def test_a_template_is_deferred_as_a_whole() -> None:
    settings: dict[str, Any] = {"CACHES": {"default": {"LOCATION": Secret.template("redis://:{}@cache/0", TOKEN)}}}
    decrypt_settings(settings)
    with pytest.raises(ModeError, match=r"CACHES\.default\.LOCATION"):
        str(settings["CACHES"]["default"]["LOCATION"])


def test_a_template_of_fake_secrets_has_its_pattern_around_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.FAKE)
    settings: dict[str, Any] = {"A": Secret(TOKEN), "B": Secret.template("redis://:{}@cache/0", TOKEN, quote=True)}
    decrypt_settings(settings)
    assert settings["B"] == f"redis://:{settings['A']}@cache/0"


@pytest.mark.parametrize("quote", [False, True])
def test_a_template_is_redacted_in_every_form(quote: bool, home: Path) -> None:
    plaintext = "example/pass:word@of a test"
    settings: dict[str, Any] = {"A": Secret.template("redis://:{}@cache/0", local(plaintext), quote=quote)}
    decrypt_settings(settings)
    for text in (settings["A"], plaintext, url_quote(plaintext, safe=""), repr(settings), json.dumps(settings)):
        shown = redact(f"before {text} after")
        assert "<redacted>" in shown
        assert "pass" not in shown
