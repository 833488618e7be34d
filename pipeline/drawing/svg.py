"""Pictures as SVG that needs nothing else: selectable text, light and dark, the same bytes for the same picture."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from xml.sax.saxutils import escape

from pipeline.drawing import layout
from pipeline.drawing.graph import Edge, Node, Picture
from pipeline.drawing.layers import Box, Link
from pipeline.drawing.layout import Layout, Point

ADVANCE = 0.61
"""Width of a character of a monospaced font, in parts of its size; wide ones take two."""
NAME, SMALL = 13.0, 11.0
"""Sizes of letters."""
LINE, ROW = 16.0, 20.0
"""Heights of a line of text, and of a method in a port's box."""
DOT = 14.0
MARGIN = 20
LOOP = 26.0
"""Room for a loop beside its box."""
STYLE = """\
.drystone { --paper: #fff; --ink: #1f2328; --soft: #59636e; --box: #f3f6fa; --port: #fdf3e1; --time: #9a4a00; --do: #0757ba;
  font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace; }
@media (prefers-color-scheme: dark) { .drystone { --paper: #0d1117; --ink: #e6edf3; --soft: #9da7b1; --box: #1b222c;
  --port: #2d2413; --time: #f0a35e; --do: #6cb0ff; } }
.drystone .paper { fill: var(--paper); }
.drystone text { fill: var(--ink); text-anchor: middle; dominant-baseline: central; }
.drystone .title { font-size: 15px; font-weight: bold; text-anchor: start; }
.drystone .legend, .drystone .mark { font-size: 11px; fill: var(--soft); }
.drystone .legend { text-anchor: start; }
.drystone .label { font-size: 11px; }
.drystone .box { fill: var(--box); stroke: var(--soft); }
.drystone .foreign .box { stroke-dasharray: 4 3; }
.drystone .port .box { fill: var(--port); }
.drystone .port .rule { stroke: var(--soft); }
.drystone .port .name { font-weight: bold; }
.drystone .inner { fill: none; stroke: var(--soft); }
.drystone .dot { fill: var(--ink); }
.drystone .line { fill: none; stroke: var(--ink); stroke-width: 1.2; }
.drystone .command .line { stroke: var(--do); stroke-width: 2.2; }
.drystone .query .line { stroke: var(--do); stroke-dasharray: 2 3; }
.drystone .timeout .line { stroke: var(--time); stroke-dasharray: 6 4; }
.drystone .timeout .label { fill: var(--time); }
.drystone .head { fill: var(--ink); }
.drystone .command .head, .drystone .query .head { fill: var(--do); }
.drystone .timeout .head { fill: var(--time); }
"""
LEGENDS = {
    "uses": "uses",
    "command": "may command a port",
    "query": "may query a port",
    "step": "step",
    "timeout": "timeout",
}


