"""Secrets in every kind of container are found, and replaced or refused before anything changes."""

from __future__ import annotations

import collections
import functools
import types
from collections import ChainMap, OrderedDict, UserDict, UserList, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import pytest
from django.utils.datastructures import ImmutableList, MultiValueDict
from django.utils.functional import SimpleLazyObject, lazystr

from zemanta_ops.secrets import Secret, decrypt_settings
from zemanta_ops.secrets.exceptions import ContextError, ResolveError, TokenError


def plain(text: str = "value") -> Secret:
    return Secret(f"plain::{text}")


@dataclass
class Options:
    password: Any
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Frozen:
    password: Any


class Slotted:
    __slots__ = ("password",)

    def __init__(self, password: Any) -> None:
        self.password = password


class Child(Slotted):
    __slots__ = ("__hidden",)

    def __init__(self, password: Any) -> None:
        super().__init__("x")
        self.__hidden = password


class Attributes:
    def __init__(self, password: Any) -> None:
        self._password = password

    @property
    def never(self) -> str:
        raise AssertionError("a property is code")


class Pair(NamedTuple):
    user: str
    password: Any


class FrozenDict(dict[str, Any]):
    def __setitem__(self, key: str, value: Any) -> None:
        raise TypeError("frozen")


class ReadOnly(Mapping[str, Any]):
    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)


class OddTuple(tuple[Any, ...]):
    def __new__(cls, one: Any, two: Any) -> OddTuple:  # noqa: PYI034
        return super().__new__(cls, (one, two))


CHANGEABLE: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "dict": (lambda s: {"a": s}, lambda v: v["a"]),
    "dict with numbers": (lambda s: {1: {None: s}}, lambda v: v[1][None]),
    "list": (lambda s: [1, s], lambda v: v[1]),
    "tuple": (lambda s: (1, (s,)), lambda v: v[1][0]),
    "namedtuple": (lambda s: Pair("u", s), lambda v: v.password),
    "OrderedDict": (lambda s: OrderedDict(a=s), lambda v: v["a"]),
    "defaultdict": (lambda s: defaultdict(list, a=[s]), lambda v: v["a"][0]),
    "UserDict": (lambda s: UserDict(a=s), lambda v: v["a"]),
    "UserList": (lambda s: UserList([s]), lambda v: v[0]),
    "ChainMap": (lambda s: ChainMap({"a": s}), lambda v: v["a"]),
    "immutable list": (lambda s: ImmutableList([s]), lambda v: v[0]),
    "deque": (lambda s: deque([1, s]), lambda v: v[1]),
    "MultiValueDict": (lambda s: MultiValueDict({"a": [s]}), lambda v: v["a"]),
    "dataclass": (lambda s: Options(s), lambda v: v.password),
    "dataclass with a dict": (lambda s: Options("x", {"a": [s]}), lambda v: v.more["a"][0]),
    "SimpleNamespace": (lambda s: types.SimpleNamespace(a=s), lambda v: v.a),
    "slots": (lambda s: Slotted(s), lambda v: v.password),
    "attributes": (lambda s: Attributes(s), lambda v: v._password),
    "private slots of a child": (lambda s: Child(s), lambda v: v._Child__hidden),
    "list in a frozen dataclass": (lambda s: Frozen([s]), lambda v: v.password[0]),
    "dict in a read-only mapping": (lambda s: types.MappingProxyType({"a": {"b": s}}), lambda v: v["a"]["b"]),
    "list in a partial": (lambda s: functools.partial(print, [s]), lambda v: v.args[0][0]),
    "deep": (lambda s: {"a": [({"b": deque([Options([s])])},)]}, lambda v: v["a"][0][0]["b"][0].password[0]),
}
FIXED: dict[str, Callable[[Any], Any]] = {
    "mappingproxy": lambda s: types.MappingProxyType({"a": s}),
    "frozen dataclass": Frozen,
    "frozen dict": lambda s: FrozenDict({"a": s}),
    "read-only mapping": lambda s: ReadOnly({"a": s}),
    "tuple in a mappingproxy": lambda s: types.MappingProxyType({"a": (1, (s,))}),
    "odd tuple": lambda s: OddTuple(1, s),
    "partial": lambda s: functools.partial(print, s),
    "partial by keyword": lambda s: functools.partial(print, end=s),
}


@pytest.mark.parametrize(("make", "read"), CHANGEABLE.values(), ids=CHANGEABLE)
def test_a_secret_in_it_is_decrypted_in_place(make: Callable[[Any], Any], read: Callable[[Any], Any]) -> None:
    settings = {"A": make(plain())}
    before = settings["A"]
    decrypt_settings(settings)
    assert read(settings["A"]) == "value"
    assert settings["A"] is before or isinstance(before, tuple)


