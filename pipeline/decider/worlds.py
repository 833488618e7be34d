"""The ports of a flow in a walk: doubles with the memory they have got so far, and what they were asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.decider.doubles import Memory, PortDouble, Stage, empty_memory
from pipeline.definitions import Method, Port
from pipeline.flows.shape import variable_of
from pipeline.records import Contract
from pipeline.sandbox import wire
from pipeline.sandbox.port import Observation
from pipeline.scripts import Reply, Script
from pipeline.showing import show
from pipeline.values import Types

Replies = Mapping[str, Mapping[str, tuple[Reply, ...]]]
"""Port -> method -> the first answers of it in a move; after these it answers as its double does."""
Failing = tuple[str, str, str]
"""Port, method and the error by which it fails as often as it is called."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One call of a port's method, as it was answered."""

    port: str
    method: Method
    arguments: tuple[Any, ...]
    reply: Reply

    @property
    def succeeded(self) -> bool:
        return self.reply.raises is None

    @property
    def commanded(self) -> bool:
        """Whether it had an effect."""
        return self.succeeded and not self.method.query

    def __str__(self) -> str:
        return f"{variable_of(self.port)}.{self.method.name}({', '.join(map(show, self.arguments))})"


@dataclass(frozen=True, slots=True)
class _WalkScript(Script):
    """A script that never ends: what a method gives where neither the script nor a model says so."""

    defaults: Mapping[str, Reply] = field(default_factory=dict)

    def reply(self, method: str, number: int) -> Reply | None:
        replies = self.replies.get(method, ())
        return replies[number] if number < len(replies) else self.defaults.get(method)


class World:
    """The ports of a flow and the values their methods may return where no model says."""

    def __init__(self, ports: Mapping[str, Port], types: Types) -> None:
        self.ports = ports
        self.types = types
        self.answers: dict[tuple[str, str], Sequence[Any]] = {}
        """(port, method) -> values of its type, for a method whose value no rule gives."""

    def first_memory(self, given: Mapping[str, Mapping[str, Any]]) -> Memory:
        """What doubles remember at first: what is given as JSON by variable or port, otherwise nothing."""
        memory = {name: empty_memory(port, self.types) for name, port in self.ports.items()}
        for name, port in self.ports.items():
            types = {part.name: part.type for part in port.memory}
            for part, value in {**given.get(name, {}), **given.get(variable_of(name), {})}.items():
                memory[name][part] = self.types.decode(types[part], value)
        return memory

    def variants(self, port: str, method: Method) -> Sequence[Any]:
        """The values a method may return, where no model gives the one it does."""
        return () if method.gives is not None else self.answers.get((port, method.name), ())

    def stage(self, contract: Contract, memory: Memory, replies: Replies, always: Failing | None) -> "Staged":
        """The ports of one call of a function."""
        params = {param.name: param.type for param in contract.params if param.type in contract.ports}
        scripts: dict[str, Script] = {}
        for param, port in params.items():
            methods = self.ports[port].methods
            defaults = {
                method.name: Reply(values[0]) for method in methods if (values := self.variants(port, method))
            }
            if always and always[0] == port:
                defaults[always[1]] = Reply(raises=always[2])
            scripts[param] = _WalkScript(replies.get(port, {}), defaults=defaults)
        return Staged(Stage(params, self.ports, self.types, scripts, memory))


class Staged:
    """Makes the double of one call and keeps the last one it made."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.double: PortDouble = stage()

    def __call__(self) -> PortDouble:
        self.double = self.stage()
        return self.double

    def heard(self, observation: Observation) -> tuple[Heard, ...]:
        """What the call asked of its ports, decoded as far as the methods' types bear it out."""
        found = []
        types = self.stage.types
        for asked in observation.asked:
            method = self.stage.method(asked.method)
            if method is None or asked.answer is None:
                continue
            given = self.stage.conformed(method, asked.arguments)
            arguments = tuple(given.values()) if isinstance(given, dict) else ()
            value = None if asked.answer.raises else wire.decode(asked.answer.value, types.classes)
            reply = Reply(value, asked.answer.raises)
            found.append(Heard(self.stage.params[asked.method.partition(".")[0]], method, arguments, reply))
        return tuple(found)
