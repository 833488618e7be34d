"""Where an attribute with a refused name is only a field of a record: by the contract's types alone."""

import ast
from collections import Counter

from pipeline.bounds.callees import signatures
from pipeline.bounds.rewrite import bound_names
from pipeline.definitions import TypeRecord
from pipeline.records import Contract

_HARMLESS = (ast.Attribute, ast.BinOp, ast.Compare, ast.FormattedValue, ast.If, ast.UnaryOp, ast.While)
"""What stands around a value that is used up at once, so that it cannot be called later."""


class Fields:
    """Tells, for one function, which loads of an attribute can only read a field.

    `value.now` of an unknown value may be a method, so it must not reach anything that could call it.
    """

    def __init__(self, contract: Contract, statements: list[ast.stmt]) -> None:
        body = ast.Module(statements, [])
        self.records = {
            name: {field.name: field.type for field in definition.fields}
            for name, definition in contract.types.items()
            if isinstance(definition, TypeRecord)
        }
        self.names = {name for fields in self.records.values() for name in fields}
        self.parents = {child: node for node in ast.walk(body) for child in ast.iter_child_nodes(node)}
        self.results = {
            name: ast.unparse(function.returns) if function.returns else ""
            for name, function in signatures(contract).items()
        }
        self.results |= {name: name for name in self.records}
        self.answers = {
            (param, method.name): method.returns
            for param, port in contract.port_params.items()
            for method in port.methods
        }
        bound = Counter(bound_names(body))
        self.local = set(bound)
        self.types = {param.name: param.type for param in contract.params if not bound[param.name]}
        for node in ast.walk(body):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if bound[name] == 1:
                    self._learn(name, self.type_of(value), contract)
                case (
                    ast.For(target=ast.Name(id=name), iter=values)
                    | ast.comprehension(target=ast.Name(id=name), iter=values)
                ) if bound[name] == 1:
                    self._learn(name, _element(self.type_of(values)), contract)
                case _:
                    pass

    def _learn(self, name: str, found: str, contract: Contract) -> None:
        if name not in {param.name for param in contract.params}:
            self.types[name] = found

    def type_of(self, value: ast.expr) -> str:
        """The annotation of a value, or nothing for one that the contract does not tell."""
        match value:
            case ast.Name(id=name):
                return self.types.get(name, "")
            case ast.Attribute(value=inner, attr=attribute):
                return self.records.get(_bare(self.type_of(inner)), {}).get(attribute, "")
            case ast.Call(func=ast.Name(id="list" | "sorted" as name), args=[inner, *_]) if (
                name not in self.local | self.results.keys()
            ):
                return self.type_of(inner)
            case ast.Call(func=ast.Name(id=name)) if name not in self.local:
                return self.results.get(name, "")
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)):
                return self.answers.get((name, attribute), "")
            case ast.Await(value=inner):
                return self.type_of(inner)
            case ast.Subscript(value=inner, slice=index) if not isinstance(index, ast.Slice):
                return _element(self.type_of(inner))
            case _:
                return ""

    def is_read(self, node: ast.Attribute) -> bool:
        """Whether this load is of a field, and not called."""
        around = self.parents.get(node)
        if node.attr not in self.names or (isinstance(around, ast.Call) and around.func is node):
            return False
        if node.attr in self.records.get(_bare(self.type_of(node.value)), {}):
            return True
        if isinstance(around, ast.Subscript) and around.value is node:
            return True
        return isinstance(around, _HARMLESS) or _is_key(around, self.parents)

    def is_matched(self, pattern: ast.MatchClass, attribute: str) -> bool:
        """Whether a pattern reads the field of a record by the record's own name."""
        of = pattern.cls.id if isinstance(pattern.cls, ast.Name) else ""
        return of not in self.local and attribute in self.records.get(of, {})


def _is_key(around: ast.AST | None, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether the value is what `key=lambda x: x.field` gives back, which is only compared."""
    keyword = parents.get(around) if isinstance(around, ast.Lambda) else None
    call = parents.get(keyword) if isinstance(keyword, ast.keyword) and keyword.arg == "key" else None
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in {"max", "min", "sorted"}
    )


def _bare(annotation: str) -> str:
    """The record that an annotation names, be it optional."""
    return annotation.replace(" ", "").removesuffix("|None").removeprefix("None|")


def _element(annotation: str) -> str:
    """What a list of that annotation holds."""
    for start in ("list[", "set[", "frozenset["):
        if annotation.startswith(start) and annotation.endswith("]"):
            return annotation.removeprefix(start).removesuffix("]")
    if annotation.startswith("tuple[") and annotation.endswith(", ...]"):
        return annotation.removeprefix("tuple[").removesuffix(", ...]")
    return ""
