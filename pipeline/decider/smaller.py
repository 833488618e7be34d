"""Smaller values of tagged JSON: what to try instead of an input, to show a person as little of it as will do."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

_PLACES = 24
"""How many characters or members are tried to be left out one by one."""
_NIL = "00000000-0000-0000-0000-000000000000"
_CONTAINERS = {"tuple", "set", "frozenset", "dict", "record", "script"}
"""Tags of what is made of parts."""
Weight = tuple[int, float]


def weight(wired: Any) -> Weight:
    """How much there is to read in a value: its parts first, then how far they are from nothing."""
    match wired:
        case None:
            return 0, 0.0
        case bool():
            return 1, float(wired)
        case int() | float():
            far = abs(wired) if isinstance(wired, int) or math.isfinite(wired) else math.inf
            return 1 + (not isinstance(wired, int) and wired != int(min(far, 1e15))), _far(far) + 0.5 * (
                wired < 0
            )
        case str():
            return 1 + len(wired), float(sum(map(_rank, wired)))
        case list():
            return _sum(wired)
        case {"$": "Decimal", "v": text}:
            number = Decimal(text)
            if not number.is_finite():
                return 1, math.inf
            exponent = number.as_tuple().exponent
            places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
            return 1 + places, _far(abs(number)) + 0.5 * (number < 0)
        case {"$": "enum"}:
            return 1, 0.0
        case {"$": "datetime" | "date" | "time", "v": text}:
            return 1, float(sum(int(character) for character in text if character.isdecimal()))
        case {"$": "UUID", "v": text}:
            return 1, float(text != _NIL)
        case dict():
            return _sum([wired["v"]] if "v" in wired else list(wired.values()))
    return 1, 0.0


def smaller(wired: Any) -> Iterator[Any]:
    """Values that may be smaller, the boldest first; whether they are of the type is for others to say."""
    if wired is not None:
        yield None
    match wired:
        case True:
            yield False
        case bool() | None:
            return
        case int():
            yield from _integers(wired)
        case float():
            yield from _floats(wired)
        case str():
            yield from _texts(wired)
        case list():
            yield from _members(wired)
        case {"$": "Decimal", "v": text}:
            yield from ({"$": "Decimal", "v": str(each)} for each in _decimals(Decimal(text)))
        case {"$": "datetime" | "date" | "time" as tag, "v": text}:
            yield from ({"$": tag, "v": each.isoformat()} for each in _moments(tag, text))
        case {"$": "UUID"}:
            yield {"$": "UUID", "v": _NIL}
        case {"$": "timedelta", "v": parts}:
            for number, part in enumerate(parts):
                yield from (
                    {"$": "timedelta", "v": [*parts[:number], each, *parts[number + 1 :]]}
                    for each in _integers(part)
                )
        case {"$": "tuple" | "set" | "frozenset" | "dict", "v": list(members)}:
            yield from ({**wired, "v": each} for each in _members(members))
        case {"$": "record" | "script" as tag, "v": dict(parts)}:
            within = smaller if tag == "record" else _replies
            for key, part in parts.items():
                yield from ({**wired, "v": {**parts, key: each}} for each in within(part))


def together(wired: list[Any]) -> Iterator[list[Any]]:
    """Arguments in which a text, number, day or its like that stands in more than one place is smaller in all of them."""
    found = Counter(map(json.dumps, _scalars(wired)))
    for text, count in found.items():
        if count > 1:
            scalar = json.loads(text)
            yield from (_replaced(wired, scalar, each) for each in smaller(scalar) if each is not None)


def _scalars(wired: Any) -> Iterator[Any]:
    """What is not made of parts; names of types and tags are none."""
    match wired:
        case list():
            for item in wired:
                yield from _scalars(item)
        case {"$": tag, "v": parts} if tag in _CONTAINERS:
            yield from _scalars(list(parts.values()) if isinstance(parts, dict) else parts)
        case bool() | None:
            return
        case _:
            yield wired


def _replaced(wired: Any, scalar: Any, other: Any) -> Any:
    match wired:
        case list():
            return [_replaced(item, scalar, other) for item in wired]
        case {"$": tag, "v": dict(parts)} if tag in _CONTAINERS:
            return {**wired, "v": {key: _replaced(part, scalar, other) for key, part in parts.items()}}
        case {"$": tag, "v": parts} if tag in _CONTAINERS:
            return {**wired, "v": _replaced(parts, scalar, other)}
    return other if type(wired) is type(scalar) and wired == scalar else wired


def _sum(parts: list[Any]) -> Weight:
    weights = [weight(part) for part in parts]
    return 1 + sum(parts for parts, _ in weights), sum(far for _, far in weights)


def _far(number: Any) -> float:
    return float(min(number, Decimal(10) ** 300)) if not isinstance(number, float) else number


def _rank(character: str) -> int:
    """`a` is the simplest character, then other small letters, digits, and what is left."""
    if "a" <= character <= "z":
        return ord(character) - ord("a")
    return 30 + ord(character) - ord("0") if "0" <= character <= "9" else 100 + ord(character)


def _integers(number: int) -> Iterator[int]:
    """Nothing, its positive, and ever smaller steps towards nothing."""
    if number == 0:
        return
    yield 0
    if number < 0:
        yield -number
    sign, step = (1 if number > 0 else -1), abs(number) // 2
    yield from (number % (sign * 10**digits) for digits in range(1, len(str(abs(number))))[:9])
    while step:
        yield number - sign * step
        step //= 2
    yield number - sign


def _floats(number: float) -> Iterator[float]:
    if number == 0 or not math.isfinite(number):
        yield from [0.0, 1.0] * (number != 0)
        return
    yield from (0.0, 1.0, -number, float(int(number)), round(number, 1), round(number, 2), number / 2)
    if number == int(number) and abs(number) < 2**53:
        yield from map(float, _integers(int(number)))


def _decimals(number: Decimal) -> Iterator[Decimal]:
    """The same with fewer digits, and smaller ones with as many."""
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        return
    for places in range(min(exponent, 0) + 1, 1):
        yield number.quantize(Decimal(1).scaleb(places), "ROUND_DOWN")
    if abs(number.adjusted()) < 300:
        yield from (Decimal(each).scaleb(exponent) for each in _integers(int(number.scaleb(-exponent))))


def _texts(text: str) -> Iterator[str]:
    yield from _shorter(text)
    yield "a" * len(text)
    for place, character in enumerate(text[:_PLACES]):
        for simple in "a0 ":
            if _rank(simple) < _rank(character):
                yield text[:place] + simple + text[place + 1 :]


def _members(members: list[Any]) -> Iterator[list[Any]]:
    yield from _shorter(members)
    for place, member in enumerate(members[:_PLACES]):
        yield from ([*members[:place], each, *members[place + 1 :]] for each in smaller(member))


def _replies(replies: list[Any]) -> Iterator[list[Any]]:
    """Fewer answers of a port, at least one, and smaller values in them."""
    yield from (each for each in _shorter(replies) if each)
    for place, (value, error) in enumerate(replies):
        if error is None:
            yield from ([*replies[:place], [each, None], *replies[place + 1 :]] for each in smaller(value))


def _shorter(items: Any) -> Iterator[Any]:
    """Nothing of it, a half, and all but one."""
    if len(items):
        yield items[:0]
    if len(items) > 2:
        yield items[: len(items) // 2]
        yield items[len(items) // 2 :]
    for place in range(min(len(items), _PLACES)):
        yield items[:place] + items[place + 1 :]


def _moments(tag: str, text: str) -> Iterator[date | time]:
    kinds: dict[str, Any] = {"datetime": datetime, "date": date, "time": time}
    moment = kinds[tag].fromisoformat(text)
    plain: dict[str, int] = {}
    if tag != "date":
        plain |= {"microsecond": 0, "second": 0, "minute": 0, "hour": 0}
    if tag != "time":
        plain |= {"day": 1, "month": 1, "year": 2000}
    for part, value in plain.items():
        try:
            yield moment.replace(**{part: value})
        except ValueError:
            continue
