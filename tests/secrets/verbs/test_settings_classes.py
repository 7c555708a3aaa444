"""Settings in classes, also in their properties: a token is bound to the name that the program reads."""

from __future__ import annotations

import types
from pathlib import Path

import pytest

from tests.secrets.tokens import local as token
from tests.secrets.verbs.calls import Ended, call
from tests.secrets.verbs.into import IMPORT, typed
from zemanta_ops.secrets.verbs import audit, decrypt

CLASS = f"""{IMPORT}
from functools import cached_property


class Base:
    SECRET_KEY = "old"

    @property
    def DATABASES(self):
        name = "example"
        return {{"default": {{"PASSWORD": "old"}}, "replica": {{"PASSWORD": "old too"}}, "NAME": name}}

    @cached_property
    def EMAIL_HOST_PASSWORD(self):
        return "old"

    @property
    def MAIL(self):
        def helper():
            return "not the setting"

        return ["old", helper()]


class Production(Base):
    SECRET_KEY = "old as well"


globals().update({{name: getattr(Production(), name) for name in dir(Production) if name.isupper()}})
decrypt_settings(globals())
"""
NAMES = [
    "SECRET_KEY",
    "DATABASES.default.PASSWORD",
    "DATABASES.replica.PASSWORD",
    "EMAIL_HOST_PASSWORD",
    "MAIL.0",
]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "zemanta_ops.toml").write_text('app = "shop"\nrequire_context = true\n')
    (tmp_path / "shop.py").write_text(CLASS)
    monkeypatch.setenv("ZEMANTA_OPS_KEY_DIR", str(tmp_path / "keys"))


def encrypt_into(name: str, plaintext: str, monkeypatch: pytest.MonkeyPatch) -> Ended:
    return typed(monkeypatch, "local", "--into", "shop.py", name, plaintext=plaintext)


def _load(path: Path) -> types.ModuleType:
    module = types.ModuleType("shop")
    module.__file__ = str(path)
    exec(compile(path.read_text(), str(path), "exec"), vars(module))
    return module


def test_the_names_of_properties_are_those_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        owner = "Production" if name == "SECRET_KEY" else "Base"
        ended = encrypt_into(f"{owner}.{name}", f"example-{name}", monkeypatch)
        assert ended.code == 0, ended.err
        assert f"bound to app=shop, name={name}\n" in ended.err
    settings = _load(tmp_path / "shop.py")
    assert settings.SECRET_KEY == "example-SECRET_KEY"
    assert settings.DATABASES["default"]["PASSWORD"] == "example-DATABASES.default.PASSWORD"
    assert settings.DATABASES["replica"]["PASSWORD"] == "example-DATABASES.replica.PASSWORD"
    assert settings.EMAIL_HOST_PASSWORD == "example-EMAIL_HOST_PASSWORD"
    assert settings.MAIL == ["example-MAIL.0", "not the setting"]
    assert call(audit, "--allow", "local", "--verify", "shop.py").code == 0


@pytest.mark.parametrize("name", ["DATABASES.default.PASSWORD", "EMAIL_HOST_PASSWORD", "MAIL.0"])
def test_a_name_without_its_class_is_answered_with_the_whole_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = encrypt_into(name, "example", monkeypatch)
    assert ended.code == 1
    assert ended.err.endswith(f"{name} is set in a class or function. Name it as Base.{name}\n")


def test_every_class_that_has_the_name_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    ended = encrypt_into("SECRET_KEY", "example", monkeypatch)
    assert "Name it as Base.SECRET_KEY or Production.SECRET_KEY\n" in ended.err
    for name in ("Base", "Production"):
        encrypt_into(f"{name}.SECRET_KEY", f"example-{name}", monkeypatch)
    ended = call(decrypt, "SECRET_KEY", "--file", "shop.py")
    assert ended.err.endswith("only one can be meant. Name Base.SECRET_KEY or Production.SECRET_KEY\n")
    assert call(decrypt, "Base.SECRET_KEY", "--file", "shop.py").out.strip() == "example-Base"


@pytest.mark.parametrize(
    ("end", "advice"),
    [
        ("", "call decrypt_settings(cls) in setup() of the class"),
        ("\n    @classmethod\n    def setup(cls):\n        decrypt_settings(cls)\n", ""),
        ("\n\nload(Base)\ndecrypt_settings(globals())\n", ""),
    ],
)
def test_the_advice_is_for_a_class(end: str, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.py").write_text(f'{IMPORT}\n\nclass Base:\n    KEY = "old"\n{end}')
    ended = encrypt_into("Base.KEY", "example", monkeypatch)
    assert ended.code == 0, ended.err
    assert (advice in ended.err) if advice else ("decrypt_settings" not in ended.err)


def test_a_function_of_another_kind_keeps_its_names(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        f'{IMPORT}\n\ndef load():\n    return {{"a": Secret("{token("example", app="shop", name="a")}")}}\n'
    )
    ended = call(audit, "--allow", "local", "--verify", "shop.py")
    assert (ended.code, "load.a" in ended.out) == (0, True)
