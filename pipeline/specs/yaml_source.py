"""YAML text -> plain values, and where in the text each of them stands. Knows nothing of specs.

YAML 1.2's core types only: `no`, `12:30` and `2026-01-01` stay text, `10.50` keeps its zero as a `Decimal`.
Tags, merge keys, several documents and whatever grows without bound are refused.
"""

import re
from bisect import bisect_right
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml

from pipeline.records import Finding, Place

MAX_BYTES = 1_000_000
"""Largest file read."""
MAX_DEPTH = 40
"""Deepest nesting of lists and mappings."""
MAX_ALIASED = 10_000
"""Most values that aliases (`*name`) may add to those written."""
MAX_DIGITS = 400
"""Longest number, as text, and the largest power of ten."""

Path = tuple[Hashable, ...]
"""Keys and indices from the top of the document."""

_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPE = re.compile(r"\\(x..|u.{4}|U.{8}|.)|[^\\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Node:
    value: Any
    """A scalar's value, a tuple of nodes, or a tuple of pairs of nodes."""
    start: int
    end: int
    kind: str
    """`plain`, `single`, `double`, `block`, `list` or `mapping`."""


class _StopError(Exception):
    """Nothing after this point of the text can be read."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index
        self.message = message


class _Text:
    """The text with LF line ends, and the place of each of its characters."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text.removeprefix(_BOM).replace("\r\n", "\n").replace("\r", "\n")
        self._lines = [0, *(match.end() for match in re.finditer("\n", self.text))]

    def place(self, index: int) -> Place:
        line = bisect_right(self._lines, index)
        return Place(path=self.path, line=line, column=index - self._lines[line - 1] + 1)

    def finding(self, index: int, message: str) -> Finding:
        return Finding(place=self.place(index), message=message)


class Document:
    """The value of one YAML file, and the places of its keys and values."""

    def __init__(
        self, text: _Text, value: Any, keys: Mapping[Path, int], nodes: Mapping[Path, _Node]
    ) -> None:
        self.value = value
        self._text = text
        self._keys = keys
        self._nodes = nodes

    def key(self, *path: Hashable) -> Place:
        """Where the key at `path` is written; where its value is, if it is an item of a list."""
        return self._text.place(self._keys[path]) if path in self._keys else self.at(*path)

    def at(self, *path: Hashable) -> Place:
        """Where the value at `path` begins; parts of the path that are not written are passed over."""
        return self._text.place(self._nearest(path).start)

    def within(self, *path: Hashable, offset: int) -> Place:
        """Where character `offset` (from 0) of the text at `path` is written.

        Exact where the text is written on one line; elsewhere the place where it begins.
        """
        node = self._nearest(path)
        raw = self._text.text[node.start : node.end]
        if "\n" in raw:
            return self._text.place(node.start)
        return self._text.place(
            min(node.start + _raw_offset(raw, node.kind, offset), max(node.start, node.end - 1))
        )

    def _nearest(self, path: Path) -> _Node:
        found: Path = ()
        for part in path:
            if (*found, part) in self._nodes:
                found = (*found, part)
        return self._nodes[found]


def decode_text(path: str, raw: bytes) -> str | Finding:
    """UTF-8 bytes as text, or the place of the first byte that is not UTF-8."""
    if len(raw) > MAX_BYTES:
        return Finding(place=Place(path=path), message=f"the file is larger than {MAX_BYTES:,} bytes")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"
        return _Text(path, before + " ").finding(len(_Text(path, before).text), message)


def parse_yaml(path: str, text: str) -> Document | tuple[Finding, ...]:
    """The one document of `text`, or every finding, sorted by place. Never raises."""
    source = _Text(path, text)
    if len(text) > MAX_BYTES:
        return (source.finding(0, f"the file is larger than {MAX_BYTES:,} characters"),)
    if found := _UNPRINTABLE.search(source.text):
        message = f"character U+{ord(found[0]):04X} is not allowed; write it as an escape in double quotes"
        return (source.finding(found.start(), message),)
    composer = _Composer(source)
    try:
        document = composer.document()
    except _StopError as stop:
        composer.findings.append(source.finding(stop.index, stop.message))
    except yaml.MarkedYAMLError as error:
        composer.findings.append(_syntax_finding(source, error))
    except yaml.YAMLError as error:
        composer.findings.append(source.finding(0, f"not YAML: {error}".splitlines()[0]))
    return sort_findings(composer.findings) or document


def sort_findings(findings: list[Finding]) -> tuple[Finding, ...]:
    """Every finding once, in the order of the files' lines."""
    unique = {(f.place.path, f.place.line, f.place.column, f.message): f for f in findings}
    return tuple(unique[key] for key in sorted(unique))


class _Composer:
    """Parser events -> nodes -> values, with limits. libyaml's own composer recurses without one."""

    def __init__(self, source: _Text) -> None:
        self.findings: list[Finding] = []
        self._source = source
        self._events: Iterator[Any] = iter(())
        self._anchors: dict[str, _Node | None] = {}
        self._written = 0
        self._expanded = 0
        self._keys: dict[Path, int] = {}
        self._nodes: dict[Path, _Node] = {}

    def document(self) -> Document:
        self._events = yaml.parse(self._source.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise _StopError(0, "the file is empty")
        root = self._node(next(self._events), depth=0)
        next(self._events)
        after: Any = next(self._events)
        start = after.start_mark.index
        if isinstance(after, yaml.DocumentStartEvent):
            raise _StopError(start, "a second document starts here; a file holds one")
        value = self._expand(root, ())
        return Document(self._source, value, keys=self._keys, nodes=self._nodes)

    def _report(self, index: int, message: str) -> None:
        self.findings.append(self._source.finding(index, message))

    def _node(self, event: Any, *, depth: int) -> _Node:
        start, kind = event.start_mark.index, type(event)
        if kind is yaml.AliasEvent:
            return self._alias(event.anchor, start)
        if depth > MAX_DEPTH:
            raise _StopError(start, f"nested deeper than {MAX_DEPTH} levels")
        self._written += 1
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._report(start, f"tag '{tag}' is not supported; remove it")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if kind is yaml.ScalarEvent:
            node = _Node(self._scalar(event), start, event.end_mark.index, _KINDS[event.style or ""])
        elif kind is yaml.SequenceStartEvent:
            node = _Node(tuple(self._items(depth)), start, event.end_mark.index, "list")
        else:
            node = _Node(tuple(self._pairs(depth)), start, event.end_mark.index, "mapping")
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, anchor: str, start: int) -> _Node:
        if anchor not in self._anchors:
            raise _StopError(start, f"alias '*{anchor}' has no anchor '&{anchor}' before it")
        node = self._anchors[anchor]
        if node is None:
            raise _StopError(start, f"alias '*{anchor}' stands inside its own anchor")
        return node

    def _items(self, depth: int) -> Iterator[_Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth=depth + 1)

    def _pairs(self, depth: int) -> Iterator[tuple[_Node, _Node]]:
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth=depth + 1)
            if key.kind == "plain" and key.value == "<<":
                self._report(
                    event.start_mark.index, "merge keys ('<<') are not supported; write the keys out"
                )
            yield key, self._node(next(self._events), depth=depth + 1)

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.style:
            return text
        if text in _WORDS:
            return _WORDS[text]
        start = event.start_mark.index
        if _NO_NUMBER.fullmatch(text):
            self._report(start, f"'{text}' is not supported; every number is finite")
        elif _NUMBER.fullmatch(text) or _INTEGER.fullmatch(text):
            number = _parse_number(text)
            if number is None:
                self._report(start, f"the number is longer than {MAX_DIGITS} digits; quote it if it is text")
            return number
        return text

    def _expand(self, node: _Node, path: Path) -> Any:
        self._expanded += 1
        if self._expanded > self._written + MAX_ALIASED:
            raise _StopError(node.start, f"aliases repeat more than {MAX_ALIASED:,} values")
        if len(path) > MAX_DEPTH:
            raise _StopError(node.start, f"nested deeper than {MAX_DEPTH} levels")
        self._nodes[path] = node
        if node.kind == "list":
            return [self._expand(item, (*path, index)) for index, item in enumerate(node.value)]
        if node.kind == "mapping":
            return self._expand_mapping(node, path)
        return node.value

    def _expand_mapping(self, node: _Node, path: Path) -> dict[Hashable, Any]:
        values: dict[Hashable, Any] = {}
        for key, value in node.value:
            if key.kind in {"list", "mapping"}:
                self._report(key.start, f"a {key.kind} cannot be a key")
            elif key.value in values:
                first = self._source.place(self._keys[*path, key.value])
                self._report(key.start, f"duplicate key '{key.value}'; the first is at {first}")
            else:
                self._keys[*path, key.value] = key.start
                values[key.value] = self._expand(value, (*path, key.value))
        return values


