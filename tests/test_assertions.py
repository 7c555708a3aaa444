"""Each test of the suite can fail, and waits for conditions. The finder that says so is tested on small modules."""

from __future__ import annotations

import pytest

from tests import assertions
from tests.assertions import Suite, read_suite

# Function and fault → why it is right.
RIGHT = {
    ("tests/e2e/test_demo_ends.py::interrupt_twice", assertions.SLEEPING): (
        "the second Ctrl-C is to come while the demo acts on the first, which nothing outside it shows"
    ),
    ("tests/metrics/lifecycle/collector.py::Collector::reaches", assertions.SLEEPING): (
        "that nothing more comes is seen only by waiting; it waits for some intervals of Telegraf"
    ),
    ("tests/metrics/lifecycle/serving.py::Site::end", assertions.SLEEPING): (
        "gunicorn does not show when its threads are idle, and hangs if it is interrupted before"
    ),
    ("tests/metrics/lifecycle/test_uwsgi.py::abruptly", assertions.SLEEPING): (
        "uWSGI does not show when a worker that has logged its last request is idle"
    ),
    ("tests/metrics/lifecycle/site.py::hanging", assertions.SLEEPING): "a view that never answers",
    ("tests/metrics/site.py::hanging", assertions.SLEEPING): "a view that never answers",
    ("tests/stack/agent/test_watch_loop.py::SlowView::show_interval", assertions.SLEEPING): "its slowness is the case",
    ("tests/stack/charts/test_drawing.py::test_one_picture_drawn_twice_is_the_same", assertions.SAME_CALL): (
        "the second call has to do the same: without a fixed salt, matplotlib's ids differ"
    ),
}

FAULTY = {
    "pass": assertions.ASSERTS_NOTHING,
    "compute()": assertions.ASSERTS_NOTHING,
    "assert True": assertions.CONSTANT,
    "assert 'words'": assertions.CONSTANT,
    "assert x or True": assertions.CONSTANT,
    "assert not False": assertions.CONSTANT,
    "assert 1 < 2 < 3": assertions.CONSTANT,
    "assert (x == 1, 'message')": assertions.CONSTANT,
    "assert f(x) == f(x)": assertions.SAME_CALL,
    "assert f(x).a is f(x).a": assertions.SAME_CALL,
    "with pytest.raises(Exception): f()": assertions.BROAD,
    "with pytest.raises((ValueError, BaseException)): f()": assertions.BROAD,
    "with pytest.raises(ValueError):\n  f()\n  assert x == 1": assertions.UNREACHED,
    "try: f()\n except ValueError as error: assert 'x' in str(error)": assertions.ONLY_IF_RAISED,
    "time.sleep(0.5)\n assert f()": assertions.SLEEPING,
    "with a:\n  time.sleep(2 * SECONDS)\n assert f()": assertions.SLEEPING,
}
SOUND = [
    "assert x",
    "assert f(x) == f(y)",
    "assert f(x) != f(x)",
    "assert value == value",
    "assert x and 'words'",
    "with pytest.raises(Exception, match='words'): f()",
    "with pytest.raises(ValueError): f()",
    "with pytest.raises(ValueError):\n  assert f()",
    "try: f()\n except ValueError: assert x\n else: assert y",
    "if not f(): pytest.fail('words')",
    "raise AssertionError",
    "mock.assert_called_once()",
    "helper()",
    "Helper().check()",
    "aliased()",
    "helpers.check()",
    "while not f(): time.sleep(0.1)\n assert x",
    "time.sleep(seconds)\n assert x",
    "await asyncio.sleep(0)\n assert x",
    "def work(): time.sleep(1)\n assert work()",
]
HELPERS = """
def check(): check_further()
def check_further(): assert x
def compute(): return 1
class Helper:
    def check(self): assert x
"""


def find(body: str) -> list[str]:
    imports = "from tests import helpers\nfrom tests.helpers import Helper, check as aliased, compute\n"
    text = f"{imports}def helper(): aliased()\nasync def test_it():\n {body}\n"
    return [each.fault for each in Suite({"tests/helpers.py": HELPERS, "tests/test_it.py": text}).find()]


@pytest.mark.parametrize(("body", "fault"), FAULTY.items(), ids=FAULTY)
def test_what_cannot_fail_is_found(body: str, fault: str) -> None:
    assert find(body) == [fault]


@pytest.mark.parametrize("body", SOUND)
def test_what_can_fail_is_not(body: str) -> None:
    assert find(body) == []


def test_a_finding_names_the_test_the_fault_and_the_line() -> None:
    suite = Suite({"tests/test_it.py": "class TestIt:\n    def test_one(self):\n        assert True\n"})
    assert list(map(str, suite.find())) == ["tests/test_it.py::TestIt::test_one: asserts a constant, line 3"]


@pytest.mark.more
def test_the_tests_of_this_suite_can_fail_and_wait_for_conditions() -> None:
    found = {(each.function, each.fault): str(each) for each in read_suite().find()}
    assert [text for key, text in found.items() if key not in RIGHT] == []
    assert RIGHT.keys() - found.keys() == set(), "what is not found any more needs no reason"
