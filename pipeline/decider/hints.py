"""What code compares its arguments with, as rules that tell where to draw inputs: read, never evaluated."""

import ast
from collections.abc import Iterable

_MOST = 200
_LONGEST = 200
"""Characters of one hint."""


def hints_of(sources: Iterable[str]) -> list[str]:
    """The comparisons, durations and constants of function files that are within their bounds, each once, in order."""
    found: dict[str, None] = {}
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found |= dict.fromkeys(text for inner in node.body[1:] for text in _hints(inner))
    return [text for text in found if len(text) <= _LONGEST][:_MOST]


def _hints(statement: ast.stmt) -> Iterable[str]:
    for node in ast.walk(statement):
        match node:
            case ast.Compare() | ast.Call(func=ast.Name(id="timedelta")):
                yield ast.unparse(node)
            case ast.Constant(value=str() | int() | float()):
                yield ast.unparse(node)
