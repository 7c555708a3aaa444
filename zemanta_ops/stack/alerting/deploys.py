"""Announce deploys to the receivers that show them beside incidents."""

from __future__ import annotations

import time

from zemanta_ops.stack.alerting.notification import Deploy
from zemanta_ops.stack.alerting.receivers import DeployReceiver, RefusedError, read_receivers
from zemanta_ops.stack.alerting.receivers.base import describe_failure

ATTEMPTS = 3
PAUSE = 1.0
LONGEST_PAUSE = 10.0


def announce_deploy(deploy: Deploy) -> tuple[list[str], list[str]]:
    """Send a deploy to every receiver that shows deploys.

    Returns:
        The names of the receivers that accepted it, and a sentence for each one that did not.

    """
    receivers = read_receivers()
    accepted: list[str] = []
    problems = [f"{fault.text} {fault.hint}" for fault in receivers.faults]
    for name, receiver in receivers.usable.items():
        if not isinstance(receiver, DeployReceiver):
            continue
        if problem := _send(receiver, deploy):
            problems.append(f"{name} did not accept the deploy: {problem}")
        else:
            accepted.append(name)
    return accepted, problems


def _send(receiver: DeployReceiver, deploy: Deploy) -> str:
    """Return why the receiver did not accept the deploy; empty if it did."""
    problem = ""
    for attempt in range(ATTEMPTS):
        try:
            receiver.send_deploy(deploy)
        except RefusedError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  (a receiver of the project may raise anything)
            problem = describe_failure(error)
            if attempt < ATTEMPTS - 1:
                time.sleep(min(max(PAUSE, getattr(error, "retry_after", 0.0)), LONGEST_PAUSE))
        else:
            return ""
    return problem
