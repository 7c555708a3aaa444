from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zemanta_ops.metrics.instrumentation.patching import Patch


class Greeter:
    def greet(self, name: str) -> str:
        return f"hello {name}"


def louder(original: Callable[..., str], greeter: Greeter, *args: Any) -> str:
    return original(greeter, *args).upper()


def test_applied_twice_it_replaces_once() -> None:
    patch = Patch(Greeter, "greet", louder)
    original = Greeter.greet
    patch.apply()
    patch.apply()
    assert Greeter().greet("ann") == "HELLO ANN"
    patch.remove()
    assert Greeter.greet is original
    patch.remove()
    assert Greeter.greet is original


def test_beneath_a_wrapper_of_other_code_it_passes_through_and_can_come_back() -> None:
    patch = Patch(Greeter, "greet", louder)
    original = Greeter.greet
    patch.apply()
    ours = Greeter.greet
    Greeter.greet = lambda self, name: ours(self, name) + "!"  # type: ignore[method-assign]
    try:
        patch.remove()
        assert Greeter().greet("ann") == "hello ann!"
        patch.apply()
        assert Greeter().greet("ann") == "HELLO ANN!"
    finally:
        Greeter.greet = original  # type: ignore[method-assign]


def test_a_method_that_the_class_inherits_is_put_back_by_removing_ours() -> None:
    class Child(Greeter):
        pass

    patch = Patch(Child, "greet", louder)
    patch.apply()
    assert (Child().greet("ann"), Greeter().greet("ann")) == ("HELLO ANN", "hello ann")
    patch.remove()
    assert Child().greet("ann") == "hello ann"
    assert "greet" not in vars(Child)
