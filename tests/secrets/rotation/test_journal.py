"""The journal is a regular file of ours: nothing else of that name is cut or removed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.secrets.disk import Disk
from tests.secrets.verbs.calls import call
from tests.special_files import KINDS, kept, make_special
from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.rotation.journal import FILE_NAME, abandon, resume, start
from zemanta_ops.secrets.verbs import migrate, rotate

VERBS = pytest.mark.parametrize("verb", [rotate, migrate])
OPTIONS = pytest.mark.parametrize("option", ["--resume", "--abandon"])


@VERBS
@OPTIONS
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_a_regular_file_is_left_alone(verb: object, option: str, kind: str, home: Path) -> None:
    with kept(make_special(kind, home / FILE_NAME)):
        ended = call(verb, option)  # type: ignore[arg-type]
    assert (ended.code, ended.out) == (1, "")
    assert "is not a regular file, so it is not the journal of a rotation" in ended.err


@OPTIONS
@pytest.mark.parametrize("text", ["{}\nkept without a line break", "", '{"nonce": "00", "options": {}}\n'])
def test_a_link_is_not_followed(option: str, text: str, home: Path) -> None:
    elsewhere = home / "elsewhere"
    elsewhere.write_text(text)
    (home / FILE_NAME).symlink_to("elsewhere")
    assert call(rotate, option).code == 1
    assert (home / FILE_NAME).is_symlink()
    assert elsewhere.read_text() == text


def test_a_file_that_is_not_a_journal_is_not_cut(home: Path) -> None:
    (home / FILE_NAME).write_text("notes\nof somebody")
    assert "is not the journal of a rotation" in call(rotate, "--resume").err
    assert (home / FILE_NAME).read_text() == "notes\nof somebody"


def test_a_journal_is_not_started_over_a_link(home: Path) -> None:
    (home / FILE_NAME).symlink_to("elsewhere")
    (home / "a.env").write_text("A=plain::example\n")
    assert "already exists" in call(rotate, "--from", "plain", "--to", "local", "a.env").err
    assert not (home / "elsewhere").exists()


@pytest.fixture
def permissive() -> Iterator[None]:
    """Let every file have the mode that it is created with."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_journal_is_readable_by_its_owner_alone(permissive: None, tmp_path: Path) -> None:
    journal = start(tmp_path, {})
    journal.add([("old", "new")])
    assert journal.path.stat().st_mode & 0o777 == 0o600


def test_what_was_added_is_on_the_disk(tmp_path: Path, disk: Disk) -> None:
    journal = start(tmp_path, {"paths": ["a.py"]})
    assert disk.keeps(journal.path)
    journal.add_recipes({"a.py": {"backend": "local"}})
    assert disk.keeps(journal.path)
    journal.add([("old", "new")])
    assert disk.keeps(journal.path)
    found = resume(tmp_path)
    assert (found.options, found.recipes, found.new) == (
        {"paths": ["a.py"]},
        {"a.py": {"backend": "local"}},
        {"old": "new"},
    )


@pytest.mark.parametrize("lost", range(1, 30))
def test_a_line_that_was_cut_does_not_spoil_what_is_added_after_it(lost: int, tmp_path: Path) -> None:
    journal = start(tmp_path, {})
    for number in range(3):
        journal.add([(f"old {number}", f"new {number}")])
    whole = {f"old {number}": f"new {number}" for number in range(2)}
    os.truncate(journal.path, journal.path.stat().st_size - lost)
    resumed = resume(tmp_path)
    assert resumed.new == whole
    resumed.add([("old 3", "new 3")])
    # Interrupted once more.
    assert resume(tmp_path).new == {**whole, "old 3": "new 3"}


def test_the_key_of_a_token_cannot_be_computed_without_the_journal(tmp_path: Path) -> None:
    journals = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        journals.append(start(tmp_path / name, {}))
    keys = [journal.key("plain::hunter2", {}, "local") for journal in journals]
    assert keys[0] != keys[1]
    assert resume(tmp_path / "a").key("plain::hunter2", {}, "local") == keys[0]


@pytest.mark.parametrize(
    "other",
    [("other", {"app": "shop"}, "local"), ("token", {"app": "web"}, "local"), ("token", {"app": "shop"}, "kms")],
)
def test_a_token_has_a_key_for_each_context_and_recipe(other: tuple[str, dict[str, str], str], tmp_path: Path) -> None:
    journal = start(tmp_path, {})
    key = journal.key("token", {"app": "shop", "name": "A"}, "local")
    token, context, recipe = other
    assert journal.key(token, {**context, "name": "A"}, recipe) != key
    assert journal.key("token", {"name": "A", "app": "shop"}, "local") == key


def test_a_journal_begins_with_its_version_and_a_nonce_of_32_bytes(tmp_path: Path) -> None:
    journal = start(tmp_path, {"a": [1]})
    assert journal.options == {"a": [1]}
    head = json.loads(journal.path.read_text())
    assert (head["journal"], head["options"], len(bytes.fromhex(head["nonce"]))) == (1, {"a": [1]}, 32)


def test_a_journal_that_ends_is_gone_also_if_somebody_has_removed_it(tmp_path: Path) -> None:
    journal = start(tmp_path, {})
    for _ in range(2):
        journal.end()
        assert not journal.path.exists()
    assert not abandon(tmp_path)
    start(tmp_path, {})
    assert abandon(tmp_path)
    assert not abandon(tmp_path)


def test_the_words_of_a_journal_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / FILE_NAME
    with pytest.raises(SourceError) as caught:
        resume(tmp_path)
    assert str(caught.value) == f"there is nothing to resume here: {path} does not exist"
    with pytest.raises(SourceError) as caught:
        start(tmp_path / "gone", {})
    assert str(caught.value) == f"{tmp_path / 'gone' / FILE_NAME} could not be written: No such file or directory"
    path.write_text("")
    with pytest.raises(SourceError) as caught:
        resume(tmp_path)
    assert str(caught.value) == (
        f"{path} is empty, because nothing was done yet: remove it with --abandon and start again"
    )
    for text in ("[]\n", "{}\n", '{"nonce": "x", "options": {}}\n', '{"nonce": "00", "options": {}}\n{}\n', "no\n"):
        path.write_text(text)
        with pytest.raises(SourceError) as caught:
            resume(tmp_path)
        assert str(caught.value) == f"{path} is not the journal of a rotation: remove it with --abandon and start again"
    with pytest.raises(SourceError) as caught:
        start(tmp_path, {})
    assert str(caught.value) == (
        f"{path} already exists: a rotation was interrupted or is still running. "
        "Continue with --resume, or discard it with --abandon"
    )

    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(SourceError) as caught:
        resume(tmp_path)
    assert str(caught.value) == f"{path} cannot be read: Permission denied"
