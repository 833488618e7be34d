"""The rule language: Python expressions over plain data, parsed once and checked against a whitelist.

This module decides what a rule may say. It evaluates nothing unless `compile_rule` is called, which only the
decider process does.
"""

import ast
import difflib
import math
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Decimal,
)
from types import CodeType, SimpleNamespace
from typing import Any
from uuid import UUID

from pipeline.annotations import annotation_names, member_names
from pipeline.definitions import TypeDefinition, TypeEnum, TypeRecord
from pipeline.records import Contract
from pipeline.values import Types

FUNCTIONS: dict[str, Any] = {
    "abs": abs, "all": all, "any": any, "bool": bool, "chr": chr, "dict": dict, "divmod": divmod,
    "enumerate": enumerate, "float": float, "frozenset": frozenset, "int": int, "isinstance": isinstance,
    "len": len, "list": list, "max": max, "min": min, "ord": ord, "range": range, "repr": repr,
    "reversed": reversed, "round": round, "set": set, "sorted": sorted, "str": str, "sum": sum, "tuple": tuple,
    "zip": zip, "Decimal": Decimal, "UUID": UUID, "date": date, "datetime": datetime, "time": time,
    "timedelta": timedelta,
}  # fmt: skip
CONSTANTS: dict[str, Any] = {
    "ROUND_CEILING": ROUND_CEILING, "ROUND_DOWN": ROUND_DOWN, "ROUND_FLOOR": ROUND_FLOOR,
    "ROUND_HALF_DOWN": ROUND_HALF_DOWN, "ROUND_HALF_EVEN": ROUND_HALF_EVEN, "ROUND_HALF_UP": ROUND_HALF_UP,
    "ROUND_UP": ROUND_UP,
}  # fmt: skip
MODULES: dict[str, dict[str, Any]] = {
    "math": {name: getattr(math, name) for name in (
        "ceil", "comb", "copysign", "floor", "gcd", "hypot", "isclose", "isqrt", "lcm", "log", "log10", "log2",
        "pi", "prod", "sqrt", "trunc",
    )},
    "re": {name: getattr(re, name) for name in (
        "ASCII", "IGNORECASE", "MULTILINE", "escape", "findall", "fullmatch", "match", "search", "split", "sub",
    )},
    "timezone": {"utc": UTC},
}  # fmt: skip
METHODS: frozenset[str] = frozenset(
    # str
    "capitalize casefold center count encode endswith expandtabs find index isalnum isalpha isascii isdecimal "
    "isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip partition "
    "removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith "
    "strip swapcase title upper zfill "
    # list, tuple, dict, set
    "copy difference get intersection isdisjoint issubset issuperset items keys symmetric_difference union values "
    # numbers, dates
    "as_integer_ratio as_tuple bit_count bit_length copy_abs is_finite is_integer is_nan is_signed "
    "normalize quantize to_integral_value astimezone date isoformat isoweekday time timestamp total_seconds "
    "weekday "
    # matches
    "end group groups span start".split()
)
ATTRIBUTES: frozenset[str] = frozenset(
    "year month day hour minute second microsecond days seconds microseconds tzinfo numerator denominator real imag "
    "exponent digits sign hex name value".split()
)

_NODES = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.BinOp, ast.operator, ast.UnaryOp, ast.unaryop, ast.Compare,
    ast.cmpop, ast.IfExp, ast.Call, ast.keyword, ast.Name, ast.Load, ast.Store, ast.Constant, ast.Attribute,
    ast.Subscript, ast.Slice, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.GeneratorExp, ast.comprehension, ast.Lambda, ast.arguments, ast.arg, ast.Starred,
)  # fmt: skip
_INSTEAD = {
    ast.NamedExpr: "a rule names nothing; write the expression twice or split the rule",
    ast.JoinedStr: "a rule has no f-strings; join texts with +",
    ast.Await: "a rule cannot wait",
    ast.Yield: "a rule cannot yield",
}
_MAX_LENGTH, _MAX_NODES = 2000, 400


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """Why a text is no rule. `column` counts from 0 into the text."""

    message: str
    column: int


class _ProblemError(Exception):
    def __init__(self, message: str, node: ast.AST | None = None) -> None:
        super().__init__(message)
        self.column: int = getattr(node, "col_offset", 0)


