"""Every format: which strings are found, under which setting, and that nothing but the token's bytes change."""

from __future__ import annotations

import json
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from zemanta_ops.secrets.files.formats import format_of, scalars, strings
from zemanta_ops.secrets.files.formats.base import FormatError, Literal, splice, spread

PYTHON = '''\
"""Settings: a docstring."""
from zemanta_ops.secrets import Secret
import environ\r
DEBUG = False  # é comment before the offsets
SECRET_KEY = Secret("kms::one").get()
DATABASES: dict = {
    "default": {"PASSWORD": Secret('kms::two'), "HOST": "db"},  # "kms::no"
    **OTHERS,
}
CACHES = {"default": [Secret(r"""kms::three"""), ("x", Secret(token="kms::four"))]}
CACHES["more"]["deep"] = StrictSecret(
    "kms:"
    ":fi"  # a comment between
    f"" if False else "kms::five"
)
LONG = Secret(
    "kms::aaaa"
    "bbbb"  # stays
    'cc'
)
URL = Secret.template("redis://:{}@host/0", "kms::six", quote=True)
OPTIONS = dict(api=dict(key=Secret("kms::seven").get_bytes()))
A, B = Secret("kms::eight"), Secret("kms::nine")
settings.ATTRIBUTE = b"bytes" or Secret("kms::ten")
class Production(Base):
    TOKEN = Secret("kms::eleven").decrypt()
    def inner(self, default=Secret("kms::default")):
        self.x = env("NAME", default=Secret("kms::twelve"))
if (found := Secret("kms::walrus")):
    EMAIL = f"smtp://{Secret('kms::thirteen').get()}@host"
'''


def _found(text: str, kind: str) -> dict[str, str]:
    return {literal.setting: literal.value for literal in strings(text, kind)}


def test_python_names_every_setting() -> None:
    secrets = {found.setting: (found.value, found.call) for found in strings(PYTHON, ".py") if found.call}
    assert secrets == {
        "SECRET_KEY": ("kms::one", "Secret"),
        "DATABASES.default.PASSWORD": ("kms::two", "Secret"),
        "CACHES.default.0": ("kms::three", "Secret"),
        "CACHES.default.1.1": ("kms::four", "Secret"),
        "CACHES.more.deep": ("kms::five", "StrictSecret"),
        "LONG": ("kms::aaaabbbbcc", "Secret"),
        "URL": ("kms::six", "Secret.template"),
        "OPTIONS.api.key": ("kms::seven", "Secret"),
        "A": ("kms::eight", "Secret"),
        "B": ("kms::nine", "Secret"),
        "settings.ATTRIBUTE": ("kms::ten", "Secret"),
        "Production.TOKEN": ("kms::eleven", "Secret"),
        "Production.inner": ("kms::default", "Secret"),
        "Production.inner.self.x": ("kms::twelve", "Secret"),
        "found": ("kms::walrus", "Secret"),
        "EMAIL": ("kms::thirteen", "Secret"),
    }


def test_python_tells_a_setting_from_a_part_of_one() -> None:
    found = {literal.value: literal.direct for literal in strings(PYTHON, ".py")}
    assert found["db"]
    assert found["kms::one"]
    assert not found["NAME"]
    assert not found["redis://:{}@host/0"]


def test_python_lines_and_offsets_count_characters() -> None:
    for literal in strings(PYTHON, ".py"):
        start, end = literal.span
        assert PYTHON[start - 1 : start].strip() in ("", "(", "{", "[", "=")
        assert PYTHON.splitlines()[literal.line - 1] == PYTHON[: end + PYTHON[end:].index("\n")].splitlines()[-1] or (
            "\n" in PYTHON[start:end]
        )


TOML = '''\
# comment\r
title = "kms::one" # tail\r
[database]
"password" = 'kms::two'
ports = [1, true, "kms::three", ["kms::four"]]
inline = { a.b = "kms::five", c = 1979-05-27 }
deep.dotted.key = "kms::six"
[other]
[database.replica]
long = """
kms::\\
   se\\
   ven"""
[[hosts]]
name = "kms::eight"
[[hosts]]
name = \'\'\'kms::nine\'\'\'
escaped = "kms::t\\u0065n"
empty = ""
'''


def test_toml_names_every_setting() -> None:
    assert _found(TOML, ".toml") == {
        "title": "kms::one",
        "database.password": "kms::two",
        "database.ports.2": "kms::three",
        "database.ports.3.0": "kms::four",
        "database.inline.a.b": "kms::five",
        "database.deep.dotted.key": "kms::six",
        "database.replica.long": "kms::seven",
        "hosts.0.name": "kms::eight",
        "hosts.1.name": "kms::nine",
        "hosts.1.escaped": "kms::ten",
        "hosts.1.empty": "",
    }


YAML = """\
# comment\r
title: kms::one # tail\r
database: &db
  password: 'kms::two'
  list: [1, true, "kms::three", {a: kms::four}]
replica:
  <<: *db
  anchored: &token !!str "kms::five"
  again: *token
  literal: |-
    kms::six
  folded: >
    kms::seven
  broken: "kms::\\
    eight"
  1: kms::nine
---
second: kms::ten
"""


