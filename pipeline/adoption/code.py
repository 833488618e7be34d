"""Existing Python, read by its syntax tree alone: where a function is, what its types are, what values are written."""

import ast
import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from pipeline import disk
from pipeline.annotations import check_annotation
from pipeline.errors import SettingsError

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_RENAMED = {
    "List": "list", "Dict": "dict", "Set": "set", "FrozenSet": "frozenset", "Tuple": "tuple", "Text": "str",
    "Sequence": "list", "Iterable": "list", "Iterator": "list", "Collection": "list", "Generator": "list",
    "Mapping": "dict", "MutableMapping": "dict", "MutableSequence": "list", "AbstractSet": "set",
}  # fmt: skip
_WIDER = {
    "Sequence",
    "Iterable",
    "Iterator",
    "Collection",
    "Generator",
    "Mapping",
    "MutableMapping",
    "AbstractSet",
}
_ENUMS = {"Enum", "StrEnum", "IntEnum"}
_RECORDS = {"NamedTuple", "TypedDict"}
_DATES: Mapping[str, Callable[..., Any]] = {"date": date, "datetime": datetime, "time": time}


class UnreadableError(ValueError):
    """A value that is computed, not written."""


@dataclass(frozen=True, slots=True)
class Source:
    """A function of a module, as it is written."""

    path: Path
    module: str
    """Its last name, without underscores before it."""
    tree: ast.Module
    function: FunctionNode


def find_function(root: Path, target: str) -> Source:
    """The function that `package.module:function` or `src/module.py:function` names. Nothing is imported.

    Raises SettingsError where there is none.
    """
    place, _, name = target.rpartition(":")
    if not place or not name.isidentifier():
        raise SettingsError(f"'{target}': write package.module:function, or path/to/module.py:function")
    path = _find_module(root, place)
    tree = parse_file(path)
    functions = {node.name: node for node in tree.body if isinstance(node, FunctionNode)}
    if name not in functions:
        close = difflib.get_close_matches(name, list(functions), n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(functions) or 'none'}"
        raise SettingsError(f"{path}: no function '{name}' at its top level; {hint}")
    module = path.parent.name if path.name == disk.PACKAGE_FILE else path.stem
    return Source(path, module.lstrip("_") or name, tree, functions[name])


def parse_file(path: Path) -> ast.Module:
    """The syntax tree of a file; SettingsError if it is no Python."""
    text = disk.read_text(path)
    if text is None:
        raise SettingsError(f"{path}: there is no such file")
    if any("\udc80" <= letter <= "\udcff" for letter in text):
        raise SettingsError(f"{path}: it is not written in UTF-8; save it as UTF-8")
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: no Python that can be read: {error}") from None


