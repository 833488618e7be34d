"""Inputs in which what code mentions stands in the place of what was drawn: a text, a number, a moment, one at a time."""

import ast
import contextlib
import itertools
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from hypothesis import given, seed, settings, strategies
from hypothesis.errors import HypothesisException

from pipeline.decider.corpus import QUIET
from pipeline.decider.recording import Wired
from pipeline.decider.smaller import weight

EXACT = "float(...)"
"""The hint that code computes with floats what may be a large whole number, and does not count up to it."""
_Path = tuple[int | str, ...]
_MOST = 300
_MOST_LONG = 90
_MOST_SPELLED = 120
_MOST_EQUAL = 40
_MOST_HALVES = 120
_BASES = 3
_LONGEST = 10_000
_MOST_MEMBERS = 1_000
"""Of lists: it takes long to make these smaller."""
_FRACTIONS = ("float", "Decimal")
_BEYOND = (2**53 + 1, 2**62 - 1, 2**63)
_PATTERN = re.compile(r"[\\^$*+?{\[(|]")
"""What a text holds that may be a pattern."""
_ENDLESS = re.compile(r"\{\d{3,}|,\d{3,}\}")
"""What it holds where texts would become too long."""
_TELLING = (
    "\u00df",
    "\u0130",
    "\u01c6",
    "e\u0301",
    "\u00b2",
    "\u0663",
    "\u00bd",
    "\u00a0",
    "\u2028",
    "\x1c",
    "\r\n",
    "a'b c-d",
)
"""Texts that functions of the standard library tell apart: `lower` and `casefold`, `isdigit` and `isdecimal`, ..."""
_LARGEST = 10_000_000
"""An honest function may count up to a number it is given."""
_MATCHING = 8
"""Texts drawn for one pattern."""
_MOMENTS: dict[str, Any] = {"date": date, "datetime": datetime, "time": time}


def with_mentioned(drawn: Sequence[Wired], hints: Sequence[str]) -> Iterator[Wired]:
    """Variants of wired arguments, at most 680, with one value that the hints mention; types are not looked at.

    They are made of inputs that reach as many places as possible with as little as possible, and of the same with every
    list cut to one member and every other number 1, or 0: of products and sums, too, such a variant is at the edge.
    After these come texts and lists as long as the hints compare lengths with, what is mentioned in capitals or with a
    blank, the same value in two places, halves that are rounded, and whole numbers too large for a float.
    """
    values = {repr(value): value for hint in hints for value in _mentioned(hint)}
    texts = [value for value in values.values() if isinstance(value, str)]
    matches = {repr(match): match for text in texts for match in _matching(text)}
    values |= matches | {repr(text): text for text in _TELLING}
    bases = sorted(
        drawn, key=lambda wired: (-len({_kind(path) for path, _ in _places(wired)}), weight(wired))
    )
    plain = [_plain(base, number) for number in (1, 0) for base in bases[:1]]
    varied = {repr(other): other for text in [*texts, *matches.values()] for other in _varied(text)}
    yield from itertools.islice(_each(values.values(), [*plain, *bases[:_BASES]]), _MOST)
    lengths = dict.fromkeys(length for hint in hints for length in _lengths(hint))
    yield from itertools.islice(_as_long(lengths, [*bases[:1], *plain]), _MOST_LONG)
    spelled = [other for key, other in varied.items() if key not in values]
    yield from itertools.islice(_each(spelled, bases[:1]), _MOST_SPELLED)
    yield from itertools.islice(_equal(bases), _MOST_EQUAL)
    yield from itertools.islice(_each(_halves(values.values()), bases[:1], _FRACTIONS), _MOST_HALVES)
    if EXACT in hints:
        for base in bases[:1]:
            integers = [path for path, leaf in _places(base) if isinstance(leaf, int)][:2]
            yield from (_with(base, path, large) for path in integers for large in _BEYOND)


