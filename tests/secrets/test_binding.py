"""Where a token may be used: each reason to refuse one, and what its error advises."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from zemanta_ops.secrets import binding, config, modes, wire
from zemanta_ops.secrets.exceptions import ContextError

HERE = binding.Expected("shop", "DB_PASSWORD", "production", False, frozenset())
REQUIRED = replace(HERE, required=True)
BOUND = {"app": "shop", "name": "DB_PASSWORD"}
UNBOUND = (
    "zemanta_ops.toml requires tokens that are bound to app and name: encrypt it with --name, "
    "or add its SHA-256 to allow_unbound"
)


def refuse(params: dict[str, str], here: binding.Expected = HERE) -> str:
    """Return why a token is refused, or "" if it is accepted."""
    try:
        binding.check(wire.Token("plain", params), "digest", here)
    except ContextError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("params", "here", "message"),
    [
        ({"app": "bank"}, HERE, "the token belongs to another application"),
        (
            {"app": "shop"},
            replace(HERE, app="", file=Path("/site/zemanta_ops.toml")),
            "the token is bound to an application, and /site/zemanta_ops.toml does not name one. Add to it: app = …",
        ),
        (
            {"app": "shop"},
            replace(HERE, app=""),
            "the token is bound to an application, and this process does not know its own: zemanta_ops.toml is missing "
            "here. Copy it to the folder of the settings file or one above it (in a Dockerfile: "
            "COPY zemanta_ops.toml ./), or set ZEMANTA_OPS_CONFIG to its path, or pass app (a command: --app)",
        ),
        (
            {"c.env": "production"},
            replace(HERE, environment=""),
            "the token is bound to an environment, and this process does not know its own. Run: export "
            "ZEMANTA_OPS_ENV=…, or copy the zemanta_ops.toml that has it here",
        ),
        (
            {"c.env": "staging"},
            replace(HERE, any_environment=True),
            "the token belongs to another environment than the one that ZEMANTA_OPS_ENV names",
        ),
        (
            {"name": "DB_PASSWORD"},
            replace(HERE, name=""),
            "the token is bound to a name: pass it as get(name=...), or use decrypt_settings()",
        ),
        (
            {"name": "OTHER"},
            HERE,
            "the token belongs to another setting and cannot be moved: encrypt the secret for this name",
        ),
        ({"app": "shop"}, REQUIRED, UNBOUND),
        ({"name": "DB_PASSWORD"}, REQUIRED, UNBOUND),
        ({}, REQUIRED, UNBOUND),
        ({}, replace(REQUIRED, excepted=frozenset({"another digest"})), UNBOUND),
    ],
)
def test_a_token_of_somewhere_else_is_refused_with_the_reason(
    params: dict[str, str], here: binding.Expected, message: str
) -> None:
    assert refuse(params, here) == message


@pytest.mark.parametrize(
    ("params", "here"),
    [
        ({}, HERE),
        ({**BOUND, "c.env": "production"}, REQUIRED),
        (BOUND, replace(HERE, environment="")),
        ({"c.env": "staging"}, replace(HERE, environment="", any_environment=True)),
        ({}, replace(REQUIRED, excepted=frozenset({"digest"}))),
    ],
)
def test_a_token_of_here_or_of_nowhere_is_accepted(params: dict[str, str], here: binding.Expected) -> None:
    assert refuse(params, here) == ""


def test_a_build_may_use_the_tokens_of_every_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.DEFERRED)
    for here in (HERE, replace(HERE, environment="")):
        assert refuse({"c.env": "staging"}, here) == ""


def test_the_reader_expects_what_it_states_and_else_what_its_file_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(config.ENVIRONMENT_VARIABLE, raising=False)
    path = Path("/site/zemanta_ops.toml")
    file = config.Config(path, "shop", "production", True, frozenset({"digest"}))
    expected = binding.Expected("shop", "", "production", True, frozenset({"digest"}), path, any_environment=False)
    assert binding.expect(settings=file) == expected
    stated = binding.expect(app="bank", name="KEY", settings=file, any_environment=True)
    assert stated == replace(expected, app="bank", name="KEY", any_environment=True)
    with config.use(file):
        assert binding.expect() == expected
