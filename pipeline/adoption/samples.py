"""Calls of a function whose outcome is written down: in its docstring, and in tests of the plain kind."""

import ast
import doctest
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.adoption.code import FunctionNode, UnreadableError, Vocabulary, parse_file
from pipeline.adoption.guessing import type_of


@dataclass(frozen=True, slots=True)
class Sample:
    """One call and what came of it."""

    name: str
    given: Mapping[str, Any]
    returns: Any = None
    raises: str | None = None
    types: Mapping[str, str | None] = field(default_factory=dict)
    """Annotations that the arguments would have; `return` is of what came back."""


class Samples:
    """Reads samples of one function; what is no plain value is skipped and counted."""

    def __init__(self, function: FunctionNode, vocabulary: Vocabulary) -> None:
        self.skipped: list[str] = []
        """Calls that could not be read, as they are written."""
        self._function = function
        self._vocabulary = vocabulary
        arguments = function.args
        self._names = [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        self._defaults = {name: vocabulary.resolved(value) for name, value in defaults(function).items()}

    def of_docstring(self) -> Iterator[Sample]:
        """Its doctests."""
        text = ast.get_docstring(self._function) or ""
        try:
            examples = doctest.DocTestParser().get_examples(text)
        except ValueError:
            return
        for number, example in enumerate(examples, 1):
            try:
                call = ast.parse(example.source.strip(), mode="eval").body
                want = (
                    None if example.exc_msg else ast.parse(example.want.strip() or "None", mode="eval").body
                )
            except SyntaxError:
                continue
            error = example.exc_msg.partition(":")[0].strip() if example.exc_msg else None
            yield from self._sample(f"docstring {number}", call, want, error=error)

    def of_tests(self, paths: Sequence[Path]) -> Iterator[Sample]:
        """`assert f(x) == y` and `with pytest.raises(E): f(x)` in these files and folders, parametrized or not."""
        for path in paths:
            inside = [*path.rglob("test_*.py"), *path.rglob("*_test.py")] if path.is_dir() else [path]
            for file in sorted(inside):
                for test in ast.walk(parse_file(file)):
                    if isinstance(test, FunctionNode) and test.name.startswith("test"):
                        yield from self._of_test(test)

    def _of_test(self, test: FunctionNode) -> Iterator[Sample]:
        name = test.name.removeprefix("test").strip("_").replace("_", " ") or self._function.name
        for known in _parametrized(test):
            for node in ast.walk(test):
                match node:
                    case ast.Assert(
                        test=ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right])
                    ):
                        call, want = (left, right) if self._is_call(left) else (right, left)
                        yield from self._sample(name, call, want, known=known)
                    case ast.Call(func=ast.Attribute(attr="assertEqual"), args=[left, right, *_]):
                        call, want = (left, right) if self._is_call(left) else (right, left)
                        yield from self._sample(name, call, want, known=known)
                    case ast.Assert(test=ast.UnaryOp(op=ast.Not(), operand=call)) if self._is_bool():
                        yield from self._sample(name, call, ast.Constant(value=False), known=known)
                    case ast.Assert(test=ast.Call() as call) if self._is_bool():
                        yield from self._sample(name, call, ast.Constant(value=True), known=known)
                    case ast.With(
                        items=[ast.withitem(context_expr=ast.Call() as context)], body=[ast.Expr(value=call)]
                    ):
                        if ast.unparse(context.func).endswith(("raises", "assertRaises")) and context.args:
                            error = ast.unparse(context.args[0]).rpartition(".")[2]
                            yield from self._sample(name, call, None, error=error, known=known)

    def _is_bool(self) -> bool:
        return self._function.returns is not None and ast.unparse(self._function.returns) == "bool"

    def _is_call(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Await):
            node = node.value
        return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == self._function.name

    def _sample(
        self,
        name: str,
        call: ast.expr,
        want: ast.expr | None,
        *,
        error: str | None = None,
        known: Mapping[str, ast.expr] | None = None,
    ) -> Iterator[Sample]:
        if not self._is_call(call):
            return
        call = call.value if isinstance(call, ast.Await) else call
        assert isinstance(call, ast.Call)
        try:
            arguments = dict(zip(self._names, call.args, strict=False))
            arguments |= {item.arg: item.value for item in call.keywords if item.arg}
            arguments = {**self._defaults, **arguments}
            given = {
                key: self._vocabulary.value(arguments[key], known or {})
                for key in self._names
                if key in arguments
            }
            returns = None if want is None else self._vocabulary.value(want, known or {})
        except UnreadableError:
            self.skipped.append(ast.unparse(call))
            return
        if (
            len(call.args) <= len(self._names)
            and len(given) == len(self._names)
            and set(arguments) == set(given)
        ):
            types = {key: type_of(value, self._vocabulary, known or {}) for key, value in arguments.items()}
            if want is not None:
                types["return"] = type_of(want, self._vocabulary, known or {})
            yield Sample(name, given, returns, error, types)


def defaults(function: FunctionNode) -> dict[str, ast.expr]:
    """Parameter -> its default, as it is written."""
    arguments = function.args
    places = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    found = dict(zip(reversed(places), reversed(arguments.defaults), strict=False))
    by_name = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return found | {each.arg: default for each, default in by_name if default is not None}


def _parametrized(test: FunctionNode) -> Iterator[dict[str, ast.expr]]:
    """What the parameters of a test stand for, once for each of its rows; once with nothing if it has none."""
    for mark in test.decorator_list:
        match mark:
            case ast.Call(
                func=ast.Attribute(attr="parametrize"),
                args=[names, ast.List(elts=rows) | ast.Tuple(elts=rows), *_],
            ):
                heads = _heads(names)
                for row in rows:
                    cells = (
                        row.args if isinstance(row, ast.Call) else [row] if len(heads) == 1 else _cells(row)
                    )
                    yield dict(zip(heads, cells, strict=False))
                return
    yield {}


def _heads(names: ast.expr) -> list[str]:
    if isinstance(names, ast.Constant):
        return [name.strip() for name in str(names.value).split(",")]
    return [str(item.value) for item in _cells(names) if isinstance(item, ast.Constant)]


def _cells(row: ast.expr) -> list[ast.expr]:
    return row.elts if isinstance(row, ast.Tuple | ast.List) else []