def render_svg(picture: Picture) -> str:
    """One SVG document, ending in a line break."""
    arrows = [edge for edge in picture.edges if edge.source != edge.target]
    placed = _placed(picture, arrows)
    drawn = [_arrow(picture, edge, path) for edge, path in zip(arrows, placed.paths, strict=True)]
    for node, middle in zip(picture.nodes, placed.boxes, strict=True):
        drawn += [_node(picture, node, middle), *_loops(picture, node, middle)]
    legend, legend_width = _legend(picture)
    top = MARGIN + 2 * LINE
    width = max(placed.width, legend_width, _width(picture.title, 15)) + 2 * MARGIN
    height = top + placed.height + 2 * LINE + MARGIN
    name = re.sub(r"[^A-Za-z0-9_-]", "-", picture.name)
    labels = [_label(edge, at) for edge, at in zip(arrows, placed.labels, strict=True) if at is not None]
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="drystone" role="img" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" aria-labelledby="{name}-title {name}-desc">'
    )
    lines = [
        opening,
        f'<title id="{name}-title">{escape(picture.title)}</title>',
        f'<desc id="{name}-desc">{escape(_description(picture))}</desc>',
        f"<style>\n{STYLE}</style>",
        '<rect class="paper" width="100%" height="100%"/>',
        _text("title", (MARGIN, MARGIN), picture.title),
        f'<g transform="translate({MARGIN} {top})">',
        *drawn,
        *labels,
        "</g>",
        f'<g transform="translate({MARGIN} {height - MARGIN:.0f})">',
        *legend,
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _placed(picture: Picture, arrows: Sequence[Edge]) -> Layout:
    """Flows run from top to bottom, contracts from left to right: these are laid out on their side."""
    numbers = {node.key: number for number, node in enumerate(picture.nodes)}
    boxes = []
    for node in picture.nodes:
        width, height = _size(picture, node)
        room = max((LOOP + 8 + _widest(loop.labels) for loop in _loops_of(picture, node)), default=0.0)
        boxes.append(Box(width, height, room) if picture.flow else Box(height, width))
    links = [
        Link(
            numbers[edge.source],
            numbers[edge.target],
            width=_widest(edge.labels) + 8 if edge.labels else 0.0,
            height=LINE * len(edge.labels),
            offset=_row(picture.nodes[numbers[edge.target]], edge.method) if edge.method else None,
        )
        for edge in arrows
    ]
    placed = layout.arrange(boxes, links)
    if picture.flow:
        return placed
    return Layout(
        width=placed.height,
        height=placed.width,
        boxes=tuple((x, y) for y, x in placed.boxes),
        paths=tuple(tuple((x, y) for y, x in path) for path in placed.paths),
        labels=placed.labels,
    )


# -- sizes -------------------------------------------------------------------------------------------------


def _width(text: str, size: float) -> float:
    return ADVANCE * size * sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _widest(labels: Sequence[str]) -> float:
    return max((_width(label, SMALL) for label in labels), default=0.0)


def _size(picture: Picture, node: Node) -> tuple[float, float]:
    if node.kind == "start":
        return DOT, DOT
    width = max(_width(node.name, NAME), _widest(node.marks), _widest(node.methods)) + 28
    height = LINE * (1 + len(node.marks)) + 16 + ROW * len(node.methods)
    if not picture.flow:
        return width, height if node.methods else max(height, _side(picture, node))
    loops = sum(_loop_height(loop) for loop in _loops_of(picture, node))
    return max(width, _side(picture, node)), max(height, loops + 12 if loops else 0.0)


def _side(picture: Picture, node: Node) -> float:
    """How long a side must be for the arrows that meet it."""
    leaving = sum(edge.source == node.key for edge in picture.edges)
    coming = sum(edge.target == node.key for edge in picture.edges)
    return 11.0 * (max(leaving, coming) + 1)


def _row(node: Node, method: str) -> float:
    """How far below the middle of a port's box the line of a method is."""
    rows = ROW * len(node.methods)
    return rows / -2 + ROW * (node.methods.index(method) + 0.5) + (LINE * (1 + len(node.marks)) + 16) / 2


def _loops_of(picture: Picture, node: Node) -> list[Edge]:
    return [edge for edge in picture.edges if edge.source == edge.target == node.key]


def _loop_height(loop: Edge) -> float:
    return max(LINE * len(loop.labels), 20.0) + 4


# -- shapes ------------------------------------------------------------------------------------------------


def _text(kind: str, at: Point, text: str) -> str:
    return f'<text class="{kind}" x="{_short(at[0])}" y="{_short(at[1])}">{escape(text)}</text>'


def _rect(kind: str, middle: Point, *, width: float, height: float, round_: float) -> str:
    x, y = middle[0] - width / 2, middle[1] - height / 2
    return (
        f'<rect class="{kind}" x="{_short(x)}" y="{_short(y)}" width="{_short(width)}" '
        f'height="{_short(height)}" rx="{_short(round_)}"/>'
    )


def _node(picture: Picture, node: Node, middle: Point) -> str:
    x, y = middle
    note = f"<title>{escape(node.note)}</title>" if node.note else ""
    opening = f'<g class="{node.kind}">{note}'
    if node.kind == "start":
        return f'{opening}<circle class="dot" cx="{_short(x)}" cy="{_short(y)}" r="{_short(DOT / 2)}"/></g>'
    width, height = _size(picture, node)
    round_ = {"state": 10.0, "terminal": height / 2}.get(node.kind, 3.0)
    parts = [_rect("box", middle, width=width, height=height, round_=round_)]
    if node.kind == "terminal":
        parts.append(_rect("inner", middle, width=width - 7, height=height - 7, round_=round_ - 3.5))
    lines = 1 + len(node.marks)
    first = y - height / 2 + 8 + LINE / 2 if node.methods else y - LINE * (lines - 1) / 2
    parts.append(_text("name", (x, first), node.name))
    parts += [_text("mark", (x, first + LINE * number), mark) for number, mark in enumerate(node.marks, 1)]
    for method in node.methods:
        row = y + _row(node, method)
        left, right, top = _short(x - width / 2), _short(x + width / 2), _short(row - ROW / 2)
        parts += [f'<path class="rule" d="M{left} {top}H{right}"/>', _text("label", (x, row), method)]
    return f"{opening}{''.join(parts)}</g>"


def _arrow(picture: Picture, edge: Edge, path: Sequence[Point]) -> str:
    axis = 1 if picture.flow else 0
    steps = [f"M{_point(path[0])}"]
    for position, (one, other) in enumerate(pairwise(path)):
        middle = (one[axis] + other[axis]) / 2
        bend = [(one[0], middle), (other[0], middle)] if axis else [(middle, one[1]), (middle, other[1])]
        steps.append(f"C{' '.join(map(_point, [*bend, other]))}" if position % 2 else f"L{_point(other)}")
    angle = 90 * axis + (180 if path[-1][axis] < path[0][axis] else 0)
    return f'<g class="{edge.kind}"><path class="line" d="{"".join(steps)}"/>{_head(path[-1], angle)}</g>'


def _loops(picture: Picture, node: Node, middle: Point) -> Iterator[str]:
    """Arrows that leave a box at its right and come back there, one below the other, each with its text beside it."""
    loops = _loops_of(picture, node)
    x = middle[0] + _size(picture, node)[0] / 2
    y = middle[1] - sum(map(_loop_height, loops)) / 2
    for loop in loops:
        y += _loop_height(loop)
        centre = y - _loop_height(loop) / 2
        out, up, down = x + LOOP, centre - 9, centre + 9
        line = f"M{_point((x, up))}C{_point((out, up - 4))} {_point((out, down + 4))} {_point((x, down))}"
        text = (x + LOOP + 4 + _widest(loop.labels) / 2, centre)
        yield (
            f'<g class="{loop.kind}"><path class="line" d="{line}"/>{_head((x, down), 168)}</g>'
            f"{_label(loop, text)}"
        )


def _head(tip: Point, angle: int) -> str:
    return f'<path class="head" transform="translate({_point(tip)}) rotate({angle})" d="M0 0L-9 4L-9 -4Z"/>'


def _label(edge: Edge, middle: Point) -> str:
    x, y = middle
    back = _rect("paper", middle, width=_widest(edge.labels) + 6, height=LINE * len(edge.labels), round_=0)
    first = y - LINE * (len(edge.labels) - 1) / 2
    lines = [_text("label", (x, first + LINE * number), label) for number, label in enumerate(edge.labels)]
    return f'<g class="{edge.kind}">{back}{"".join(lines)}</g>'


def _legend(picture: Picture) -> tuple[list[str], float]:
    """A sample of each kind of arrow with its meaning, and how wide that is."""
    drawn, x = [], 0.0
    for kind, text in LEGENDS.items():
        if any(edge.kind == kind for edge in picture.edges):
            drawn.append(
                f'<g class="{kind}"><path class="line" d="M{_point((x, 0))}h26"/>{_head((x + 30, 0), 0)}</g>'
            )
            drawn.append(_text("legend", (x + 36, 0), text))
            x += 36 + _width(text, SMALL) + 22
    return drawn, x


def _description(picture: Picture) -> str:
    """The picture in words, for whoever does not see it."""
    names = {node.key: node.name or "start" for node in picture.nodes}
    sentences = [picture.summary] if picture.summary else []
    for edge in picture.edges:
        target = f"{names[edge.target]}.{edge.method}" if edge.method else names[edge.target]
        said = f" ({', '.join(edge.labels)})" if edge.labels else ""
        sentences.append(f"{names[edge.source]} to {target}: {LEGENDS[edge.kind]}{said}.")
    return " ".join([*sentences, *picture.remarks])


def _point(point: Point) -> str:
    return f"{_short(point[0])} {_short(point[1])}"


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
