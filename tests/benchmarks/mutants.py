"""Small faults, one at a time, in the body of a function: what a gate is there to refuse. The same in every run."""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

AT_MOST = 15
"""Mutants of one function; operators take turns, so that none crowds the others out."""

_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult,
}  # fmt: skip
_BOUNDARY: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
}  # fmt: skip
_COMPARISON: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_CALLS = {
    "min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list", "set": "list", "sum": "len",
    "upper": "lower", "lower": "upper", "isupper": "islower", "islower": "isupper", "startswith": "endswith",
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A module in which one function has a fault, and the kind of the fault."""

    operator: str
    place: str
    """The line of the function's module, what stood there and what stands there now."""
    source: str


def mutants(source: str, function: str, at_most: int = AT_MOST) -> list[Mutant]:
    """Up to `at_most` mutants of a function, all of different texts; the other functions of the module stay."""
    tree = ast.parse(source)
    seen = {ast.unparse(tree)}
    waiting: dict[str, list[tuple[int, int]]] = {}
    for index, node in enumerate(_body(tree, function)):
        for variant, (operator, _) in enumerate(_faults(node)):
            waiting.setdefault(operator, []).append((index, variant))
    found: list[Mutant] = []
    while waiting and len(found) < at_most:
        for operator in sorted(waiting):
            made = _make(tree, function, waiting[operator].pop(0))
            if made.source not in seen and len(found) < at_most:
                seen.add(made.source)
                found.append(made)
        waiting = {operator: rest for operator, rest in waiting.items() if rest}
    return found


def _make(tree: ast.Module, function: str, site: tuple[int, int]) -> Mutant:
    index, variant = site
    copied = copy.deepcopy(tree)
    node = _body(copied, function)[index]
    operator, fault = list(_faults(node))[variant]
    whole = _Replacement(node, fault).visit(copied)
    before, after = (ast.unparse(each).partition("\n")[0] for each in (node, fault))
    place = f"line {getattr(node, 'lineno', 0)}: {before} -> {after}"
    return Mutant(operator, place, ast.unparse(ast.fix_missing_locations(whole)))


class _Replacement(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


def _body(tree: ast.Module, function: str) -> list[ast.AST]:
    """Every node of a function's body, its docstring and its annotations aside, in one order."""
    own = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function)
    statements = own.body[1:] if ast.get_docstring(own) is not None else own.body
    return [node for statement in statements for node in _walk(statement)]


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for name, field in ast.iter_fields(node):
        if name not in {"annotation", "returns", "ctx"}:
            for inner in field if isinstance(field, list) else [field]:
                if isinstance(inner, ast.AST):
                    yield from _walk(inner)


def _faults(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What may stand in place of a node, each with the name of its kind."""
    match node:
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in _ARITHMETIC:
            yield "arithmetic", _with(node, op=_ARITHMETIC[type(op)]())
        case ast.Compare(ops=ops):
            yield from _comparisons(node, ops)
        case ast.BoolOp(op=op):
            yield "boolean", _with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "not removed", operand
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield "sign", operand
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) if not _is_compared(test):
            yield "condition", _with(node, test=ast.UnaryOp(ast.Not(), test))
        case ast.comprehension(ifs=[test, *rest]) if not _is_compared(test):
            yield "condition", _with(node, ifs=[ast.UnaryOp(ast.Not(), test), *rest])
        case ast.Constant(value=value):
            for operator, other in _constants(value):
                yield operator, ast.Constant(other)
        case ast.Slice(lower=lower, upper=upper):
            if lower is not None:
                yield "slice", _with(node, lower=None)
            if upper is not None:
                yield "slice", _with(node, upper=None)
        case ast.Call(func=ast.Name(id=name)) if name in _CALLS:
            yield "call", _with(node, func=ast.Name(_CALLS[name], ast.Load()))
        case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in _CALLS:
            yield "call", _with(node, func=ast.Attribute(owner, _CALLS[name], ast.Load()))
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield "return", _with(node, value=ast.Constant(None))
    if isinstance(node, ast.AugAssign | ast.Expr | ast.Break | ast.Continue):
        yield "statement removed", ast.Pass()


def _is_compared(test: ast.expr) -> bool:
    """Whether turning a condition round would be the fault that the comparison in it has already."""
    return isinstance(test, ast.Compare) and len(test.ops) == 1


def _comparisons(node: ast.Compare, ops: list[ast.cmpop]) -> Iterator[tuple[str, ast.AST]]:
    for position, op in enumerate(ops):
        for operator, others in (("boundary", _BOUNDARY), ("comparison", _COMPARISON)):
            if type(op) in others:
                yield operator, _with(node, ops=[*ops[:position], others[type(op)](), *ops[position + 1 :]])


def _constants(value: object) -> Iterator[tuple[str, object]]:
    match value:
        case bool():
            yield "constant", not value
        case int():
            yield "off by one", value + 1
            yield "off by one", value - 1
        case float():
            yield "constant", value * 2 + 1
        case str():
            yield "constant", value[1:] if value else "x"
        case None:
            yield "constant", 0


def _with(node: ast.AST, **changes: object) -> ast.AST:
    """A copy of a node, one level deep, with some fields changed."""
    changed = copy.copy(node)
    for name, value in changes.items():
        setattr(changed, name, value)
    return changed
