"""The text of `flows.py`: what runs the flows of a spec, for the standard library alone. It does as the judge's walks."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from pipeline.annotations import annotation_names, member_names, parse_annotation
from pipeline.bounds.names import ANNOTATIONS
from pipeline.definitions import TypeAlias, TypeEnum, TypeRecord
from pipeline.errors import InternalError
from pipeline.flows.records import Flow, Timeout
from pipeline.flows.shape import failures_of, is_settled, shape_of, variable_of
from pipeline.formatting import format_python
from pipeline.records import Contract, Spec
from pipeline.render import merge_imports, render_template
from pipeline.seals import seal

_UNITS = (("days", 86_400_000_000), ("hours", 3_600_000_000), ("minutes", 60_000_000), ("seconds", 1_000_000))
_TAKEN = frozenset({"start", "resume", "run", "settle", "due_at"})
"""Names of a runner's own; a step of such a name gets a `_` at its end."""


def render_flows(spec: Spec) -> str | None:
    """`flows.py` of a spec, sealed; None if it has no flow."""
    if not spec.flows:
        return None
    contracts = {each.contract.function: each.contract for each in spec.functions}
    views = [_View(item.flow, contracts) for item in spec.flows]
    text = render_template(
        "templates/flows.py.j2",
        spec=spec.name,
        flows=[view.values() for view in views],
        imports=merge_imports(statement for view in views for statement in view.imports()),
    )
    formatted = format_python(text)
    try:
        compile(formatted or "", "flows.py", "exec", dont_inherit=True)
    except SyntaxError:
        formatted = None
    if formatted is None:
        raise InternalError("rendered Python that cannot be read; report this as a bug of drystone")
    return seal(formatted)