def check_rule(
    text: str,
    *,
    scope: Mapping[str, str],
    types: Mapping[str, TypeDefinition],
    functions: Collection[str] = (),
) -> RuleProblem | None:
    """Check an expression against the whitelist and the names it may use.

    `scope` maps a name to its annotation: the parameters, and `result` for a postcondition. `functions` are the
    functions of the spec that the rule may call. Nothing is evaluated.
    """
    try:
        _Checker(scope, types, functions).check(_parse(text))
    except _ProblemError as problem:
        column = len(text.encode(errors="surrogatepass")[: problem.column].decode(errors="ignore"))
        return RuleProblem(str(problem), column)
    return None


def calls_functions(text: str, functions: Collection[str]) -> bool:
    """Whether a checked rule calls one of the spec's functions, so that it needs code to be decided."""
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions
        for node in ast.walk(_parse(text))
    )


def speaks_of(text: str, name: str) -> bool:
    """Whether a checked rule uses a name."""
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(_parse(text)))


def rule_functions(contract: Contract) -> dict[str, str]:
    """What the postconditions of a contract may call: the name in rules -> the function of the program.

    Those are the function itself and what it uses; none that takes a port.
    """
    found = {} if contract.ports else {contract.function: contract.function}
    for callee in contract.uses:
        tokens = set(re.findall(r"\w+", callee.signature))
        if tokens.isdisjoint(contract.ports):
            found[callee.function.rpartition(".")[2]] = callee.function
    return found


def rule_scope(contract: Contract, *, after: bool) -> dict[str, str]:
    """The names that a rule of a contract sees, with their annotations; `after`: once the call has ended."""
    scope = {param.name: param.type for param in contract.params if param.type not in contract.ports}
    if after:
        scope["result"] = contract.returns
        if contract.ports:
            scope["calls"] = "list[tuple[str, ...]]"
    return scope


def constants(text: str) -> list[Any]:
    """Texts and numbers written in a checked rule: the values at whose edges a function may differ."""
    return [
        node.value
        for node in ast.walk(_parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float)
    ]


