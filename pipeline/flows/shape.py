"""What the parameters of a function are for in a flow, and what a contract's ports mean for one. Pure."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from pipeline.definitions import Method, Param, Record
from pipeline.flows.records import Flow
from pipeline.records import Contract

CLOCK = Param(name="now", type="datetime")
"""The parameter by which a function of a flow is told the time."""

_NEW_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class StepShape(Record):
    """The parameters of one function by what a flow passes to them."""

    record: str | None
    """The one that takes the record; None: it takes none."""
    clock: str | None
    """`now`, if it takes the time."""
    ports: dict[str, str]
    """Parameter -> type of the port it takes."""
    events: tuple[Param, ...]
    """All others, in order: what whoever calls the flow must give."""


def shape_of(contract: Contract, flow: Flow) -> StepShape:
    """What each parameter of a function is for when the flow calls it; of two records the first is the flow's."""
    record = next((param.name for param in contract.params if param.type == flow.record), None)
    clock = CLOCK.name if CLOCK in contract.params else None
    ports = {param.name: param.type for param in contract.params if param.type in contract.ports}
    known = {record, clock, *ports}
    events = tuple(param for param in contract.params if param.name not in known)
    return StepShape(record=record, clock=clock, ports=ports, events=events)


def variable_of(type_name: str) -> str:
    """What rules, scenarios and the runner call the one value of a type: `OrderState` -> `order_state`."""
    return _NEW_WORD.sub("_", type_name).lower()


def port_variables(contracts: Iterable[Contract]) -> dict[str, str]:
    """Variable -> type of every port that one of the functions takes, in the order of their parameters."""
    types = (
        param.type for contract in contracts for param in contract.params if param.type in contract.ports
    )
    return {variable_of(name): name for name in types}


def methods_of(contract: Contract) -> dict[str, Method]:
    """Every method that a function may call, by `mailer.send`, in the order of `contract.calls`."""
    ports = contract.port_params
    found = {}
    for call in contract.calls:
        param, _, name = call.partition(".")
        if (port := ports.get(param)) and (method := port.method(name)):
            found[call] = method
    return found


def failures_of(contract: Contract) -> frozenset[str]:
    """Errors of its ports that go up to the caller: with one of these a flow's step fails and is rolled back."""
    raised = {error for method in methods_of(contract).values() for error in method.raises}
    return frozenset(raised & {item.error for item in contract.raises})


def commands_of(contract: Contract) -> tuple[str, ...]:
    """The methods it may call that have an effect, as `mailer.send`."""
    return tuple(call for call, method in methods_of(contract).items() if not method.query)


def is_settled(flow: Flow, state: str) -> bool:
    """Whether entering a state keeps all that was done before: a savepoint or an end."""
    return state in flow.savepoints or state in flow.terminal


def later(moment: datetime, wait: timedelta) -> datetime:
    """When a wait is over; the last moment there is, where it would end after that."""
    try:
        return moment + wait
    except OverflowError:
        return datetime.max.replace(tzinfo=moment.tzinfo)
