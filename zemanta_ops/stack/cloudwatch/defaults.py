"""The declarations that are shipped, and how a team's own extend them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from zemanta_ops.stack.cloudwatch.declarations import Declaration, DeclarationError, DeclarationReader, suggest
from zemanta_ops.stack.cloudwatch.names import describe_repeated_tags

# What may be given once for all declarations.
SHARED = ("regions", "roles", "linked_accounts", "resource_tags", "tags")
OPTIONS = (*SHARED, "declarations")


@cache
def load_defaults() -> Mapping[str, Declaration]:
    """Return the shipped declarations by name, those included that are off."""
    reader = DeclarationReader("defaults.toml")
    text = files(__package__).joinpath("defaults.toml").read_text(encoding="utf-8")
    made = [reader.read(name, given) for name, given in _load_toml(text).items()]
    if reader.faults:
        raise DeclarationError(reader.faults)
    return {each.name: _make_optional(each) for each in made if each}


def build_declarations(
    given: Mapping[str, Any],
    *,
    place: str = "cloudwatch.toml",
    region: str = "",
    spell: Callable[[str], str] = str,
) -> tuple[Declaration, ...]:
    """Return the declarations that a team's options choose.

    A declaration with the name of a shipped one changes only the keys that it gives. One with another name is new.

    Args:
        given: The options: ``declarations`` by name, and the values that hold for all of them.
        place: Where the options are, for the faults.
        region: The region to ask if the options name none.
        spell: Returns how a key is written there: ``str.upper`` in Django's settings.

    Raises:
        DeclarationError: With a sentence for each mistake.

    """
    reader = DeclarationReader(place, spell)
    known = {spell(key): key for key in OPTIONS}
    reader.faults += [
        f"{place} has no key {str(key)!r}. {suggest(str(key), known)}" for key in given if key not in known
    ]
    own = given.get(spell("declarations"), {})
    shared = reader.read_options({key: given[key] for key in given if known.get(key) in SHARED}, SHARED)
    if not isinstance(own, Mapping):
        raise DeclarationError([*reader.faults, f"{place}: {spell('declarations')} must map names to declarations"])
    if repeated := describe_repeated_tags((), dict(shared.get("tags", ())), shared.get("resource_tags", ())):
        # These tags are of every declaration, but the mistake is one.
        reader.faults += [f"{place}: {fault}" for fault in repeated]
        shared.update(tags=(), resource_tags=())
    if not shared.get("regions"):
        shared["regions"] = (region,) if region else ()
    made = [_build(name, own, shared, reader) for name in {**load_defaults(), **own}]
    found = tuple(each for each in made if each)
    if not all(each.regions for each in found):
        reader.faults.append(f"{place} names no region, and AWS_REGION is not set: give {spell('regions')}")
    if reader.faults:
        raise DeclarationError(reader.faults)
    return found


def parse_toml(text: str, *, place: str = "cloudwatch.toml", region: str = "") -> tuple[Declaration, ...]:
    """Return the declarations of a TOML file; arguments and errors as ``build_declarations``."""
    try:
        given = _load_toml(text)
    except ValueError as error:
        raise DeclarationError([f"{place} is not TOML: {error}"]) from None
    return build_declarations(given, place=place, region=region)


def _build(
    name: str, own: Mapping[str, Any], shared: Mapping[str, Any], reader: DeclarationReader
) -> Declaration | None:
    base, given = load_defaults().get(name), own.get(name, {})
    if not name.strip() or not name.isprintable():
        text = f"{name!r} cannot be the name of a declaration. Use printable characters"
        reader.faults.append(f"{reader.place}: {text}")
        return None
    if not isinstance(given, Mapping):
        reader.faults.append(f"{reader.place}: {name} must map keys to values, such as {reader.spell('metrics')}")
        return None
    if base and name in own:
        # To name a declaration that is off is to ask for it.
        base = replace(base, enabled=True)
    elif base:
        base = replace(base, optional=True)
    made = reader.read(name, given, base, shared, load_defaults())
    return made if made and made.enabled else None


def _make_optional(declaration: Declaration) -> Declaration:
    """Return a declaration whose metrics may be missing: not every resource has all of the shipped ones."""
    return replace(declaration, metrics=tuple(replace(metric, optional=True) for metric in declaration.metrics))


def _load_toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)
