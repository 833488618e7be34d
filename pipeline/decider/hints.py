"""What code compares its arguments with, as rules that tell where to draw inputs: read, never evaluated."""

import ast
from collections.abc import Iterable, Iterator, Sequence

from pipeline.decider.mentioned import EXACT

_MOST = 200
_LONGEST = 200
"""Characters of one hint."""


def hints_of(sources: Iterable[str]) -> list[str]:
    """The comparisons, durations, moments and constants of function files that are within their bounds, each once.

    Of a duration that is computed, `timedelta(days=wait)`, come those that the function's whole numbers make.
    """
    found: dict[str, None] = {}
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = [each for statement in node.body[1:] for each in ast.walk(statement)]
                found |= dict.fromkeys(_hints(inner))
    return [text for text in found if len(text) <= _LONGEST][:_MOST]


def _hints(nodes: Sequence[ast.AST]) -> Iterator[str]:
    numbers = {
        each.value: None for each in nodes if isinstance(each, ast.Constant) and type(each.value) is int
    }
    if any(map(_is_inexact, nodes)) and not any(map(_grows, nodes)):
        yield EXACT
    for node in nodes:
        match node:
            case ast.Call(
                func=ast.Name(id="timedelta"), args=[], keywords=[ast.keyword(arg=str(unit), value=value)]
            ):
                computed = not isinstance(value, ast.Constant)
                yield from (f"timedelta({unit}={number})" for number in numbers if computed)
                yield ast.unparse(node)
            case ast.Compare() | ast.Call(func=ast.Name(id="timedelta" | "date" | "datetime" | "time")):
                yield ast.unparse(node)
            case ast.Constant(value=str() | int() | float()):
                yield ast.unparse(node)


def _is_inexact(node: ast.AST) -> bool:
    """Whether it makes a float of whole numbers."""
    match node:
        case ast.BinOp(op=ast.Div()):
            return True
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in {"float", "sqrt", "fmod", "floor", "ceil", "log", "log2", "log10"}
    return False


def _grows(node: ast.AST) -> bool:
    """Whether it may take as long, or as much memory, as a number is large."""
    match node:
        case (
            ast.While() | ast.Name(id="range" | "pow") | ast.Attribute(attr="factorial" | "count" | "repeat")
        ):
            return True
        case ast.BinOp(op=ast.Pow() | ast.LShift(), right=right):
            return not isinstance(right, ast.Constant)
    return False
