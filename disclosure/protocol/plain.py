"""Events as plain data that JSON can hold, one mapping per part, and back.

Driven by the classes in events.py alone: a new event needs nothing here.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

from disclosure.protocol.events import EVENT_TYPES, Event
from disclosure.protocol.values import Audience

Plain = str | int | bool | None | list[str]
OPEN = "open"  # the part that is not sealed


def to_plain(event: Event) -> dict[str, dict[str, Plain]]:
    """``{"open": {…}, "coordinator": {…}, …}``: values that JSON can hold, one mapping per part."""
    out: dict[str, dict[str, Plain]] = {OPEN: {}}
    for field in _FIELDS[type(event)]:
        out.setdefault(field.part, {})[field.name] = _plain(getattr(event, field.name))
    return out


def from_plain(type_name: str, parts: Mapping[str, Mapping[str, Plain]]) -> Event:
    """The event again; fields of parts that are not at hand (another audience's, or erased) are blank."""
    kind = EVENT_TYPES[type_name]
    # As its own __init__ would leave it, at a third of the cost: a frozen class sets each field through a check.
    event = object.__new__(kind)
    values = event.__dict__
    for field in _FIELDS[kind]:
        held = parts.get(field.part)
        if held is None:
            values[field.name] = field.blank
        elif field.name in held:
            read = field.read
            values[field.name] = read(held[field.name]) if read else held[field.name]
        elif field.default is not dataclasses.MISSING:  # a later version added the field
            values[field.name] = field.default
        else:
            raise TypeError(f"{type_name} without {field.name}")
    return event


def parts_of(kind: type[Event]) -> tuple[Audience, ...]:
    """The sealed parts that events of this kind have, in a fixed order."""
    return tuple(a for a in Audience if any(field.part == a for field in _FIELDS[kind]))


@dataclasses.dataclass(frozen=True)
class _Field:
    name: str
    part: str
    read: Callable[[Any], Any] | None  # None: as it is
    blank: Any
    default: Any


def _plain(value: Any) -> Plain:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return typing.cast(Plain, value.value)
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return typing.cast(Plain, value)


def _blank(hint: Any) -> Any:
    if typing.get_origin(hint) is tuple:
        return ()
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint("unknown") if "unknown" in {member.value for member in hint} else list(hint)[-1]
    return ""


def _reader(hint: Any) -> Callable[[Any], Any] | None:
    """From JSON's value to the field's type."""
    if typing.get_origin(hint) is tuple:
        return tuple
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        inner = _reader(next(arg for arg in typing.get_args(hint) if arg is not type(None)))
        return (lambda value: None if value is None else inner(value)) if inner else None
    if hint in {datetime, date}:
        return typing.cast(Callable[[Any], Any], hint.fromisoformat)
    if isinstance(hint, type) and issubclass(hint, Enum):
        known = {member.value: member for member in hint}  # a look-up at a fifth of the call's cost
        return lambda value: known[value] if value in known else hint(value)
    return None


def _fields(kind: type[Event]) -> tuple[_Field, ...]:
    hints = typing.get_type_hints(kind)
    return tuple(
        _Field(f.name, str(f.metadata.get("part", OPEN)), _reader(hints[f.name]), _blank(hints[f.name]), f.default)
        for f in dataclasses.fields(kind)
    )


_FIELDS: dict[type[Event], tuple[_Field, ...]] = {kind: _fields(kind) for kind in EVENT_TYPES.values()}