def own_nodes(function: FunctionNode) -> Iterator[ast.AST]:
    """Every node of a function's body, without those of functions and classes defined inside."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, FunctionNode | ast.Lambda | ast.ClassDef):
            waiting[:0] = ast.iter_child_nodes(node)


def _find_module(root: Path, place: str) -> Path:
    if place.endswith(".py"):
        return root / place
    inside = Path(*place.split("."))
    tried = [above / inside for above in (root, root / "src")]
    for stem in tried:
        for path in (stem.with_suffix(".py"), stem / disk.PACKAGE_FILE):
            if path.is_file():
                return path
    raise SettingsError(
        f"no module {place} in {root} or its src/; write the path: path/to/module.py:function"
    )


@dataclass
class Vocabulary:
    """The types that a module defines, as far as they were spoken of."""

    tree: ast.Module
    types: dict[str, Any] = field(default_factory=dict)
    """Name -> how a spec defines it."""
    notes: dict[str, None] = field(default_factory=dict)
    """What a person must decide about them."""

    def annotation(self, node: ast.expr) -> str:
        """An annotation as a spec writes it; what it names and the module defines joins `types`."""
        said = ast.unparse(self._plain(node))
        if trouble := check_annotation(said, list(self.types)):
            self.notes.setdefault(f"type '{said}': {trouble}")
        return said

    def _plain(self, node: ast.expr) -> ast.expr:
        match node:
            case ast.Constant(value=str(text)):
                try:
                    return self._plain(ast.parse(text, mode="eval").body)
                except SyntaxError:
                    return node
            case ast.Attribute(attr=name):
                return self._plain(ast.Name(name))
            case ast.Name(id=name):
                return self._named(name)
            case ast.Subscript(value=value, slice=inner):
                return self._subscript(value, inner)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return ast.BinOp(self._plain(left), ast.BitOr(), self._plain(right))
            case ast.Tuple(elts=items):
                return ast.Tuple([self._plain(item) for item in items])
        return node

    def _named(self, name: str) -> ast.expr:
        if name in _WIDER:
            self.notes.setdefault(f"'{name}' became '{_RENAMED[name]}': a spec has no wider type")
        if name not in _RENAMED:
            self._define(name)
        return ast.Name(_RENAMED.get(name, name))

    def _subscript(self, value: ast.expr, inner: ast.expr) -> ast.expr:
        name = value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", "")
        items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if name == "Literal":
            return ast.Subscript(ast.Name("Literal"), inner)
        if name in {"Annotated", "Final", "Required", "NotRequired"}:
            return self._plain(items[0])
        if name in {"Optional", "Union"}:
            options = [self._plain(item) for item in items]
            options += [ast.Constant(None)] if name == "Optional" else []
            joined = options[0]
            for option in options[1:]:
                joined = ast.BinOp(joined, ast.BitOr(), option)
            return joined
        kept = items[:1] if name in {"Iterator", "Generator"} else items
        plain = [self._plain(item) for item in kept]
        return ast.Subscript(self._named(name), plain[0] if len(plain) == 1 else ast.Tuple(plain))

    def _define(self, name: str) -> None:
        if name in self.types:
            return
        for node in self.tree.body:
            match node:
                case ast.ClassDef(name=found) if found == name:
                    self._define_class(node)
                case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                    self._define_alias(name, value)
                case ast.AnnAssign(target=ast.Name(id=found), value=ast.expr() as value) if found == name:
                    self._define_alias(name, value)

    def _define_alias(self, name: str, value: ast.expr) -> None:
        match value:
            case ast.Call(func=ast.Name(id="NewType") | ast.Attribute(attr="NewType"), args=[_, narrowed]):
                value = narrowed
            case ast.Call():
                return  # made at run time: a type variable, a record by a function
        self.types[name] = None  # its own name may come up inside
        self.types[name] = self.annotation(value)

    def _define_class(self, node: ast.ClassDef) -> None:
        bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        marks = {ast.unparse(mark).partition("(")[0].rpartition(".")[2] for mark in node.decorator_list}
        if bases & _ENUMS:
            self.types[node.name] = {"enum": list(self.members(node.name).values())}
            if any(
                isinstance(item, ast.Assign)
                and isinstance(item.value, ast.Constant)
                and not isinstance(item.value.value, str)
                for item in node.body
            ):
                self.notes.setdefault(f"values of '{node.name}' are no texts; they became texts here")
            return
        if "dataclass" not in marks and not bases & _RECORDS and "BaseModel" not in bases:
            return
        if bases & _RECORDS:
            self.notes.setdefault(f"'{node.name}' becomes a frozen dataclass")
        self.types[node.name] = None
        self.types[node.name] = {
            "fields": {
                item.target.id: self.annotation(item.annotation)
                for item in node.body
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
            }
        }

    def resolved(self, node: ast.expr) -> ast.expr:
        """What a name of the module stands for, where that is written at its top; any other expression as it is."""
        for each in self.tree.body:
            match node, each:
                case ast.Name(id=name), ast.Assign(targets=[ast.Name(id=found)], value=value) if (
                    name == found
                ):
                    return value
                case ast.Name(id=name), ast.AnnAssign(target=ast.Name(id=found), value=ast.expr() as value):
                    if name == found:
                        return value
        return node

    def members(self, name: str) -> dict[str, str]:
        """Member -> value of an enum of the module, as texts."""
        found = {}
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                for item in node.body:
                    match item:
                        case ast.Assign(targets=[ast.Name(id=member)], value=ast.Constant(value=value)):
                            found[member] = str(value)
                        case ast.Assign(targets=[ast.Name(id=member)]):
                            found[member] = member.lower()
        return found

    def value(self, node: ast.expr, known: Mapping[str, ast.expr]) -> Any:
        """A written value as a spec writes it; `known` are names that stand for others. Raises UnreadableError."""
        match node:
            case ast.Constant(value=None | bool() | int() | float() | str() as plain):
                return plain
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case ast.Name(id=name) if name in known:
                return self.value(known[name], {})
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return [self.value(item, known) for item in items]
            case ast.Dict(keys=keys, values=values) if all(keys):
                pairs = zip(keys, values, strict=True)
                return {self._key(key, known): self.value(item, known) for key, item in pairs if key}
            case ast.Attribute(value=ast.Name(id=name), attr=member) if member in self.members(name):
                return self.members(name)[member]
            case ast.Call():
                return self._made(node, known)
        raise UnreadableError(ast.unparse(node))

    def _key(self, node: ast.expr, known: Mapping[str, ast.expr]) -> str:
        key = self.value(node, known)
        if not isinstance(key, str | int) or isinstance(key, bool):
            raise UnreadableError(ast.unparse(node))
        return str(key)

    def _made(self, node: ast.Call, known: Mapping[str, ast.expr]) -> Any:
        """What a constructor makes of written values: a record, a decimal, a date, a collection."""
        name = ast.unparse(node.func).rpartition(".")[2]
        given = [self.value(item, known) for item in node.args]
        named = {item.arg: self.value(item.value, known) for item in node.keywords if item.arg}
        fields = self.types.get(name)
        if isinstance(fields, dict) and "fields" in fields:
            return {**dict(zip(fields["fields"], given, strict=False)), **named}
        if name in {"Decimal", "UUID"} and len(given) == 1 and not named:
            return str(given[0])
        if name in {"set", "frozenset", "list", "tuple"} and not named:
            return given[0] if given else []
        try:
            if name in _DATES and not named:
                return _DATES[name](*given).isoformat()
            if name == "timedelta":
                return f"PT{timedelta(*given, **named).total_seconds():g}S"
        except (TypeError, ValueError):
            pass
        raise UnreadableError(ast.unparse(node))
