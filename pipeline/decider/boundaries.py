"""Inputs at the edges that rules name: a number at a limit, two moments just so far apart, and a little less and more."""

import ast
import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from pipeline.definitions import Param, TypeAlias, TypeDefinition, TypeRecord
from pipeline.rules import durations

Arguments = tuple[Any, ...]
_Path = tuple[int | str, ...]
_MOST = 24
"""Of either kind."""
_DEEPEST = 3
"""How deep inside of records numbers are looked for."""
_STEPS = (timedelta(0), timedelta(seconds=1), timedelta(seconds=-1))


def at_boundaries(
    rules: Sequence[str], names: Sequence[str], bases: Sequence[Arguments]
) -> Iterator[Arguments]:
    """Variants of arguments at the edges of rules.

    At most 24 in which one moment lies as far from another one as a rule says, give or take a second, and at most 24
    in which a number is as large as a rule says, one less, or one more. `names` are those of the parameters; the first of `bases` are varied most. Types and preconditions are not looked at.
    """
    spans = sorted({span for rule in rules for span in durations(rule)} - {timedelta(0)})
    ways = itertools.product(_STEPS, spans, (1, -1))
    apart = (found for step, span, sign in ways for found in _apart(bases, sign * (span + step)))
    yield from itertools.islice(apart, _MOST)
    limits = list(dict.fromkeys(limit for rule in rules for limit in _limits(rule, names)))
    sized = (found for base in bases for limit in limits for found in _sized(base, *limit))
    yield from itertools.islice(sized, _MOST)


def met_equalities(rules: Sequence[str], names: Sequence[str], base: Arguments) -> Arguments:
    """Arguments with texts that meet `order.plan == 'pro'` and its like, for each place the first that rules name."""
    met: dict[_Path, str] = {}
    for rule in rules:
        for node in ast.walk(ast.parse(rule.strip(), mode="eval")):
            match node:
                case ast.Compare(left=left, ops=[ast.Eq()], comparators=[ast.Constant(value=str(text))]):
                    path = _path(left, names)
                    if path and isinstance(_at(base, path), str):
                        met.setdefault(path, text)
    for path, text in met.items():
        base = _with(base, path, text)
    return base


def at_extremes(
    params: Sequence[Param], definitions: Mapping[str, TypeDefinition], base: Arguments
) -> Iterator[Arguments]:
    """Variants of arguments in which one number is the smallest or the largest of its type; at most 24."""
    found = (
        _with(base, path, type(_at(base, path))(limit))
        for number, param in enumerate(params)
        for path, limit in _bounds(param.type, definitions, (number,))
        if type(_at(base, path)) in {int, Decimal}
    )
    return itertools.islice(found, _MOST)


def _bounds(
    annotation: str, definitions: Mapping[str, TypeDefinition], path: _Path
) -> Iterator[tuple[_Path, Decimal]]:
    """Where a value of a type, or a record's field, is a number with limits, and what these are."""
    definition = definitions.get(annotation)
    if isinstance(definition, TypeAlias):
        limits = (definition.ge, definition.le)
        yield from ((path, Decimal(str(limit))) for limit in limits if limit is not None)
    elif isinstance(definition, TypeRecord) and len(path) < _DEEPEST:
        for item in definition.fields:
            yield from _bounds(item.type, definitions, (*path, item.name))


def _apart(bases: Sequence[Arguments], distance: timedelta) -> Iterator[Arguments]:
    """The first arguments with each pair of moments that can be set so far apart."""
    for arguments in bases[:1]:
        places = list(_moments(arguments, ()))
        for (_, base), (path, _) in itertools.permutations(places, 2):
            try:
                yield _with(arguments, path, base + distance)
            except OverflowError:
                continue


def _moments(value: Any, path: _Path) -> Iterator[tuple[_Path, datetime]]:
    if isinstance(value, datetime):
        yield path, value
    elif isinstance(value, tuple) and not path:
        for number, item in enumerate(value):
            yield from _moments(item, (number,))
    elif is_dataclass(value) and not isinstance(value, type):
        for item in fields(value):
            yield from _moments(getattr(value, item.name), (*path, item.name))


def _limits(rule: str, names: Sequence[str]) -> Iterator[tuple[_Path, int | _Path]]:
    """What a rule compares: a number of the arguments with another one, or with a constant."""
    for node in ast.walk(ast.parse(rule.strip(), mode="eval")):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for pair in itertools.pairwise(sides):
                for one, other in (pair, pair[::-1]):
                    path, constant = _path(one, names), _constant(other)
                    limit = _path(other, names) if constant is None else constant
                    if path and limit != ():
                        yield path, limit


def _path(node: ast.expr, names: Sequence[str]) -> _Path:
    """Where an expression such as `order.count` is found in arguments; empty if it is another one."""
    match node:
        case ast.Name(id=name) if name in names:
            return (names.index(name),)
        case ast.Attribute(value=value, attr=attribute) if path := _path(value, names):
            return (*path, attribute)
    return ()


def _constant(node: ast.expr) -> int | None:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return value if type(value) is int else None


def _sized(base: Arguments, path: _Path, limit: int | _Path) -> Iterator[Arguments]:
    """Arguments with a number at a limit, one below and one above."""
    number, edge = _at(base, path), limit if isinstance(limit, int) else _at(base, limit)
    if type(number) in {int, Decimal} and type(edge) in {int, Decimal}:
        for step in (0, -1, 1):
            with contextlib.suppress(
                ValueError, TypeError, OverflowError
            ):  # `moment.hour` at 24, `wait.days`
                yield _with(base, path, type(number)(edge) + step)


def _at(value: Any, path: _Path) -> Any:
    for part in path:
        value = value[part] if isinstance(part, int) else getattr(value, part, None)
    return value


def _with(value: Any, path: _Path, part: Any) -> Any:
    """The value with something else at a path."""
    if not path:
        return part
    first, rest = path[0], path[1:]
    if isinstance(first, int):
        return (*value[:first], _with(value[first], rest, part), *value[first + 1 :])
    changed = _with(getattr(value, first), rest, part)
    return (
        value.replace(**{first: changed})
        if isinstance(value, date | time)
        else replace(value, **{first: changed})
    )