@pytest.mark.parametrize("make", FIXED.values(), ids=FIXED)
def test_a_secret_in_what_cannot_be_changed_is_one_error_and_nothing_changes(make: Callable[[Any], Any]) -> None:
    first, fixed = [plain("first")], make(plain())
    settings = {"A": first, "B": fixed, "C": {"x": [make(plain())]}}
    with pytest.raises(TokenError) as caught:
        decrypt_settings(settings)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("B.")
    assert lines[1].startswith("C.x.0.")
    assert all("Secret(...).get()" in line for line in lines)
    assert isinstance(first[0], Secret)


@pytest.mark.parametrize(
    "settings",
    [
        {"D": {"default": {"PASSWORD": plain("a")}, "default.PASSWORD": plain("b")}},
        {"D": {0: plain("a"), "0": plain("b")}},
        {"D": {True: plain("a"), "True": plain("b")}},
        {"D": {"a": [plain("a")], "a.0": plain("b")}},
        {"D": {"X": plain("a")}, "D.X": plain("b")},
    ],
    ids=lambda settings: str(list(settings)),
)
def test_two_places_with_one_path_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(TokenError, match=r"2 secrets have this path"):
        decrypt_settings(settings)


def test_one_list_under_two_names_is_not_two_places() -> None:
    shared = [plain()]
    settings = {"A": shared, "B": shared}
    decrypt_settings(settings)
    assert settings == {"A": ["value"], "B": ["value"]}


def test_nothing_lazy_is_evaluated_and_no_code_of_objects_runs() -> None:
    def fail() -> Any:
        raise AssertionError("evaluated")

    def generate() -> Iterator[Any]:
        yield fail()

    class Loop:
        def __init__(self) -> None:
            self.me = self

    settings = {
        "LAZY": SimpleLazyObject(fail),
        "TEXT": lazystr("x"),
        "OBJECT": Attributes("x"),
        "GENERATOR": generate(),
        "FUNCTION": fail,
        "CLASS": Attributes,
        "LOOP": Loop(),
        "A": plain(),
    }
    decrypt_settings(settings)
    assert settings["A"] == "value"


def test_a_long_chain_of_objects_and_lists_has_an_end() -> None:
    chain: Any = plain()
    for _ in range(200):
        chain = [chain]
    settings = {"A": chain, "LOGGER": __import__("logging").getLogger("zemanta_ops")}
    decrypt_settings(settings)
    for _ in range(200):
        [chain] = chain if isinstance(chain, list) else [chain]
    assert chain == "value"


def test_split_settings_decrypt_what_each_file_has_added() -> None:
    base: dict[str, Any] = {"DATABASES": {"default": {"PASSWORD": plain("a")}}, "KEY": plain("base")}
    decrypt_settings(base)
    production = {**base, "KEY": plain("production"), "__file__": "/x/production.py"}
    production["DATABASES"]["replica"] = {"PASSWORD": plain("b")}
    decrypt_settings(production)
    assert production["KEY"] == "production"
    assert production["DATABASES"] == {"default": {"PASSWORD": "a"}, "replica": {"PASSWORD": "b"}}


class Base:
    SECRET_KEY: Any = plain("base")
    DATABASES: ClassVar[Any] = {"default": {"PASSWORD": plain("db")}}
    lower = plain("lower")

    @property
    def COMPUTED(self) -> Any:  # noqa: N802  (a setting's name)
        raise AssertionError("a property is code")


def test_a_class_of_settings_is_decrypted_with_what_it_inherits() -> None:
    class Production(Base):
        SECRET_KEY = plain("production")
        EXTRA = Options(plain("extra"))

    decrypt_settings(Production)
    assert Production.SECRET_KEY == "production"
    assert Production.EXTRA.password == "extra"
    assert Production.DATABASES == {"default": {"PASSWORD": "db"}}
    assert isinstance(Base.__dict__["SECRET_KEY"], Secret)
    assert isinstance(Production.lower, Secret)


def test_a_class_is_bound_as_a_module_is() -> None:
    class Production:
        SECRET_KEY = Secret("plain:app=shop&name=OTHER:x")

    with pytest.raises(ResolveError) as caught:
        decrypt_settings(Production, app="shop")
    assert isinstance(caught.value.failures["SECRET_KEY"], ContextError)
    assert isinstance(Production.SECRET_KEY, Secret)


def test_counters_and_other_leaves_stay_what_they_are() -> None:
    settings = {
        "A": collections.Counter("aab"),
        "B": range(3),
        "C": b"x",
        "D": {1, 2},
        "E": frozenset("ab"),
        "F": plain(),
    }
    decrypt_settings(settings)
    assert settings["A"] == {"a": 2, "b": 1}
    assert settings["F"] == "value"
