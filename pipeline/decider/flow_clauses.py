"""What the clauses of a flow say of one move: everything in it that should not have happened."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from pipeline.decider.clauses import MISSING, Clauses, NeedsCodeError, same
from pipeline.decider.doubles import Memory, evaluate
from pipeline.decider.machine import Called, Machine, Played, Position
from pipeline.flows.records import Timeout
from pipeline.flows.shape import variable_of
from pipeline.scripts import Script
from pipeline.showing import show

TICK = timedelta(microseconds=1)
_BEFORE = (timedelta(seconds=-1), -TICK, timedelta(0))
_AFTER = (TICK, timedelta(seconds=1))
_NO_SCRIPT = Script({})
"""In the place of a port: what it answered was observed."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A clause that a walk broke at its last move, and what a scenario would demand there instead."""

    clause: str
    message: str
    state: str | None = None
    raises: str | None = None
    ensures: str | None = None
    part: tuple[str, str] | None = None
    """Of the memory of a port, if that is not as it was: type of the port, name."""
    at: datetime | None = None
    """When the last move would have to be made to show it, if that matters."""


class FlowClauses:
    """The clauses of one flow, ready to be held against what a machine played."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.flow = machine.flow
        self.variable = variable_of(machine.flow.record)
        self._probed: dict[str, tuple[Breach, ...]] = {}
        self._contracts = {name: Clauses(contract) for name, contract in machine.contracts.items()}

    def breaches(self, played: Played) -> Iterator[Breach]:
        """Every clause that one move broke, the first cause first."""
        steps = [called for called in played.called if called.role in {"start", "step"}]
        failed = next((called.error for called in steps if called.outcome == "raised"), None)
        undone = [called.owed for called in played.called if called.owed is not None]
        for called in played.called:
            for breach in self._called(called):
                if called.owed is None or breach.raises or breach.state:
                    yield breach
                else:
                    yield replace(breach, raises=failed, ensures=_as_before(breach.part, undone[-1].memory))
        if played.position is not None and not played.stopped:
            yield from self._invariants(played.position)

    def scope(self, position: Position) -> dict[str, Any]:
        """What rules about a run may speak of: the record, the first record, the memory of ports."""
        ports = {variable_of(port): SimpleNamespace(**memory) for port, memory in position.memory.items()}
        return {**ports, self.variable: position.record, "initial": position.initial}

    def broken_rule(self, rule: str, position: Position) -> str | None:
        """Why a rule about a run does not hold; None if it does."""
        try:
            if evaluate(rule, self.machine.types, self.scope(position)):
                return None
        except Exception as error:  # noqa: BLE001 - a rule may raise anything
            return f"'{rule}' fails with {type(error).__name__}: {error}"
        remembered = ", ".join(
            f"{variable_of(port)}.{name} is {show(value, 100)}"
            for port, memory in position.memory.items()
            for name, value in memory.items()
            if f"{variable_of(port)}.{name}" in rule
        )
        seen = f"{self.variable} is {show(position.record)}" + (f", {remembered}" if remembered else "")
        return f"'{rule}' is false: {seen}"

    def _invariants(self, position: Position) -> Iterator[Breach]:
        if position.undoing:
            return
        for number, rule in enumerate(self.flow.invariants):
            because = self.broken_rule(rule, position)
            if because:
                yield Breach(f"invariants[{number}]", because, ensures=rule)

    def _called(self, called: Called) -> Iterator[Breach]:
        role = {"start": "transitions", "step": "transitions", "timeout": "timeouts"}
        clause = role.get(called.role, "compensation")
        name, told = called.function, self.told(called)
        match called.outcome:
            case "lost":
                yield Breach("limits", f"{name} {called.error}")
            case "unmet":
                record = called.before.record if called.before else None
                yield Breach(
                    "requires",
                    f"{name} requires '{called.error}', which does not hold for {show(record)}; what an event may not do "
                    "is an error under 'raises', or a transition that is not there",
                )
            case "raised":
                yield from self._raised(called, clause, told)
                yield from self._swallowed(called, told)
                yield from self._twice(called)
                yield from self._promised(called)
            case "returned":
                if called.misfit:
                    state = called.targets[0] if len(called.targets) == 1 else None
                    yield Breach(clause, f"{told}: {called.misfit}", state=state)
                yield from self._swallowed(called, told)
                yield from self._twice(called)
                yield from self._promised(called)
                if called.owed is not None and not called.misfit:
                    yield from self._undone(called, told)

    def told(self, called: Called) -> str:
        """What a call did, in words."""
        did = self.called_with(called.function, called.given)
        if called.outcome == "raised":
            return f"{did} raised {called.error}"
        return f"{did} returned" + ("" if called.value is MISSING else f" {show(called.value)}")

    def called_with(self, function: str, given: Mapping[str, Any]) -> str:
        """A call as a person sees it: what an event gives, without the record, the clock and the ports."""
        shape = self.machine.shapes.get(function)
        events = [param.name for param in shape.events] if shape else []
        return (
            f"{function}({', '.join(f'{name}={show(given[name], 60)}' for name in events if name in given)})"
        )

    # -- what a call that raised may leave behind ------------------------------------------------------------

    def _raised(self, called: Called, clause: str, told: str) -> Iterator[Breach]:
        failed = called.error in self.machine.failures[called.function]
        declared = {item.error for item in self.machine.contracts[called.function].raises}
        if called.error not in declared:
            yield Breach(clause, f"{told}, which its contract does not allow")
        elif called.role in {"timeout", "compensation"} and not (failed and _by_port(called)):
            what = "the wait is over" if called.role == "timeout" else f"{_owed(called)} must be undone"
            state = called.targets[0] if called.role == "timeout" else None
            yield Breach(clause, f"{told}, although {what}", state=state)
        if called.role == "step" and failed and called.before is not None and called.before.left:
            yield Breach("compensation", f"{told}, and nothing undoes that {called.before.left[-1]}")
        if called.role == "compensation" or (
            called.role == "timeout" and all(h.method.idempotent for h in called.heard if h.commanded)
        ):
            return
        changed = self._difference(called.memory_before, called.memory)
        left = changed[0] if changed else _left(called)
        if left:
            yield Breach("failures", f"{told} and left something behind: {left}", raises=called.error)

    def _difference(self, before: Memory, after: Memory) -> tuple[str, tuple[str, str]] | None:
        """How the memory of ports differs from what it was: in words, and the part that does."""
        for port, memory in after.items():
            for name, value in memory.items():
                if not same(value, before[port][name]):
                    was, now = show(before[port][name], 100), show(value, 100)
                    return f"{variable_of(port)}.{name} was {was} and is {now}", (port, name)
        return None

    def _swallowed(self, called: Called, told: str) -> Iterator[Breach]:
        contract = self.machine.contracts[called.function] if called.function else None
        if contract is None:
            return
        bare = {item.error for item in contract.raises if item.when is None} - set(contract.handles)
        for key in dict.fromkeys((heard.port, heard.method.name) for heard in called.heard):
            raised = {h.reply.raises for h in called.heard if (h.port, h.method.name) == key}
            if called.error in {h.reply.raises for h in called.heard}:
                return
            if len(raised) == 1 and (error := raised.pop()) in bare:
                method = f"{variable_of(key[0])}.{key[1]}"
                yield Breach(
                    "failures", f"{method} raised {error} each time it was called, and {told}", raises=error
                )

    def _twice(self, called: Called) -> Iterator[Breach]:
        seen: set[str] = set()
        for heard in called.heard:
            if not heard.method.query and not heard.method.idempotent:
                if str(heard) in seen:
                    yield Breach(
                        "failures", f"{called.function} called {heard} twice, which is not idempotent"
                    )
                    return
                seen.add(str(heard))

    def _promised(self, called: Called) -> Iterator[Breach]:
        """What the contract of a function says of this call; rules that need code to be decided are left out."""
        if not called.function or called.observation is None:
            return
        clauses = self._contracts[called.function]
        given = [called.given.get(name, _NO_SCRIPT) for name in clauses.names]
        try:
            for failure in clauses.failures(tuple(given), called.observation):
                if failure.clause.startswith(("ensures[", "raises[")):
                    yield Breach("contracts", f"{called.function}, {failure.clause}: {failure.message}")
        except NeedsCodeError:
            return

    def _undone(self, called: Called, told: str) -> Iterator[Breach]:
        owed = called.owed
        assert owed is not None
        if called.value is not None and not same(called.value, owed.before):
            yield Breach("compensation", f"{told}, but before {owed.call} it was {show(owed.before)}")
        left = self._difference(owed.memory, called.memory)
        if left:
            told, part = left
            yield Breach("compensation", f"{called.function} does not undo {owed.call}: {told}", part=part)

    # -- deadlines ------------------------------------------------------------------------------------------

    def deadlines(self, position: Position, function: str, given: Mapping[str, Any]) -> tuple[Breach, ...]:
        """Whether a function that takes the time agrees with the waits of the state on when they are over.

        It is called outside of the run, on both sides of each deadline.
        """
        shape = self.machine.shapes[function]
        if shape.clock is None or position.undoing:
            return ()
        key = f"{function} {self.machine.key([position.record, position.since, dict(given)])}"
        if key not in self._probed:
            self._probed[key] = tuple(
                breach
                for wait in self.machine.deadlines(position)
                if function == wait[2].call or not self._is_timeout(function)
                for side in (_BEFORE, _AFTER)
                for breach in self._side(position, function, given, wait=wait, side=side)
            )
        return self._probed[key]

    def _is_timeout(self, function: str) -> bool:
        return all(step.call != function for step in self.flow.transitions)

    def _side(
        self, at: Position, function: str, given: Mapping[str, Any], *, wait: tuple[datetime, int, Timeout],
        side: tuple[timedelta, ...],
    ) -> Iterator[Breach]:  # fmt: skip
        found: list[tuple[timedelta, str]] = []
        deadline, _, timeout = wait
        for offset in side:
            arguments = self.machine.arguments(function, at.record, deadline + offset, given)
            called = self.machine.call("step", function, arguments, at.memory)
            if called.outcome == "lost":
                yield Breach("limits", f"{function} {called.error}")
                return
            if called.outcome != "unmet":
                found.append((offset, called.error if called.outcome == "raised" else ""))
        if len({outcome for _, outcome in found}) < 2:
            return
        told = ", ".join(f"{_offset(offset)} it {_did(outcome)}" for offset, outcome in found)
        first = found[0][1]
        yield Breach(
            "timeouts",
            f"{function} and the flow do not agree on when {timeout.state} has lasted {timeout.after}: called {told}",
            raises=first or None,
            at=deadline + next(offset for offset, outcome in found if outcome != first),
        )


def scenario_breaches(
    clauses: FlowClauses,
    name: str,
    played: Played,
    *,
    raises: str | None,
    state: str | None,
    ensures: tuple[str, ...],
) -> Iterator[Breach]:
    """What a step of a scenario demands and what came instead."""
    clause = f"scenarios[{name}]"
    if played.raised != (raises or ""):
        wanted = f"raise {raises}" if raises else "succeed"
        got = _did(played.raised) if played.raised else "succeeded"
        got = "it is not allowed in this state" if played.raised == clauses.flow.not_allowed else f"it {got}"
        yield Breach(clause, f"it must {wanted}, but {got}", raises=raises)
    position = played.position
    if position is None or played.stopped:
        return
    found = clauses.machine.state(position.record)
    if state is not None and found != state:
        yield Breach(clause, f"the state must be {state}, but is {found}", state=state)
    for rule in ensures:
        because = clauses.broken_rule(rule, position)
        if because:
            yield Breach(clause, because, ensures=rule)
    for unused in played.unused:
        yield Breach(clause, f"an answer of {unused} was not asked for")


def _left(called: Called) -> str:
    """A command that is not undone before its step raises, as far as the calls of ports without memory tell."""
    commands = [
        (place, heard)
        for place, heard in enumerate(called.heard)
        if heard.commanded and not heard.method.sets
    ]
    failing = [place for place, heard in enumerate(called.heard) if heard.reply.raises == called.error]
    if not commands:
        return ""
    if not failing:
        return str(commands[0][1]) if len(commands) == 1 else ""
    last = failing[-1]
    before = [heard for place, heard in commands if place < last]
    after = [heard for place, heard in enumerate(called.heard) if place > last and heard.commanded]
    return str(before[-1]) if before and not after else ""


def _as_before(part: tuple[str, str] | None, memory: Memory) -> str | None:
    """A rule that says that a part of a port's memory is as it was; None where no rule can write its value."""
    value = memory[part[0]][part[1]] if part else None
    try:
        json.dumps(value)
    except TypeError:
        return None
    return f"{variable_of(part[0])}.{part[1]} == {value!r}" if part else None


def _by_port(called: Called) -> bool:
    """Whether the error that went up is one a port raised."""
    return any(heard.reply.raises == called.error for heard in called.heard)


def _owed(called: Called) -> str:
    return called.owed.call if called.owed else ""


def _did(error: str) -> str:
    return f"raised {error}" if error else "returned"


def _offset(offset: timedelta) -> str:
    seconds = abs(offset)
    size = (
        "exactly then" if not offset else "a second" if seconds == timedelta(seconds=1) else "a microsecond"
    )
    return size if not offset else f"{size} {'before' if offset < timedelta(0) else 'after'}"
