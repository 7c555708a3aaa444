from __future__ import annotations

import mmap
import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import pytest

from tests.metrics.agents import Agent, client_of, counted
from zemanta_ops.metrics.delivery import buffer, forks

# From Python 3.12 on, a fork with a thread running warns; these tests do that on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")


def in_child(work: Any) -> None:
    """Run a function in a forked child and wait for it; its failure, which is printed, is this test's."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_fork_with_a_full_buffer_loses_and_doubles_nothing(running: Agent) -> None:
    client = client_of(running, flush_seconds=60)
    for _ in range(500):
        client.incr("parent")

    def child() -> None:
        for _ in range(300):
            client.incr("child")
        client.close()

    in_child(child)
    client.close()
    assert counted(running, "parent") == 500
    assert counted(running, "child") == 300


@pytest.mark.parametrize("wiped", [True, False])
def test_a_fork_without_pythons_hooks_is_noticed(running: Agent, monkeypatch: pytest.MonkeyPatch, wiped: bool) -> None:
    if not wiped:
        monkeypatch.setattr("zemanta_ops.metrics.client.create_mark", forks.PidMark)
    client = client_of(running, flush_seconds=60)
    for _ in range(50):
        client.incr("parent")
    # As embedders fork that do not call PyOS_AfterFork_Child: the hook, which is registered, finds no buffer to clear.
    monkeypatch.setattr(buffer, "_buffers", WeakSet())

    def child() -> None:
        client.incr("child")
        assert client.health()["flusher_alive"]
        client.close()

    in_child(child)
    client.close()
    assert counted(running, "parent") == 50
    assert counted(running, "child") == 1


def test_a_mark_falls_back_to_process_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zemanta_ops.metrics.delivery.forks._WIPE_ON_FORK", 12345)
    mark = forks.create_mark()
    assert isinstance(mark, forks.PidMark)
    mark[0] = 1
    assert mark[0] == 1


def test_a_child_of_multiprocessing_sends_before_it_ends(running: Agent) -> None:
    client = client_of(running, flush_seconds=60)
    client.incr("parent")

    def work() -> None:
        client.incr("n", 7)

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join()
    assert counted(running, "n") == 7
    client.close()
    assert counted(running, "parent") == 1


def test_a_function_is_called_in_every_child() -> None:
    called: list[int] = []

    def child() -> None:
        forks.call_in_children(lambda: called.append(os.getpid()))

        def grandchild() -> None:
            assert called == [os.getpid()]

        assert called == []
        in_child(grandchild)

    # In a child, because nothing can be taken back that is registered.
    in_child(child)


def test_the_hook_is_that_of_children(monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[dict[str, object]] = []
    monkeypatch.setattr(os, "register_at_fork", lambda **hooks: registered.append(hooks))
    function: Callable[[], None] = registered.clear
    forks.call_in_children(function)
    assert registered == [{"after_in_child": function}]


def test_a_system_without_fork_needs_no_hook_and_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    monkeypatch.delattr(os, "register_at_fork")
    forks.call_in_children(lambda: None)
    assert forks.create_mark() == [0]


@pytest.mark.parametrize("create", [forks.create_mark, forks.PidMark])
def test_a_mark_reads_zero_until_this_process_sets_it(create: Callable[[], forks.Mark]) -> None:
    mark = create()
    assert mark[0] == 0
    mark[0] = 1
    assert mark[0] == 1

    def child() -> None:
        assert mark[0] == 0
        mark[0] = 1
        assert mark[0] == 1

    in_child(child)
    assert mark[0] == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux clears a page in a child")
def test_on_linux_a_mark_is_a_page() -> None:
    assert isinstance(forks.create_mark(), mmap.mmap)


def test_the_lock_of_a_process_is_held_by_one_at_a_time_and_given_back() -> None:
    locks: dict[int, threading.Lock] = {}
    with forks.hold_process_lock(locks) as first, forks.hold_process_lock(locks) as second:
        assert (first, second) == (True, False)
    with pytest.raises(LookupError), forks.hold_process_lock(locks):
        raise LookupError
    with forks.hold_process_lock(locks) as again:
        assert again is True
        in_child(lambda: _expect_own_lock(locks))
        with forks.hold_process_lock(locks) as second:
            assert second is False


def _expect_own_lock(locks: dict[int, threading.Lock]) -> None:
    with forks.hold_process_lock(locks) as held:
        assert held is True
