"""What comes before what: an order in which callees precede callers, and the circles that leave none."""

from collections.abc import Callable, Iterable, Sequence
from graphlib import CycleError, TopologicalSorter

Callees = Callable[[str], Iterable[str]]


def callees_first(names: Iterable[str], callees: Callees) -> list[str]:
    """The names and all they lead to, callees before callers as far as there are no circles; otherwise as given."""
    order: dict[str, None] = {}
    entered: set[str] = set()
    waiting = [*names][::-1]
    while waiting:
        name = waiting[-1]
        missing = [] if name in entered else [each for each in callees(name) if each not in entered]
        entered.add(name)
        if not missing:
            order.setdefault(waiting.pop())
        waiting += reversed(missing)
    return list(order)


def circles(names: Sequence[str], callees: Callees) -> list[list[str]]:
    """A shortest circle through each name that is in one, both ends included; each circle once."""
    try:
        TopologicalSorter({name: [*callees(name)] for name in names}).prepare()
    except CycleError:
        pass
    else:
        return []
    found: dict[frozenset[str], list[str]] = {}
    for name in names:
        if circle := _circle(name, callees):
            found.setdefault(frozenset(circle), circle)
    return list(found.values())


def _circle(start: str, callees: Callees) -> list[str]:
    ways = [[start]]
    seen: set[str] = set()
    for way in ways:
        for callee in callees(way[-1]):
            if callee == start:
                return [*way, start]
            if callee not in seen:
                seen.add(callee)
                ways.append([*way, callee])
    return []
