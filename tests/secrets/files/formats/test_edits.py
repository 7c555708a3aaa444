"""What is changed in a text is the value alone, once, and it reads as the libraries for the format read it."""

from __future__ import annotations

from io import StringIO

import pytest
from dotenv import dotenv_values
from ruamel.yaml import YAML

from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files.formats import scalars, strings
from zemanta_ops.secrets.files.formats.base import Span, splice


@pytest.mark.parametrize("spans", [[(0, 3), (2, 5)], [(2, 5), (0, 3)], [(0, 5), (1, 2)], [(1, 2), (1, 2)]])
def test_changes_that_overlap_are_refused(spans: list[Span]) -> None:
    with pytest.raises(SourceError, match="overlap"):
        splice("example text", [(span, "new") for span in spans])


def test_changes_side_by_side_are_made_in_any_order() -> None:
    assert splice("abcdef", [((3, 6), "X"), ((0, 3), "YY")]) == "YYX"
    assert splice("abcdef", [((2, 2), "X")]) == "abXcdef"


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("a: &db 'kms::one'\nb: *db\n", "a: &db NEW\nb: *db\n"),
        ("a: &db kms::one\n", "a: &db NEW\n"),
        ("a: !!str kms::one\n", "a: !!str NEW\n"),
        ("a: &db !!str 'kms::one' # &not\n", "a: &db !!str NEW # &not\n"),
        ("a: !!str &db\n  'kms::one'\n", "a: !!str &db\n  NEW\n"),
        ("a: '&db kms::one'\n", "a: NEW\n"),
    ],
)
def test_a_yaml_value_keeps_its_anchor_and_its_tag(text: str, replaced: str) -> None:
    [literal] = strings(text, ".yaml")
    changed = splice(text, [(literal.span, "NEW")])
    assert changed == replaced
    read = YAML(typ="safe").load(changed)
    assert set(read.values()) == {"NEW"}


@pytest.mark.parametrize("character", "\a\b\f\n\r\t\v\\'\"")
def test_every_escape_of_double_quotes_is_read_as_python_dotenv_reads_it(character: str) -> None:
    escaped = {"\\": "\\\\", "'": "\\'", '"': '\\"'}.get(character, repr(character)[1:-1])
    names = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v"}
    text = f'A="one{names.get(character, escaped)}two"\n'
    [literal] = scalars(text, ".env")
    assert literal.value == f"one{character}two" == dotenv_values(stream=StringIO(text))["A"]


@pytest.mark.parametrize("text", ['A="one\\xtwo"\n', "A='one\\ntwo'\n", "A='one\\'two'\n", "A=one\\ntwo\n"])
def test_other_backslashes_are_read_as_python_dotenv_reads_them(text: str) -> None:
    [literal] = scalars(text, ".env")
    assert literal.value == dotenv_values(stream=StringIO(text))["A"]
