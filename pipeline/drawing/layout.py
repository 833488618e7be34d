"""Where boxes and arrows go: a layered drawing from top to bottom, in which nothing lies over a box or over a text.

Within a layer arrows run straight, between layers they bend. Knows sizes, not what is drawn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.drawing.layers import Box, Layered, Link, Spot, in_layers, mean

GAP = 22.0
"""Between neighbours of one layer, and at least between layers."""
PORT_GAP = 14.0
"""Between the ends of two arrows at one side of a box."""
ROUNDS = 48
"""Of moving boxes towards their neighbours."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """Middles of boxes, and for each link the points it runs through and the middle of what it says.

    Points come in pairs: straight from the first of a pair to the second, in a curve from one pair to the next.
    """

    width: float
    height: float
    boxes: tuple[Point, ...]
    paths: tuple[tuple[Point, ...], ...]
    labels: tuple[Point | None, ...]


def arrange(boxes: Sequence[Box], links: Sequence[Link]) -> Layout:
    """Place boxes and links, the same for the same input. Links from a box to itself are not for here.

    Boxes without a link stand in rows below.
    """
    linked = sorted({end for link in links for end in (link.source, link.target)})
    number_of = {box: number for number, box in enumerate(linked)}
    inner = [replace(link, source=number_of[link.source], target=number_of[link.target]) for link in links]
    layered = in_layers([boxes[number] for number in linked], inner)
    _spread(layered)
    _straighten(layered)
    placed = _drawn(layered, inner)
    middles = dict(zip(linked, placed.boxes, strict=True))
    alone = [number for number in range(len(boxes)) if number not in middles]
    area = sum((boxes[number].width + GAP) * (boxes[number].height + GAP) for number in alone)
    widest = max(placed.width, math.sqrt(area))
    x, y, width, height = 0.0, placed.height + (GAP if linked else 0.0), placed.width, placed.height
    for number in alone:
        box = boxes[number]
        if x and x + box.width + box.beside > widest:
            x, y = 0.0, height + GAP
        middles[number] = (x + box.width / 2, y + box.height / 2)
        x += box.width + box.beside + GAP
        width, height = max(width, x - GAP), max(height, y + box.height)
    return replace(
        placed, width=width, height=height, boxes=tuple(middles[number] for number in range(len(boxes)))
    )


def _spread(layered: Layered) -> None:
    """Give each spot its `x`: near its neighbours, long arrows straight, no two closer than they may be."""
    spots, layers = layered.spots, layered.layers
    for layer in layers:
        _settle(spots, layer, [0.0] * len(layer))
    for round_number in range(ROUNDS):
        upward = round_number % 2 == 1
        both = round_number > ROUNDS / 2
        for layer in reversed(layers) if upward else layers:
            wanted = []
            for number in layer:
                spot = spots[number]
                near = spot.above + spot.below if both else spot.below if upward else spot.above
                near = [each for each in near for _ in range(_pull(spot, spots[each[0]]))]
                wanted.append(mean(spots[other].x + offset for other, offset in near) if near else spot.x)
            _settle(spots, layer, wanted)


def _pull(one: Spot, other: Spot) -> int:
    return (1, 2, 8)[(not one.is_box) + (not other.is_box)]


def _straighten(layered: Layered) -> None:
    """Let each long arrow run straight for as many layers as it can without coming too close to anything."""
    spots = layered.spots
    bounds: dict[int, tuple[int | None, int | None]] = {}
    for layer in layered.layers:
        bounds |= zip(layer, zip([None, *layer], [*layer[1:], None], strict=False), strict=False)
    for chain in layered.chains:
        rest = chain[1:-1]
        while rest:
            low, high, run = -math.inf, math.inf, 0
            for number in rest:
                least, most = _room(spots, number, *bounds[number])
                if max(low, least) > min(high, most):
                    break
                low, high, run = max(low, least), min(high, most), run + 1
            wish = mean(spots[number].x for number in rest[: run or 1])
            for number in rest[:run]:
                spots[number].x = min(max(wish, low), high)
            rest = rest[run or 1 :]
    edge = min((spot.x - spot.left for spot in spots), default=0.0)
    for spot in spots:
        spot.x -= edge


def _room(spots: Sequence[Spot], number: int, before: int | None, after: int | None) -> tuple[float, float]:
    """Between which places a spot may stand where its neighbours do not move."""
    spot, low, high = spots[number], -math.inf, math.inf
    if before is not None:
        low = spots[before].x + spots[before].right + GAP + spot.left
    if after is not None:
        high = spots[after].x - spots[after].left - GAP - spot.right
    return low, high


def _settle(spots: Sequence[Spot], layer: Sequence[int], wanted: Sequence[float]) -> None:
    """The places nearest to those wanted that keep order and distance: least squares, by pooling neighbours."""
    shift = 0.0
    shifts: list[float] = []
    pools: list[tuple[float, float, int]] = []  # sum of weighted wishes, weight, members
    for position, number in enumerate(layer):
        if position:
            before = spots[layer[position - 1]]
            shift += before.right + spots[number].left + GAP
        shifts.append(shift)
        weight = 1.0 if spots[number].is_box else 4.0
        pool = ((wanted[position] - shift) * weight, weight, 1)
        while pools and pools[-1][0] / pools[-1][1] >= pool[0] / pool[1]:
            total, weight_before, members = pools.pop()
            pool = (total + pool[0], weight_before + pool[1], members + pool[2])
        pools.append(pool)
    settled = [total / weight for total, weight, members in pools for _ in range(members)]
    for number, base, moved in zip(layer, settled, shifts, strict=True):
        spots[number].x = base + moved


def _drawn(layered: Layered, links: Sequence[Link]) -> Layout:
    spots = layered.spots
    tops, bottoms, y = [], [], 0.0
    gap = GAP if any(link.width for link in links) else 2 * GAP
    for layer in layered.layers:
        here = [spots[number] for number in layer]
        sideways = max(
            (abs(spot.x - spots[other].x) for spot in here for other, _ in spot.below), default=0.0
        )
        tops.append(y)
        bottoms.append(y + max(spot.height for spot in here))
        y = bottoms[-1] + max(gap, min(4 * GAP, sideways / 5))
    centres = [(tops[spot.layer] + bottoms[spot.layer]) / 2 for spot in spots]
    ends = _attached(layered, links)
    paths = []
    for number, chain in enumerate(layered.chains):
        first, last = chain[0], chain[-1]
        begin, end = ends[number, True], ends[number, False]
        points = [
            (begin, centres[first] + spots[first].height / 2),
            (begin, bottoms[spots[first].layer]),
            *(
                (spots[each].x, border[spots[each].layer])
                for each in chain[1:-1]
                for border in (tops, bottoms)
            ),
            (end, tops[spots[last].layer]),
            (end, centres[last] - spots[last].height / 2),
        ]
        paths.append(tuple(points if layered.down[number] else reversed(points)))
    return Layout(
        width=max((spot.x + spot.right for spot in spots), default=0.0),
        height=max(bottoms, default=0.0),
        boxes=tuple((spot.x, centre) for spot, centre in zip(spots, centres, strict=True) if spot.is_box),
        paths=tuple(paths),
        labels=tuple(None if text is None else (spots[text].x, centres[text]) for text in layered.texts),
    )


def _attached(layered: Layered, links: Sequence[Link]) -> dict[tuple[int, bool], float]:
    """Where each link meets its upper box (True) and its lower one: side by side, in the order of where they come from."""
    spots, chains = layered.spots, layered.chains
    sides: dict[tuple[int, bool], list[int]] = {}
    found = {}
    for number, chain in enumerate(chains):
        for box, leaves_below in ((chain[0], True), (chain[-1], False)):
            offset = links[number].offset
            if offset is not None and box == links[number].target:
                found[number, leaves_below] = spots[box].x + offset
            else:
                sides.setdefault((box, leaves_below), []).append(number)
    for (box, leaves_below), numbers in sides.items():
        toward = {number: spots[chains[number][1 if leaves_below else -2]].x for number in numbers}
        numbers.sort(key=toward.__getitem__)
        half = spots[box].left - min(PORT_GAP, spots[box].left / 2)
        low, high = spots[box].x - half, spots[box].x + half
        step = min(PORT_GAP, (high - low) / max(1, len(numbers) - 1))
        x = low - step
        for position, number in enumerate(numbers):
            x = max(x + step, min(toward[number], high - step * (len(numbers) - 1 - position)))
            found[number, leaves_below] = x
    return found
