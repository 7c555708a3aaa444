"""``push_cloudwatch`` run in this process, and a declaration for it."""

from __future__ import annotations

import io

from django.core.management import CommandError, call_command

QUEUES = {"NAMESPACE": "AWS/SQS", "DIMENSIONS": {"QueueName": "*"}, "METRICS": {"NumberOfMessagesSent": "Sum"}}


def run(*arguments: str) -> tuple[int, str, str]:
    """Run the command; return exit code, output and errors."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("push_cloudwatch", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    except CommandError as failure:
        return failure.returncode, out.getvalue(), str(failure)
    return 0, out.getvalue(), err.getvalue()
