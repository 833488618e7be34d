"""Generated inputs: Hypothesis strategies for a contract's parameters, drawn the same way on every machine."""

import ast
import math
import re
from collections.abc import Callable, Sized
from decimal import Decimal
from enum import Enum
from typing import Any

from hypothesis import strategies as st

from pipeline.annotations import annotation_names, is_ellipsis, items_of, parse_annotation
from pipeline.decider.answers import Failing, scripts
from pipeline.decider.moments import Moments
from pipeline.decider.rarely import rarely, some
from pipeline.definitions import Param, TypeAlias, TypeEnum, TypeRecord
from pipeline.records import Contract
from pipeline.rules import constants
from pipeline.values import Types, ValuesError

Arguments = tuple[Any, ...]

_MAX_DEPTH = 6
"""How deep a record may hold records of its own kind."""
_FAR = 1000
"""Many honest functions count up to a number they are given; one of 30 digits would only tell that they do."""
_LARGE = (12_345, 65_537, 100_003)
_LARGEST = 1_234_567
"""For whole numbers whose type says that one side is open, and so meant."""
_MODEST = 4_000_000
"""What a large number may come to together with another argument: an honest function may repeat a text."""
_MANY, _MOST = 15, 40
_LONG, _LONGEST = 100, 300
_DIGITS = re.compile(r"[0-9]{1,9}")
_WORDS = re.compile(r"\w+|\s+|[^\w\s]+")


