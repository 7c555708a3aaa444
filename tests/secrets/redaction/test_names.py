"""Names of loggers, threads and tasks, and what the interpreter shows of an object, have no secret."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import textwrap
import threading

import pytest

from zemanta_ops.secrets import ledger
from zemanta_ops.secrets.redaction import logs

FORMAT = logging.Formatter("%(name)s %(threadName)s %(processName)s %(message)s")


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "_logRecordFactory", logs.RecordFactory())


def emit(name: str, thread: str, caplog: pytest.LogCaptureFixture) -> str:
    run = threading.Thread(target=logging.getLogger(name).warning, args=("message",), name=thread)
    run.start()
    run.join()
    return FORMAT.format(caplog.records[-1])


def test_names_of_loggers_and_threads_are_redacted(canary: str, caplog: pytest.LogCaptureFixture) -> None:
    first = emit(f"redis.{canary}", f"worker of {canary}", caplog)
    assert first.startswith("redis.<redacted> worker of <redacted> ")
    assert emit(f"redis.{canary}", "plain", caplog).startswith("redis.<redacted> plain ")


def test_a_name_seen_before_the_secret_is_redacted_after_it(caplog: pytest.LogCaptureFixture) -> None:
    assert "later-example" in emit("later-example", "later-example", caplog)
    ledger.reveal("later-example")
    assert emit("later-example", "later-example", caplog).startswith("<redacted> <redacted> ")


def test_many_names_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_MAX_NAMES", 10)
    for number in range(50):
        logging.getLogRecordFactory()(f"n{number}", 30, "", 0, "", (), None)
    assert len(logs._names[1]) <= 12


@pytest.mark.skipif(sys.version_info < (3, 12), reason="records have no name of a task")
def test_names_of_tasks_are_redacted(canary: str, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        logging.getLogger("example").warning("message")

    async def main() -> None:
        await asyncio.create_task(work(), name=f"get {canary}")

    asyncio.run(main())
    assert caplog.records[-1].__dict__["taskName"] == "get <redacted>"


def test_what_the_interpreter_shows_of_a_thread_or_an_object_is_redacted(canary: str) -> None:
    code = f"""
        import threading
        from zemanta_ops.secrets import ledger
        ledger.protect()
        value = "".join(map(chr, {[ord(character) for character in canary]!r}))
        ledger.reveal(value)
        def work():
            try:
                yield
            finally:
                raise ValueError("odd")
        generator = work()
        generator.__qualname__ = "work of " + value
        next(generator)
        del generator
        thread = threading.Thread(target=lambda: 1 / 0, name="thread of " + value)
        thread.start()
        thread.join()
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert "Exception ignored in: <generator object work of <redacted> at" in ended.stderr
    assert "Exception in thread thread of <redacted>:" in ended.stderr
    assert "c4nary" not in ended.stderr


def test_an_object_whose_repr_fails_is_not_asked_again() -> None:
    class Moody:
        calls = 0

        def __repr__(self) -> str:
            self.calls += 1
            if self.calls == 1:
                raise LookupError("not yet")
            return "redis://:example-secret@cache.example.com"

    assert repr(logs._clean_object(Moody())) == "<Moody without a repr>"
