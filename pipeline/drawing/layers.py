"""Which layer each box of a drawing is on, and who stands next to whom there: Sugiyama, Tagawa and Toda (1981).

What an arrow says has a place of its own between the layers of boxes. Knows order, and no coordinates.
"""

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

ROUNDS = 24
"""Of reordering the layers."""


@dataclass(frozen=True, slots=True)
class Box:
    """What must be placed."""

    width: float
    height: float
    beside: float = 0.0
    """Room that is kept free at its right, for loops."""


@dataclass(frozen=True, slots=True)
class Link:
    """An arrow from a box to another one, by their numbers."""

    source: int
    target: int
    width: float = 0.0
    """Of what it says; 0: nothing."""
    height: float = 0.0
    offset: float | None = None
    """Where it meets its target, from that one's middle; None: anywhere."""


@dataclass(slots=True)
class Spot:
    """A box, or the place where a long arrow crosses a layer."""

    layer: int
    left: float
    right: float
    height: float
    is_box: bool = False
    x: float = 0.0
    above: list[tuple[int, float]] = field(default_factory=list)
    """Neighbours, each with the offset at which the arrow meets it."""
    below: list[tuple[int, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Layered:
    """Boxes and arrows in layers, from top to bottom."""

    spots: list[Spot]
    """The boxes, and then all places where long arrows cross a layer."""
    layers: list[list[int]]
    """Numbers of spots from left to right."""
    down: list[bool]
    """For each link whether it points down; those that would close a cycle point up."""
    chains: list[list[int]]
    """For each link the spots it runs through from top to bottom."""
    texts: list[int | None]
    """For each link the spot where its text stands."""


def in_layers(boxes: Sequence[Box], links: Sequence[Link]) -> Layered:
    """Boxes and links in layers with few crossings, the same for the same input; no link leads to where it comes from."""
    down = _without_cycles(len(boxes), links)
    spots = [
        Spot(layer, box.width / 2, box.width / 2 + box.beside, box.height, is_box=True)
        for layer, box in zip(_layers(len(boxes), links, down), boxes, strict=True)
    ]
    chains, texts = _chains(spots, links, down)
    return Layered(spots, _ordered(spots), down, chains, texts)


def _without_cycles(count: int, links: Sequence[Link]) -> list[bool]:
    """For each link whether it points down; those that would close a cycle point up."""
    leaving: list[list[int]] = [[] for _ in range(count)]
    for number, link in enumerate(links):
        leaving[link.source].append(number)
    state = [0] * count
    down = [True] * len(links)
    for root in range(count):
        stack = [(root, iter(leaving[root]))] if not state[root] else []
        state[root] = state[root] or 1
        while stack:
            box, rest = stack[-1]
            number = next(rest, -1)
            if number < 0:
                state[box] = 2
                stack.pop()
                continue
            target = links[number].target
            down[number] = state[target] != 1
            if not state[target]:
                state[target] = 1
                stack.append((target, iter(leaving[target])))
    return down


def _ends(link: Link, points_down: bool) -> tuple[int, int]:  # noqa: FBT001 - one of a pair of zipped values
    return (link.source, link.target) if points_down else (link.target, link.source)


def _layers(count: int, links: Sequence[Link], down: Sequence[bool]) -> list[int]:
    """Longest path from a source; then whoever can move down towards what it leads to, does.

    Where arrows say something, there is a layer for that between any two.
    """
    step = 2 if any(link.width for link in links) else 1
    pairs = [_ends(link, points) for link, points in zip(links, down, strict=True)]
    layers = [0] * count
    for _ in range(count):
        for upper, lower in pairs:
            layers[lower] = max(layers[lower], layers[upper] + step)
    for box in sorted(range(count), key=lambda each: -layers[each]):
        below = [layers[lower] for upper, lower in pairs if upper == box]
        if below and sum(lower == box for _, lower in pairs) < len(below):
            layers[box] = min(below) - step
    return layers


def _chains(
    spots: list[Spot], links: Sequence[Link], down: Sequence[bool]
) -> tuple[list[list[int]], list[int | None]]:
    """For each link the spots it runs through from top to bottom, and the one where its text stands."""
    crowd: dict[int, float] = {}
    chains: list[list[int]] = []
    texts: list[int | None] = []
    for link, points in zip(links, down, strict=True):
        upper, lower = _ends(link, points)
        between = range(spots[upper].layer + 1, spots[lower].layer)
        home = min(between[::2], key=lambda layer: crowd.get(layer, 0.0), default=None)
        chain = [upper]
        text: int | None = None
        for layer in between:
            texted = bool(link.width) and layer == home
            half = link.width / 2 if texted else 2.0
            if texted:
                crowd[layer] = crowd.get(layer, 0.0) + link.width
                text = len(spots)
            chain.append(len(spots))
            spots.append(Spot(layer, half, half, link.height if texted else 0.0))
        chain.append(lower)
        offset = link.offset or 0.0
        for one, other in pairwise(chain):
            spots[one].below.append((other, offset if other == link.target else 0.0))
            spots[other].above.append((one, offset if one == link.target else 0.0))
        chains.append(chain)
        texts.append(text)
    return chains, texts


def _ordered(spots: Sequence[Spot]) -> list[list[int]]:
    """Spots of each layer from left to right, with few crossings: barycentres, down and up in turn."""
    layers: list[list[int]] = [[] for _ in range(1 + max((spot.layer for spot in spots), default=-1))]
    for number in _walked(spots):
        layers[spots[number].layer].append(number)
    best, fewest = [list(layer) for layer in layers], _crossings(spots, layers)
    for round_number in range(ROUNDS):
        upward = round_number % 2 == 1
        place = {number: position for layer in layers for position, number in enumerate(layer)}
        for layer in reversed(layers) if upward else layers:
            wanted = {}
            for number in layer:
                near = spots[number].below if upward else spots[number].above
                wanted[number] = (
                    mean(place[other] + offset / 1e4 for other, offset in near) if near else place[number]
                )
            layer.sort(key=wanted.__getitem__)
            place |= {number: position for position, number in enumerate(layer)}
        _swap_neighbours(spots, layers)
        crossings = _crossings(spots, layers)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    return best


def _walked(spots: Sequence[Spot]) -> list[int]:
    """Every spot once, each after one of its neighbours above, so that what belongs together starts together."""
    seen: dict[int, None] = {}
    stack = [number for number in reversed(range(len(spots))) if not spots[number].above]
    while stack:
        number = stack.pop()
        if number not in seen:
            seen[number] = None
            stack += [other for other, _ in reversed(spots[number].below)]
    return list(seen)


def _swap_neighbours(spots: Sequence[Spot], layers: Sequence[list[int]]) -> None:
    place = {number: position for layer in layers for position, number in enumerate(layer)}
    for layer in layers:
        for position in range(len(layer) - 1):
            one, other = layer[position], layer[position + 1]
            gained = 0
            for near_one, near_other in (
                (spots[one].above, spots[other].above),
                (spots[one].below, spots[other].below),
            ):
                first = [place[number] + offset / 1e4 for number, offset in near_one]
                second = [place[number] + offset / 1e4 for number, offset in near_other]
                gained += sum((a > b) - (a < b) for a in first for b in second)
            if gained > 0:
                layer[position], layer[position + 1] = other, one
                place[one], place[other] = position + 1, position


def _crossings(spots: Sequence[Spot], layers: Sequence[Sequence[int]]) -> int:
    place = {number: position for layer in layers for position, number in enumerate(layer)}
    found = 0
    for layer in layers:
        passed: list[float] = []
        for number in layer:
            ends = sorted(place[other] + offset / 1e4 for other, offset in spots[number].below)
            found += sum(len(passed) - bisect.bisect_right(passed, end) for end in ends)
            for end in ends:
                bisect.insort(passed, end)
    return found


def mean(numbers: Iterable[float]) -> float:
    """Of at least one number."""
    found = list(numbers)
    return sum(found) / len(found)