class Strategies:
    """Strategies for the annotations of one contract, coloured by the values its cases and rules mention."""

    def __init__(self, contract: Contract, types: Types) -> None:
        self.contract = contract
        self.types = types
        mentioned = [value for rule in _rules(contract) for value in constants(rule)]
        for case in contract.cases:
            _collect(case.given, mentioned)
        self.texts = sorted({v for v in mentioned if isinstance(v, str) and len(v) <= 200})
        numbers = {_number(value) for value in mentioned} - {None}
        near = {n + step for n in numbers if n is not None for step in (-1, 0, 1)}
        self.numbers = sorted(n for n in near if abs(n) < 10**18)
        self.far = max([_FAR, *(2 * int(abs(n)) for n in self.numbers)])
        """How far whole numbers go where their type does not say."""
        self.moments = Moments(self.texts, _rules(contract), self.numbers)
        self.words = sorted({word for text in self.texts for word in _WORDS.findall(text)})
        self._named: dict[tuple[str, int, int], st.SearchStrategy[Any]] = {}

    def arguments(self, failing: Failing | None = None) -> st.SearchStrategy[Arguments]:
        """Arguments of the function; with `failing`, one way in which a port of it fails."""
        return st.tuples(*(self._argument(param, failing) for param in self.contract.params)).filter(_modest)

    def _argument(self, param: Param, failing: Failing | None) -> st.SearchStrategy[Any]:
        if param.name in self.contract.port_params:
            return scripts(self.contract, param.name, lambda text: self.of(parse_annotation(text)), failing)
        return self.of(parse_annotation(param.type))

    def of(self, node: ast.expr, depth: int = 0, room: int = 2) -> st.SearchStrategy[Any]:
        """The strategy of an annotation, `depth` records of their own kind deep.

        `room` is 2 where a container may be large, 1 inside of containers, and 0 inside of large ones.
        """
        match node:
            case ast.Constant(value=None):
                return st.none()
            case ast.Name(id=name):
                if (name, depth, room) not in self._named:
                    self._named[name, depth, room] = self._definition(name, depth, room)
                return self._named[name, depth, room]
            case ast.BinOp(left=left, right=right):
                return self.of(left, depth, room) | self.of(right, depth, room)
            case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
                return st.sampled_from([i.value for i in items_of(inner) if isinstance(i, ast.Constant)])
            case ast.Subscript(value=ast.Name(id=name), slice=inner):
                return self._container(name, items_of(inner), {}, depth, room)
        raise ValueError(f"no inputs for '{ast.unparse(node)}'")

    def _definition(self, name: str, depth: int, room: int) -> st.SearchStrategy[Any]:
        match self.types.definitions.get(name):
            case TypeEnum():
                return st.sampled_from(list(self.types.classes[name]))  # type: ignore[call-overload]
            case TypeRecord(fields=fields):
                if name in self._reached_from(name):
                    depth, room = depth + 1, min(room, 1)
                if depth > _MAX_DEPTH:
                    return st.nothing()
                strategies = {f.name: self.of(parse_annotation(f.type), depth, room) for f in fields}
                return st.builds(self.types.classes[name], **strategies)
            case TypeAlias():
                return self._alias(name, depth, room)
            case _:
                return self._scalar(name, {}, room)

    def _reached_from(self, name: str) -> set[str]:
        reached: set[str] = set()
        waiting = [name]
        while waiting:
            kind = self.types.definitions.get(waiting.pop())
            written = [f.type for f in kind.fields] if isinstance(kind, TypeRecord) else []
            written += [kind.type] if isinstance(kind, TypeAlias) else []
            found = {inner for text in written for inner in annotation_names(text)} - reached
            reached |= found
            waiting += found
        return reached

    def _alias(self, name: str, depth: int, room: int) -> st.SearchStrategy[Any]:
        node, aliases = self.types.resolve_alias(ast.Name(id=name))
        limits: dict[str, Any] = {}
        for alias in reversed(aliases):  # the outer alias, which is narrower, wins
            limits |= {
                key: value
                for key, value in alias.model_dump(exclude={"kind", "type"}).items()
                if value is not None
            }
        if "pattern" in limits:
            found: st.SearchStrategy[Any] = st.from_regex(re.compile(limits["pattern"]), fullmatch=True)
            found |= st.sampled_from(self.texts) if self.texts else st.nothing()
        elif isinstance(node, ast.Name) and node.id not in self.types.definitions:
            found = self._scalar(node.id, limits, room)
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            found = self._container(node.value.id, items_of(node.slice), limits, depth, room)
        else:
            found = self.of(node, depth, room)
        return found.filter(lambda value: self._fits(name, value)) if limits else found

    def _fits(self, annotation: str, value: Any) -> bool:
        try:
            self.types.decode(annotation, value)
        except ValuesError:
            return False
        return True

    def _container(
        self, name: str, items: list[ast.expr], limits: dict[str, Any], depth: int, room: int
    ) -> st.SearchStrategy[Any]:
        if name == "tuple" and not is_ellipsis(items[-1]):
            return st.tuples(*(self.of(item, depth, room) for item in items))
        kinds = items[: 1 + (name == "dict")]
        low, high = _sizes(limits, 8 if depth < 2 and room else 2)
        members = [self.of(item, depth, min(room, 1)) for item in kinds]
        if any(member.is_empty for member in members):
            high, room = 0, 0
        if low > high:
            return st.nothing()
        makers: dict[str, Callable[[list[Any]], Any]] = {"set": set, "frozenset": frozenset, "tuple": tuple}
        make = makers.get(name, list)
        if name == "dict":
            usual: st.SearchStrategy[Any] = st.dictionaries(*members, min_size=low, max_size=high)
            make = dict
        else:
            usual = st.lists(*members, min_size=low, max_size=high).map(make)
        nested = any(isinstance(kind, ast.Subscript) for kind in kinds)
        sizes = _large(limits, _MANY, _MOST // 2 if nested else _MOST)
        if room < 2 or depth or sizes[1] <= high:
            return usual
        cheap = [self.of(item, depth, 0) for item in kinds]
        many = st.lists(
            st.tuples(*cheap) if name == "dict" else cheap[0], min_size=sizes[0], max_size=sizes[1]
        )
        return rarely(usual, many.map(make).filter(lambda found: len(found) >= low))

    def _scalar(self, name: str, limits: dict[str, Any], room: int) -> st.SearchStrategy[Any]:
        match name:
            case "str":
                return self._text(limits, room)
            case "int":
                return self._integers(limits)
            case "float":
                return self._floats(limits)
            case "Decimal":
                return self._decimals(limits)
            case "bool":
                return st.booleans()
            case "UUID":
                return st.uuids()
        return self.moments.of(name)

    def _text(self, limits: dict[str, Any], room: int) -> st.SearchStrategy[str]:
        low, high = _sizes(limits, 30 if room else 6)
        sizes = {"min_size": low, "max_size": high}
        anything = st.text(st.characters(exclude_categories=["Cs"]), **sizes)
        familiar = sorted({character for text in self.texts for character in text} | set("abzAZ019 .-_"))
        choices = [anything, st.text(familiar, **sizes)]
        if self.words:
            choices.append(st.lists(st.sampled_from(self.words), max_size=8).map("".join))
        if self.texts:
            choices.append(st.sampled_from(self.texts))
            edited = st.builds(_edited, st.sampled_from(self.texts), st.integers(0, 30), self._words())
            choices += [edited, edited]
        most = limits.get("max_length", math.inf)
        usual = st.one_of(choices).filter(lambda text: low <= len(text) <= most)
        if not room:
            return usual
        run = st.builds(str.__mul__, st.sampled_from([*familiar, " ", " "]), st.integers(3, 60))
        word = st.sampled_from([*self.words, *familiar])
        runs = st.lists(run, min_size=1, max_size=4) | st.lists(run | word, min_size=1, max_size=8)
        least, longest = _large(limits, _LONG, _LONGEST)
        joined = runs.map(lambda found: "".join(found)[:longest]).filter(lambda text: len(text) >= low)
        pieces = st.lists(word, min_size=8, max_size=30).map("".join)
        long = st.builds(_stretched, pieces, st.integers(least, longest))
        return rarely(usual, joined, *[long] * (longest > high))

    def _words(self) -> st.SearchStrategy[str]:
        """What may stand for a word of a text: another word, nothing, or a number that is one off."""
        near = [f"{int(w) + step:0{len(w)}}" for w in self.words if _DIGITS.fullmatch(w) for step in (-1, 1)]
        return st.sampled_from(sorted({*self.words, *near, ""}))

    def _integers(self, limits: dict[str, Any]) -> st.SearchStrategy[int]:
        low, high = _bounds(limits, 1)
        least = None if low is None else math.ceil(low)
        most = None if high is None else math.floor(high)
        if least is not None and most is not None and least > most:
            return st.nothing()
        near, far = 100, self.far
        start = least if least is not None else -20 if most is None else min(-20, most - near)
        end = most if most is not None else max(near, start + near)
        first = least if least is not None else -far if most is None else min(-far, most - far)
        last = most if most is not None else max(far, first + far)
        mentioned = [int(n) for n in self.numbers if n == int(n) and _within(n, low, high)]
        choices = [st.integers(start, end), st.integers(first, last)]
        if least is not None and most is not None:
            zero = min(max(0, least), most)
            choices.append(st.integers(max(least, zero - 20), min(most, zero + near)))
        choices += [st.sampled_from(mentioned)] if mentioned else []
        edges = {n + step for n in (least, most) if n is not None for step in (-1, 0, 1)}
        return rarely(
            st.one_of(choices),
            some(n for n in sorted(edges) if _within(Decimal(n), low, high)),
            some(_large_numbers(least, most)),
        )

    def _floats(self, limits: dict[str, Any]) -> st.SearchStrategy[float]:
        least, most = map(float, _window(limits))
        if least > most:
            return st.nothing()
        near = [float(n) for n in self.numbers if least <= n <= most]
        wide = st.floats(least, most, allow_nan=False)
        usual = wide | st.sampled_from(near) if near else wide
        odd = [n for n in (0.1 + 0.2, 1.1 + 2.2, 0.5, 2.5, 1 / 3, -0.1, -0.5) if least <= n <= most]
        low, high = math.ceil(max(least, min(-1000, most))), math.floor(min(most, max(1000, least)))
        whole = st.integers(low, high).map(float) if low <= high else st.nothing()
        return rarely(usual, some(odd + [-0.0] * (least < 0 <= most)), whole)

    def _decimals(self, limits: dict[str, Any]) -> st.SearchStrategy[Decimal]:
        least, most = _window(limits)
        near = [n for n in self.numbers if least <= n <= most]
        given_places = limits.get("decimal_places")
        ranges = [
            (max(least, Decimal(-100)), min(most, Decimal(100)), 2),
            *((least, most, p) for p in (2, 0, 4)),
        ]
        if given_places is not None:
            ranges = [(low, high, given_places) for low, high, _ in ranges[:2]]
        choices = [st.decimals(low, high, places=p) for low, high, p in ranges if _holds_any(low, high, p)]
        if not choices and given_places is None and least <= most:
            choices = [st.decimals(least, most)]
        return st.one_of([*choices, st.sampled_from(near)] if near else choices)


def _edited(text: str, place: int, word: str) -> str:
    """A text with one of its words replaced."""
    words = _WORDS.findall(text)
    if words:
        words[place % len(words)] = word
    return "".join(words)


def _stretched(text: str, size: int) -> str:
    """A text repeated to a size."""
    return (text * (size // max(len(text), 1) + 1))[:size].ljust(size, "a")


def _large_numbers(least: int | None, most: int | None) -> list[int]:
    """Large numbers on the sides that are open."""
    if least is not None and most is not None:
        return []
    numbers = _LARGE if least is None and most is None else (*_LARGE, _LARGEST)
    up = [n for n in numbers if most is None and (least is None or n >= least)]
    down = [-n for n in numbers if least is None and (most is None or -n <= most)]
    return up + down


def _modest(arguments: Arguments) -> bool:
    """Whether no large number stands beside something that it could be multiplied with to no end."""
    sizes = sorted(_size(argument) for argument in arguments)
    return len(sizes) < 2 or sizes[-1] not in {*_LARGE, _LARGEST} or sizes[-1] * sizes[-2] <= _MODEST


def _size(argument: Any) -> int:
    if type(argument) is int:
        return abs(argument)
    return len(argument) if isinstance(argument, Sized) and not isinstance(argument, Enum) else 0


def _rules(contract: Contract) -> list[str]:
    whens = [item.when for item in contract.raises if item.when is not None]
    return [*(rule.rule for rule in (*contract.requires, *contract.ensures)), *whens]


def _collect(value: Any, into: list[Any]) -> None:
    if isinstance(value, dict):
        for inner in value.values():
            _collect(inner, into)
    elif isinstance(value, list):
        for inner in value:
            _collect(inner, into)
    elif value is not None:
        into.append(value)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return Decimal(str(value))
    return Decimal(value) if re.fullmatch(r"-?\d{1,18}(\.\d{1,9})?", value) else None


def _sizes(limits: dict[str, Any], reach: int) -> tuple[int, int]:
    """Smallest and largest length to draw."""
    low, high = limits.get("min_length") or 0, limits.get("max_length")
    return low, (low + reach if high is None else min(high, low + reach))


def _large(limits: dict[str, Any], least: int, most: int) -> tuple[int, int]:
    """Smallest and largest length of what is drawn large."""
    low, high = limits.get("min_length") or 0, limits.get("max_length")
    least, most = max(least, low), max(most, low)
    return (least, most) if high is None else (min(least, high), min(most, high))


def _window(limits: dict[str, Any]) -> tuple[Decimal, Decimal]:
    """Where to draw numbers that need two ends."""
    low, high = _bounds(limits, 0)
    reach = Decimal(10**9)
    least = low if low is not None else -reach if high is None else min(-reach, high - reach)
    return least, (high if high is not None else max(reach, least + reach))


def _holds_any(low: Decimal, high: Decimal, places: int) -> bool:
    return math.ceil(low.scaleb(places)) <= math.floor(high.scaleb(places))


def _bounds(limits: dict[str, Any], step: int) -> tuple[Decimal | None, Decimal | None]:
    low = next(
        (Decimal(limits[key]) + extra for key, extra in (("ge", 0), ("gt", step)) if key in limits), None
    )
    high = next(
        (Decimal(limits[key]) - extra for key, extra in (("le", 0), ("lt", step)) if key in limits), None
    )
    return low, high


def _within(number: Decimal, low: Decimal | None, high: Decimal | None) -> bool:
    return (low is None or number >= low) and (high is None or number <= high)
