from __future__ import annotations

import argparse

import pytest

from zemanta_ops.terminal import align_columns, escape, keep_line_breaks, render_table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 中", "plain é 中"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\tb\nc\r", "a\\tb\\nc\\r"),
        ("\x9b2J", "\\x9b2J"),
        ("\u202e", "\\u202e"),
        ("\udc80", "\\udc80"),
        (5, "5"),
    ],
)
def test_no_character_can_control_the_terminal(text: object, shown: str) -> None:
    assert escape(text) == shown


def test_figures_are_aligned_to_the_right_and_text_to_the_left() -> None:
    assert align_columns([["name", "n"], ["a", "12"]], text_columns=1) == ["name   n", "a     12"]
    assert align_columns([["name", "n"], ["a", "12"]]) == ["name  n", "a     12"]


def test_a_table_escapes_its_cells_and_fills_the_empty_ones() -> None:
    assert render_table(["place", "age"], [["a\n", ""], ["b", 3]]) == "PLACE  AGE\na\\n    -\nb      3\n"


def test_an_epilog_keeps_its_line_breaks() -> None:
    text = "examples:\n  one\n  two\n"
    assert text in argparse.ArgumentParser(**keep_line_breaks(text)).format_help()
