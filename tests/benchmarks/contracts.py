"""HumanEval tasks as contracts: types from annotations or from base inputs, cases from what the reference answers."""

import ast
import copy
from collections.abc import Sequence
from typing import Any

from domains import DOMAINS, TYPES, Domain
from humaneval import Task, load

from pipeline import render
from pipeline.annotations import annotation_names
from pipeline.definitions import Param, TypeAlias
from pipeline.records import Case, Contract, Raise, Rule
from pipeline.sandbox.port import Program
from pipeline.values import Types, ValuesError

_MODERN = {"List": "list", "Dict": "dict", "Tuple": "tuple", "Set": "set"}
_SCALARS = (int, float, bool, str)
_UNSEEN = "int"
"""What a container holds of which no base input shows a member."""


def make_contract(task: Task) -> Contract:
    """The contract of a task: its base inputs are the cases; no rule says what must come of other inputs.

    A base input that is not of the parameters' types is left out. Parameters that the reference changes in place
    may be changed.
    """
    domain = DOMAINS.get(task.id, Domain())
    annotations, returns = _annotations(task)
    params = tuple(
        Param(name=name, type=domain.params.get(name) or annotation or infer(column))
        for (name, annotation), column in zip(annotations.items(), zip(*task.base, strict=True), strict=True)
    )
    types = Types(TYPES)
    inputs = _typed(params, task.base, types)
    reference = load(task.source, task.function)
    changed: set[str] = set()
    outputs = []
    for arguments in inputs:
        passed = copy.deepcopy(arguments)
        outputs.append(reference(*passed))
        changed |= {p.name for p, old, new in zip(params, arguments, passed, strict=True) if old != new}
    returns = returns or infer(outputs)
    cases = [
        Case(
            name=f"case {number}",
            given={p.name: types.encode(p.type, value) for p, value in zip(params, arguments, strict=True)},
            returns=types.encode(returns, output),
        )
        for number, (arguments, output) in enumerate(zip(inputs, outputs, strict=True))
    ]
    return Contract(
        spec="humaneval",
        function=task.function,
        summary=task.id,
        params=params,
        returns=returns,
        types={name: TYPES[name] for name in sorted(_reached([returns, *(p.type for p in params)]))},
        requires=tuple(Rule(rule=rule) for rule in domain.requires),
        raises=tuple(Raise(error=error) for error in domain.raises),
        mutates=tuple(sorted(changed)),
        cases=tuple(cases),
    )


def _reached(annotations: Sequence[str]) -> set[str]:
    """Names of the narrowed types that some annotations use, and that these are made of."""
    names = {name for text in annotations for name in annotation_names(text)}
    aliases = [TYPES[name] for name in names]
    return (
        names | _reached([alias.type for alias in aliases if isinstance(alias, TypeAlias)])
        if names
        else names
    )


def make_program(contract: Contract, source: str) -> Program:
    """A module as the judge runs it, whatever the bounds would say of it."""
    return Program({"types": render.render_stub_types(contract), contract.function: source})


def infer(values: Sequence[Any]) -> str:
    """The narrowest annotation that covers some plain values; whole numbers beside fractions are `int | float`."""
    kinds = {type(value) for value in values}
    found = [kind.__name__ for kind in _SCALARS if kind in kinds]
    if list in kinds:
        found.append(f"list[{_members(item for value in values if type(value) is list for item in value)}]")
    if dict in kinds:
        dicts = [value for value in values if type(value) is dict]
        keys = [key for value in dicts for key in value]
        inner = [item for value in dicts for item in value.values()]
        found.append(f"dict[{infer(keys) if keys else 'str'}, {_members(inner)}]")
    if tuple in kinds:
        found.append(_tuple([value for value in values if type(value) is tuple]))
    if type(None) in kinds:
        found.append("None")
    if len(found) < len(kinds):
        raise TypeError(f"no annotation for {kinds}")
    return " | ".join(found)


def _members(values: Any) -> str:
    return infer(list(values)) or _UNSEEN


def _tuple(values: list[tuple[Any, ...]]) -> str:
    if len({len(value) for value in values}) == 1 and values[0]:
        return f"tuple[{', '.join(infer(column) for column in zip(*values, strict=True))}]"
    return f"tuple[{_members(item for value in values for item in value)}, ...]"


def _typed(params: Sequence[Param], inputs: list[list[Any]], types: Types) -> list[list[Any]]:
    """Inputs as values of the parameters' types; those that do not fit are left out."""
    typed = []
    for arguments in inputs:
        try:
            typed.append([types.decode(p.type, value) for p, value in zip(params, arguments, strict=True)])
        except ValuesError:
            continue
    return typed


def _annotations(task: Task) -> tuple[dict[str, str | None], str | None]:
    """Parameters and return type as the prompt writes them; None where it does not, or says too little."""
    functions = [node for node in ast.parse(task.source).body if isinstance(node, ast.FunctionDef)]
    own = next(node for node in functions if node.name == task.function)
    return {arg.arg: _modern(arg.annotation) for arg in own.args.args}, _modern(own.returns)


def _modern(node: ast.expr | None) -> str | None:
    """An annotation in the words of a contract: `List[int]` is `list[int]`; None for `list` and for `Any`."""
    if node is None or any(isinstance(n, ast.Name) and n.id == "Any" for n in ast.walk(node)):
        return None
    match node:
        case ast.Name(id="list" | "dict" | "tuple"):
            return None
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return f"{_modern(inner)} | None"
        case ast.Subscript(value=ast.Name(id=name), slice=inner):
            members = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return f"{_MODERN.get(name, name)}[{', '.join(str(_modern(member)) for member in members)}]"
    return ast.unparse(node)
