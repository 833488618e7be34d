"""Generated inputs: Hypothesis strategies for a contract's parameters, drawn the same way on every machine."""

import ast
import json
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from pipeline.annotations import annotation_names, is_ellipsis, items_of, parse_annotation
from pipeline.records import Contract, TypeAlias, TypeEnum, TypeRecord
from pipeline.rules import constants, durations
from pipeline.sandbox import wire
from pipeline.values import Types, ValuesError

Arguments = tuple[Any, ...]

_QUIET = settings(
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    print_blob=False,
)
_MAX_DEPTH = 6
"""How deep a record may hold records of its own kind."""
_FAR = 1000
"""Many honest functions count up to a number they are given; one of 30 digits would only tell that they do."""
_DIGITS = re.compile(r"[0-9]{1,9}")
_WORDS = re.compile(r"\w+|\s+|[^\w\s]+")


def corpus(
    contract: Contract, types: Types, *, allowed: Callable[[Arguments], bool], seed_number: int, count: int
) -> list[Arguments]:
    """Up to `count` different argument tuples that `allowed` (the preconditions) lets through.

    The same contract and seed give the same inputs in every process; fewer come back where the preconditions
    leave few, none where they leave none.
    """
    drawn: dict[str, Arguments] = {}

    @seed(seed_number)
    @settings(_QUIET, max_examples=count)
    @given(Strategies(contract, types).arguments())
    def draw(arguments: Arguments) -> None:
        assume(allowed(arguments))
        drawn.setdefault(
            json.dumps([wire.encode(a, types.classes) for a in arguments], sort_keys=True), arguments
        )

    try:
        draw()
    except Unsatisfiable:
        return list(drawn.values())
    return list(drawn.values())


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
        self.spans = _spans(_rules(contract), self.numbers)
        self.moments = _moments(self.texts)
        self.words = sorted({word for text in self.texts for word in _WORDS.findall(text)})
        self._named: dict[tuple[str, int], st.SearchStrategy[Any]] = {}

    def arguments(self) -> st.SearchStrategy[Arguments]:
        return st.tuples(*(self.of(parse_annotation(param.type)) for param in self.contract.params))

    def of(self, node: ast.expr, depth: int = 0) -> st.SearchStrategy[Any]:
        """The strategy of an annotation, `depth` records of their own kind deep."""
        match node:
            case ast.Constant(value=None):
                return st.none()
            case ast.Name(id=name):
                if (name, depth) not in self._named:
                    self._named[name, depth] = self._definition(name, depth)
                return self._named[name, depth]
            case ast.BinOp(left=left, right=right):
                return self.of(left, depth) | self.of(right, depth)
            case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
                return st.sampled_from([i.value for i in items_of(inner) if isinstance(i, ast.Constant)])
            case ast.Subscript(value=ast.Name(id=name), slice=inner):
                return self._container(name, items_of(inner), {}, depth)
        raise ValueError(f"no inputs for '{ast.unparse(node)}'")

    def _definition(self, name: str, depth: int) -> st.SearchStrategy[Any]:
        match self.types.definitions.get(name):
            case TypeEnum():
                return st.sampled_from(list(self.types.classes[name]))  # type: ignore[call-overload]
            case TypeRecord(fields=fields):
                depth += name in self._reached_from(name)
                if depth > _MAX_DEPTH:
                    return st.nothing()
                strategies = {f.name: self.of(parse_annotation(f.type), depth) for f in fields}
                return st.builds(self.types.classes[name], **strategies)
            case TypeAlias():
                return self._alias(name, depth)
            case _:
                return self._scalar(name, {})

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

    def _alias(self, name: str, depth: int) -> st.SearchStrategy[Any]:
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
            found = self._scalar(node.id, limits)
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            found = self._container(node.value.id, items_of(node.slice), limits, depth)
        else:
            found = self.of(node, depth)
        return found.filter(lambda value: self._fits(name, value)) if limits else found

    def _fits(self, annotation: str, value: Any) -> bool:
        try:
            self.types.decode(annotation, value)
        except ValuesError:
            return False
        return True

    def _container(
        self, name: str, items: list[ast.expr], limits: dict[str, Any], depth: int
    ) -> st.SearchStrategy[Any]:
        if name == "tuple" and not is_ellipsis(items[-1]):
            return st.tuples(*(self.of(item, depth) for item in items))
        low, high = _sizes(limits, 8 if depth < 2 else 2)
        members = [self.of(item, depth) for item in items[: 1 + (name == "dict")]]
        if any(member.is_empty for member in members):
            high = 0
        if name == "dict":
            return st.dictionaries(*members, min_size=low, max_size=high) if low <= high else st.nothing()
        lists: st.SearchStrategy[Any]
        lists = st.lists(*members, min_size=low, max_size=high) if low <= high else st.nothing()
        makers: dict[str, Callable[[list[Any]], Any]] = {"set": set, "frozenset": frozenset, "tuple": tuple}
        return lists.map(makers[name]) if name in makers else lists

    def _scalar(self, name: str, limits: dict[str, Any]) -> st.SearchStrategy[Any]:
        match name:
            case "str":
                return self._text(limits)
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
            case "date":
                days = st.sampled_from(sorted({moment.date() for moment in self.moments}))
                return st.tuples(days, self._spans()).map(_sum) | st.dates(
                    date(2000, 1, 1), date(2060, 12, 31)
                )
            case "time":
                return st.times().map(lambda moment: moment.replace(microsecond=0, fold=0))
            case "timedelta":
                whole = st.integers(-40 * 86400, 40 * 86400).map(lambda s: timedelta(seconds=s))
                return self._spans() | whole | st.timedeltas(timedelta(days=-400), timedelta(days=400))
            case "datetime":
                seconds = st.integers(int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()), 2_800_000_000)
                near = st.tuples(st.sampled_from(self.moments), self._spans()).map(_sum)
                wide = seconds.map(lambda moment: datetime.fromtimestamp(moment, UTC))
                return st.one_of(near, near, near, wide)
        raise ValueError(f"no inputs for '{name}'")

    def _text(self, limits: dict[str, Any]) -> st.SearchStrategy[str]:
        low, high = _sizes(limits, 30)
        sizes = {"min_size": low, "max_size": high}
        anything = st.text(st.characters(exclude_categories=["Cs"]), **sizes)
        familiar = sorted({character for text in self.texts for character in text} | set("abzAZ019 .-_"))
        choices = [anything, st.text(familiar, **sizes)]
        if self.words:
            choices.append(st.lists(st.sampled_from(self.words), max_size=8).map("".join))
        if self.texts:
            choices.append(st.sampled_from(self.texts))
            choices.append(st.builds(_edited, st.sampled_from(self.texts), st.integers(0, 30), self._words()))
        most = limits.get("max_length")
        return st.one_of(choices).filter(
            lambda text: low <= len(text) <= (len(text) if most is None else most)
        )

    def _spans(self) -> st.SearchStrategy[timedelta]:
        """Durations at whose edges a function may differ, and one second to either side."""
        return st.sampled_from(self.spans)

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
        return st.one_of([*choices, st.sampled_from(mentioned)] if mentioned else choices)

    def _floats(self, limits: dict[str, Any]) -> st.SearchStrategy[float]:
        least, most = map(float, _window(limits))
        if least > most:
            return st.nothing()
        near = [float(n) for n in self.numbers if least <= n <= most]
        wide = st.floats(least, most, allow_nan=False)
        return wide | st.sampled_from(near) if near else wide

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


