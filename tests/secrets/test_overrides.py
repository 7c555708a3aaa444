"""Overrides: they reach every way to read a secret, and errors and warnings name what to set."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.test import override_settings

from tests.secrets.configuration import Config, saved, write
from tests.secrets.tokens import local
from zemanta_ops.conf import conf
from zemanta_ops.secrets import Secret, SecretError, StrictSecret, decrypt_settings, ledger, load_config, modes
from zemanta_ops.secrets.__main__ import main
from zemanta_ops.secrets.backends.local import LocalBackend
from zemanta_ops.secrets.exceptions import ConfigError, ResolveError, UnreachableError

# The key of this token is nowhere.
TOKEN = "local:v=2&key=0123456789abcdef:AAAAAAAAAAAA"
PREFIX = "ZEMANTA_OPS_OVERRIDE__"


@pytest.fixture(autouse=True)
def _home(home: Path) -> None:
    """Leave no key and no configuration in sight."""


def run(folder: Path, text: str, name: str = "site_settings") -> ModuleType:
    """Run a settings file."""
    path = saved(folder, f"{name}.py", f"from zemanta_ops.secrets import *\nTOKEN = {TOKEN!r}\n{text}")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# What a settings file may do with .get(), and the name of the setting in errors and overrides.
SPELLINGS = {
    "SECRET_KEY = Secret(TOKEN).get()": "SECRET_KEY",
    "SECRET_KEY: str = Secret(TOKEN).get()": "SECRET_KEY",
    "SECRET_KEY = (\n    Secret(\n        TOKEN\n    )\n    .get()\n)": "SECRET_KEY",
    "KEYS = {'a': Secret(TOKEN).get()}": "KEYS.a",
    "KEYS = {'a': {'b': [1, Secret(TOKEN).get()]}}": "KEYS.a.b.1",
    "KEYS = {'a': 1}\nKEYS['b'] = Secret(TOKEN).get()": "KEYS.b",
    "KEYS = {'a': {}}\nKEYS['a']['b'] = Secret(TOKEN).get()": "KEYS.a.b",
    "KEYS = dict(a=Secret(TOKEN).get())": "KEYS.a",
    "KEYS = ('a', Secret(TOKEN).get())": "KEYS.1",
    "import os\nKEY = os.environ.get('EXAMPLE_ABSENT') or Secret(TOKEN).get()": "KEY",
    "if True:\n    KEY = Secret(TOKEN).get()": "KEY",
    "try:\n    KEY = Secret(TOKEN).get()\nfinally:\n    pass": "KEY",
    "class Production:\n    KEY = Secret(TOKEN).get()": "KEY",
    "class Production:\n    @property\n    def KEY(self):\n        return Secret(TOKEN).get()\nProduction().KEY": "KEY",
    "URL = f'redis://:{Secret(TOKEN).get()}@host'": "URL",
    "URL = str(Secret(TOKEN).get()).strip()": "URL",
    "KEY = Secret(TOKEN).get_bytes()": "KEY",
    "KEY = Secret.template('{}', TOKEN).get()": "KEY",
    "KEY = StrictSecret(TOKEN).decrypt()": "KEY",
    "KEY = StrictSecret(TOKEN).decrypt_bytes()": "KEY",
    "A = Secret(TOKEN)\nKEY = A.get()": "KEY",
    "def read(secret):\n    return secret.get(name='OTHER')\nKEY = read(Secret(TOKEN))": "OTHER",
    "KEY = Secret(TOKEN).get(name='OTHER')": "OTHER",
    "KEY = StrictSecret(TOKEN).decrypt(name='OTHER')": "OTHER",
}


@pytest.mark.parametrize(("text", "name"), SPELLINGS.items(), ids=map(repr, SPELLINGS))
def test_an_override_reaches_get(
    text: str, name: str, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(PREFIX + name.replace(".", "__"), "instead-of-the-key")
    with caplog.at_level(logging.WARNING):
        run(home, text)
    assert ledger.overrides() == {name: PREFIX + name.replace(".", "__")}
    assert f"{name} is overridden" in caplog.text
    assert "instead" not in caplog.text


@pytest.mark.parametrize(("text", "name"), SPELLINGS.items(), ids=map(repr, SPELLINGS))
def test_the_error_of_get_names_the_setting_and_its_variable(text: str, name: str, home: Path) -> None:
    with pytest.raises(SecretError, match="not on this machine") as caught:
        run(home, text)
    assert str(caught.value).startswith(f"{name}: ")
    assert PREFIX + name.replace(".", "__") in str(caught.value)


@pytest.mark.parametrize(("text", "name"), SPELLINGS.items(), ids=map(repr, SPELLINGS))
def test_the_error_of_a_build_names_the_setting(
    text: str, name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.DEFERRED)
    seen: list[str] = []
    monkeypatch.setattr(modes.Deferred, "__init__", lambda self, path: seen.append(path))
    monkeypatch.setattr(modes.Deferred, "__str__", lambda self: "text")
    monkeypatch.setattr(modes.Deferred, "__format__", lambda self, _: "text")
    run(home, text)
    assert seen == [name]


@pytest.mark.parametrize(
    "text",
    [
        "def read():\n    key = Secret(TOKEN).get()\n    return key\nKEY = read()",
        "[read] = [lambda secret: secret.get()]\nKEY = read(Secret(TOKEN))",
        "exec(compile('Secret(TOKEN).get()', 'nowhere.py', 'exec'))",
        "init = dict\ninit(dsn=Secret(TOKEN).get())",
    ],
)
def test_a_call_without_a_name_is_reported_with_its_place(text: str, home: Path) -> None:
    with pytest.raises(SecretError, match="not on this machine") as caught:
        run(home, text)
    assert ".py:" in str(caught.value)
    assert '.get(name="…")' in str(caught.value)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="earlier versions know the line of a call, but not the column")
def test_two_calls_in_one_line_are_two_settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}A", "first")
    monkeypatch.setenv(f"{PREFIX}B", "second")
    module = run(home, "A = Secret(TOKEN).get(); B = Secret(TOKEN).get()")
    assert (module.A, module.B) == ("first", "second")


def test_an_overridden_secret_stays_so_and_needs_no_binding(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Secret(local("example", app="bank", name="OTHER"))
    monkeypatch.setenv(f"{PREFIX}KEY", "instead")
    assert secret.get(name="KEY", app="shop") == "instead"
    monkeypatch.delenv(f"{PREFIX}KEY")
    assert secret.get(name="KEY", app="shop") == secret.get() == "instead"


def test_the_settings_of_this_package_can_be_overridden_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}ZEMANTA_OPS__INFLUXDB__TOKEN", "instead")
    with override_settings(ZEMANTA_OPS={"INFLUXDB": {"TOKEN": Secret(TOKEN)}}):
        assert conf.influxdb.token == "instead"
    bound = Secret(local("example", name="ZEMANTA_OPS.INFLUXDB.PASSWORD"))
    with override_settings(ZEMANTA_OPS={"INFLUXDB": {"PASSWORD": bound}}):
        assert conf.influxdb.password == "example"


@pytest.mark.parametrize("kind", [None, Config])
def test_an_override_reaches_load_config(kind: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(home, "config.yaml", [TOKEN] * 2)
    monkeypatch.setenv(f"{PREFIX}database__password", "instead")
    with pytest.raises(ResolveError) as caught:
        load_config(path, kind)
    assert f"set {PREFIX}mirrors__1__key, or" in str(caught.value)
    monkeypatch.setenv(f"{PREFIX}mirrors__1__key", "too")
    for mode in ("", modes.DEFERRED, modes.FAKE):
        monkeypatch.setenv(modes.VARIABLE, mode)
        config = load_config(path, kind)
        given = config.database.password.get() if kind else config["database"]["password"]
        assert given == "instead"


@pytest.mark.parametrize("path", ["A__B", "A_B", "a.b__c", "A.default.PASSWORD", "A.0.1"])
def test_any_name_can_be_overridden(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + path.replace(".", "__"), "instead")
    assert Secret(TOKEN).get(name=path) == "instead"


def test_a_name_that_no_variable_can_have_is_overridden_in_the_file(home: Path) -> None:
    with pytest.raises(ResolveError, match="Without the key: write its value to"):
        decrypt_settings({"A": {"my-key": Secret(TOKEN)}})
    saved(home, ".secrets.local.toml", '[A]\nmy-key = "instead"\n').chmod(0o600)
    settings: dict[str, Any] = {"A": {"my-key": Secret(TOKEN)}}
    decrypt_settings(settings)
    assert settings == {"A": {"my-key": "instead"}}


def test_the_error_of_many_settings_names_some_of_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalBackend, "decrypt_many", lambda _, tokens: [UnreachableError("no answer") for _ in tokens])
    with pytest.raises(ResolveError) as caught:
        decrypt_settings({"DATABASES": {"default": {"PASSWORD": Secret(TOKEN)}}, **{c: Secret(TOKEN) for c in "ABCD"}})
    advice = str(caught.value).splitlines()[-1]
    assert advice == (
        f"Without the key: set {PREFIX}DATABASES__default__PASSWORD and {PREFIX}A and 3 more, "
        "or write the values to .secrets.local.toml"
    )


def test_a_broken_token_comes_with_no_such_advice() -> None:
    token = local("example")
    with pytest.raises(SecretError) as caught:
        Secret(token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:]).get(name="A")
    assert str(caught.value).startswith("A: ")
    assert "OVERRIDE" not in str(caught.value)


def test_an_error_of_get_keeps_its_class_and_no_frames(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalBackend, "decrypt_many", lambda _, tokens: [UnreachableError("no answer")])
    with pytest.raises(UnreachableError, match=r"^A: no answer\. Without the key") as caught:
        Secret(TOKEN).get(name="A")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("where", ["variable", "file"])
def test_an_override_that_matches_nothing_is_a_warning(
    where: str, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if where == "variable":
        monkeypatch.setenv(f"{PREFIX}DATABASE__default__PASSWORD", "instead")
        wanted = f"{PREFIX}DATABASE__default__PASSWORD overrides no secret. Did you mean {PREFIX}DATABASES__default__"
    else:
        saved(home, ".secrets.local.toml", "[DATABASE.default]\nPASSWORD = 'instead'\n").chmod(0o600)
        wanted = f"DATABASE.default.PASSWORD in {home}/.secrets.local.toml overrides no secret. Did you mean DATABASES."
    # With the key, it is the log that warns; without it, the error.
    for token in (local("example"), TOKEN):
        caplog.clear()
        try:
            decrypt_settings({"DATABASES": {"default": {"PASSWORD": Secret(token)}}})
            shown = caplog.text
        except ResolveError as error:
            shown = str(error)
        assert wanted in shown
        assert "instead" not in shown


def test_an_override_for_a_later_settings_file_is_no_warning(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "site_production")
    monkeypatch.setenv(f"{PREFIX}LATER", "instead")
    monkeypatch.setenv(f"{PREFIX}BY_HAND", "instead")
    monkeypatch.setenv(f"{PREFIX}WRONG", "instead")
    saved(home, "data.toml", f'A = "{TOKEN}"\n')
    monkeypatch.setenv(f"{PREFIX}A", "instead")
    run(home, "load_config('data.toml')\nBY_HAND = Secret(TOKEN).get()\ndecrypt_settings(globals())", "site_base")
    assert "overrides no secret" not in caplog.text
    run(home, "LATER = Secret(TOKEN)\ndecrypt_settings(globals())", "site_production")
    assert [line for line in caplog.messages if "overrides no secret" in line] == [f"{PREFIX}WRONG overrides no secret"]


def test_load_config_alone_warns_too(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(f"{PREFIX}database__pasword", "instead")
    load_config(write(home, "config.toml"))
    assert f"overrides no secret. Did you mean {PREFIX}database__password?" in caplog.text


def test_an_empty_variable_does_not_make_a_secret_empty(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}A", "")
    monkeypatch.setenv(f"{PREFIX}database__password", "")
    path = write(home, "config.toml")
    for mode in ("", modes.DEFERRED, modes.FAKE):
        monkeypatch.setenv(modes.VARIABLE, mode)
        for read in (
            lambda: decrypt_settings({"A": Secret(TOKEN)}),
            lambda: Secret(TOKEN).get(name="A"),
            lambda: StrictSecret(TOKEN).decrypt(name="A"),
            lambda: load_config(path),
        ):
            with pytest.raises(ConfigError, match=rf"{PREFIX}\w+ is empty\. Run: unset {PREFIX}"):
                read()


def test_an_empty_value_in_the_file_is_meant(home: Path) -> None:
    saved(home, ".secrets.local.toml", 'A = ""\n').chmod(0o600)
    assert Secret(TOKEN).get(name="A") == ""


def test_a_byte_order_mark_is_not_part_of_the_file(home: Path) -> None:
    saved(home, ".secrets.local.toml", '\ufeffA = "example"\r\n').chmod(0o600)
    assert Secret(TOKEN).get(name="A") == "example"


@pytest.mark.parametrize("bits", [0o644, 0o604, 0o666, 0o602, 0o640, 0o660, 0o620])
def test_a_file_that_others_can_read_or_change_is_refused(bits: int, home: Path) -> None:
    path = saved(home, ".secrets.local.toml", 'A = "instead"\n')
    path.chmod(bits)
    for read in (lambda: decrypt_settings({"A": Secret(TOKEN)}), Secret(TOKEN).get):
        with pytest.raises(ConfigError, match="Run: chmod 600") as caught:
            read()
        assert "instead" not in str(caught.value)
    path.chmod(0o600)
    assert Secret(TOKEN).get(name="A") == "instead"


def test_a_link_to_a_file_that_others_can_read_is_refused(home: Path) -> None:
    saved(home, "elsewhere", 'A = "instead"\n').chmod(0o644)
    (home / ".secrets.local.toml").symlink_to("elsewhere")
    with pytest.raises(ConfigError, match="chmod 600"):
        decrypt_settings({"A": Secret(TOKEN)})


def test_a_command_reads_the_token_itself(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setenv(f"{PREFIX}A", "instead")
    assert main(["decrypt", local("example", name="A"), "--name", "A"]) == 0
    assert capfdbinary.readouterr().out == b"example"


def test_a_value_that_is_not_utf_8_comes_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environb, f"{PREFIX}A".encode(), b"\xff\xfe")
    assert Secret(TOKEN).get_bytes(name="A") == b"\xff\xfe"
