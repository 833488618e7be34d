"""What a body asks of its ports and what it awaits: by the syntax tree alone. Knows no builtin and no module."""

import ast
from typing import NoReturn

from pipeline.bounds.callees import signatures
from pipeline.bounds.replies import RefusedError
from pipeline.bounds.rewrite import bound_names
from pipeline.records import Contract


def port_calls(statements: list[ast.stmt], contract: Contract, *, free: set[str]) -> set[ast.expr]:
    """The parts `port.method` of a body, each of which is called as it may be.

    Raises RefusedError for a port that is used in any other way than to call it or to pass it on to a function
    that takes it, for an async call that is not awaited where it is made, and for anything else awaited.
    """
    effects = _Effects(contract, free)
    for name in sorted(
        set(bound_names(ast.Module(statements, []))) & (effects.ports.keys() | effects.guarded)
    ):
        raise RefusedError(f"binds the name '{name}' to something else; use another name")
    for statement in statements:
        effects.visit(statement)
    return effects.asked


class _Effects(ast.NodeVisitor):
    def __init__(self, contract: Contract, free: set[str]) -> None:
        self.ports = contract.port_params
        self.types = {param.name: param.type for param in contract.params}
        self.calls = contract.calls
        self.asked: set[ast.expr] = set()
        self.functions = {name: node for name, node in signatures(contract).items() if name in free}
        self.takes = {
            name: {
                arg.arg: ast.unparse(arg.annotation)
                for arg in node.args.args
                if arg.annotation is not None and ast.unparse(arg.annotation) in contract.ports
            }
            for name, node in self.functions.items()
        }
        """Function -> its parameters that are ports, and which."""
        awaited = {name for name, node in self.functions.items() if isinstance(node, ast.AsyncFunctionDef)}
        self.guarded = awaited | {name for name, ports in self.takes.items() if ports}
        """Functions that are only called, never handed around."""
        self.awaitable = awaited | {
            f"{param}.{method.name}"
            for param, port in self.ports.items()
            for method in port.methods
            if method.is_async
        }

    # -- what is called --------------------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> None:
        self._visit_call(node, awaited=False)

    def visit_Await(self, node: ast.Await) -> None:
        if not isinstance(node.value, ast.Call):
            _refuse(node, f"awaits '{_short(node.value)}'; only a call may be awaited, where it is made")
        self._visit_call(node.value, awaited=True)

    def _visit_call(self, node: ast.Call, *, awaited: bool) -> None:
        match node.func:
            case ast.Attribute(value=ast.Name(id=port), attr=method) if port in self.ports:
                target = f"{port}.{method}"
                self._check_method(node, port, method)
            case ast.Name(id=name) if name in self.guarded:
                target = name
            case _:
                target = ""
        if awaited and target not in self.awaitable:
            _refuse(
                node,
                f"awaits {target}, which is not async; call it without 'await'"
                if target
                else f"awaits '{_short(node)}'; only async methods of ports and async functions it uses are awaited",
            )
        if target in self.awaitable and not awaited:
            _refuse(node, f"calls {target} without awaiting it; write 'await {target}(...)'")
        if self.takes.get(target):
            self._visit_taking(node, target)
        elif target:
            for argument in (*node.args, *node.keywords):
                self.visit(argument)
        else:
            self.generic_visit(node)

    def _check_method(self, node: ast.Call, port: str, method: str) -> None:
        known = self.ports[port].method(method)
        target = f"{port}.{method}"
        if known is None or target not in self.calls:
            allowed = ", ".join(self.calls) or "nothing"
            _refuse(node, f"calls {target}; of its ports it may call {allowed}")
        _require_plain(node, target)
        names = [param.name for param in known.params]
        given = [*names[: len(node.args)], *(str(keyword.arg) for keyword in node.keywords)]
        if len(node.args) > len(names) or sorted(given) != sorted(names):
            _refuse(node, f"calls {target} with other arguments than it takes: ({', '.join(names)})")
        self.asked.add(node.func)

    def _visit_taking(self, node: ast.Call, function: str) -> None:
        """A call of a function that takes ports: it gets those of this function, as they are."""
        _require_plain(node, function)
        names = [arg.arg for arg in self.functions[function].args.args]
        given = [*zip(names, node.args, strict=False), *((str(k.arg), k.value) for k in node.keywords)]
        for name, value in given:
            wanted = self.takes[function].get(name)
            if wanted is None:
                self.visit(value)
            elif not (isinstance(value, ast.Name) and self.types.get(value.id) == wanted):
                _refuse(value, f"passes '{_short(value)}' to {function}, whose '{name}' is the port {wanted}")
        for value in node.args[len(names) :]:
            self.visit(value)

    # -- what is not -----------------------------------------------------------------------------------------

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name) and node.value.id in self.ports:
            _refuse(node, f"uses '{node.value.id}.{node.attr}' as a value; a port's methods are only called")
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self.ports:
            _refuse(
                node,
                f"uses the port '{node.id}' as a value; only call its methods, or pass it on to a function it uses"
                " that takes it",
            )
        if node.id in self.guarded:
            _refuse(node, f"uses the function '{node.id}' as a value; call it where it is needed")

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        later = [part for generator in node.generators for part in (generator.iter, *generator.ifs)][1:]
        for part in (node.elt, *later):
            if any(isinstance(inner, ast.Await) for inner in ast.walk(part)):
                _refuse(node, "awaits inside a generator expression; make a list of it")
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        if node.is_async:
            _refuse(node.iter, "iterates with 'async for'; only calls are awaited here")
        self.generic_visit(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> None:
        _refuse(node, "iterates with 'async for'; only calls are awaited here")

    def visit_AsyncWith(self, node: ast.AsyncWith) -> None:
        _refuse(node, "enters 'async with'; only calls are awaited here")


def _require_plain(node: ast.Call, target: str) -> None:
    if any(isinstance(argument, ast.Starred) for argument in node.args) or any(
        keyword.arg is None for keyword in node.keywords
    ):
        _refuse(node, f"unpacks the arguments of {target}; write each of them out")


def _short(node: ast.expr) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _refuse(node: ast.expr | ast.stmt, reason: str) -> NoReturn:
    raise RefusedError(f"line {node.lineno}: {reason}")
