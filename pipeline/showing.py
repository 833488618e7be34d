"""Values as Python text that a person can read and paste; the same in every process."""

import dataclasses
import enum
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID


def show(value: Any, limit: int = 200) -> str:
    """A value as Python text a person can paste, cut to `limit` characters. The same in every process."""
    text = _text(value, limit)
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."


def _text(value: Any, limit: int) -> str:
    """A value as Python text; of a list or a dict no more than `limit` characters can hold."""
    match value:
        case enum.Enum():
            return f"{type(value).__name__}.{value.name}"
        case Decimal():
            return f"Decimal('{value}')"
        case UUID():
            return f"UUID('{value}')"
        case datetime():
            return f"datetime.fromisoformat('{value.isoformat()}')"
        case date() | time() | timedelta():
            return repr(value).removeprefix("datetime.")
        case list():
            return f"[{_joined(value, limit)}]"
        case tuple():
            return f"({_joined(value, limit)}{',' * (len(value) == 1)})"
        case dict():
            return (
                "{"
                + ", ".join(f"{_text(k, limit)}: {_text(v, limit)}" for k, v in islice(value.items(), limit))
                + "}"
            )
        case frozenset():
            return f"frozenset({_members(value, limit)})" if value else "frozenset()"
        case set():
            return _members(value, limit) if value else "set()"
    if dataclasses.is_dataclass(value):
        inner = (
            f"{field.name}={_text(getattr(value, field.name), limit)}" for field in dataclasses.fields(value)
        )
        return f"{type(value).__name__}({', '.join(inner)})"
    return repr(value)


def _members(values: Any, limit: int) -> str:
    return "{" + ", ".join(sorted(_text(item, limit) for item in values)) + "}"


def _joined(values: Any, limit: int) -> str:
    return ", ".join(_text(item, limit) for item in islice(values, limit))