_KINDS = {"": "plain", "'": "single", '"': "double", "|": "block", ">": "block"}


def _parse_number(text: str) -> int | Decimal | None:
    if len(text) > MAX_DIGITS:
        return None
    if text.startswith(("0o", "0x")):
        return int(text, 0)
    if _INTEGER.fullmatch(text):
        return int(text)
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if abs(number.adjusted()) <= MAX_DIGITS else None


def _raw_offset(raw: str, kind: str, offset: int) -> int:
    """Where in the written form `raw` of a one-line text its character `offset` stands."""
    if kind == "single":
        written = [match.start() for match in re.finditer("''|[^']", raw[1:-1])]
    elif kind == "double":
        written = [match.start() for match in _ESCAPE.finditer(raw[1:-1])]
    else:
        return offset
    return 1 + (written[offset] if offset < len(written) else len(raw) - 2)


# -- syntax errors in plain words ------------------------------------------------------------------------------


_PLAIN = (
    (
        "mapping values are not allowed",
        "unexpected ':'; quote text that holds ': ', and check the indentation",
    ),
    ("expected ',' or '}'", "expected ',' or '}'; quote text that holds brackets, such as 'list[str]'"),
    ("expected ',' or ']'", "expected ',' or ']'"),
    ("unexpected end of stream", "the quote opened here is never closed"),
    (
        "unknown escape character",
        "unknown escape in double quotes; use single quotes, or double the backslash",
    ),
    ("could not find expected ':'", "expected ':' after the key"),
    ("expected '-' indicator", "expected '- ' like the list items above; check the indentation"),
    ("expected key", "expected a key like those above; check indentation and quotes"),
    ("expected <block end>", "expected a key or item like those above; check indentation and quotes"),
    ("<document start>", "text after the end of the document"),
    ("node content", "expected a value"),
)
_AT_CONTEXT = ("unexpected end of stream", "could not find expected ':'")


def _syntax_finding(source: _Text, error: yaml.MarkedYAMLError) -> Finding:
    problem = error.problem or "unreadable"
    mark = error.problem_mark or error.context_mark
    if error.context_mark and any(part in problem for part in _AT_CONTEXT):
        mark = error.context_mark
    index = mark.index if mark else 0
    character = source.text[index : index + 1]
    if "cannot start any token" in problem:
        return source.finding(index, _unexpected(character))
    return source.finding(
        index, next((plain for part, plain in _PLAIN if part in problem), f"not YAML: {problem}")
    )


def _unexpected(character: str) -> str:
    if character == "\t":
        return "a tab cannot indent; use spaces"
    return f"text cannot start with '{character}'; quote it"
