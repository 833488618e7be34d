"""Inputs at the edges that rules name: two moments exactly as far apart as a rule says, and a little less and more."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pipeline.rules import durations

Arguments = tuple[Any, ...]
_Path = tuple[int | str, ...]
_MOST = 24
_STEPS = (timedelta(0), timedelta(seconds=1), timedelta(seconds=-1))


def at_boundaries(rules: Iterable[str], drawn: Sequence[Arguments]) -> Iterator[Arguments]:
    """Variants of drawn arguments in which one moment lies as far from another one as a rule says; at most 24."""
    spans = sorted({span for rule in rules for span in durations(rule)} - {timedelta(0)})
    ways = itertools.product(_STEPS, spans, (1, -1))
    return itertools.islice(
        (found for step, span, sign in ways for found in _apart(drawn, sign * (span + step))), _MOST
    )


def _apart(drawn: Sequence[Arguments], distance: timedelta) -> Iterator[Arguments]:
    """The first drawn arguments of each pair of moments that can be set so far apart."""
    for arguments in drawn[:1]:
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


def _with(value: Any, path: _Path, moment: datetime) -> Any:
    """The value with another moment at a path."""
    if not path:
        return moment
    first, rest = path[0], path[1:]
    if isinstance(first, int):
        return (*value[:first], _with(value[first], rest, moment), *value[first + 1 :])
    return replace(value, **{first: _with(getattr(value, first), rest, moment)})
