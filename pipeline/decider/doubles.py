"""Doubles of ports: they stand in for the ports of one call and answer by a script, by a model with a memory, or both.

How to use them: a `Stage` holds all that a call begins with and is the `Call.double` that makes a fresh double each
time the call is made. What the call asked comes back as `Observation.asked`; from the same stage and that list
follows what the ports remember afterwards. Nothing is kept between calls but what is passed on in the open:

    stage = Stage({"store": "Store"}, {"Store": port}, types, memory={"Store": empty_memory(port, types)})
    (seen,) = observe([Call("save_profile", (*wired, stage.placeholder("store")), stage)])
    memory = stage.memory_after(seen.asked)          # {"Store": {"rows": {...}}}, for the next stage
    method, *arguments = decoded(seen.asked[0], types)   # ("store.save", 1, "x")

A script goes before the model: `Script({"save": (None, Reply(raises="StoreDown"))})` lets the model answer the first
call of `save` and the second one fail; `failing("save", "StoreDown")` makes all of them fail. An error changes no
memory; a scripted value stands for what the model gives, and the memory changes as the model says. Rules of a model
see the memory as it was before the call.
"""

import ast
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from pipeline.annotations import parse_annotation
from pipeline.decider import clock
from pipeline.definitions import Method, Port
from pipeline.rules import compile_rule, namespace
from pipeline.sandbox import wire
from pipeline.sandbox.port import Answer, Asked, Double
from pipeline.scripts import Reply, Script
from pipeline.values import Types, ValuesError

Memory = Mapping[str, Mapping[str, Any]]
"""Port -> part of its memory -> value. Values in it are never changed, only replaced."""

_MISSING = object()
_EMPTY: dict[str, Any] = {
    "dict": {}, "list": [], "set": [], "int": 0, "float": 0.0, "Decimal": 0, "str": "", "bool": False,
}  # fmt: skip
"""Type -> what a memory of it begins with, as JSON."""


