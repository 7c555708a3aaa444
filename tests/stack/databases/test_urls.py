"""A URL of a database is shown without what may be secret, and an error does not repeat it."""

from __future__ import annotations

import pytest

from zemanta_ops.stack.databases.urls import show_url, split_url


@pytest.mark.parametrize(
    ("url", "port", "shown"),
    [
        ("http://db.example", None, "http://db.example"),
        ("https://db.example:8086/a/", None, "https://db.example:8086/a"),
        ("http://db.example/", 8086, "http://db.example:8086"),
        ("http://db.example:1/", 8086, "http://db.example:1"),
        ("http://db.example/X/", None, "http://db.example/X"),
        ("http://[::1]/x/y/", None, "http://[::1]/x/y"),
        ("http://[::1]:80", 8086, "http://[::1]:80"),
    ],
)
def test_a_url_is_shown_with_its_port_and_without_a_last_slash(url: str, port: int | None, shown: str) -> None:
    assert show_url(split_url(url), port) == shown


@pytest.mark.parametrize("url", ["", "ftp://db.example", "http://u:example@db.example", "db.example:8086"])
def test_what_is_no_url_of_a_database_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"^the URL of the database ") as caught:
        split_url(url)
    assert caught.value.__cause__ is None
    assert not url or url not in str(caught.value)
