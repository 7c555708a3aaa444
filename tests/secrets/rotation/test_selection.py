"""Which tokens of a file are replaced, and how the order for it is kept in a journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files.source_file import SourceFile, read
from zemanta_ops.secrets.rotation.order import Order, Recipe, read_order
from zemanta_ops.secrets.rotation.selection import Selection, read_selection
from zemanta_ops.secrets.wire import Token

BODY = "QUJDREVGRw=="
TOKENS = {
    "local": f"local:v=2&key=one:{BODY}",
    "other": f"local:v=2&key=two:{BODY}",
    "sealed": f"sealed:v=1&suite=x25519&key=one:{BODY}",
    "old": f"local::{BODY}",
    "plain": "plain::example",
}


@pytest.fixture
def file(tmp_path: Path) -> SourceFile:
    """Return a TOML file with a token of each kind in two tables."""
    lines = [f"[{table}]\n" + "".join(f'{name} = "{text}"\n' for name, text in TOKENS.items()) for table in "ab"]
    path = tmp_path / "a.toml"
    path.write_text("".join(lines))
    return read(path)


def env(folder: Path, text: str) -> SourceFile:
    path = folder / ".env"
    path.write_text(text)
    return read(path)


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(), "a.local a.other a.sealed a.old b.local b.other b.sealed b.old"),
        (Selection(backend="plain"), "a.plain b.plain"),
        (Selection(backend="sealed"), "a.sealed b.sealed"),
        (Selection(key="one"), "a.local a.sealed b.local b.sealed"),
        (Selection(key="one", backend="local"), "a.local b.local"),
        (Selection(migrate=True), "a.old b.old"),
        (Selection(settings=("a.*", "b.old")), "a.local a.other a.sealed a.old b.old"),
        (Selection(settings=("A.*",)), ""),
        (Selection(skip=("b.*", "?.o*")), "a.local a.sealed"),
        (Selection(settings=("b.*",), skip=("b.s*",), key="one"), "b.local"),
    ],
)
def test_tokens_are_chosen_by_setting_backend_and_key(selection: Selection, chosen: str, file: SourceFile) -> None:
    assert [found.setting for found in selection.choose(file)] == chosen.split()


ENV = f"DB_PASSWORD=hunter2-example\nNAME=shop\nEMPTY_PASSWORD=\nTOKEN_OLD=local::{BODY}\n"


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(migrate=True), "TOKEN_OLD DB_PASSWORD"),
        (Selection(migrate=True, every=True), "TOKEN_OLD DB_PASSWORD NAME"),
        (Selection(migrate=True, settings=("NAME",)), "NAME"),
        (Selection(migrate=True, every=True, skip=("DB_*",)), "TOKEN_OLD NAME"),
        (Selection(migrate=True, skip=("DB_*",)), "TOKEN_OLD"),
        (Selection(), "TOKEN_OLD"),
    ],
)
def test_plaintexts_of_env_files_are_migrated(selection: Selection, chosen: str, tmp_path: Path) -> None:
    found = selection.choose(env(tmp_path, ENV))
    assert [each.setting for each in found] == chosen.split()
    values = [each.token.ciphertext for each in found if each.token and each.token.backend == "plain"]
    assert values == [
        {"DB_PASSWORD": "hunter2-example", "NAME": "shop"}[each] for each in chosen.split() if each != "TOKEN_OLD"
    ]


def test_the_plaintexts_of_a_file_are_listed_with_whether_they_are_replaced(tmp_path: Path) -> None:
    listed = Selection(migrate=True).list_plaintexts(env(tmp_path, ENV))
    assert [(each.literal.setting, wanted) for each, wanted in listed] == [("DB_PASSWORD", True), ("NAME", False)]


def test_a_name_that_is_set_twice_is_refused_if_it_would_be_replaced(tmp_path: Path) -> None:
    file = env(tmp_path, "NAME=a\nNAME=b\nDB_PASSWORD=hunter2-example\nDB_PASSWORD=hunter3-example\n")
    with pytest.raises(SourceError) as caught:
        Selection(migrate=True).choose(file)
    assert str(caught.value) == f"{file.path}:3: DB_PASSWORD is set more than once: keep one line"
    assert len(Selection(migrate=True, skip=("DB_*",)).list_plaintexts(file)) == 4


def test_all_that_cannot_be_migrated_is_reported_at_once(tmp_path: Path) -> None:
    file = env(
        tmp_path,
        "DB_PASSWORD=hunter2-example\nURL=redis://:${DB_PASSWORD}@cache\nA_PASSWORD=a #b\nB_PASSWORD='a\\'b'\n",
    )
    with pytest.raises(SourceError) as caught:
        Selection(migrate=True, skip=("URL",)).choose(file)
    first, *others = str(caught.value).splitlines()
    assert first == (
        f"{file.path}:2 URL: refers to DB_PASSWORD, and would have its token in the value. Write it out, name the "
        "program that reads the file with --reader, or leave DB_PASSWORD as it is with --skip DB_PASSWORD"
    )
    assert [line.partition(": ")[0] for line in others] == [f"{file.path}:3 A_PASSWORD", f"{file.path}:4 B_PASSWORD"]


def test_the_reader_that_is_named_decides(tmp_path: Path) -> None:
    file = env(tmp_path, "DB_PASSWORD='a'\nURL=redis://:${DB_PASSWORD}@cache\n")
    chosen = {}
    for reader in ("docker", "compose"):
        try:
            [found] = Selection(migrate=True, skip=("URL",), reader=reader).choose(file)
        except SourceError as error:
            chosen[reader] = str(error)
        else:
            assert found.token == Token("plain", {}, found.token.ciphertext if found.token else "")
            chosen[reader] = f"{found.path.name} {found.token.ciphertext}"
    assert chosen["docker"] == ".env 'a'"
    assert "URL: refers to DB_PASSWORD" in chosen["compose"]


@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(("a",), "local", "one", migrate=True, skip=("b", "c"), every=True, reader="compose"),
    ],
)
def test_an_order_survives_a_journal(selection: Selection) -> None:
    order = Order(("a", "b"), {"to": "local"}, selection, bind=True, verify=False, exclude=("c",))
    kept: dict[str, Any] = json.loads(json.dumps(order.as_dict()))
    assert read_order(kept) == order
    assert read_selection(kept["selection"]) == selection


def test_an_order_has_words_for_messages() -> None:
    for selection, verb, past in (
        (Selection(), "re-encrypt", "re-encrypted"),
        (Selection(migrate=True), "migrate", "migrated"),
    ):
        order = Order((), {}, selection)
        assert (order.verb, order.past_verb) == (verb, past)


def test_recipes_are_the_same_if_their_options_are() -> None:
    recipe = Recipe("local", {"b": 1, "a": 2}, "shop")
    assert recipe.identity == Recipe("local", {"a": 2, "b": 1}, "shop").identity
    others = [Recipe("kms", recipe.options, "shop"), Recipe("local", {"a": 2}, "shop"), Recipe("local", recipe.options)]
    assert len({each.identity for each in (recipe, *others)}) == 4
