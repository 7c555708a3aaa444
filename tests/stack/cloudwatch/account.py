"""An account with a queue, a database in memory, and runs over both at chosen times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from tests.stack.cloudwatch.fake import FakeClients, FakeCloudWatch
from tests.stack.cloudwatch.memory import MemoryDatabase
from zemanta_ops.stack.cloudwatch.coverage import Coverage
from zemanta_ops.stack.cloudwatch.declarations import Declaration
from zemanta_ops.stack.cloudwatch.defaults import build_declarations
from zemanta_ops.stack.cloudwatch.run import push

# A moment that is not a multiple of anything: 47 s after the minute 13:37.
NOW = int(datetime(2026, 3, 14, 13, 37, 47, tzinfo=timezone.utc).timestamp())
END = NOW - 120 - (NOW - 120) % 60
REGION = "eu-west-1"
QUEUES: dict[str, Any] = {
    "namespace": "AWS/SQS",
    "dimensions": {"QueueName": "*"},
    "metrics": {"NumberOfMessagesSent": "Sum"},
}


def declare(**declarations: Mapping[str, Any]) -> tuple[Declaration, ...]:
    """Return these declarations and no shipped one."""
    made = build_declarations({"declarations": declarations}, region=REGION)
    return tuple(each for each in made if each.name in declarations)


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def minutes(first: int, last: int, value: Callable[[int], float] = float) -> dict[int, float]:
    """Return a value for each minute of a range."""
    return {time: value((time - first) // 60) for time in range(first, last, 60)}


class Account:
    """An account with the queues that a test puts there, a database, and runs over both."""

    def __init__(self, **fake: Any) -> None:
        self.fake = FakeCloudWatch(NOW, **fake)
        self.clients = FakeClients({REGION: self.fake})
        self.database = MemoryDatabase()

    def put(self, name: str = "NumberOfMessagesSent", queue: str = "mail", **options: Any) -> None:
        values = options.pop("values", minutes(END - 3600, NOW))
        self.fake.put("AWS/SQS", name, {"QueueName": queue}, values, **options)

    def push(self, *declarations: Declaration, seconds: int = 0, **options: Any) -> Coverage:
        self.fake.now = NOW + seconds
        wanted = declarations or declare(queues=QUEUES)
        return push(self.clients, self.database, wanted, now=at(NOW + seconds), **options)

    def sent(self, **tags: str) -> dict[int, Any]:
        return self.database.values("cloudwatch_aws_sqs", "number_of_messages_sent_sum", **tags)

    def list_series(self) -> set[tuple[tuple[str, str], ...]]:
        return {tags for name, tags, _ in self.database.rows if name == "cloudwatch_aws_sqs"}
