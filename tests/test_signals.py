from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from zemanta_ops.signals import exit_on_signals, handle_end_signals, note_end_signals

END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize("number", END_SIGNALS)
def test_a_signal_is_noted_and_wakes_the_loop(number: signal.Signals) -> None:
    woken: list[bool] = []
    with note_end_signals(lambda: woken.append(True)) as arrived:
        assert (arrived(), woken) == (False, [])
        signal.raise_signal(number)
        assert (arrived(), woken) == (True, [True])


def test_the_handlers_are_restored_even_after_an_error() -> None:
    before = [signal.getsignal(number) for number in END_SIGNALS]
    with pytest.raises(ValueError, match="inside"), handle_end_signals(lambda: None):
        assert [signal.getsignal(number) for number in END_SIGNALS] != before
        raise ValueError("inside")
    assert [signal.getsignal(number) for number in END_SIGNALS] == before


def test_another_thread_leaves_the_handlers_alone() -> None:
    before = [signal.getsignal(number) for number in END_SIGNALS]
    seen: list[object] = []

    def work() -> None:
        with handle_end_signals(lambda: None):
            seen.extend(signal.getsignal(number) for number in END_SIGNALS)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == before


@pytest.mark.parametrize("number", END_SIGNALS)
def test_a_signal_leaves_with_the_exit_code_of_a_shell(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as ended, exit_on_signals():
        signal.raise_signal(number)
    assert ended.value.code == 128 + number
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", END_SIGNALS)
@pytest.mark.parametrize("handle", [exit_on_signals, lambda: note_end_signals(pytest.fail)])
def test_a_signal_that_is_ignored_stays_ignored(
    number: signal.Signals, handle: Callable[[], AbstractContextManager[object]]
) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with handle():
            signal.raise_signal(number)
            assert [signal.getsignal(each) is signal.SIG_IGN for each in END_SIGNALS].count(True) == 1
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


WRITERS = {
    "much, at once": "print('x' * 1_000_000)",
    "much, in lines": "[print(number) for number in range(200_000)]",
    "little": "print('x')",
    "little, flushed": "print('x', flush=True)",
    "bytes": "sys.stdout.buffer.write(bytes(1_000_000))",
}


@pytest.mark.parametrize("body", WRITERS.values(), ids=WRITERS.keys())
def test_output_that_nobody_reads_ends_it_without_a_traceback(body: str) -> None:
    code = f"import sys\nfrom zemanta_ops.signals import exit_on_signals\nwith exit_on_signals(): {body}"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_broken_pipe_of_another_kind_is_an_error() -> None:
    with pytest.raises(BrokenPipeError, match="connection"), exit_on_signals():
        raise BrokenPipeError("a connection")
