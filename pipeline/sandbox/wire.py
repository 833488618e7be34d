"""Plain data with type tags: the only thing that crosses between unread code and the rest.

Standard library only, because the probe runs it beside unread code. Whatever has no tag crosses as `opaque`, a
type name and nothing else; nothing is ever unpickled.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

MAX_DEPTH = 100
"""Of values. One level of a value is at most three of JSON."""
MAX_FRAME_BYTES = 16 * 1024 * 1024


class WireError(ValueError):
    """A frame that is no frame of ours."""


class Opaque:
    """Stands for a value of a type that does not cross."""

    def __init__(self, type_name: str) -> None:
        self.type_name = printable(type_name)

    def __repr__(self) -> str:
        return f"<{self.type_name}>"


def printable(text: str) -> str:
    """Words of unread code as a person, a terminal and a model may see them: one line, nothing invisible."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:300])


_load = json.JSONDecoder().raw_decode
_dump = json.JSONEncoder(separators=(",", ":")).encode
_TO_TEXT: dict[type, Any] = {
    Decimal: str,
    UUID: str,
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
}
_FROM_TEXT: dict[str, Any] = {
    "Decimal": Decimal, "UUID": UUID, "datetime": datetime.fromisoformat, "date": date.fromisoformat,
    "time": time.fromisoformat,
}  # fmt: skip


def encode(value: Any, classes: Mapping[str, type], depth: int = 0) -> Any:
    """A Python value as JSON with tags. `classes` are the spec's enums and records by name."""
    kind = type(value)
    if value is None or kind in {bool, int, str, float}:
        return value
    if depth > MAX_DEPTH:
        return {"$": "opaque", "v": "value nested too deeply"}
    if kind is list:
        return [encode(item, classes, depth + 1) for item in value]
    if kind in _TO_TEXT:
        return {"$": kind.__name__, "v": _TO_TEXT[kind](value)}
    if kind is tuple:
        return {"$": "tuple", "v": [encode(item, classes, depth + 1) for item in value]}
    if kind in {set, frozenset}:
        members = [encode(item, classes, depth + 1) for item in value]
        return {"$": kind.__name__, "v": sorted(members, key=lambda item: json.dumps(item, sort_keys=True))}
    if kind is dict:
        pairs = [
            [encode(key, classes, depth + 1), encode(item, classes, depth + 1)] for key, item in value.items()
        ]
        return {"$": "dict", "v": pairs}
    if kind is timedelta:
        return {"$": "timedelta", "v": [value.days, value.seconds, value.microseconds]}
    if classes.get(kind.__name__) is kind:
        if issubclass(kind, StrEnum):
            return {"$": "enum", "t": kind.__name__, "v": value.value}
        fields = {
            name: encode(getattr(value, name), classes, depth + 1) for name in kind.__dataclass_fields__
        }
        return {"$": "record", "t": kind.__name__, "v": fields}
    return {"$": "opaque", "v": kind.__name__}


def decode(wire: Any, classes: Mapping[str, type], depth: int = 0) -> Any:
    """The Python value of tagged JSON; raises WireError for anything `encode` does not write."""
    if wire is None or type(wire) in {bool, int, str, float}:
        return wire
    if depth > MAX_DEPTH + 1:
        raise WireError("a value is nested too deeply")
    depth += 1
    if type(wire) is list:
        return [decode(item, classes, depth) for item in wire]
    try:
        tag, value = wire["$"], wire["v"]
        if tag in _FROM_TEXT:
            return _FROM_TEXT[tag](value)
        match tag:
            case "tuple":
                return tuple(decode(item, classes, depth) for item in value)
            case "set":
                return {decode(item, classes, depth) for item in value}
            case "frozenset":
                return frozenset(decode(item, classes, depth) for item in value)
            case "dict":
                return {decode(key, classes, depth): decode(item, classes, depth) for key, item in value}
            case "timedelta":
                return timedelta(*value)
            case "enum":
                return classes[wire["t"]](value)
            case "record":
                return classes[wire["t"]](
                    **{name: decode(item, classes, depth) for name, item in value.items()}
                )
            case "opaque" if type(value) is str:
                return Opaque(value)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as error:
        raise WireError(f"{type(error).__name__}: {error}") from None
    raise WireError(f"unknown tag {tag!r}")


def dump_frame(frame: Any) -> bytes:
    """A frame as one line of JSON."""
    return _dump(frame).encode() + b"\n"


def load_frame(line: bytes) -> Any:
    """The frame of one line from unread code; raises WireError when it is none, too large or too deep."""
    if len(line) > MAX_FRAME_BYTES:
        raise WireError("a frame is larger than 16 MiB")
    frame = load_own_frame(line)
    if line.count(b"[") + line.count(b"{") > 4 * MAX_DEPTH and _is_deep(frame):
        raise WireError("a frame is nested too deeply")
    return frame


def load_own_frame(line: bytes) -> Any:
    """The frame of one line from a process of ours, of any size; raises WireError when it is none."""
    try:
        text = line.decode().strip()
        frame, end = _load(text)
    except (ValueError, RecursionError):
        raise WireError("a frame is not JSON") from None
    if end != len(text):
        raise WireError("a frame is not JSON")
    return frame


def _is_deep(frame: Any) -> bool:
    level = [frame]
    for _ in range(4 * MAX_DEPTH):
        level = [
            item
            for outer in level
            if isinstance(outer, list | dict)
            for item in (outer if isinstance(outer, list) else outer.values())
        ]
        if not level:
            return False
    return True