def durations(text: str) -> list[timedelta]:
    """Every `timedelta(...)` of plain numbers in a checked rule."""
    found = []
    for node in ast.walk(_parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "timedelta":
            try:
                plain = [ast.literal_eval(argument) for argument in node.args]
                named = {str(each.arg): ast.literal_eval(each.value) for each in node.keywords}
                found.append(timedelta(*plain, **named))
            except (ValueError, TypeError, ArithmeticError):  # of something that only a call tells
                continue
    return found


def compile_rule(text: str, name: str = "<rule>") -> CodeType:
    """The code of a checked rule, for `eval` with `namespace(...)` as globals. For the decider process alone.

    `name` stands for a file's name in tracebacks.
    """
    with warnings.catch_warnings(action="ignore"):
        return compile(_parse(text), name, "eval")


def namespace(types: Types, functions: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    """The globals of every rule: the whitelist, the spec's enums and records, and the callable functions."""
    modules = {name: SimpleNamespace(**members) for name, members in MODULES.items()}
    return {"__builtins__": {}, **FUNCTIONS, **CONSTANTS, **modules, **types.classes, **functions}


def _parse(text: str) -> ast.Expression:
    if len(text) > _MAX_LENGTH:
        raise _ProblemError(f"a rule has at most {_MAX_LENGTH} characters, this one {len(text)}")
    try:
        with warnings.catch_warnings(action="ignore"):  # Python's opinion on style is not asked for here
            return ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        problem = _ProblemError(f"not a Python expression: {error.msg}")
        problem.column = max((error.offset or 1) - 1, 0)
        raise problem from None
    except (ValueError, RecursionError, MemoryError):
        raise _ProblemError("not a Python expression") from None


class _Checker:
    def __init__(
        self, scope: Mapping[str, str], types: Mapping[str, TypeDefinition], functions: Collection[str]
    ) -> None:
        self.scope = scope
        self.types = types
        self.functions = functions
        classes = {name for name, kind in types.items() if isinstance(kind, TypeEnum | TypeRecord)}
        self.fields = {f.name for kind in types.values() if isinstance(kind, TypeRecord) for f in kind.fields}
        self.known = {*scope, *FUNCTIONS, *CONSTANTS, *MODULES, *functions, *classes}
        self.bound: set[str] = set()

    def check(self, tree: ast.Expression) -> None:
        nodes = list(ast.walk(tree))
        if len(nodes) > _MAX_NODES:
            raise _ProblemError("the rule is too long; split it")
        self.bound = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        self.bound |= {n.arg for n in nodes if isinstance(n, ast.arg)}
        called = {id(n.func) for n in nodes if isinstance(n, ast.Call)}
        bases = {id(n.value) for n in nodes if isinstance(n, ast.Attribute)}
        for node in nodes:
            if not isinstance(node, _NODES):
                what = type(node).__name__
                raise _ProblemError(_INSTEAD.get(type(node), f"a rule cannot hold {what}"), node)
            match node:
                case ast.Name():
                    self._name(node, called=id(node) in called, base=id(node) in bases)
                case ast.Attribute():
                    self._attribute(node, called=id(node) in called)
                case ast.Call(func=func) if not isinstance(func, ast.Name | ast.Attribute):
                    raise _ProblemError("a rule calls functions and methods by name only", node)
                case ast.Constant(value=value) if not isinstance(value, str | int | float | None):
                    raise _ProblemError(f"a rule cannot hold the constant {ast.unparse(node)}", node)
                case ast.comprehension(is_async=1):
                    raise _ProblemError("a rule cannot wait")

    def _name(self, node: ast.Name, *, called: bool, base: bool) -> None:
        name = node.id
        if isinstance(node.ctx, ast.Store):
            if name in self.known:
                raise _ProblemError(f"'{name}' is taken; use another name in the comprehension", node)
            return
        if name not in self.known | self.bound:
            close = difflib.get_close_matches(name, sorted(self.known | self.bound), n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            if name == "result":
                hint = "; only 'ensures' may speak of the result"
            if called and not self.functions and "result" not in self.scope:
                hint += "; only 'ensures' may call functions of the spec"
            raise _ProblemError(f"unknown name '{name}'{hint}", node)
        if name in MODULES and name not in self.scope and not base:
            raise _ProblemError(f"'{name}' is used as {name}.<function>", node)
        if called and (name in self.scope or name in self.bound):
            raise _ProblemError(f"'{name}' is a value, not a function", node)
        if name in self.functions and not called:
            raise _ProblemError(f"'{name}' is a function; call it", node)

    def _attribute(self, node: ast.Attribute, *, called: bool) -> None:
        name = node.attr
        owner = node.value.id if isinstance(node.value, ast.Name) and node.value.id not in self.scope else ""
        if owner in MODULES:
            allowed: Collection[str] = MODULES[owner]
            what = f"{owner} has no function '{name}' for rules"
        elif isinstance(kind := self.types.get(owner), TypeEnum):
            allowed = member_names(kind.values).values()
            what = f"{owner} has no member '{name}'"
        elif (record := self._record_of(node.value)) is not None:
            allowed = [field.name for field in record[1].fields]
            what = f"{record[0]} has no field '{name}'"
        elif (owner, name) in _CONSTRUCTORS:
            return
        else:
            allowed = METHODS if called else ATTRIBUTES | self.fields
            what = f"a rule cannot {'call' if called else 'read'} '.{name}'"
        if name not in allowed:
            close = difflib.get_close_matches(name, sorted(allowed), n=1)
            raise _ProblemError(what + (f"; did you mean '{close[0]}'?" if close else ""), node.value)

    def _record_of(self, node: ast.expr) -> tuple[str, TypeRecord] | None:
        """The record type of an expression such as `order.buyer`, where the annotations tell."""
        if isinstance(node, ast.Name):
            annotation = self.scope.get(node.id) if node.id not in self.bound else None
        elif isinstance(node, ast.Attribute) and (outer := self._record_of(node.value)):
            annotation = next((f.type for f in outer[1].fields if f.name == node.attr), None)
        else:
            return None
        if annotation is None or annotation_names(annotation) != {annotation}:
            return None
        kind = self.types.get(annotation)
        return (annotation, kind) if isinstance(kind, TypeRecord) else None


_CONSTRUCTORS = {
    ("dict", "fromkeys"),
    ("datetime", "fromisoformat"),
    ("date", "fromisoformat"),
    ("time", "fromisoformat"),
    ("str", "join"),
}
