"""decrypt_settings: nested places, one report, overrides and binding."""

from __future__ import annotations

import logging
import sys
import types
from collections import namedtuple
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.secrets.tokens import local
from zemanta_ops.secrets import Secret, StrictSecret, backends, decrypt_settings, ledger, modes, overrides
from zemanta_ops.secrets.backends.base import Result
from zemanta_ops.secrets.backends.plain import PlainBackend
from zemanta_ops.secrets.exceptions import ConfigError, ContextError, ModeError, ResolveError, TokenError
from zemanta_ops.secrets.wire import Token

Pair = namedtuple("Pair", "user password")  # noqa: PYI024 (a namedtuple without types is the case)


def plain(text: str) -> Secret:
    return Secret(f"plain::{text}")


def test_secrets_are_found_anywhere() -> None:
    loop: list[Any] = [plain("l")]
    loop.append(loop)
    strict = StrictSecret("plain::s")
    settings: dict[str, Any] = {
        "A": plain("a"),
        "B": {"x": [plain("b0"), {"y": plain("b1")}], 1: plain("b2")},
        "C": ("before", plain("c")),
        "D": Pair("user", plain("d")),
        "E": loop,
        "F": Secret.template("u:{}@h", "plain::f"),
        "STRICT": strict,
        "SET": {1, 2},
        "__builtins__": {"never": plain("n")},
    }
    inner = settings["B"]
    decrypt_settings(settings)
    assert settings["A"] == "a"
    assert settings["B"] is inner
    assert inner == {"x": ["b0", {"y": "b1"}], 1: "b2"}
    assert settings["C"] == ("before", "c")
    assert settings["D"] == Pair("user", "d")
    assert settings["E"][0] == "l"
    assert settings["F"] == "u:f@h"
    assert settings["STRICT"] is strict
    assert isinstance(settings["__builtins__"]["never"], Secret)


def test_a_list_under_two_names_is_decrypted_once_for_both() -> None:
    shared = [plain("a")]
    settings: dict[str, Any] = {"A": shared, "B": shared}
    decrypt_settings(settings)
    assert settings["A"] is settings["B"] is shared
    assert shared == ["a"]


def test_a_secret_in_a_set_is_refused() -> None:
    # A set asks for the hash of its members, which a Secret refuses.
    with pytest.raises(TokenError, match=r"call \.get\(\)"):
        decrypt_settings({"A": {"x": {plain("a")}}})


