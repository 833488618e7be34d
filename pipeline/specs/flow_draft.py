"""One flow between its file and its record: what its checks ask of it."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.definitions import Port, TypeDefinition, TypeRecord
from pipeline.flows.records import Flow
from pipeline.flows.shape import port_variables, variable_of
from pipeline.records import Contract, Finding, Place, SpecFunction
from pipeline.rules import check_rule
from pipeline.specs.draft import Draft
from pipeline.specs.format import FlowFile
from pipeline.values import Types, ValuesError


@dataclass(frozen=True, slots=True)
class FlowDraft:
    """A flow as written, beside the spec it stands in. Paths begin at the flow."""

    draft: Draft
    derived: Mapping[str, SpecFunction]
    name: str
    form: FlowFile
    types: Types

    def at(self, *path: Hashable, message: str) -> Finding:
        """A finding at the value at `path`."""
        return self.draft.at("flows", self.name, *path, message=message)

    def key(self, *path: Hashable, message: str) -> Finding:
        """A finding at the key at `path`; where it would have to be, if it is not written."""
        return Finding(place=self.place_of(*path), message=message)

    def place(self, *path: Hashable) -> Place:
        """Where the value at `path` begins."""
        return self.draft.document.at("flows", self.name, *path)

    def place_of(self, *path: Hashable) -> Place:
        """Where the key at `path` is written; where it would have to be, if it is not."""
        written: Any = self.draft.document.value["flows"][self.name]
        for number, part in enumerate(path):
            if isinstance(written, dict) and part not in written:
                return self.place(*path[:number]) if number else self.draft.document.key("flows", self.name)
            written = written[part]
        return self.draft.document.key("flows", self.name, *path)

    def contract(self, function: str) -> Contract:
        """The contract of a function of the spec."""
        return self.derived[function].contract

    def contracts(self, flow: Flow) -> list[Contract]:
        """The contracts of all functions of the flow."""
        return [self.contract(function) for function in flow.functions]

    def ports(self, flow: Flow) -> dict[str, Port]:
        """Every port of the flow's functions, by what rules and scenarios call it."""
        every = {name: port for contract in self.contracts(flow) for name, port in contract.ports.items()}
        return {variable: every[name] for variable, name in port_variables(self.contracts(flow)).items()}

    def read(self, annotation: str, written: Any, *path: Hashable) -> tuple[Any, list[Finding]]:
        """A written value in its canonical JSON, and what does not fit its type."""
        try:
            return self.types.encode(annotation, self.types.decode(annotation, written)), []
        except ValuesError as error:
            messages: dict[Place, dict[str, None]] = {}
            for inner, message in error.problems:
                messages.setdefault(self.place(*path, *inner), {})[message] = None
        return None, [Finding(place=place, message="; or ".join(each)) for place, each in messages.items()]

    def check_rules(self, flow: Flow, rules: Iterable[str], *path: Hashable) -> Iterable[Finding]:
        """Findings about rules over the record, the first record and what the doubles of ports remember."""
        variables = port_variables(self.contracts(flow))
        ports = self.ports(flow)
        scope = {variable_of(flow.record): flow.record, "initial": flow.record, **variables}
        memories: dict[str, TypeDefinition] = {
            name: TypeRecord(fields=ports[variable].memory) for variable, name in variables.items()
        }
        for index, rule in enumerate(rules):
            problem = check_rule(rule.strip(), scope=scope, types={**self.types.definitions, **memories})
            if problem is not None:
                offset = len(rule) - len(rule.lstrip()) + problem.column
                place = self.draft.document.within("flows", self.name, *path, index, offset=offset)
                yield Finding(place=place, message=problem.message)
