"""Whether the ports of a contract are well formed: their methods, what they remember, what may be asked of them."""

import builtins
from collections.abc import Iterator

from pipeline.decider.doubles import empty_memory
from pipeline.definitions import Method, Port
from pipeline.records import Contract
from pipeline.rules import check_rule
from pipeline.values import Types, ValuesError


def port_names(contract: Contract) -> Iterator[str]:
    """Everything in ports that must be a name."""
    for name, port in contract.ports.items():
        yield name
        yield from (part.name for part in port.memory)
        for method in port.methods:
            yield from (method.name, *(param.name for param in method.params), *method.raises)


def value_annotations(contract: Contract) -> Iterator[str]:
    """The annotations of all that holds a value: parameters but for ports, and what goes in and out of ports."""
    yield from (param.type for param in contract.params if param.type not in contract.ports)
    for port in contract.ports.values():
        yield from (part.type for part in port.memory)
        for method in port.methods:
            yield from (*(param.type for param in method.params), method.returns)


def unsound_ports(contract: Contract) -> Iterator[str]:
    """What is wrong with the ports of a contract, once its annotations are sound."""
    for name, port in contract.ports.items():
        if name not in {param.type for param in contract.params}:
            yield f"'{name}' is the port of no parameter"
        yield from _twice(name, [method.name for method in port.methods])
        yield from _twice(name, [part.name for part in port.memory])
        for method in port.methods:
            yield from (f"{name}.{method.name}: {problem}" for problem in _method(contract, port, method))
    offered = {
        f"{param}.{each.name}" for param, port in contract.port_params.items() for each in port.methods
    }
    for asked in contract.calls:
        if asked not in offered:
            yield f"it may ask for '{asked}', which none of its ports has"
    yield from _twice("'calls'", list(contract.calls))


def _twice(where: str, names: list[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{where} has '{name}' twice"


def _method(contract: Contract, port: Port, method: Method) -> Iterator[str]:
    params = [param.name for param in method.params]
    memory = {part.name: part.type for part in port.memory}
    yield from _twice("it", params)
    for name in sorted(memory.keys() & set(params)):
        yield f"'{name}' names a parameter and a part of its memory"
    for error in method.raises:
        if error not in contract.errors and not _is_builtin_error(error):
            yield f"it raises '{error}', which is no error"
    scope = {**memory, **{param.name: param.type for param in method.params}}
    for part in method.sets.keys() - memory.keys():
        yield f"it sets '{part}', which its port does not remember"
    rules = [*(("gives", rule) for rule in (method.gives,) if rule is not None), *method.sets.items()]
    for part, rule in rules:
        problem = check_rule(rule, scope=scope, types=contract.types)
        if problem:
            yield f"{part}: {problem.message}"


def _is_builtin_error(name: str) -> bool:
    kind = getattr(builtins, name, None)
    return isinstance(kind, type) and issubclass(kind, Exception)


def unsound_memory(contract: Contract) -> Iterator[str]:
    """What ports are to remember and cannot begin with, once the types are sound."""
    types = Types(contract.types)
    for name, port in contract.ports.items():
        try:
            empty_memory(port, types)
        except ValuesError as error:
            yield f"{name}: {error}"
