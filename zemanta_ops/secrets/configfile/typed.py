"""Conversion of a dict to a dataclass or a Struct: fields that require a Secret, unknown names, wrong types."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from zemanta_ops.secrets import modes
from zemanta_ops.secrets.configfile.parsing import ConfigFile
from zemanta_ops.secrets.exceptions import MissingExtraError
from zemanta_ops.secrets.files.formats.base import SettingPath
from zemanta_ops.secrets.modes import Deferred
from zemanta_ops.secrets.secret import Secret, StrictSecret

try:
    import msgspec
    from msgspec import inspect
except ImportError:
    raise MissingExtraError("load_config with a type", "config") from None

_MESSAGE = re.compile(r"(?P<problem>.*?)(?: - at `(?:key` in `)?\$(?P<path>[^`]*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
# These contain only types and field names; other messages repeat the value.
_HARMLESS = ("Expected `", "Object missing required field `")


class _NotATokenError(ValueError):
    """A value that must be a token is not a string."""


def find_secrets(file: ConfigFile, kind: Any, *, strict: bool) -> dict[SettingPath, type]:
    """Return the paths of the fields that require a ``Secret`` or a ``StrictSecret``, with that class.

    Raises:
        ConfigError: A name is unknown and ``strict`` is set.
        TypeError: msgspec cannot read ``kind``.
    """
    return dict(_walk(file, inspect.type_info(kind), file.data, (), strict))


def _walk(
    file: ConfigFile, info: inspect.Type, value: Any, names: SettingPath, strict: bool
) -> Iterator[tuple[SettingPath, type]]:
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


def _check_names(file: ConfigFile, options: tuple[Any, ...], value: dict[Any, Any], names: SettingPath) -> None:
    structures = [option for option in options if hasattr(option, "fields")]
    if not structures or any(isinstance(option, (inspect.DictType, inspect.AnyType)) for option in options):
        return
    known = {name for option in structures for name in _members(option)}
    tags = {option.tag_field for option in structures if isinstance(option, inspect.StructType)}
    for key in value:
        if key not in known and key not in tags:
            near = get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
            raise file.error((*names, str(key)), f"is unknown; {hint}")


def convert(file: ConfigFile, data: Any, kind: Any) -> Any:
    """Convert data that already holds Secrets and placeholders to ``kind``.

    Raises:
        ConfigError: It does not fit. Names file, line and name, never a value.
    """
    try:
        # Every value of a .env is text.
        made = msgspec.convert(_disguise(data), kind, dec_hook=_custom, strict=file.kind != ".env")
    except msgspec.ValidationError as error:
        problem, names = _explain(error)
    else:
        return _restore(made) if modes.mode() == modes.DEFERRED else made
    # Raised when no variable holds a plaintext any more, and outside the handler: msgspec's error repeats the value.
    del data
    raise file.error(names, problem)


def _custom(kind: type, value: Any) -> Any:
    if isinstance(value, kind):
        return value
    if issubclass(kind, (Secret, StrictSecret)):
        raise _NotATokenError
    raise TypeError


def _explain(error: msgspec.ValidationError) -> tuple[str, SettingPath]:
    match = _MESSAGE.fullmatch(str(error))
    steps = _STEP.findall(match["path"] or "") if match else []
    names = tuple(name or index.replace("...", "*") for name, index in steps)
    if isinstance(error.__cause__, _NotATokenError):
        return "must be a token, as encrypt_secret prints it", names
    if error.__cause__ is not None:
        return f"is refused by its type ({type(error.__cause__).__name__})", names
    if match and match["problem"].startswith(_HARMLESS):
        return f"does not fit its type: {match['problem'].replace('Object missing', 'missing')}", names
    return "is not a value that its type allows", names


class _Disguised(str):
    """Makes a deferred secret pass for text while msgspec converts the structure."""

    __slots__ = ("placeholder",)

    placeholder: Deferred


def _disguise(value: Any) -> Any:
    if isinstance(value, Deferred):
        disguised = _Disguised("<deferred secret>")
        disguised.placeholder = value
        return disguised
    if isinstance(value, dict):
        return {key: _disguise(member) for key, member in value.items()}
    return [_disguise(member) for member in value] if isinstance(value, (list, tuple)) else value


def _restore(value: Any) -> Any:
    """Put the placeholders back; a Struct or dataclass is changed in place."""
    if isinstance(value, _Disguised):
        return value.placeholder
    if isinstance(value, dict):
        return {key: _restore(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_restore(member) for member in value]
    if isinstance(value, tuple):
        members = [_restore(member) for member in value]
        return type(value)(*members) if hasattr(value, "_fields") else tuple(members)
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            msgspec.structs.force_setattr(value, name, _restore(getattr(value, name)))
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            object.__setattr__(value, field.name, _restore(getattr(value, field.name)))
    return value