def test_identical_tokens_cost_one_decryption(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    decrypt_many = PlainBackend.decrypt_many

    def count(self: PlainBackend, tokens: Sequence[Token]) -> list[Result]:
        seen.append(len(tokens))
        return decrypt_many(self, tokens)

    monkeypatch.setattr(PlainBackend, "decrypt_many", count)
    decrypt_settings({"A": plain("a"), "B": plain("a"), "C": plain("c")})
    assert seen == [2]


def test_all_failures_are_in_one_report_and_nothing_changes(home: Path) -> None:
    good, wrong = local("example-good-value"), local("example-wrong-value")
    changed = wrong[:-6] + ("A" if wrong[-6] != "A" else "B") + wrong[-5:]
    settings: dict[str, Any] = {
        "GOOD": Secret(good),
        "DATABASES": {"default": {"PASSWORD": Secret(changed)}},
        "LIST": [Secret("local:v=2&key=0123456789abcdef:AAAA"), plain("fine-example-value")],
        "BINARY": Secret(local(b"\xff")),
    }
    with pytest.raises(ResolveError) as caught:
        decrypt_settings(settings)
    report = str(caught.value)
    assert list(caught.value.failures) == ["DATABASES.default.PASSWORD", "LIST.0", "BINARY"]
    assert report.splitlines()[0].startswith("3 secrets could not be decrypted")
    assert "DATABASES.default.PASSWORD (local): the local token" in report
    assert "LIST.0 (local): the key of this local token is not on this machine" in report
    for hidden in ("example-good-value", "fine-example-value", changed, changed.rpartition(":")[2], "AAAA"):
        assert hidden not in report
    assert isinstance(settings["GOOD"], Secret)
    assert isinstance(settings["LIST"][1], Secret)


def test_what_was_read_is_known_to_redaction_and_checks(home: Path) -> None:
    decrypt_settings({"A": Secret(local("example-long-value", app="shop", name="A")), "B": plain("short")}, app="shop")
    assert ledger.plaintexts() == {"example-long-value", "short"}
    first, second = ledger.entries()
    assert (first.path, first.backend, first.context, first.short) == (
        "A",
        "local",
        {"app": "shop", "name": "A"},
        False,
    )
    assert (second.path, second.backend, second.short) == ("B", "plain", True)
    assert first.key_id
    assert "example" not in repr(first)


def test_a_token_cannot_be_moved(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_ENV", "production")
    token = local("example", app="shop", name="DATABASES.default.PASSWORD", env="production")

    def settings(where: str = "PASSWORD", alias: str = "default") -> dict[str, Any]:
        return {"DATABASES": {alias: {where: Secret(token)}}}

    decrypt_settings(settings(), app="shop")
    for moved, app in ((settings("USER"), "shop"), (settings(alias="other"), "shop"), (settings(), "bank")):
        with pytest.raises(ResolveError) as caught:
            decrypt_settings(moved, app=app)
        assert isinstance(next(iter(caught.value.failures.values())), ContextError)
    listed = local("example", app="shop", name="HOSTS.0")
    decrypt_settings({"HOSTS": [Secret(listed)]}, app="shop")
    with pytest.raises(ResolveError):
        decrypt_settings({"HOSTS": ["", Secret(listed)]}, app="shop")


def test_a_changed_context_does_not_decrypt(home: Path) -> None:
    token = local("example", app="shop", name="A", env="production")
    for old, new in (("app=shop", "app=bank"), ("name=A", "name=B"), ("c.env=production", "c.env=staging")):
        with pytest.raises(ResolveError) as caught:
            decrypt_settings({"A": Secret(token.replace(old, new)), "B": Secret(token.replace(old, new))})
        assert "example" not in str(caught.value)


def test_required_context_refuses_unbound_tokens_but_for_the_allow_list(home: Path) -> None:
    unbound, bound, excepted = plain("one"), local("two", app="shop", name="B"), "plain::three"
    config = f'app = "shop"\nrequire_context = true\nallow_unbound = ["{ledger.digest(excepted)}"]\n'
    (home / "zemanta_ops.toml").write_text(config)
    with pytest.raises(ResolveError) as caught:
        decrypt_settings({"A": unbound, "B": Secret(bound), "C": Secret(excepted)})
    assert list(caught.value.failures) == ["A"]
    assert "--name" in str(caught.value)
    with pytest.raises(ContextError):
        unbound.get()
    decrypt_settings({"B": Secret(bound), "C": Secret(excepted)})


@pytest.mark.parametrize("context", [{"app": "shop"}, {"name": "A"}], ids=str)
def test_required_context_is_application_and_name(context: dict[str, str], home: Path) -> None:
    """With one of them, a token could still be moved to another setting, or to another application."""
    (home / "zemanta_ops.toml").write_text('app = "shop"\nrequire_context = true\n')
    with pytest.raises(ResolveError, match="bound to app and name"):
        decrypt_settings({"A": Secret(local("example", **context))})


def test_required_context_needs_an_application_to_compare_with(home: Path) -> None:
    """Without one, a token of any application would pass."""
    (home / "zemanta_ops.toml").write_text("require_context = true\n")
    settings = {"B": Secret(local("two", app="bank", name="B"))}
    with pytest.raises(ResolveError) as caught:
        decrypt_settings(dict(settings))
    assert isinstance(caught.value.failures["B"], ContextError)
    decrypt_settings(dict(settings), app="bank")


def test_the_configuration_beside_the_settings_file_counts(home: Path) -> None:
    (home / "site").mkdir()
    (home / "site" / "zemanta_ops.toml").write_text('app = "bank"\n')
    settings: dict[str, Any] = {
        "__file__": str(home / "site" / "settings.py"),
        "A": Secret(local("x", app="shop", name="A")),
    }
    with pytest.raises(ResolveError, match="another application"):
        decrypt_settings(settings)


@pytest.mark.parametrize("file", ["settings.py", None])
def test_the_configuration_beside_the_file_of_a_class_counts(
    file: str | None, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "site").mkdir()
    (home / "site" / "zemanta_ops.toml").write_text('app = "bank"\n')
    (home / "zemanta_ops.toml").write_text('app = "shop"\n')
    module = types.ModuleType("example_class_settings")
    if file:
        module.__file__ = str(home / "site" / file)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    kind = type("Production", (), {"__module__": module.__name__, "A": Secret(local("x", app="shop", name="A"))})
    if file:
        with pytest.raises(ResolveError, match="another application"):
            decrypt_settings(kind)
    else:
        decrypt_settings(kind)
        assert kind.A == "x"  # type: ignore[attr-defined]


def test_fake_values_are_for_debug_if_this_is_no_test_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.FAKE)
    monkeypatch.setattr(modes, "under_test", lambda: False)
    decrypt_settings({"A": plain("a"), "DEBUG": True})
    for settings in ({"A": plain("a"), "DEBUG": False}, {"A": plain("a")}):
        with pytest.raises(ModeError) as caught:
            decrypt_settings(settings)
        assert str(caught.value) == "ZEMANTA_OPS_SECRETS=fake is for test runs: unset it if DEBUG is off"


def test_only_the_last_settings_file_reports_overrides_that_match_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(overrides, "warn_of_unused", lambda _, paths: seen.append(paths))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "site.production")
    for name, reported in (("site.base", []), ("site.production", [["A"]]), (None, [["A"]])):
        decrypt_settings({"A": plain("a"), **({"__name__": name} if name else {})})
        assert seen == reported
        seen.clear()
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    decrypt_settings({"A": plain("a"), "__name__": "anything"})
    decrypt_settings(type("Production", (), {"B": plain("b")}))
    assert seen == [["A"], ["B"]]


