"""What type something has that nobody annotated: by values that are written down, and by what it is compared with."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from pipeline.adoption.code import FunctionNode, Vocabulary, own_nodes

STAND_IN = "str"
"""What is proposed where nothing tells a type."""
_MADE = {"Decimal", "UUID", "date", "datetime", "time", "timedelta", "bool", "float", "int", "str"}
_CALLED = {
    "len": "int",
    "ord": "int",
    "repr": "str",
    "chr": "str",
    "isinstance": "bool",
    "any": "bool",
    "all": "bool",
}
_COLLECTIONS = {"list", "set", "frozenset", "tuple"}
_EMPTY = "[]"
"""What follows the name of a collection of which nothing is known but that it was empty."""


def type_of(node: ast.expr, vocabulary: Vocabulary, known: Mapping[str, ast.expr]) -> str | None:
    """The annotation of an expression, where its form alone tells; `known` are names that stand for others."""
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() | bytes() as plain):
            return "None" if plain is None else type(plain).__name__
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return type_of(operand, vocabulary, known)
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return "bool"
        case ast.BoolOp(values=parts) if {type_of(part, vocabulary, known) for part in parts} == {"bool"}:
            return "bool"
        case ast.JoinedStr():
            return "str"
        case ast.Name(id=name) if name in known:
            return type_of(known[name], vocabulary, {})
        case ast.List(elts=items):
            return _collection("list", items, vocabulary, known)
        case ast.Set(elts=items):
            return _collection("set", items, vocabulary, known)
        case ast.Tuple(elts=items):
            return _collection("tuple", items, vocabulary, known)
        case ast.Dict(keys=[]):
            return f"dict{_EMPTY}"
        case ast.Dict(keys=keys, values=values) if all(keys):
            key = joined(type_of(each, vocabulary, known) for each in keys if each)
            held = joined(type_of(each, vocabulary, known) for each in values)
            return f"dict[{key}, {held}]" if key and held else None
        case ast.Attribute(value=ast.Name(id=name), attr=member) if member in vocabulary.members(name):
            return name
        case ast.Call(func=func, args=arguments):
            return _called(ast.unparse(func).rpartition(".")[2], arguments, vocabulary, known)
    return None


def joined(types: Iterable[str | None]) -> str | None:
    """One annotation for values of these types; None where one of them is unknown or there are none."""
    found = list(dict.fromkeys(types))
    if not found or None in found:
        return None
    names = [name for name in found if name]
    full = {name.partition("[")[0] for name in names if not name.endswith(_EMPTY)}
    names = [name for name in names if not (name.endswith(_EMPTY) and name.removesuffix(_EMPTY) in full)]
    names = [
        name for name in names if (wider := re.sub(r"\bint\b", "float", name)) == name or wider not in names
    ]
    return " | ".join(sorted(names, key=lambda name: name == "None"))


def finished(annotation: str) -> str:
    """An annotation with something for what empty collections hold."""
    for name, held in (("dict", f"str, {STAND_IN}"), ("tuple", f"{STAND_IN}, ..."), ("", STAND_IN)):
        annotation = annotation.replace(f"{name}{_EMPTY}", f"{name}[{held}]")
    return annotation


def compared(function: FunctionNode, name: str, vocabulary: Vocabulary) -> set[str]:
    """The types of what a function compares one of its parameters with, or sets it to, as far as the form tells."""
    others = [*_compared_with(function, name), *_set_to(function, name)]
    return {found for other in others if (found := type_of(other, vocabulary, {})) is not None}


def _compared_with(function: FunctionNode, name: str) -> Iterator[ast.expr]:
    for node in own_nodes(function):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            match left, operator, right:
                case ast.Name(id=found), ast.In() | ast.NotIn(), ast.Tuple() | ast.List() | ast.Set() if (
                    found == name
                ):
                    yield from right.elts
                case ast.Name(id=found), ast.In() | ast.NotIn(), _:
                    continue
                case ast.Name(id=found), _, other if found == name:
                    yield other
                case other, ast.In() | ast.NotIn(), _:
                    continue
                case other, _, ast.Name(id=found) if found == name:
                    yield other


def _set_to(function: FunctionNode, name: str) -> Iterator[ast.expr]:
    for node in own_nodes(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                yield value


def returned(function: FunctionNode, vocabulary: Vocabulary, params: Mapping[str, str]) -> str | None:
    """The type of what a function returns, where the form of every `return` tells; `None` where it has none."""
    values = [node.value for node in own_nodes(function) if isinstance(node, ast.Return)]
    if not values:
        return "None"
    return joined(
        params[value.id]
        if isinstance(value, ast.Name) and value.id in params
        else type_of(value or ast.Constant(None), vocabulary, {})
        for value in values
    )


def _collection(
    name: str, items: Iterable[ast.expr], vocabulary: Vocabulary, known: Mapping[str, ast.expr]
) -> str | None:
    types = [type_of(item, vocabulary, known) for item in items]
    if not types:
        return f"{name}{_EMPTY}"
    held = joined(types)
    if held is None or name != "tuple":
        return held and f"{name}[{held}]"
    return (
        f"tuple[{types[0]}, ...]"
        if len(set(types)) == 1
        else f"tuple[{', '.join(each or '' for each in types)}]"
    )


def _called(
    name: str, arguments: list[ast.expr], vocabulary: Vocabulary, known: Mapping[str, ast.expr]
) -> str | None:
    if name in vocabulary.types or name in _MADE:
        return name
    if name not in _COLLECTIONS:
        return _CALLED.get(name)
    if not arguments:
        return f"{name}{_EMPTY}"
    match arguments[0]:
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return _collection(name, items, vocabulary, known)
    return None
