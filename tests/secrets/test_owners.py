"""Whose token it is: commands bind it to the name that the program states, and the audit refuses every other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.secrets.tokens import local
from tests.secrets.verbs.calls import call
from tests.secrets.verbs.into import typed
from zemanta_ops.secrets import Secret, decrypt_settings, load_config
from zemanta_ops.secrets.exceptions import ContextError, ResolveError
from zemanta_ops.secrets.files.scan import find_tokens
from zemanta_ops.secrets.files.source_file import read
from zemanta_ops.secrets.verbs import audit, edit, rotate

IMPORT = "from zemanta_ops.secrets import Secret, decrypt_settings\n"
END = "decrypt_settings(globals(), app='shop')\n"

# The setting that a person names, the file, and the name that the program states.
PROGRAMS = [
    ("A", f"A = Secret('TOKEN')\n{END}", "A"),
    ("D.default.P", f"D = {{'default': {{'P': Secret('TOKEN')}}}}\n{END}", "D.default.P"),
    ("L.1", f"L = [1, Secret('TOKEN')]\n{END}", "L.1"),
    ("_P", f"_P = Secret('TOKEN')\nD = {{'a': _P, 'b': [_P]}}\n{END}", "D.a"),
    ("_P", f"_P = Secret('TOKEN')\nA = _P\ndel _P\n{END}", "A"),
    ("p", f"p = Secret('TOKEN')\nB = {{'x': 1}}\nB['y'] = p\n{END}", "B.y"),
    ("A", f"A = Secret('TOKEN')\nB = A\n{END}", "A"),
    ("Prod.A", "class Prod:\n    A = Secret('TOKEN')\ndecrypt_settings(Prod, app='shop')\n", "A"),
    (
        "Prod.D.p",
        "class Base:\n    D = {}\nclass Prod(Base):\n    D = {'p': Secret('TOKEN')}\n"
        "decrypt_settings(Prod, app='shop')\n",
        "D.p",
    ),
    ("A", "A = Secret('TOKEN').get(name='OTHER', app='shop')\n", "OTHER"),
    ("f.A", "def f():\n    A = Secret('TOKEN').get(name='INNER', app='shop')\n    return A\nA = f()\n", "INNER"),
    ("U", f"U = Secret.template('redis://:{{}}@h', 'TOKEN')\n{END}", "U"),
]
READS = pytest.mark.parametrize(("setting", "text", "owner"), PROGRAMS)


def write(text: str, token: str) -> None:
    Path("a.py").write_text(IMPORT + text.replace("TOKEN", token))


def run_program() -> dict[str, Any]:
    """Run the settings file as Django would; it raises if a token is refused."""
    namespace: dict[str, Any] = {"__name__": "a", "__file__": str(Path("a.py").absolute())}
    exec(Path("a.py").read_text(), namespace)
    return namespace


def bound_names() -> set[str]:
    return {found.token.name for found in find_tokens(read(Path("a.py"))) if found.token}


def audited(path: str = "a.py") -> list[str]:
    return [problem for row in json.loads(call(audit, "--json", path).out)["tokens"] for problem in row["problems"]]


@pytest.fixture(autouse=True)
def folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(home.parent))
    return home


@READS
def test_a_rotation_binds_to_the_name_that_the_program_states(setting: str, text: str, owner: str) -> None:
    write(text, local("example"))
    ended = call(rotate, "--to", "local", "--bind", "--app", "shop", "a.py")
    assert ended.code == 0, ended.err
    assert bound_names() == {owner}
    run_program()
    assert audited() == []


@READS
@pytest.mark.parametrize("old", ["", "unbound", "bound"])
def test_a_new_token_is_bound_to_the_name_that_the_program_states(
    old: str, setting: str, text: str, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = {"": "", "unbound": local("old"), "bound": local("old", app="shop", name=owner)}
    write(text, tokens[old])
    ended = typed(monkeypatch, "local", "--app", "shop", "--into", "a.py", setting)
    assert ended.code == 0, ended.err
    assert bound_names() == {owner}
    run_program()
    assert audited() == []


@READS
def test_an_edited_token_keeps_its_name(
    setting: str, text: str, owner: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(text, local("old", app="shop", name=owner))
    (folder / "editor").write_text("#!/bin/sh\necho new > $1\n")
    (folder / "editor").chmod(0o700)
    monkeypatch.setenv("EDITOR", str(folder / "editor"))
    ended = call(edit, "--app", "shop", "a.py", setting)
    assert ended.code == 0, ended.err
    assert bound_names() == {owner}
    run_program()


@READS
def test_the_audit_and_the_program_refuse_the_same_names(setting: str, text: str, owner: str) -> None:
    for name in ("OTHER_NAME", f"{owner}.0", f"Prod.{owner}", f"{setting}x"):
        write(text, local("example", app="shop", name=name))
        assert audited() == [f"bound to another setting ({name})"]
        with pytest.raises((ContextError, ResolveError), match="belongs to another setting"):
            run_program()


def test_settings_that_share_a_secret_accept_the_name_of_each(folder: Path) -> None:
    text = f"_P = Secret('TOKEN')\nD = {{'a': _P, 'b': [_P]}}\n{END}"
    for name in ("_P", "D.a", "D.b.0"):
        write(text, local("example", app="shop", name=name))
        assert run_program()["D"] == {"a": "example", "b": ["example"]}
        assert audited() == []
        assert call(rotate, "--to", "local", "--bind", "--app", "shop", "a.py").code == 0
        assert bound_names() == {name}


def test_a_copy_of_a_token_is_refused_beside_the_original(folder: Path) -> None:
    token = local("example", app="shop", name="A")
    settings = {"A": Secret(token), "B": Secret(token)}
    with pytest.raises(ResolveError) as caught:
        decrypt_settings(settings, app="shop")
    assert set(caught.value.failures) == {"B"}
    write(f"A = Secret('TOKEN')\nB = Secret('TOKEN')\n{END}", token)
    assert audited() == ["bound to another setting (A)"]


ALIASES = "a: &one TOKEN\nb: *one\nbase: &base\n  p: *one\nprod:\n  <<: *base\nlist: [x, *one]\n"


@pytest.mark.parametrize("name", ["a", "b", "base.p", "prod.p", "list.1"])
def test_an_alias_of_yaml_shares_its_token(name: str, folder: Path) -> None:
    Path("a.yaml").write_text(ALIASES.replace("TOKEN", local("example", app="shop", name=name)))
    assert load_config("a.yaml", app="shop")["list"] == ["x", "example"]
    assert audited("a.yaml") == []
    assert call(rotate, "--to", "local", "--bind", "--app", "shop", "a.yaml").code == 0
    assert load_config("a.yaml", app="shop")["prod"] == {"p": "example"}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.yaml", "a: TOKEN\nb: TOKEN\n"),
        ("a.yaml", "a: 'TOKEN'\nb: {a: 'TOKEN'}\n"),
        ("a.json", '{"a": "TOKEN", "b": "TOKEN"}'),
        ("a.toml", "a = 'TOKEN'\nb = 'TOKEN'\n"),
        (".env", "a=TOKEN\nb=TOKEN\n"),
    ],
)
def test_a_copy_in_a_file_is_refused(file: str, text: str, folder: Path) -> None:
    Path(file).write_text(text.replace("TOKEN", local("example", app="shop", name="a")))
    with pytest.raises(ResolveError, match="belongs to another setting"):
        load_config(file, app="shop")
    assert audited(file) == ["bound to another setting (a)"]