def failing(method: str, error: str, at: int | None = None) -> Script:
    """The script by which one call of a method fails, counted from 0, or every call of it."""
    if at is None:
        return Script({method: (Reply(raises=error),)}, cycled=True)
    return Script({method: (*[None] * at, Reply(raises=error))})


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """All that the ports of one call begin with; called, it makes their double."""

    params: Mapping[str, str]
    """Parameter -> its port. Two parameters of one port share a memory."""
    ports: Mapping[str, Port]
    types: Types
    scripts: Mapping[str, Script] = field(default_factory=dict)
    """Parameter -> script."""
    memory: Memory | None = None
    """What the ports remember; None: there is no model, and a call without an answer in its script is refused."""
    calls: frozenset[str] | None = None
    """What may be asked, as `mailer.send`; None: all that the ports offer."""

    def __call__(self) -> "PortDouble":
        return PortDouble(self)

    def placeholder(self, param: str) -> dict[str, Any]:
        """The argument that stands for a port on its way to unread code; it holds no answer."""
        methods = {
            method.name: {"params": [each.name for each in method.params], "async": method.is_async}
            for method in self.ports[self.params[param]].methods
        }
        return {"$": "port", "v": {"name": param, "methods": methods}}

    def method(self, asked: str) -> Method | None:
        """The method behind `mailer.send`."""
        param, _, name = asked.partition(".")
        return self.ports[self.params[param]].method(name) if param in self.params else None

    def forbidden(self, asked: str, arguments: tuple[Any, ...]) -> str:
        """Why a call of a port must not be made, whatever is passed to it; empty if it may be made."""
        method = self.method(asked)
        if method is None:
            return ", which no port has that it is given"
        if self.calls is not None and asked not in self.calls:
            return ", which is not among its 'calls'"
        wanted, given = len(method.params), len(arguments)
        return "" if given == wanted else f" with {given} argument{'s' * (given != 1)}, not {wanted}"

    def conformed(self, method: Method, arguments: tuple[Any, ...]) -> dict[str, Any] | str:
        """The arguments of a call by name, or what is wrong with them; they are not trusted."""
        found: dict[str, Any] = {}
        clock.start()
        try:
            for param, wired in zip(method.params, arguments, strict=True):
                name, annotation = param.name, param.type
                value = wire.decode(wired, self.types.classes)
                if isinstance(value, wire.Opaque):
                    return f" with something of type {value.type_name} for '{name}', not {annotation}"
                found[name] = self.types.conform(annotation, value)
        except Exception as error:  # noqa: BLE001 - whatever it is, unread code made it up
            return f" with a wrong '{name}': {error or type(error).__name__}"
        finally:
            clock.stop()
        return found

    def promised(self, asked: str, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """A call of a port as a contract writes it, as rules see it; raises ValuesError."""
        method = self.method(asked)
        if method is None or (self.calls is not None and asked not in self.calls):
            raise ValuesError((((), f"it asks for '{asked}', which the function may not call"),))
        names = [param.name for param in method.params]
        if set(arguments) != set(names):
            given, wanted = (", ".join(sorted(each)) or "nothing" for each in (arguments, names))
            raise ValuesError((((), f"it passes {given} to {asked}, which takes {wanted}"),))
        return (asked, *(self.types.decode(each.type, arguments[each.name]) for each in method.params))

    def memory_after(self, asked: Iterable[Asked]) -> dict[str, dict[str, Any]]:
        """What the ports remember once these calls were answered."""
        double = self()
        for each in asked:
            double.answer(each.method, each.arguments)
        return double.memory


class PortDouble(Double):
    """Answers the calls of ports, one after the other."""

    def __init__(self, stage: Stage) -> None:
        self.memory = {name: dict(parts) for name, parts in (stage.memory or {}).items()}
        self.refusal = ""
        self._stage = stage
        self._counts: dict[str, int] = {}

    def answer(self, method: str, arguments: tuple[Any, ...]) -> Answer | None:
        """The scripted answer, or the model's; None, and why in `refusal`, where there is none."""
        try:
            reply = self._reply(method, arguments)
        except _RefusedError as why:
            self.refusal = str(why)
            return None
        if reply.raises is not None:
            return Answer(raises=reply.raises)
        return Answer(wire.encode(reply.value, self._stage.types.classes))

    def _reply(self, asked: str, arguments: tuple[Any, ...]) -> Reply:
        stage = self._stage
        method, forbidden = stage.method(asked), stage.forbidden(asked, arguments)
        if method is None or forbidden:
            raise _RefusedError(forbidden)
        param = asked.partition(".")[0]
        number = self._counts.get(asked, 0)
        self._counts[asked] = number + 1
        reply = stage.scripts[param].reply(method.name, number) if param in stage.scripts else None
        if reply is not None and reply.raises is not None:
            return reply
        if stage.memory is not None:
            return self._modelled(stage.params[param], method, arguments, reply)
        if reply is None:
            raise _RefusedError(
                f"{_times(number + 1)}, and its script has {number or 'no'} answer{'s' * (number != 1)}"
            )
        return reply

    def _modelled(
        self, port: str, method: Method, arguments: tuple[Any, ...], scripted: Reply | None
    ) -> Reply:
        """What the model gives for a call that succeeds, and the memory as it is then."""
        if method.gives is None and scripted is None and method.returns != "None":
            raise _RefusedError(", which has neither 'gives' nor an answer in its script")
        given = self._stage.conformed(method, arguments)
        if isinstance(given, str):
            raise _RefusedError(given)
        parts = self.memory.get(port, {})
        types = {part.name: part.type for part in self._stage.ports[port].memory}
        scope = {**parts, **given}
        rule = "gives"
        try:
            reply = scripted or Reply(self._value(method.gives, method.returns, scope))
            changed = dict(parts)
            for rule, text in method.sets.items():
                changed[rule] = self._value(text, types[rule], scope)
        except Exception as error:  # noqa: BLE001 - a rule may raise anything
            raise _RefusedError(f", whose '{rule}' fails with {type(error).__name__}: {error}") from None
        self.memory[port] = changed
        return reply

    def _value(self, rule: str | None, annotation: str, scope: Mapping[str, Any]) -> Any:
        if rule is None:
            return None
        types = self._stage.types
        return types.conform(annotation, evaluate(rule, types, scope))


def _times(number: int) -> str:
    return "" if number == 1 else f" {number} times"


class _RefusedError(Exception):
    """A call of a port has no answer."""


def evaluate(rule: str, types: Types, scope: Mapping[str, Any]) -> Any:
    """The value of a checked rule over the names of `scope`, on the clock of rules. Raises whatever the rule raises."""
    code = _compiled(rule)
    names = {**_globals(types), **scope}
    clock.start()
    try:
        return eval(code, names)  # noqa: S307 - parsed against the whitelist
    finally:
        clock.stop()


@functools.lru_cache(maxsize=4096)
def _compiled(rule: str) -> CodeType:
    return compile_rule(rule, clock.FRAME + rule)


@functools.lru_cache(maxsize=256)
def _globals(types: Types) -> dict[str, Any]:
    return namespace(types, {})


def decoded(asked: Asked, types: Types) -> tuple[Any, ...]:
    """A call of a port as a rule sees it in `calls`: `("mailer.send", to, body)`. Raises WireError if it is none."""
    return (asked.method, *(wire.decode(argument, types.classes) for argument in asked.arguments))


def wire_argument(argument: Any, types: Types) -> Any:
    """An argument as tagged JSON for ourselves: with the script of a port, which no unread code may see."""
    if not isinstance(argument, Script):
        return wire.encode(argument, types.classes)
    replies = {
        method: [
            None if reply is None else [wire.encode(reply.value, types.classes), reply.raises]
            for reply in each
        ]
        for method, each in argument.replies.items()
    }
    return {"$": "script", "v": replies, "cycled": argument.cycled}


def unwire_argument(wired: Any, types: Types) -> Any:
    """What `wire_argument` was given; raises WireError."""
    if not (type(wired) is dict and wired.get("$") == "script"):
        return wire.decode(wired, types.classes)
    try:
        replies = {
            method: tuple(None if reply is None else _unwire_reply(reply, types) for reply in each)
            for method, each in wired["v"].items()
        }
        return Script(replies, cycled=bool(wired["cycled"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise wire.WireError(f"no script: {error}") from None


def _unwire_reply(reply: list[Any], types: Types) -> Reply:
    value, error = reply
    return Reply(wire.decode(value, types.classes), error)


def empty_memory(port: Port, types: Types) -> dict[str, Any]:
    """What a port's double remembers at first. Raises ValuesError where a part of it cannot be empty."""
    return {part.name: _empty(part.type, types) for part in port.memory}


def _empty(annotation: str, types: Types) -> Any:
    """The value of a type that says nothing yet."""
    node, _ = types.resolve_alias(parse_annotation(annotation))
    kind = node.value if isinstance(node, ast.Subscript) else node
    nothing: Any = _EMPTY.get(kind.id, _MISSING) if isinstance(kind, ast.Name) else _MISSING
    if isinstance(node, ast.BinOp):
        nothing = None
    if nothing is _MISSING:
        raise ValuesError((((), f"no {annotation} is empty, and a memory begins empty"),))
    return types.decode(annotation, nothing)
