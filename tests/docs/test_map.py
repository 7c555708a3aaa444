"""The map of the package shows the imports as they are now."""

from __future__ import annotations

import re
import runpy
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.docs.tables import DOCS

pytest.importorskip("grimp", reason="the map is drawn with grimp, which comes with import-linter")


@pytest.fixture(scope="module")
def draw_map() -> dict[str, Any]:
    """Return the names of the script."""
    return runpy.run_path(str(DOCS / "draw_map.py"))


@pytest.fixture(scope="module")
def drawn(draw_map: dict[str, Any]) -> str:
    """Return the map as the script draws it now."""
    return str(draw_map["draw_map"](draw_map["build_graph"]()))


def test_the_committed_map_is_what_the_script_draws_now(drawn: str) -> None:
    assert (DOCS / "map.svg").read_text(encoding="utf-8") == drawn, "Run: python docs/draw_map.py"


def test_every_module_of_the_rooms_is_on_the_map_once(draw_map: dict[str, Any], drawn: str) -> None:
    labels = re.findall(r'<text x="[^>]*>([^<]+)</text>', drawn)
    for room in draw_map["ROOMS"]:
        children = draw_map["build_graph"]().find_children(f"zemanta_ops.{room}")
        names = [child.rpartition(".")[2] for child in children]
        assert [name for name in names if name not in labels and f"{name}/" not in labels] == []


def test_an_import_that_follows_from_two_others_is_left_out(draw_map: dict[str, Any]) -> None:
    imports = {"a": {"b", "c"}, "b": {"c"}, "c": set[str]()}
    assert draw_map["drop_implied"](imports) == {"a": {"b"}, "b": {"c"}, "c": set()}
    assert draw_map["rank"](imports) == {"a": 2, "b": 1, "c": 0}


def test_the_map_is_a_picture_for_light_and_dark_pages(drawn: str) -> None:
    assert ET.fromstring(drawn).tag.endswith("svg")
    assert "prefers-color-scheme: dark" in drawn