class _View:
    """One flow as the template wants it."""

    def __init__(self, flow: Flow, contracts: Mapping[str, Contract]) -> None:
        self.flow = flow
        self.contracts = {name: contracts[name] for name in flow.functions}
        self.shapes = {name: shape_of(contract, flow) for name, contract in self.contracts.items()}
        self.variable = variable_of(flow.record)
        self.types = {name: kind for each in self.contracts.values() for name, kind in each.types.items()}
        self.ports = {
            variable_of(kind): kind for shape in self.shapes.values() for kind in shape.ports.values()
        }
        self.is_async = any(contract.is_async for contract in self.contracts.values())
        record = self.types[flow.record]
        self.fields = (
            {field.name: field.type for field in record.fields} if isinstance(record, TypeRecord) else {}
        )
        self.state_type = self._enum(self.fields[flow.field])
        kind = self.types[self.state_type]
        self.members = member_names(kind.values) if isinstance(kind, TypeEnum) else {}

    def _enum(self, name: str) -> str:
        kind = self.types[name]
        return self._enum(kind.type) if isinstance(kind, TypeAlias) else name

    def values(self) -> dict[str, Any]:
        """Everything the template speaks of."""
        flow = self.flow
        params = "".join(f", {name}: {kind}" for name, kind in self.ports.items())
        owed = [self._owed(call, undo) for call, undo in flow.compensate.items()]
        return {
            "name": f"{flow.class_name}Flow" if flow.class_name in self.types else flow.class_name,
            "prefix": flow.class_name,
            "summary": _plain(flow.summary or f"A run of the flow {flow.name}."),
            "record": flow.record,
            "variable": self.variable,
            "field": flow.field,
            "state_type": self.state_type,
            "ports": list(self.ports),
            "port_params": params,
            "resume_params": f", *{params}" if params else "",
            "port_arguments": "".join(f", {name}={name}" for name in self.ports),
            "async": "async " if self.is_async else "",
            "await": "await " if self.is_async else "",
            "start": self._start(flow.start) if flow.start else None,
            "owed": owed,
            "owed_type": " | ".join(item["name"] for item in owed),
            "settled": self._states(state for state in flow.states if is_settled(flow, state)),
            "steps": [self._step(call) for call in dict.fromkeys(step.call for step in flow.transitions)],
            "timeouts": [self._timeout(number, timeout) for number, timeout in enumerate(flow.timeouts)],
            "waits": self._waits(),
        }

    def imports(self) -> list[str]:
        """The import statements that this flow needs."""
        flow = self.flow
        found = ["from datetime import datetime", "from dataclasses import dataclass"]
        if flow.compensate or any(timeout.call is None for timeout in flow.timeouts):
            found.append("from dataclasses import replace")
        if flow.timeouts:
            found.append("from datetime import timedelta")
        called = (name for name in flow.functions)
        found += [f"from .{name} import {name} as _{name}" for name in called]
        events = [*flow.functions[: bool(flow.start)], *(step.call for step in flow.transitions)]
        annotations = [param.type for name in events for param in self.shapes[name].events]
        standard = {name for text in annotations for name in _standard(text)}
        found += [f"from {ANNOTATIONS[name]} import {name}" for name in standard]
        own = {flow.record, self.state_type, *self.ports.values()}
        own |= {name for text in annotations for name in annotation_names(text)}
        if flow.compensate:
            own |= {error for step in flow.transitions for error in failures_of(self.contracts[step.call])}
        homes = {name: home for each in self.contracts.values() for name, home in each.homes.items()}
        defined = {
            name for each in self.contracts.values() for name in (*each.types, *each.errors, *each.ports)
        }
        for name in sorted(own & defined):
            found.append(f"from {f'..{homes[name]}' if name in homes else ''}.types import {name}")
        return found

    def _state(self, state: str) -> str:
        return f"{self.state_type}.{self.members[state]}"

    def _states(self, states: Iterable[str]) -> str:
        """States as a tuple."""
        members = [self._state(state) for state in states]
        return f"({', '.join(members)}{',' * (len(members) == 1)})"

    def _params(self, call: str) -> str:
        return "".join(f", {param.name}: {param.type}" for param in self.shapes[call].events)

    def _invocation(
        self, call: str, record: str, events: Mapping[str, str] | None = None, ports: str = "self._"
    ) -> str:
        """A call of a function with what each of its parameters is for."""
        shape, contract = self.shapes[call], self.contracts[call]
        given: dict[str, str] = {str(shape.record): record, str(shape.clock): "now", **(events or {})}
        given |= {param: f"{ports}{variable_of(kind)}" for param, kind in shape.ports.items()}
        arguments = ", ".join(given.get(param.name, param.name) for param in contract.params)
        return f"{'await ' if contract.is_async else ''}_{call}({arguments})"

    def _start(self, call: str) -> dict[str, str]:
        return {
            "call": call,
            "params": self._params(call),
            "record": self._local("record", call),
            "invocation": self._invocation(call, "", ports=""),
            "target": self._states([self.flow.initial]),
        }

    def _local(self, name: str, call: str) -> str:
        """A name for a local variable that no parameter of the step has."""
        taken = {param.name for param in self.shapes[call].events}
        return f"{name}_" if name in taken else name

    def _step(self, call: str) -> dict[str, Any]:
        flow = self.flow
        targets: dict[str, tuple[str, ...]] = {}
        for step in flow.transitions:
            if step.call == call:
                for source in step.sources:
                    targets[source] = tuple(dict.fromkeys((*targets.get(source, ()), *step.targets)))
        cases = [
            {
                "sources": " | ".join(self._state(source) for source, led in targets.items() if led == where),
                "targets": self._states(where),
            }
            for where in dict.fromkeys(targets.values())
        ]
        failures = sorted(failures_of(self.contracts[call])) if flow.compensate else []
        run, record = self._local("run", call), self._local("record", call)
        owed = f", {run}.owed" if flow.compensate else ""
        if call in flow.compensate:
            kept = "".join(f", {name}" for name in self._kept(call))
            made = f"{self._owed_name(call)}({run}.{self.variable}, {run}.since, {record}{kept})"
            owed = f", (*{run}.owed, {made})"
        return {
            "call": call,
            "method": f"{call}_" if call in {*_TAKEN, self.variable} else call,
            "params": self._params(call),
            "summary": _plain(self.contracts[call].summary or f"The step {call}."),
            "cases": cases,
            "failures": f"({', '.join(failures)})" if len(failures) > 1 else "".join(failures),
            "invocation": self._invocation(call, f"{run}.{self.variable}"),
            "run": run,
            "record": record,
            "targets": self._local("targets", call),
            "state": self._local("state", call),
            "owed": owed,
        }

    def _owed_name(self, call: str) -> str:
        return f"{self.flow.class_name}{''.join(word[:1].upper() + word[1:] for word in call.split('_'))}"

    def _kept(self, call: str) -> dict[str, str]:
        """What an event gave that its compensation needs: parameter -> name of the field that keeps it."""
        wanted = {param.name for param in self.shapes[self.flow.compensate[call]].events}
        taken = {"before", "since", "after", *self.types, *ANNOTATIONS, "datetime"}
        return {
            param.name: f"{param.name}_" if param.name in taken else param.name
            for param in self.shapes[call].events
            if param.name in wanted
        }

    def _owed(self, call: str, undo: str) -> dict[str, Any]:
        kept = self._kept(call)
        types = {param.name: param.type for param in self.shapes[call].events}
        return {
            "name": self._owed_name(call),
            "call": call,
            "fields": [{"name": field, "type": types[name]} for name, field in kept.items()],
            "invocation": self._invocation(
                undo, "step.after", {name: f"step.{f}" for name, f in kept.items()}
            ),
        }

    def _timeout(self, number: int, timeout: Timeout) -> dict[str, Any]:
        record, target = f"self._run.{self.variable}", self._state(timeout.target)
        replaced = f"replace({record}, {self.flow.field}={target})"
        made = self._invocation(timeout.call, record) if timeout.call else replaced
        return {"number": number, "call": timeout.call, "invocation": made, "target": f"({target},)"}

    def _waits(self) -> list[dict[str, str]]:
        """For each state that waits, when the first of its waits is over."""
        found: dict[str, list[str]] = {}
        for number, timeout in enumerate(self.flow.timeouts):
            base = "run.since"
            if timeout.since is not None:
                field = f"run.{self.variable}.{timeout.since}"
                base = field if self.fields[timeout.since] == "datetime" else f"({field} or run.since)"
            found.setdefault(timeout.state, []).append(
                f"(_later({base}, {_duration(timeout.after)}), {number})"
            )
        return [
            {"state": self._state(state), "deadline": f"min({', '.join(ends)})" if len(ends) > 1 else ends[0]}
            for state, ends in found.items()
        ]


def _duration(duration: timedelta) -> str:
    microseconds = duration // timedelta(microseconds=1)
    parts = []
    for unit, size in _UNITS:
        whole, microseconds = divmod(microseconds, size)
        parts += [f"{unit}={whole}"] if whole else []
    parts += [f"microseconds={microseconds}"] if microseconds else []
    return f"timedelta({', '.join(parts)})"


def _standard(annotation: str) -> Iterable[str]:
    """Names of the standard library in an annotation."""
    import ast

    names = {node.id for node in ast.walk(parse_annotation(annotation)) if isinstance(node, ast.Name)}
    return names & ANNOTATIONS.keys()


def _plain(text: str) -> str:
    """One line that may stand between triple quotes."""
    line = "".join(character if character.isprintable() else " " for character in " ".join(text.split()))
    return line.replace("\\", "\\\\").replace('"', "'")
