"""Work outside of requests: tasks of Celery and Django, and management commands."""

from zemanta_ops.stack.declarations.model import describe

describe(
    "celery.task.published",
    meaning="Tasks sent to the broker.",
    trouble="More tasks are published than workers finish, for longer than a burst.",
    impact="What tasks do, such as mail, arrives late.",
    action="Compare with the tasks finished; add workers, or find what publishes.",
)
describe(
    "celery.task.wait",
    meaning="Time from being due until a worker took the task.",
    trouble="It rises steadily: the queue grows.",
    impact="What tasks do, such as mail, arrives late.",
    action="Look at the workers of the queue: are they up, and what keeps them busy?",
)
describe(
    "celery.task.duration",
    meaning="Time that a worker spent on a task.",
    trouble="One task takes many times its usual time, or ends with failure.",
    impact="Other tasks of the queue wait behind it.",
    action="Open the task's log; look at what it calls and at the size of its input.",
)
describe(
    "task.enqueued",
    meaning="Tasks enqueued with django.tasks.",
    trouble="More tasks are enqueued than workers finish, for longer than a burst.",
    impact="What tasks do, such as mail, arrives late.",
    action="Compare with the tasks finished; add workers, or find what enqueues.",
)
describe(
    "task.wait",
    meaning="Time from being due until a worker took the task.",
    trouble="It rises steadily: the queue grows.",
    impact="What tasks do, such as mail, arrives late.",
    action="Look at the workers of the queue: are they up, and what keeps them busy?",
)
describe(
    "task.duration",
    meaning="Time that a worker spent on a task.",
    trouble="One task takes many times its usual time, or ends as failed.",
    impact="Other tasks of the queue wait behind it.",
    action="Open the task's log; look at what it calls and at the size of its input.",
)
describe(
    "command.duration",
    meaning="Time of each run of a management command.",
    trouble="A nightly command runs into the day, or its outcome is error.",
    impact="What the command prepares, such as reports, is missing or old.",
    action="Run the command by hand and read its output.",
)
