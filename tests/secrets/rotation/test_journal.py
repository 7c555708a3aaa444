"""The journal is a regular file of ours: nothing else of that name is cut or removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.secrets.verbs.calls import call
from tests.special_files import KINDS, kept, make_special
from zemanta_ops.secrets.rotation.journal import FILE_NAME
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
