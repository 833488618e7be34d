"""What a picture shows: boxes and arrows, taken from a spec. Knows neither Mermaid nor SVG."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

from pipeline.definitions import Record
from pipeline.flows.records import Flow, Timeout
from pipeline.records import Contract, Spec

NodeKind = Literal["function", "foreign", "port", "start", "state", "terminal"]
EdgeKind = Literal["uses", "command", "query", "step", "timeout"]


class Node(Record):
    """A box of a picture."""

    key: str
    """Unique in its picture."""
    kind: NodeKind
    name: str
    """Empty for the dot a flow starts from."""
    marks: tuple[str, ...] = ()
    """Short remarks, one on a line below the name."""
    methods: tuple[str, ...] = ()
    """Of a port, in its order."""
    note: str = ""
    """What a reader gets who points at it."""


class Edge(Record):
    """An arrow of a picture."""

    source: str
    target: str
    kind: EdgeKind
    labels: tuple[str, ...] = ()
    """One on a line."""
    method: str | None = None
    """Of the port it leads to."""


class Picture(Record):
    """One diagram: the contracts of a spec, or one of its flows."""

    name: str
    """`money`, or `onboarding.onboard` for a flow."""
    title: str
    summary: str
    flow: bool
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    remarks: tuple[str, ...] = ()
    """What is said beside the boxes and arrows, one sentence each."""


def picture_contracts(spec: Spec) -> Picture:
    """The functions of a spec, what they use, also of other specs, and what they may ask of which port."""
    contracts = [function.contract for function in spec.functions]
    nodes = {contract.function: _function(contract) for contract in contracts}
    for name in sorted({callee.function for contract in contracts for callee in contract.uses} - set(nodes)):
        home, _, function = name.rpartition(".")
        nodes[name] = Node(key=name, kind="foreign", name=function, marks=(home,))
    for contract in contracts:
        for param in contract.params:
            if param.type in contract.ports:
                nodes.setdefault(f"port {param.type}", _port(contract, param.type))
    return Picture(
        name=spec.name,
        title=f"Contracts of {spec.name}",
        summary=spec.summary,
        flow=False,
        nodes=tuple(nodes.values()),
        edges=_merged(edge for contract in contracts for edge in _contract_edges(contract)),
        remarks=tuple(_answers(contracts)),
    )


def picture_flow(spec: Spec, flow: Flow) -> Picture:
    """The states of a flow and every way from one to another: steps with their undoing, and timeouts."""
    start = Node(key="start", kind="start", name="", note="Where the flow begins.")
    first = Edge(
        source=start.key,
        target=_state_key(flow.initial),
        kind="step",
        labels=(flow.start,) if flow.start else (),
    )
    steps = (
        Edge(source=_state_key(source), target=_state_key(target), kind="step", labels=_step(flow, step.call))
        for step in flow.transitions
        for source in step.sources
        for target in step.targets
    )
    timeouts = (
        Edge(
            source=_state_key(timeout.state),
            target=_state_key(timeout.target),
            kind="timeout",
            labels=(_timeout(timeout),),
        )
        for timeout in flow.timeouts
    )
    return Picture(
        name=f"{spec.name}.{flow.name}",
        title=f"Flow {flow.name} of {spec.name}",
        summary=flow.summary,
        flow=True,
        nodes=(start, *(_state(flow, name) for name in flow.states)),
        edges=_merged((first, *steps, *timeouts)),
        remarks=tuple(f"{state} may last for ever: {why}" for state, why in sorted(flow.endless.items())),
    )


def render_duration(duration: timedelta) -> str:
    """As short as a person would write it: `24h`, `1h30m`, `3d`, `0.5s`."""
    seconds = duration // timedelta(seconds=1)
    days, rest = divmod(seconds, 86400) if seconds >= 2 * 86400 else (0, seconds)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    fraction = f".{duration.microseconds:06}".rstrip("0") if duration.microseconds else ""
    parts = [f"{count}{unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if count]
    if rest or fraction or not parts:
        parts.append(f"{rest}{fraction}s")
    return "".join(parts)


def _function(contract: Contract) -> Node:
    return Node(
        key=contract.function,
        kind="function",
        name=contract.function,
        marks=("async",) if contract.is_async else (),
        note=contract.summary,
    )


def _port(contract: Contract, name: str) -> Node:
    port = contract.ports[name]
    home = contract.homes.get(name)
    return Node(
        key=f"port {name}",
        kind="port",
        name=name,
        marks=(f"port of {home}" if home else "port",),
        methods=tuple(method.name for method in port.methods),
        note=port.summary,
    )


def _contract_edges(contract: Contract) -> Iterable[Edge]:
    for callee in contract.uses:
        yield Edge(source=contract.function, target=callee.function, kind="uses")
    types = {param.name: param.type for param in contract.params}
    for call in contract.calls:
        param, _, name = call.partition(".")
        method = contract.ports[types[param]].method(name)
        assert method is not None
        yield Edge(
            source=contract.function,
            target=f"port {types[param]}",
            kind="query" if method.query else "command",
            method=name,
        )


def _answers(contracts: list[Contract]) -> Iterable[str]:
    said: dict[str, list[str]] = {}
    for contract in contracts:
        for decision in contract.decisions:
            said.setdefault(f"{decision.name}: {decision.choice or 'open'}", []).append(contract.function)
        for constraint in contract.constraints:
            said.setdefault(constraint.name, []).append(contract.function)
    for what, covered in sorted(said.items()):
        everywhere = len(covered) == len(contracts) > 1
        yield f"{what} ({'every function' if everywhere else ', '.join(covered)})"


def _state_key(state: str) -> str:
    return f"state {state}"


def _state(flow: Flow, name: str) -> Node:
    return Node(
        key=_state_key(name),
        kind="terminal" if name in flow.terminal else "state",
        name=name,
        marks=(
            *(("savepoint",) if name in flow.savepoints else ()),
            *(("may last for ever",) if name in flow.endless else ()),
        ),
        note=flow.endless.get(name, ""),
    )


def _step(flow: Flow, call: str) -> tuple[str, ...]:
    undo = flow.compensate.get(call)
    return (call, f"undo: {undo}") if undo else (call,)


def _timeout(timeout: Timeout) -> str:
    wait = render_duration(timeout.after)
    when = f"{wait} after {timeout.since}" if timeout.since else f"after {wait}"
    return f"{when}: {timeout.call}" if timeout.call else when


def _merged(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Arrows of one kind between the same two boxes become one that says all of it."""
    found: dict[tuple[str, str, str, str | None], Edge] = {}
    for edge in edges:
        key = (edge.source, edge.target, edge.kind, edge.method)
        before = found[key].labels if key in found else ()
        found[key] = edge.model_copy(update={"labels": (*before, *edge.labels)})
    return tuple(found.values())
