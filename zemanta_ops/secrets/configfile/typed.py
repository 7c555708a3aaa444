"""From a dict to a dataclass or a Struct: which places want a Secret, which names are known, what does not fit."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from zemanta_ops.secrets import modes
from zemanta_ops.secrets.configfile.parsing import File, Names
from zemanta_ops.secrets.exceptions import MissingExtraError
from zemanta_ops.secrets.modes import Deferred
from zemanta_ops.secrets.secret import Secret, StrictSecret

try:
    import msgspec
    from msgspec import inspect
except ImportError:
    raise MissingExtraError("load_config with a type", "config") from None

_MESSAGE = re.compile(r"(?P<problem>.*?)(?: - at `(?:key` in `)?\$(?P<path>[^`]*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
# These are put together of types and field names; others repeat the value.
_HARMLESS = ("Expected `", "Object missing required field `")


class _NotATokenError(ValueError):
    """Something else than a string stands where a token must."""


def wanted(file: File, kind: Any, *, strict: bool) -> dict[Names, type]:
    """Return the places that want a ``Secret`` or a ``StrictSecret``.

    Raises:
        ConfigError: A name is unknown and ``strict`` is set.
        TypeError: msgspec cannot read ``kind``.
    """
    return dict(_walk(file, inspect.type_info(kind), file.data, (), strict))


def _walk(file: File, info: inspect.Type, value: Any, names: Names, strict: bool) -> Iterator[tuple[Names, type]]:
    options = info.types if isinstance(info, inspect.UnionType) else (info,)
    if isinstance(value, str):
        kinds = [option.cls for option in options if isinstance(option, inspect.CustomType)]
        yield from ((names, kind) for kind in kinds if issubclass(kind, (Secret, StrictSecret)))
    elif isinstance(value, (list, tuple)):
        for option in options:
            for index, (item, member) in enumerate(zip(_items(option, len(value)), value, strict=False)):
                yield from _walk(file, item, member, (*names, str(index)), strict)
    elif isinstance(value, dict):
        for option in options:
            known = _members(option)
            for key, member in value.items():
                inner = known.get(key) or (option.value_type if isinstance(option, inspect.DictType) else None)
                if inner is not None:
                    yield from _walk(file, inner, member, (*names, str(key)), strict)
        if strict:
            _check_names(file, options, value, names)


def _items(info: Any, count: int) -> list[inspect.Type]:
    if isinstance(info, inspect.TupleType):
        return list(info.item_types)
    return [info.item_type] * count if hasattr(info, "item_type") else []


def _members(info: Any) -> dict[str, inspect.Type]:
    return {field.encode_name: field.type for field in getattr(info, "fields", ())}


def _check_names(file: File, options: tuple[Any, ...], value: dict[Any, Any], names: Names) -> None:
    structures = [option for option in options if hasattr(option, "fields")]
    if not structures or any(isinstance(option, (inspect.DictType, inspect.AnyType)) for option in options):
        return
    known = {name for option in structures for name in _members(option)}
    tags = {option.tag_field for option in structures if isinstance(option, inspect.StructType)}
    for key in value:
        if key not in known and key not in tags:
            near = get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
            raise file.error((*names, str(key)), f"is not known; {hint}")


def convert(file: File, data: Any, kind: Any) -> Any:
    """Make a ``kind`` of the data, in which Secrets and stand-ins stand already.

    Raises:
        ConfigError: It does not fit; with file, line and name, never a value.
    """
    try:
        # All that a .env holds is text.
        made = msgspec.convert(_held(data), kind, dec_hook=_custom, strict=file.kind != ".env")
    except msgspec.ValidationError as error:
        problem, names = _explained(error)
    else:
        return _swapped(made) if modes.mode() == modes.DEFERRED else made
    # Raised where no variable holds a plaintext, and apart from the error of msgspec, which repeats the value.
    del data
    raise file.error(names, problem)


def _custom(kind: type, value: Any) -> Any:
    if isinstance(value, kind):
        return value
    if issubclass(kind, (Secret, StrictSecret)):
        raise _NotATokenError
    raise TypeError


def _explained(error: msgspec.ValidationError) -> tuple[str, Names]:
    match = _MESSAGE.fullmatch(str(error))
    steps = _STEP.findall(match["path"] or "") if match else []
    names = tuple(name or index.replace("...", "*") for name, index in steps)
    if isinstance(error.__cause__, _NotATokenError):
        return "must be a token, as encrypt_secret prints it", names
    if error.__cause__ is not None:
        return f"is refused by its type ({type(error.__cause__).__name__})", names
    if match and match["problem"].startswith(_HARMLESS):
        return f"does not fit its type: {match['problem'].replace('Object missing', 'missing')}", names
    return "is none of the values that its type allows", names


class _Held(str):
    """Passes for the text that a deferred secret will be, until the structure is made."""

    __slots__ = ("stand_in",)

    stand_in: Deferred


def _held(value: Any) -> Any:
    if isinstance(value, Deferred):
        held = _Held("<deferred secret>")
        held.stand_in = value
        return held
    if isinstance(value, dict):
        return {key: _held(member) for key, member in value.items()}
    return [_held(member) for member in value] if isinstance(value, (list, tuple)) else value


def _swapped(value: Any) -> Any:
    """Put the stand-ins back, in place where the structure may not be made anew."""
    if isinstance(value, _Held):
        return value.stand_in
    if isinstance(value, dict):
        return {key: _swapped(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_swapped(member) for member in value]
    if isinstance(value, tuple):
        members = [_swapped(member) for member in value]
        return type(value)(*members) if hasattr(value, "_fields") else tuple(members)
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            msgspec.structs.force_setattr(value, name, _swapped(getattr(value, name)))
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            object.__setattr__(value, field.name, _swapped(getattr(value, field.name)))
    return value
