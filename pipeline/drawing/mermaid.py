"""Pictures as Mermaid in Markdown, as GitHub shows it. No name of a spec can end a label or be taken for a keyword."""

import re
from collections.abc import Iterable, Iterator

from pipeline.drawing.graph import Edge, Node, Picture

SPACING = '%%{init: {"flowchart": {"nodeSpacing": 20, "rankSpacing": 18, "padding": 8}}}%%'
ARROWS = {"uses": "-->", "command": "==>", "query": "-.->", "step": "-->", "timeout": "-.->"}
SHAPES = {
    "function": ("[", "]"),
    "foreign": ("[", "]"),
    "port": ("([", "])"),
    "start": ("((", "))"),
    "state": ("(", ")"),
    "terminal": ("([", "])"),
}
CLASSES = {
    "start": "fill:#888,stroke:#888",
    "terminal": "stroke-width:4px",
    "foreign": "stroke-dasharray:4 3",
}
LEGENDS = {
    "uses": "arrow: uses",
    "command": "thick arrow: may command a port",
    "query": "dotted arrow: may query a port",
    "step": "arrow: step",
    "timeout": "dotted arrow: timeout",
}


def render_markdown(pictures: Iterable[Picture]) -> str:
    """One document: a heading, the summary, the diagram and the remarks of each picture."""
    return "\n".join(_section(picture) for picture in pictures)


def render_mermaid(picture: Picture) -> str:
    """The text of one Mermaid flowchart.

    It has no frames, which let arrows run through boxes, and what an arrow says is a box without a border, since Mermaid
    lets labels of arrows hide one another. A step that stays in its state stands in the state's box.
    """
    ids = {node.key: f"n{number}" for number, node in enumerate(picture.nodes)}
    methods = {node.key: node.methods for node in picture.nodes}
    loops = [edge for edge in picture.edges if edge.source == edge.target]
    lines = [f"flowchart {'TD' if picture.flow else 'LR'}", f"accTitle: {picture.title}"]
    for node in picture.nodes:
        lines += _node(node, ids[node.key], [edge for edge in loops if edge.source == node.key])
    arrows = [edge for edge in picture.edges if edge not in loops]
    lines += [_edge(edge, f"t{number}", ids, methods) for number, edge in enumerate(arrows)]
    if any(edge.labels for edge in arrows):
        lines.append("classDef text fill:none,stroke:none")
    for kind, style in CLASSES.items():
        members = [ids[node.key] for node in picture.nodes if node.kind == kind]
        if members:
            lines += [f"classDef {kind}Box {style}", f"class {','.join(members)} {kind}Box"]
    return f"{SPACING}\n" + "\n  ".join(lines) + "\n"


def escape(text: str) -> str:
    """Text inside a quoted label of Mermaid: what could be markup, or a list in Markdown, is written as a number."""
    text = " ".join(text.split())
    listed = re.match(r"(\d+)([.)])|([-+])(?= )", text)
    cut = listed.end() if listed else 0
    return "".join(
        f"#{ord(sign)};" if sign in '"#;&<>\\`*~$|[]{}%@' or (position < cut and not sign.isalnum()) else sign
        for position, sign in enumerate(text)
    )


def _section(picture: Picture) -> str:
    drawn = {edge.kind for edge in picture.edges}
    legend = ", ".join(text for kind, text in LEGENDS.items() if kind in drawn)
    parts = [
        f"## {picture.title}",
        _prose(picture.summary),
        f"```mermaid\n{render_mermaid(picture)}```",
        f"{legend[:1].upper()}{legend[1:]}." if legend else "",
        "\n".join(f"- {_prose(remark)}" for remark in picture.remarks),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _prose(text: str) -> str:
    return re.sub(r"([\\`*<>\[\]#|~$&])", r"\\\1", " ".join(text.split()))


def _node(node: Node, identifier: str, loops: list[Edge]) -> Iterator[str]:
    opening, closing = SHAPES[node.kind]
    if node.kind == "port":
        for number, method in enumerate(node.methods):
            yield f'{identifier}m{number}{opening}"{escape(f"{node.name}.{method}")}"{closing}'
        return
    name = f"{node.marks[0]}.{node.name}" if node.kind == "foreign" else node.name
    below = [
        *(() if node.kind == "foreign" else node.marks),
        *(f"↻ {label}" for edge in loops for label in edge.labels),
    ]
    text = "<br/>".join([escape(name), *(f"<small>{escape(line)}</small>" for line in below)])
    yield f'{identifier}{opening}"{text or " "}"{closing}'


def _edge(edge: Edge, identifier: str, ids: dict[str, str], methods: dict[str, tuple[str, ...]]) -> str:
    target = ids[edge.target]
    if edge.method is not None:
        target += f"m{methods[edge.target].index(edge.method)}"
    arrow = ARROWS[edge.kind]
    if not edge.labels:
        return f"{ids[edge.source]} {arrow} {target}"
    line = arrow.replace(">", "-")
    text = "<br/>".join(map(escape, edge.labels))
    return f'{ids[edge.source]} {line} {identifier}["{text}"]:::text {arrow} {target}'
