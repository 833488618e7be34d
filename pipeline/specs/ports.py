"""The `ports` section of a spec: from its written form to ports whose methods and doubles make sense."""

import ast
import keyword
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.annotations import parse_annotation
from pipeline.definitions import Method, Param, Port
from pipeline.records import Finding
from pipeline.rules import check_rule
from pipeline.specs.complaints import suggest
from pipeline.specs.draft import BUILTIN_ERRORS, Draft, check_known
from pipeline.specs.format import MethodFile, PortFile
from pipeline.specs.names import check_param, defined_names
from pipeline.specs.yaml_source import Path
from pipeline.values import Types, ValuesError

_EMPTY: dict[str, Any] = {
    "dict": {}, "list": [], "set": [], "int": 0, "float": 0, "Decimal": 0, "str": "", "bool": False,
}  # fmt: skip
"""Type -> the value, as JSON, that a double's memory has of it at first."""


def define_ports(draft: Draft) -> tuple[dict[str, Port], list[Finding]]:
    """The sound ports among those a spec writes, in their order, and the findings about the others."""
    findings: list[Finding] = []
    sound: dict[str, Port] = {}
    for name, port in draft.file.ports.items():
        found = [*_check_port(draft, name, port)]
        findings += found
        if not found and all(draft.is_sound(text) for text in _annotations(port)):
            sound[name] = _define(port)
    return sound, findings


def _methods(port: PortFile) -> dict[str, MethodFile]:
    return port.model_extra or {}


def _annotations(port: PortFile) -> list[str]:
    methods = _methods(port).values()
    params = [text for method in methods for text in method.params.values()]
    return [*params, *(method.returns for method in methods), *port.memory.values()]


def _define(port: PortFile) -> Port:
    return Port(
        methods=tuple(_define_method(name, method) for name, method in _methods(port).items()),
        memory=_params(port.memory),
    )


def _define_method(name: str, method: MethodFile) -> Method:
    return Method(
        name=name,
        params=_params(method.params),
        returns=method.returns.strip(),
        raises=tuple(method.raises),
        summary=(method.summary or "").strip(),
        is_async=method.is_async,
        query=method.query,
        idempotent=method.idempotent,
        gives=method.gives.strip() if method.gives else None,
        sets={part: rule.strip() for part, rule in method.sets.items()},
    )


def _params(written: Mapping[str, str]) -> tuple[Param, ...]:
    return tuple(Param(name=name, type=text.strip()) for name, text in written.items())


def _check_port(draft: Draft, name: str, port: PortFile) -> Iterable[Finding]:
    at: Path = ("ports", name)
    methods = _methods(port)
    if not methods:
        yield draft.key(*at, message=f"'{name}' has no method; a port is what can be asked of it")
    for part, annotation in port.memory.items():
        yield from check_param(draft, (*at, "memory", part), part, taken=defined_names(draft))
        complaint = draft.complaint(annotation)
        if complaint is None and draft.is_sound(annotation):
            complaint = _no_empty_value(draft, annotation)
        if complaint:
            yield draft.at(*at, "memory", part, message=complaint)
    for method_name, method in methods.items():
        if keyword.iskeyword(method_name):
            message = f"'{method_name}' is a Python keyword; choose another name"
            yield draft.key(*at, method_name, message=message)
        yield from _check_method(draft, (*at, method_name), method, memory=port.memory)


def _check_method(
    draft: Draft, at: Path, method: MethodFile, *, memory: Mapping[str, str]
) -> Iterable[Finding]:
    for param, annotation in method.params.items():
        if param in memory or param == "self":
            what = "a part of the port's memory" if param in memory else "the port itself"
            message = f"'{param}' is already the name of {what}; choose another name"
            yield draft.key(*at, "params", param, message=message)
        else:
            yield from check_param(draft, (*at, "params", param), param, taken=defined_names(draft))
        if complaint := draft.complaint(annotation):
            yield draft.at(*at, "params", param, message=complaint)
    if complaint := draft.complaint(method.returns):
        yield draft.at(*at, "returns", message=complaint)
    known = {*draft.names("errors"), *BUILTIN_ERRORS}
    yield from check_known(draft, (*at, "raises"), method.raises, known=known, kind="error", section="errors")
    yield from _check_double(draft, at, method, memory=memory)


def _check_double(
    draft: Draft, at: Path, method: MethodFile, *, memory: Mapping[str, str]
) -> Iterable[Finding]:
    """How a double of the method answers: rules over its parameters and the port's memory."""
    rules: list[tuple[Path, str]] = []
    if method.gives is not None:
        rules.append(((*at, "gives"), method.gives))
        if method.returns.strip() == "None":
            yield draft.key(*at, "gives", message="the method returns nothing; leave 'gives' out")
    if method.query and method.sets:
        yield draft.key(*at, "sets", message="a query changes nothing; leave 'query' or 'sets' out")
    for part, rule in method.sets.items():
        rules.append(((*at, "sets", part), rule))
        if part not in memory:
            message = f"the port has no memory '{part}'{suggest(part, memory)}"
            yield draft.key(*at, "sets", part, message=message)
    scope = {**memory, **method.params}
    if all(draft.is_sound(text) for text in scope.values()):
        for path, rule in rules:
            if problem := check_rule(rule.strip(), scope=scope, types=draft.types):
                offset = len(rule) - len(rule.lstrip()) + problem.column
                message = problem.message.removesuffix("; only 'ensures' may call functions of the spec")
                yield Finding(place=draft.document.within(*path, offset=offset), message=message)


def _no_empty_value(draft: Draft, annotation: str) -> str | None:
    """Why a double's memory cannot be of a sound type, or None."""
    types = Types(draft.types)
    node, _ = types.resolve_alias(parse_annotation(annotation))
    match node:
        case ast.BinOp():
            empty = None
        case ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name)) if name in _EMPTY:
            empty = _EMPTY[name]
        case _:
            kinds = "a dict, a list, a set, a number, a text, a truth value or '... | None'"
            return f"memory is empty at first, so it is {kinds}, not {annotation.strip()}"
    try:
        types.decode(annotation, empty)
    except ValuesError:
        return f"memory is empty at first, which {annotation.strip()} does not allow"
    return None
