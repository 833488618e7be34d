"""Doubles of ports held against themselves before any code is asked for: rules that hang, values that are of no use."""

from collections.abc import Callable, Iterator
from typing import Any

from pipeline.annotations import parse_annotation
from pipeline.decider.doubles import empty_memory, evaluate
from pipeline.decider.inputs import Strategies
from pipeline.decider.soundness import Problem
from pipeline.decider.walks import drawn
from pipeline.definitions import Method, Port
from pipeline.records import Contract
from pipeline.values import Types, ValuesError

_DRAWS = 3


def check_doubles(contract: Contract, types: Types, note: Callable[[str], None]) -> Iterator[Problem]:
    """What the rules of the ports that a contract may ask give on an empty memory and a few arguments.

    `note` is told each rule before it is evaluated. A rule that fails says nothing: the memory is empty.
    """
    strategies = Strategies(contract, types)
    for param, port in contract.port_params.items():
        kind = next(each.type for each in contract.params if each.name == param)
        for method in port.methods:
            if f"{param}.{method.name}" not in contract.calls or not (method.gives or method.sets):
                continue
            pools = [drawn(strategies.of(parse_annotation(each.type)), _DRAWS) for each in method.params]
            names = [each.name for each in method.params]
            for values in zip(*pools, strict=True) if pools else [()]:
                scope = {**empty_memory(port, types), **dict(zip(names, values, strict=True))}
                yield from _check(f"{kind}.{method.name}", port, method, types=types, scope=scope, note=note)


def _check(
    name: str, port: Port, method: Method, *, types: Types, scope: dict[str, Any], note: Callable[[str], None]
) -> Iterator[Problem]:
    kept = {part.name: part.type for part in port.memory}
    rules = [("gives", method.gives, method.returns)] if method.gives is not None else []
    rules += [(f"sets {part}", rule, kept[part]) for part, rule in method.sets.items()]
    for key, rule, annotation in rules:
        note(f"{name}, {key}")
        try:
            value = evaluate(rule, types, scope)
        except Exception:  # noqa: BLE001, S112 - a rule may raise anything, and may need what is remembered later
            continue
        try:
            types.conform(annotation, value)
        except ValuesError as error:
            yield Problem("contract", f"{name}, {key}: '{rule}' gives what is no {annotation}: {error}")
            return