def _each(values: Iterable[Any], bases: Sequence[Wired], kinds: tuple[str, ...] = ()) -> Iterator[Wired]:
    """Every value in every place of its kind; where kinds are given, in places of these only."""
    values = list(values)
    for base in bases:
        for value in values:
            for path, leaf in _places(base):
                other = _like(leaf, value) if not kinds or _kind_of(leaf) in kinds else None
                if other is not None:
                    yield _with(base, path, other)


def _lengths(hint: str) -> Iterator[int]:
    """The numbers that a length is compared with, and those next to them."""
    for node in ast.walk(ast.parse(hint, mode="eval")):
        within = list(ast.walk(node)) if isinstance(node, ast.Compare) else []
        if any(isinstance(each, ast.Call) and ast.unparse(each.func) == "len" for each in within):
            for each in within:
                if isinstance(each, ast.Constant) and type(each.value) is int and 0 < each.value <= _LONGEST:
                    yield from (each.value, each.value + 1, each.value - 1)


def _as_long(lengths: Iterable[int], bases: Sequence[Wired]) -> Iterator[Wired]:
    """Texts and lists of these lengths, of what a base holds: also of two bytes a character."""
    for base, length in itertools.product(bases, list(lengths)):
        texts = {_kind(path): (path, leaf) for path, leaf in _places(base) if isinstance(leaf, str)}
        for path, text in texts.values():
            for part in dict.fromkeys((text or "a", "a", "\u00df")):
                yield _with(base, path, (part * (length // len(part) + 1))[:length])
        lists = {_kind(path): (path, members) for path, members in _lists(base)}
        for path, members in lists.values() if length <= _MOST_MEMBERS + 1 else ():
            yield _with(base, path, (members * (length // len(members) + 1))[:length])


def _lists(wired: Any, path: _Path = ()) -> Iterator[tuple[_Path, list[Any]]]:
    """Every list in wired arguments that has members, and where it is."""
    match wired:
        case list():
            if path and wired:
                yield path, wired
            for number, item in enumerate(wired):
                yield from _lists(item, (*path, number))
        case {"$": "record", "v": dict(parts)}:
            for name, part in parts.items():
                yield from _lists(part, (*path, "v", name))
        case {"$": "tuple", "v": list(members)}:
            for number, item in enumerate(members):
                yield from _lists(item, (*path, "v", number))


def _varied(text: str) -> list[str]:
    """The same text as someone else might write it."""
    if _PATTERN.search(text):
        return []
    return [text.upper(), text.lower(), text.capitalize(), f"{text}\n", f" {text}", f"{text} "]


def _equal(bases: Sequence[Wired]) -> Iterator[Wired]:
    """Bases in which two places of a kind hold the same: a few of each base."""
    for base in bases[:_MOST_EQUAL]:
        pairs = (
            _with(base, there, one)
            for (here, one), (there, other) in itertools.combinations(itertools.islice(_places(base), 12), 2)
            if _kind_of(one) == _kind_of(other) and one != other
        )
        yield from itertools.islice(pairs, 4)


def _kind_of(leaf: Any) -> str:
    return str(leaf["$"]) if isinstance(leaf, dict) else type(leaf).__name__


def _halves(values: Iterable[Any]) -> list[Decimal]:
    """What lies in the middle between two numbers that are rounded to: whole ones, cents, and what is mentioned."""
    numbers = [number for value in values if (number := _decimal(value)) is not None]
    steps = [number for number in numbers if 0 < number <= 1 and number.normalize().as_tuple().digits == (1,)]
    halves = [step * odd / 2 for step in (Decimal(1), Decimal("0.01"), *steps) for odd in (1, 3, 5)]
    return list(dict.fromkeys([*halves, Decimal("0.125"), Decimal("1E+2"), Decimal("-2.5")]))


def _mentioned(hint: str) -> Iterator[Any]:
    """Constants of a hint; what looks like a moment is one. Nothing is evaluated but `date(2026, 1, 1)` and its like."""
    for node in ast.walk(ast.parse(hint, mode="eval")):
        match node:
            case ast.Constant(value=str() | int() | float() as value) if not isinstance(value, bool):
                yield value
            case ast.Call(func=ast.Name(id="date" | "datetime" | "time" as name), args=args):
                try:
                    yield _MOMENTS[name](*map(ast.literal_eval, args))
                except (ValueError, TypeError, OverflowError):
                    continue


def _matching(text: str) -> list[str]:
    """A few texts that a text stands for, where it is a pattern."""
    found: list[str] = []

    @seed(0)
    @settings(QUIET, max_examples=_MATCHING)
    @given(strategies.from_regex(text, fullmatch=True))
    def draw(match: str) -> None:
        found.append(match)

    if _PATTERN.search(text) and not _ENDLESS.search(text):
        with (
            contextlib.suppress(re.error, OverflowError, RecursionError, HypothesisException),
            warnings.catch_warnings(action="ignore"),
        ):
            draw()
    return found


def _like(leaf: Any, value: Any) -> Any:
    """A value in the place and of the kind of a leaf; None where it is of another kind, or too large to be tried."""
    match leaf:
        case str():
            return value if isinstance(value, str) else None
        case float() if isinstance(value, Decimal):
            return float(value)
        case int():
            return value if isinstance(value, int) and abs(value) <= _LARGEST else None
        case float():
            return float(value) if isinstance(value, int | float) and abs(value) <= _LARGEST else None
        case {"$": "Decimal"}:
            number = _decimal(value)
            return None if number is None or abs(number) > _LARGEST else {"$": "Decimal", "v": str(number)}
        case {"$": "date" | "datetime" | "time" as tag, "v": text} if type(value) is _MOMENTS[tag]:
            same = value.replace(tzinfo=datetime.fromisoformat(text).tzinfo) if tag == "datetime" else value
            return {"$": tag, "v": same.isoformat()}
    return None


def _decimal(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and str(value).isascii() else None


def _places(wired: Any, path: _Path = ()) -> Iterator[tuple[_Path, Any]]:
    """Every text, number and moment in wired arguments, and where it is; answers of ports are left alone."""
    match wired:
        case bool() | None | {"$": "script" | "enum"}:
            return
        case {"$": "Decimal" | "date" | "datetime" | "time" | "UUID"} | str() | int() | float():
            yield path, wired
        case list():
            for number, item in enumerate(wired):
                yield from _places(item, (*path, number))
        case {"$": "record", "v": dict(parts)}:
            for name, part in parts.items():
                yield from _places(part, (*path, "v", name))
        case {"$": "tuple" | "set" | "frozenset" | "dict", "v": list(members)}:
            yield from _places(members, (*path, "v"))


def _kind(path: _Path) -> _Path:
    """A path without the number of a member: all members of a list are one place."""
    return (*path[:1], *(part if isinstance(part, str) else 0 for part in path[1:]))


def _with(wired: Any, path: _Path, value: Any) -> Any:
    if not path:
        return value
    first: Any = path[0]
    changed = _with(wired[first], path[1:], value)
    if isinstance(wired, dict):
        return {**wired, first: changed}
    return [*wired[:first], changed, *wired[first + 1 :]]


def _plain(wired: Wired, number: int) -> Wired:
    """Arguments with lists of one member and the same number in every place."""
    return [_plainer(argument, number) for argument in wired]


def _plainer(wired: Any, number: int) -> Any:
    match wired:
        case bool() | None | {"$": "script" | "enum"}:
            return wired
        case int():
            return number
        case float():
            return float(number)
        case {"$": "Decimal"}:
            return {"$": "Decimal", "v": str(number)}
        case list():
            return [_plainer(item, number) for item in wired[:1]]
        case {"$": "dict", "v": list(pairs)}:
            return {"$": "dict", "v": [[_plainer(item, number) for item in pair] for pair in pairs[:1]]}
        case {"$": "set" | "frozenset" as tag, "v": list(members)}:
            return {"$": tag, "v": _plainer(members, number)}
        case {"$": "tuple", "v": list(members)}:
            return {"$": "tuple", "v": [_plainer(item, number) for item in members]}
        case {"$": "record", "v": dict(parts)}:
            return {**wired, "v": {name: _plainer(part, number) for name, part in parts.items()}}
    return wired
