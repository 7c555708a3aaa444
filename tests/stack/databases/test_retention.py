"""How long a database keeps what is written to it, of the policy or bucket that is written to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.servers.influxdb1 import InfluxDB1
from zemanta_ops.stack.databases import ONCE, connect


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ("", timedelta(days=7)),
        ("/week", timedelta(days=7)),
        ("/year", timedelta(days=365)),
        ("/autogen", None),
        ("/absent", None),
    ],
)
def test_the_policy_that_is_written_to_counts(
    policy: str, kept: timedelta | None, influxdb1: InfluxDB1, database: str
) -> None:
    influxdb1.query(f'CREATE RETENTION POLICY "week" ON "{database}" DURATION 7d REPLICATION 1 DEFAULT', database)
    influxdb1.query(f'CREATE RETENTION POLICY "year" ON "{database}" DURATION 365d REPLICATION 1', database)
    with connect(influxdb1.url, database=f"{database}{policy}", retry=ONCE) as opened:
        assert opened.read_retention() == kept
