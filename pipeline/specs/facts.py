"""What a rule says for certain: comparisons of an expression with constants, and which of them exclude each other.

Nothing is evaluated but constants. Whatever is not understood says nothing, so that no sound rule is refused.
"""

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from pipeline.annotations import member_names
from pipeline.definitions import TypeDefinition, TypeEnum, TypeRecord
from pipeline.rules import durations

_ORDER: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_NEGATED = {
    "<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "==", "in": "not in", "not in": "in",
    "true": "false", "false": "true",
}  # fmt: skip
_SIGNS = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (0, 1), "==": (0,), "!=": (-1, 1)}
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Fact:
    """That an expression compares so with constants."""

    subject: str
    """The expression, as Python writes it out; of a comparison of two expressions, both."""
    relation: str
    """`<`, `<=`, `>`, `>=`, `==`, `!=`; `in` or `not in` several constants; `true` or `false`; of two expressions
    `sign`: whether the first is smaller (-1), equal (0) or larger (1)."""
    constants: tuple[Any, ...] = ()

    def allows(self, value: Any) -> bool:
        """Whether the expression may have this value; True where that cannot be told."""
        if self.relation in {"true", "false"}:
            return bool(value) is (self.relation == "true")
        try:
            if self.relation in {"in", "not in", "sign"}:
                return (value in self.constants) is (self.relation != "not in")
            return _HOLDS[self.relation](value, self.constants[0])
        except TypeError:
            return True


def facts_of(rule: str, types: Mapping[str, TypeDefinition]) -> tuple[list[Fact], bool]:
    """What a checked rule says for certain, and whether that is all it says."""
    facts: list[Fact] = []
    whole = True
    for node in _conjuncts(ast.parse(rule.strip(), mode="eval").body):
        found = _fact(node, types)
        whole = whole and found is not None
        facts += [*([found] if found else []), *_fields(node, types)]
    return facts, whole


def negated(fact: Fact) -> Fact | None:
    """What holds exactly when the fact does not; None where that cannot be said."""
    if fact.relation == "sign":
        others = {(0,): (-1, 1), (-1, 1): (0,)}.get(fact.constants)  # of two sets none need be the larger one
        return replace(fact, constants=others) if others else None
    return replace(fact, relation=_NEGATED[fact.relation])


def exclude(one: Fact, other: Fact, *, whole_numbers: bool = False) -> bool:
    """Whether no value keeps both facts; of the same expression, which is known to be a whole number or not."""
    if one.subject != other.subject:
        return False
    for finite, against in ((one, other), (other, one)):
        if finite.relation in {"==", "in", "sign"}:
            return not any(finite.allows(value) and against.allows(value) for value in finite.constants)
    if {one.relation, other.relation} == {"true", "false"}:
        return True
    low = next((fact for fact in (one, other) if fact.relation in {">", ">="}), None)
    high = next((fact for fact in (one, other) if fact.relation in {"<", "<="}), None)
    if low is None or high is None:
        return False
    return _apart(low, high, whole_numbers=whole_numbers)


def _apart(low: Fact, high: Fact, *, whole_numbers: bool) -> bool:
    least, most = low.constants[0], high.constants[0]
    strict = low.relation == ">" or high.relation == "<"
    numbers = type(least) is int and type(most) is int
    if whole_numbers and numbers and low.relation == ">" and high.relation == "<":
        return bool(least + 1 >= most)
    try:
        return bool(least > most or (strict and least == most))
    except TypeError:
        return False


# -- from syntax to facts ------------------------------------------------------------------------------------


def _conjuncts(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            for value in values:
                yield from _conjuncts(value)
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [left, *others]
            for number, comparison in enumerate(ops):
                yield ast.Compare(sides[number], [comparison], [sides[number + 1]])
        case _:
            yield node


def _fact(node: ast.expr, types: Mapping[str, TypeDefinition]) -> Fact | None:
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            several = list(_conjuncts(operand))
            inner = _fact(several[0], types) if len(several) == 1 else None
            return negated(inner) if inner else None
        case ast.Compare(left=left, ops=[ast.In() | ast.NotIn() as comparison], comparators=[right]):
            return _membership(left, comparison, right, types)
        case ast.Compare(left=left, ops=[comparison], comparators=[right]):
            none = isinstance(right, ast.Constant) and right.value is None
            if isinstance(comparison, ast.Is | ast.IsNot) and none:
                comparison = ast.Eq() if isinstance(comparison, ast.Is) else ast.NotEq()
            relation = _ORDER.get(type(comparison))
            return _comparison(left, relation, right, types) if relation else None
        case ast.BoolOp() | ast.IfExp() | ast.Constant():
            return None
    return Fact(ast.unparse(node), "true")


def _fields(node: ast.expr, types: Mapping[str, TypeDefinition]) -> Iterator[Fact]:
    """What `order == Order(state=State.PAID, total=total)` says of each field."""
    match node:
        case ast.Compare(
            left=left, ops=[ast.Eq()], comparators=[ast.Call(func=ast.Name(id=name), keywords=given)]
        ):
            for each in given if isinstance(types.get(name), TypeRecord) else ():
                if each.arg is not None:
                    field = ast.Attribute(left, each.arg, ast.Load())
                    found = _comparison(field, "==", each.value, types)
                    yield from [found] if found else []


def _comparison(
    left: ast.expr, relation: str, right: ast.expr, types: Mapping[str, TypeDefinition]
) -> Fact | None:
    first, second = _constant(left, types), _constant(right, types)
    if first is not _NOTHING and second is not _NOTHING:
        return None
    if second is not _NOTHING:
        return Fact(ast.unparse(left), relation, (second,))
    if first is not _NOTHING:
        return Fact(ast.unparse(right), _FLIPPED[relation], (first,))
    names = ast.unparse(left), ast.unparse(right)
    if names[0] > names[1]:
        names, relation = (names[1], names[0]), _FLIPPED[relation]
    return Fact(" ~ ".join(names), "sign", _SIGNS[relation])


def _membership(
    left: ast.expr, comparison: ast.cmpop, right: ast.expr, types: Mapping[str, TypeDefinition]
) -> Fact | None:
    if not isinstance(right, ast.Tuple | ast.List | ast.Set):
        return None
    values = tuple(_constant(item, types) for item in right.elts)
    if _NOTHING in values or _constant(left, types) is not _NOTHING:
        return None
    return Fact(ast.unparse(left), "in" if isinstance(comparison, ast.In) else "not in", values)


def _constant(node: ast.expr, types: Mapping[str, TypeDefinition]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Attribute(value=ast.Name(id=name), attr=member):
            kind = types.get(name)
            members = member_names(kind.values) if isinstance(kind, TypeEnum) else {}
            return next((value for value, key in members.items() if key == member), _NOTHING)
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str() | int() as text)]):
            try:
                exact = Decimal(text)
            except InvalidOperation:
                return _NOTHING
            return exact if exact.is_finite() else _NOTHING
        case ast.Call(func=ast.Name(id="timedelta")):
            return next(iter(durations(ast.unparse(node))), _NOTHING)
    return _NOTHING