def _sum(pair: tuple[Any, timedelta]) -> Any:
    """A date or a moment, so much later."""
    return pair[0] + pair[1]


def _edited(text: str, place: int, word: str) -> str:
    """A text with one of its words replaced."""
    words = _WORDS.findall(text)
    if words:
        words[place % len(words)] = word
    return "".join(words)


def _spans(rules: list[str], numbers: list[Decimal]) -> list[timedelta]:
    """The durations that rules write down; where they write none, what their numbers may mean as one."""
    spans = {span for rule in rules for span in durations(rule) if abs(span) < timedelta(days=36500)}
    if not spans:
        whole = [int(n) for n in numbers if n == int(n) and abs(n) <= 400]
        spans = {timedelta(**{unit: n}) for unit in ("days", "hours", "minutes") for n in {*whole, 1}}
    spans |= {timedelta(0)}
    spans |= {span + step for span in spans for step in (timedelta(seconds=1), timedelta(seconds=-1))}
    return sorted(spans | {-span for span in spans})


def _moments(texts: list[str]) -> list[datetime]:
    """The points in time that cases mention; a day of our own where they mention none."""
    found = set()
    for text in texts:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if 1900 < moment.year < 2200:
            found.add(moment.astimezone(UTC))
    return sorted(found) or [datetime(2026, 1, 1, tzinfo=UTC)]


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