def test_a_shared_secret_may_be_bound_to_any_of_its_names(home: Path) -> None:
    for names in (("A", "B"), ("B", "A")):
        shared = Secret(local("x", app="shop", name="A"))
        settings: dict[str, Any] = dict.fromkeys(names, shared)
        decrypt_settings(settings, app="shop")
        assert settings == {"A": "x", "B": "x"}


def test_the_report_names_every_backend_of_a_template_and_what_helps(home: Path) -> None:
    template = Secret.template("{}:{}{}", "local:v=2&key=0123456789abcdef:AAAA", "plain::x", "plain::y")
    with pytest.raises(ResolveError) as caught:
        decrypt_settings({"URL": template})
    first, line, *advice = str(caught.value).splitlines()
    assert first.startswith("1 secret")
    assert "URL (local, plain): the key of this local token is not on this machine" in line
    assert "ZEMANTA_OPS_OVERRIDE__URL" in "\n".join(advice)


def test_overrides_replace_tokens_and_are_logged_by_name(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = home / ".secrets.local.toml"
    path.touch(mode=0o600)
    path.write_text('A = "from-the-file"\n[D.default]\nPASSWORD = "lost"\n')
    monkeypatch.setenv("ZEMANTA_OPS_OVERRIDE__D__default__PASSWORD", "from-the-environment")
    unreadable = "local:v=2&key=0123456789abcdef:AAAA"
    settings: dict[str, Any] = {"A": Secret(unreadable), "D": {"default": {"PASSWORD": Secret(unreadable)}}}
    with caplog.at_level(logging.WARNING):
        decrypt_settings(settings)
    assert settings == {"A": "from-the-file", "D": {"default": {"PASSWORD": "from-the-environment"}}}
    assert set(ledger.overrides()) == {"A", "D.default.PASSWORD"}
    assert ledger.plaintexts() == {"from-the-file", "from-the-environment"}
    assert "D.default.PASSWORD is overridden" in caplog.text
    assert "from-the" not in caplog.text


@pytest.mark.parametrize("text", ["A = ", "A = 1", 'A = ["x"]', b"A = '\xff'"])
def test_a_broken_override_file_is_an_error_without_values(text: str | bytes, home: Path) -> None:
    path = home / ".secrets.local.toml"
    path.touch(mode=0o600)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError, match=r"\.secrets\.local\.toml"):
        decrypt_settings({"A": plain("a")})


def test_a_missing_extra_fails_its_own_secrets_only(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore", None)
    for name in ("kms", "_aws_calls", "_aws_session"):
        monkeypatch.delitem(sys.modules, f"zemanta_ops.secrets.backends.{name}", raising=False)
        monkeypatch.delattr(backends, name, raising=False)
    monkeypatch.setattr(backends, "_loaded", {})
    with pytest.raises(ResolveError, match=r'pip install "zemanta-ops\[kms\]"') as caught:
        decrypt_settings({"A": Secret("kms:region=eu-west-1:QUJD"), "B": plain("b")})
    assert list(caught.value.failures) == ["A"]


def test_a_backend_of_ones_own_can_be_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "_PATHS", dict(backends._PATHS))
    backends.register("mine", "zemanta_ops.secrets.backends.plain.PlainBackend")
    assert Secret("mine::text").get() == "text"
