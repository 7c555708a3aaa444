"""The queries on the page "From nothing to a number", asked of the real databases."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.process import wait_until
from tests.servers.stores import Store
from tests.servers.victoriametrics import VictoriaMetrics

PAGE = Path(__file__).parents[2] / "docs" / "first_number.rst"


def find_query(words: str) -> str:
    """Return the code block that has these words in it."""
    blocks = re.findall(r"code-block:: \w+\n\n((?:    .*\n|\n)+)", PAGE.read_text(encoding="utf-8"))
    (found,) = [re.sub(r"(?m)^    ", "", block).strip() for block in blocks if words in block]
    return str(found)


def test_each_query_counts_the_requests_by_view(new_any_store: Callable[[], Store]) -> None:
    store = new_any_store()
    store.write(
        "\n".join(
            f"http_request_count,view={view},status={status} value={value}"
            for view, status, value in (("home", 200, 3), ("home", 404, 1), ("cart", 200, 5))
        )
    )
    with store.connect() as database:
        if "BUCKET" in store.settings:
            query, value = find_query("|> range").replace('"telegraf"', f'"{store.name}"'), "_value"
        elif isinstance(store.server, VictoriaMetrics):
            query, value = find_query("sum by (view)"), "value"
            query = query.replace("value[", f'value{{db="{store.name}"}}[')
            store.server.flush()
        else:
            query, value = find_query("SELECT SUM"), "sum"

        def read() -> dict[str, float]:
            return {row["view"]: float(row[value]) for row in database.query(query)}

        assert wait_until(lambda: read() == {"home": 4, "cart": 5}, 15, 0.5), read()


@pytest.mark.parametrize("cause", re.findall(r"``(\w+)``(?: or ``(\w+)``)?[;\n]", PAGE.read_text(encoding="utf-8")))
def test_each_cause_in_the_table_is_one_of_check_metrics(cause: tuple[str, str]) -> None:
    from zemanta_ops.stack.check.hops import ADVICE

    assert set(cause) <= {*ADVICE, ""}
