"""Find the secrets in a tree of settings, in whatever containers hold them, and replace them.

Looked into are mappings, sequences, sets, ``functools.partial``, and what other objects store in their attributes:
dataclasses, namespaces, attrs and the like. No property and no other code of an object runs. Not looked into are
functions (their closures and defaults), classes, modules and generators.
"""

from __future__ import annotations

import functools
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

# Values that hold no setting, or whose attributes are code.
_LEAVES = (
    *(str, bytes, bytearray, memoryview, range, int, float, complex, type(None), type),
    *(types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.CodeType),
    *(types.FrameType, types.TracebackType, types.GeneratorType, types.CoroutineType),
)
_ITEMS = (Mapping, Sequence, deque)
# Objects within objects: enough for what people write in settings, and an end for what a client or logger refers to.
_MAX_OBJECTS = 4


@dataclass(frozen=True)
class Place:
    """One secret in a tree.

    Attributes:
        path: Its dotted path from the setting's name, list indexes as numbers.
        secret: The secret.
        obstacle: Why it cannot be replaced there; empty if it can.
    """

    path: str
    secret: Any
    obstacle: str = ""


def find(name: str, value: Any, kind: type[Any]) -> list[Place]:
    """Return every instance of ``kind`` in a setting, once for each path that leads to it."""
    return [place for place, _ in _find(name, value, kind, frozenset(), 0 if name.isupper() else _MAX_OBJECTS)]


def find_texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the path and the value of every text in a setting."""
    yield from _find_texts(name, value, frozenset(), 0 if name.isupper() else _MAX_OBJECTS)


def replace(name: str, value: Any, kind: type[Any], new: Callable[[str], Any]) -> Any:
    """Return a setting with each instance of ``kind`` replaced with ``new(its path)``.

    Containers are changed in place, so that other names for them see it; tuples are made anew.
    """
    return _replace(name, value, kind, new, frozenset(), 0 if name.isupper() else _MAX_OBJECTS)


def _find(path: str, value: Any, kind: type[Any], above: frozenset[int], objects: int) -> Iterator[tuple[Place, bool]]:
    """Yield each place, and whether the value itself must be replaced for it: a secret, or a tuple that holds one."""
    if _is(value, kind):
        yield Place(path, value), True
        return
    for key, member, deeper in _members(value, above, objects):
        for place, is_renewed in _find(f"{path}.{key}", member, kind, above | {id(value)}, deeper):
            obstacle = place.obstacle or (_obstacle(value, key, member) if is_renewed else "")
            yield Place(place.path, place.secret, obstacle), is_renewed and _is(value, tuple)


def _find_texts(path: str, value: Any, above: frozenset[int], objects: int) -> Iterator[tuple[str, str]]:
    if _is(value, str):
        yield path, value
    for key, member, deeper in _members(value, above, objects):
        yield from _find_texts(f"{path}.{key}", member, above | {id(value)}, deeper)


def _replace(
    path: str, value: Any, kind: type[Any], new: Callable[[str], Any], above: frozenset[int], objects: int
) -> Any:
    if _is(value, kind):
        return new(path)
    changed: dict[Any, Any] = {}
    for key, member, deeper in _members(value, above, objects):
        made = _replace(f"{path}.{key}", member, kind, new, above | {id(value)}, deeper)
        if made is not member:
            changed[key] = made
    if changed and _is(value, tuple):
        return _rebuild(value, [changed.get(index, member) for index, member in enumerate(value)])
    for key, made in changed.items():
        _set(value, key, made)
    return value


def _is(value: Any, kinds: Any) -> bool:
    # Not isinstance, which asks a lazy object for its __class__ and so evaluates it.
    return issubclass(type(value), kinds)


def _members(value: Any, above: frozenset[int], objects: int) -> Iterable[tuple[Any, Any, int]]:
    """Yield key, member and the number of objects passed on the way to it."""
    if _is(value, _LEAVES) or id(value) in above:
        return
    if _is(value, (*_ITEMS, AbstractSet)):
        deeper, members = objects, _list_items(value)
    elif objects >= _MAX_OBJECTS:
        return
    else:
        deeper, members = objects + 1, _list_attributes(value)
    for key, member in members:
        yield key, member, deeper


def _list_items(value: Any) -> list[tuple[Any, Any]]:
    try:
        return list(value.items()) if _is(value, Mapping) else list(enumerate(value))
    except Exception:  # noqa: BLE001  (a container of another package may raise anything)
        return []


def _list_attributes(value: Any) -> list[tuple[Any, Any]]:
    if _is(value, functools.partial):
        return [*enumerate(value.args), *value.keywords.items()]
    stored = [(name, getter) for base in type(value).__mro__ for name, getter in _list_slots(base)]
    found = {name: member for name, getter in stored for member in _read_slot(getter, value)}
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except AttributeError:
        attributes = {}
    return [*found.items(), *(attributes.items() if isinstance(attributes, dict) else ())]


def _list_slots(base: type[Any]) -> list[tuple[str, Any]]:
    if "__slots__" not in base.__dict__:
        return []
    return [(name, each) for name, each in base.__dict__.items() if isinstance(each, types.MemberDescriptorType)]


def _read_slot(getter: Any, value: Any) -> list[Any]:
    try:
        return [getter.__get__(value)]
    except AttributeError:
        return []


def _obstacle(container: Any, key: Any, member: Any) -> str:
    """Return why a member cannot be replaced, or "". It is tried with the member itself, which changes nothing."""
    kind = type(container).__name__
    if _is(container, (AbstractSet, functools.partial)):
        return f"a Secret in a {kind} cannot be replaced; use a list or a tuple, or write Secret(...).get() there"
    try:
        if _is(container, tuple):
            _rebuild(container, list(container))
        else:
            _set(container, key, member)
    except Exception:  # noqa: BLE001  (whatever a container of another package refuses with)
        return f"a Secret in a {kind}, which cannot be changed; use a dict or a list, or write Secret(...).get() there"
    return ""


def _set(container: Any, key: Any, member: Any) -> None:
    if _is(container, _ITEMS):
        container[key] = member
    else:
        setattr(container, key, member)


def _rebuild(container: Any, members: list[Any]) -> Any:
    kind = type(container)
    return kind(*members) if hasattr(container, "_fields") else kind(members)
