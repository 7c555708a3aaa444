"""Runs into real InfluxDB 1.8 and 2.7: what is written twice, late, too old or refused."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import TOKEN, InfluxDB2
from tests.servers.stores import Store, store_of_victoriametrics
from tests.servers.victoriametrics import VictoriaMetrics
from tests.stack.cloudwatch.account import NOW, QUEUES, REGION, Account, at, declare, minutes
from tests.stack.cloudwatch.fake import FakeClients, FakeCloudWatch
from zemanta_ops.stack.cloudwatch.coverage import Coverage
from zemanta_ops.stack.cloudwatch.run import push
from zemanta_ops.stack.databases import Database, connect

MEASUREMENT, FIELD = "cloudwatch_aws_sqs", "number_of_messages_sent_sum"


class RealAccount:
    """A fake account, at the time that the servers have, with a real database."""

    def __init__(self, database: Database) -> None:
        self.now = int(time.time())
        self.fake = FakeCloudWatch(self.now)
        self.database = database

    def put(self, queue: str, values: dict[int, float], **options: Any) -> None:
        self.fake.put("AWS/SQS", "NumberOfMessagesSent", {"QueueName": queue}, values, **options)

    def push(self, seconds: int = 0, **options: Any) -> Coverage:
        self.fake.now = self.now + seconds
        clients = FakeClients({REGION: self.fake})
        return push(clients, self.database, declare(queues=QUEUES), now=at(self.now + seconds), **options)

    def read(self) -> dict[tuple[str, float], Any]:
        """Return all values by queue and time."""
        found = self.database.read_values(MEASUREMENT, FIELD, at(self.now - 20 * 86_400), at(self.now + 86_400))
        return {(each.tags["queue_name"], each.time.timestamp()): each.value for each in found}


@pytest.fixture
def account(store: Store) -> Any:
    with store.connect() as database:
        yield RealAccount(database)


def test_two_overlapping_runs_change_nothing_and_a_late_point_is_corrected(account: RealAccount) -> None:
    minute = account.now - account.now % 60
    account.put("mail", minutes(minute - 3600, account.now))
    account.put("mail", {minute - 600: 1000.0}, late=700)
    assert account.push().ok
    first = account.read()
    assert len(first) == 30
    assert account.push().ok
    assert account.read() == first

    assert account.push(seconds=300).ok
    assert account.read()["mail", minute - 600] == first["mail", minute - 600] + 1000


def test_a_thousand_series_are_filled_back_in_one_go(account: RealAccount) -> None:
    minute = account.now - account.now % 60
    for number in range(1000):
        account.put(f"queue-{number}", dict.fromkeys(range(minute - 3 * 3600, minute, 1800), 1.0))
    coverage = account.push(since=at(account.now - 3 * 3600 - 60))

    assert coverage.ok, coverage.problems
    assert len(account.read()) == coverage.rows == 6000
    assert coverage.metrics == account.fake.billed == 1000


def test_a_back_fill_beyond_the_retention_is_refused_before_the_first_request(
    account: RealAccount, store: Store
) -> None:
    if isinstance(store.server, InfluxDB1):
        store.server.query(f'ALTER RETENTION POLICY "autogen" ON "{store.name}" DURATION 7d DEFAULT')
    else:
        assert isinstance(store.server, InfluxDB2)
        bucket = store.server.call(f"buckets?name={store.name}")["buckets"][0]["id"]
        rules = {"retentionRules": [{"type": "expire", "everySeconds": 7 * 86_400}]}
        store.server.call(f"buckets/{bucket}", rules, method="PATCH")
    account.put("mail", {account.now - 8 * 86_400: 1.0})
    coverage = account.push(since=at(account.now - 8 * 86_400))

    assert "keeps nothing older than" in coverage.problems[0]
    assert account.fake.requests == []


def test_rows_that_the_database_refuses_are_reported_and_the_others_of_the_run_written(
    account: RealAccount, store: Store
) -> None:
    # An integer instead of the floats of the run: the database refuses the rows of the same shard, and no other.
    minute = account.now - account.now % 60
    store.write(f"{MEASUREMENT},queue_name=wrong {FIELD}=1i {minute * 10**9}")
    account.put("mail", minutes(minute - 1800, minute))
    account.fake.put("AWS/RDS", "CPUUtilization", {"DBInstanceIdentifier": "shop"}, minutes(minute - 1800, minute))
    rds = {
        "namespace": "AWS/RDS",
        "dimensions": {"DBInstanceIdentifier": "*"},
        "metrics": {"CPUUtilization": "Average"},
    }
    clients = FakeClients({REGION: account.fake})
    coverage = push(clients, account.database, declare(queues=QUEUES, rds=rds), now=at(account.now))

    assert coverage.refused in (27, 28)
    assert any("field type conflict" in line for line in coverage.problems)
    written = account.database.read_values(
        "cloudwatch_aws_rds", "cpu_utilization_average", at(minute - 3600), at(minute)
    )
    assert len(written) in (27, 28)


def test_credentials_that_only_write_are_enough_and_those_that_only_read_are_refused_unpaid(
    guarded_store: Store,
) -> None:
    def run(action: str) -> tuple[Coverage, int]:
        with guarded_store.limited(action).connect() as database:
            account = RealAccount(database)
            account.put("mail", minutes(account.now - account.now % 60 - 600, account.now))
            return account.push(), len(account.fake.requests)

    written, paid = run("write")
    assert (written.problems, paid > 0, written.rows > 0) == ([], True, True)
    assert "earlier runs cannot be read" in written.notes[0]
    refused, paid = run("read")
    assert (len(refused.problems), paid) == (1, 0)
    assert "Nothing was requested from CloudWatch" in refused.problems[0]


@pytest.mark.second_tier
def test_a_bucket_of_2x_is_a_target_through_its_v1_interface(influxdb2: InfluxDB2, bucket: str) -> None:
    found = influxdb2.call(f"buckets?name={bucket}")["buckets"][0]
    mapping = {"bucketID": found["id"], "orgID": found["orgID"], "database": bucket, "retention_policy": "autogen"}
    influxdb2.call("dbrps", {**mapping, "default": True})
    token = influxdb2.new_token(bucket, "read", "write")
    with connect(influxdb2.url, database=bucket, username="any", password=token) as database:
        account = RealAccount(database)
        account.put("mail", minutes(account.now - account.now % 60 - 600, account.now))
        assert account.push().ok
        assert account.push(seconds=300).ok
        assert len(account.read()) in (11, 12, 13)
    assert token != TOKEN


def test_victoriametrics_keeps_the_larger_of_two_values_so_only_corrections_upward_arrive(
    victoriametrics: VictoriaMetrics,
) -> None:
    store = store_of_victoriametrics(victoriametrics, "cloudwatch")
    with store.connect() as database:
        account = RealAccount(database)
        minute = account.now - account.now % 60
        account.put("mail", dict.fromkeys(range(minute - 3600, account.now, 60), 1.0))
        account.put("mail", {minute - 600: 10.0}, late=700)
        assert account.push().ok
        victoriametrics.flush()
        # The mark of the first run is found, so the second one repairs what is late.
        assert account.push(seconds=300).ok
        victoriametrics.flush()
        assert account.read()["mail", minute - 600] == 11.0

        account.fake.data.clear()
        account.put("mail", {minute - 300: 0.5})
        account.push(seconds=600)
        victoriametrics.flush()
        assert account.read()["mail", minute - 300] == 1.0


def test_a_retention_policy_that_does_not_exist_is_found_out_before_anything_is_paid_for(
    influxdb1: InfluxDB1, database: str
) -> None:
    account = Account()
    account.put()
    with connect(influxdb1.url, database=f"{database}/nothing") as opened:
        coverage = push(account.clients, opened, declare(queues=QUEUES), now=at(NOW))

    assert "retention policy not found: nothing. Nothing was requested from CloudWatch" in coverage.problems[0]
    assert account.fake.requests == []
