"""Type annotations of a spec: read from their syntax trees, checked by name, never evaluated."""

import ast
import difflib
import functools
import unicodedata
import warnings
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from pipeline.definitions import TypeAlias, TypeDefinition, TypeEnum, TypeRecord

SCALARS: dict[str, type] = {
    "str": str, "int": int, "float": float, "bool": bool, "Decimal": Decimal, "datetime": datetime,
    "date": date, "time": time, "timedelta": timedelta, "UUID": UUID,
}  # fmt: skip
CONTAINERS: dict[str, tuple[type, int | None]] = {
    "list": (list, 1), "set": (set, 1), "frozenset": (frozenset, 1), "dict": (dict, 2), "tuple": (tuple, None),
}  # fmt: skip
"""Name -> type and how many parameters it takes; None: any number."""
_UNHASHABLE = frozenset({"list", "dict", "set"})
_KEYS = frozenset({"str", "int", "date", "datetime", "time", "UUID"})
_Definitions = Mapping[str, TypeDefinition]

BUILTIN_TYPES: frozenset[str] = frozenset({*SCALARS, *CONTAINERS, "Literal", "None"})


class _AnnotationError(ValueError):
    pass


@functools.lru_cache(maxsize=4096)
def parse_annotation(text: str) -> ast.expr:
    """The syntax tree of an annotation, shared and not to be changed; raises ValueError when it is no expression."""
    try:
        with warnings.catch_warnings(action="ignore"):  # Python's opinion on style is not asked for here
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"'{text}' is not a type annotation") from None


def annotation_names(text: str) -> set[str]:
    """Names of the spec's own types in an annotation; empty when it does not parse."""
    try:
        tree = parse_annotation(text)
    except ValueError:
        return set()
    literal = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal"
        for inner in ast.walk(node.slice)
    }
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in literal}
    return names - BUILTIN_TYPES


def check_annotation(text: str, names: Collection[str]) -> str | None:
    """What is wrong with an annotation over built-in types and `names`, or None."""
    try:
        _check_node(parse_annotation(text), names)
    except ValueError as error:
        return str(error)
    return None


def _check_node(node: ast.expr, names: Collection[str]) -> None:
    match node:
        case ast.Constant(value=None):
            return
        case ast.Name(id=name):
            _check_name(name, names)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            _check_node(left, names)
            _check_node(right, names)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            for item in items_of(inner):
                if not (isinstance(item, ast.Constant) and isinstance(item.value, str | int)):
                    raise _AnnotationError("Literal takes texts, whole numbers and booleans")
        case ast.Subscript(value=ast.Name(id=name), slice=inner) if name in CONTAINERS:
            items = items_of(inner)
            if not items:
                raise _AnnotationError(f"say what the {name} holds")
            wanted = CONTAINERS[name][1]
            if wanted is not None and len(items) != wanted:
                raise _AnnotationError(f"{name} takes {wanted} type{'s' * (wanted > 1)}, not {len(items)}")
            for position, item in enumerate(items):
                dots = isinstance(item, ast.Constant) and item.value is ...
                if not (dots and name == "tuple" and position == 1 and len(items) == 2):
                    _check_node(item, names)
        case ast.Subscript(value=ast.Name(id="Optional" | "Union" as name)):
            raise _AnnotationError(f"write '{name}' as 'A | B', or 'A | None'")
        case ast.Constant(value=str(text)):
            raise _AnnotationError(f"write the type {text} without quotation marks")
        case _:
            raise _AnnotationError(f"'{ast.unparse(node)}' is not a type annotation")


def _check_name(name: str, names: Collection[str]) -> None:
    if name in SCALARS or name in names:
        return
    if name in CONTAINERS:
        example = {"dict": "dict[str, int]", "tuple": "tuple[int, ...]"}.get(name, f"{name}[str]")
        raise _AnnotationError(f"say what the {name} holds, for example {example}")
    aliases = {"List": "list", "Dict": "dict", "Set": "set", "Tuple": "tuple", "string": "str", "integer": "int",
               "number": "float", "boolean": "bool", "Any": "a type of your own under 'types'"}  # fmt: skip
    close = difflib.get_close_matches(name, [*names, *BUILTIN_TYPES], n=1)
    hint = aliases.get(name) or (close[0] if close else None)
    raise _AnnotationError(f"unknown type '{name}'" + (f"; did you mean '{hint}'?" if hint else ""))


def items_of(node: ast.expr) -> list[ast.expr]:
    """What stands between the brackets of a subscript."""
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def member_names(values: Iterable[str]) -> dict[str, str]:
    """Enum value -> name of its member: upper case, `_` for what no name may hold, a number where two meet."""
    members: dict[str, str] = {}
    for value in values:
        upper = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).upper())
        name = "".join(character if f"a{character}".isidentifier() else "_" for character in upper)
        if not name.isidentifier() or name.startswith("_"):
            name = f"VALUE_{name.strip('_')}".rstrip("_")
        unique, number = name, 2
        while unique in members.values():
            unique, number = f"{name}_{number}", number + 1
        members[value] = unique
    return members


def is_ellipsis(node: ast.expr) -> bool:
    """Whether a node is the `...` of `tuple[int, ...]`."""
    return isinstance(node, ast.Constant) and node.value is ...


def check_use(annotation: str, definitions: _Definitions) -> str | None:
    """What is wrong with the members of an annotation's containers, or None.

    Members of a set can be hashed; keys of a dict can be read back from JSON.
    """
    for node in ast.walk(parse_annotation(annotation)):
        match node:
            case ast.Subscript(value=ast.Name(id="set" | "frozenset" as name), slice=inner):
                if not _is_hashable(inner, definitions, frozenset()):
                    return f"a {name} cannot hold {ast.unparse(inner)}; use list[{ast.unparse(inner)}]"
            case ast.Subscript(value=ast.Name(id="dict"), slice=inner):
                key = items_of(inner)[0]
                if not _is_key(key, definitions):
                    return f"keys of a dict are text, whole numbers, dates, UUIDs or enums, not {ast.unparse(key)}"
    return None


def _is_hashable(node: ast.expr, definitions: _Definitions, within: frozenset[str]) -> bool:
    match node:
        case ast.BinOp(left=left, right=right):
            return _is_hashable(left, definitions, within) and _is_hashable(right, definitions, within)
        case ast.Subscript(value=ast.Name(id="Literal")):
            return True
        case ast.Subscript(value=ast.Name(id=name), slice=inner):
            members = all(_is_hashable(item, definitions, within) for item in items_of(inner))
            return name not in _UNHASHABLE and members
        case ast.Name(id=name) if name in definitions and name not in within:
            inside = within | {name}
            match definitions[name]:
                case TypeAlias(type=text):
                    return _is_hashable(parse_annotation(text), definitions, inside)
                case TypeRecord(fields=fields):
                    return all(_is_hashable(parse_annotation(f.type), definitions, inside) for f in fields)
    return True


def _is_key(node: ast.expr, definitions: _Definitions) -> bool:
    match node:
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            return all(isinstance(item, ast.Constant) and type(item.value) is str for item in items_of(inner))
        case ast.Name(id=name):
            definition = definitions.get(name)
            if isinstance(definition, TypeAlias):
                return _is_key(parse_annotation(definition.type), definitions)
            return isinstance(definition, TypeEnum) or name in _KEYS
    return False