def test_yaml_names_every_setting() -> None:
    found = {name: value.strip() for name, value in _found(YAML, ".yaml").items()}
    assert found == {
        "title": "kms::one",
        "database.password": "kms::two",
        "database.list.2": "kms::three",
        "database.list.3.a": "kms::four",
        "replica.anchored": "kms::five",
        "replica.literal": "kms::six",
        "replica.folded": "kms::seven",
        "replica.broken": "kms::eight",
        "replica.1": "kms::nine",
        "second": "kms::ten",
    }


JSON = '{"a": {"b\\u00e9": "kms::one"},\r\n "l": [1, -2.5e3, null, "kms::t\\u0077o", [], {}, ["é", "kms:\\/:x"]]}\n'


def test_json_names_every_setting() -> None:
    assert _found(JSON, ".json") == {"a.bé": "kms::one", "l.3": "kms::two", "l.6.0": "é", "l.6.1": "kms:/:x"}


DOTENV = """\
# comment
A=kms::one
export B = "kms::two" # tail
C='kms::three'

D=plain with spaces # tail
E="two
lines\\n\\"quoted\\""\r
F=
G=value#not-a-comment"""


def test_dotenv_names_every_setting() -> None:
    assert _found(DOTENV, ".env") == {
        "A": "kms::one",
        "B": "kms::two",
        "C": "kms::three",
        "D": "plain with spaces",
        "E": 'two\nlines\n"quoted"',
        "F": "",
        "G": "value#not-a-comment",
    }


def _replaced(text: str, kind: str, new: str) -> str:
    chosen = [literal for literal in strings(text, kind) if literal.value.strip().startswith("kms:")]
    assert chosen
    return splice(text, [edit for literal in chosen for edit in spread(new, literal.pieces)])


@pytest.mark.parametrize(
    ("text", "kind"),
    [(PYTHON, ".py"), (TOML, ".toml"), (YAML, ".yaml"), (JSON, ".json"), (DOTENV, ".env")],
    ids=["python", "toml", "yaml", "json", "env"],
)
@pytest.mark.parametrize("new", ["sealed:v=1&kid=abc:" + "QUJD" * 30, "k::y"])
def test_only_the_tokens_change(text: str, kind: str, new: str) -> None:
    replaced = _replaced(text, kind, new)
    before, after = strings(text, kind), strings(replaced, kind)
    assert [(old.path, old.call, old.direct) for old in before] == [(now.path, now.call, now.direct) for now in after]
    for old, now in zip(before, after, strict=True):
        assert now.value.strip() == (new if old.value.strip().startswith("kms:") else old.value.strip())
    assert _without(text, before) == _without(replaced, after)


def _without(text: str, literals: list[Literal]) -> str:
    return splice(text, [(piece, "") for literal in literals for piece in literal.pieces])


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("A = 1\nB = (hunter2 hunter2\n", ".py", 2),
        ("a = 1\nb = hunter2\n", ".toml", 2),
        ("a: 1\nb: 'hunter2\n", ".yaml", 3),
        ('{"a": 1,\n"b" "hunter2"}', ".json", 2),
        ("A=1\nhunter2\n", ".env", 2),
        ('A=1\nB="hunter2\n', ".env", 2),
    ],
)
def test_a_text_of_another_format_is_named_by_line_and_never_quoted(text: str, kind: str, line: int) -> None:
    with pytest.raises(FormatError) as caught:
        strings(text, kind)
    assert caught.value.line == line
    assert "hunter2" not in f"{caught.value!r} {caught.value}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(("kind", "depth"), [(".json", 100_000), (".yaml", 1_000), (".toml", 10_000), (".py", 100_000)])
def test_deep_nesting_is_an_error_not_a_crash(kind: str, depth: int) -> None:
    with pytest.raises(FormatError):
        strings(("a = " if kind in (".toml", ".py") else "") + "[" * depth, kind)


@given(
    st.recursive(
        st.text() | st.none() | st.integers() | st.booleans(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_json_finds_what_json_reads(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=2)):
        assert [literal.value for literal in strings(text, ".json")] == list(_texts(value))


@given(st.dictionaries(st.text(min_size=1), st.text() | st.lists(st.text())))
def test_toml_finds_what_toml_reads(value: dict[str, Any]) -> None:
    text = tomlkit.dumps(value)
    assert [literal.value for literal in strings(text, ".toml")] == list(_texts(value))


def _texts(value: Any) -> Any:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("base.py", ".py"),
        ("x/.env", ".env"),
        (".env.production", ".env"),
        ("production.env", ".env"),
        ("a.YML", ".yml"),
        ("readme.rst", None),
        ("environment", None),
    ],
)
def test_the_format_is_told_by_the_name(name: str, kind: str | None) -> None:
    assert format_of(name) == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('a = 1\n[b]\nc = [1.5,\n true, 1979-05-27 ]\nd = { e = 07:32:00 , f = "x" }\n', ".toml"),
        ("a: 1\nb:\n  c: [1.5,\n    true, 1979-05-27 ]\n  d: { e: ~, f: x}\n", ".yaml"),
        ('{"a": 1,\n"b":\n{"c": [1.5,\n true, null ],\n"d": {"e": -2, "f": "x"}}}', ".json"),
    ],
)
def test_other_scalars_have_a_place_too(text: str, kind: str) -> None:
    found = scalars(text, kind)
    assert [literal.setting for literal in found] == ["a", "b.c.0", "b.c.1", "b.c.2", "b.d.e", "b.d.f"]
    assert [literal.string for literal in found] == [False] * 5 + [True]
    assert [literal.line for literal in found] == [1, 3, 4, 4, 5, 5]
