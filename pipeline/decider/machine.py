"""Interprets a flow over observed functions: what a call, a timeout or a failing port makes of a run. Judges nothing."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from pipeline.decider.clauses import MISSING, Observe
from pipeline.decider.doubles import Memory, evaluate
from pipeline.decider.worlds import Failing, Heard, Replies, World
from pipeline.flows.records import Flow, Timeout
from pipeline.flows.shape import StepShape, failures_of, is_settled, later, shape_of, variable_of
from pipeline.records import Contract
from pipeline.rules import speaks_of
from pipeline.sandbox import wire
from pipeline.sandbox.port import Call, Observation
from pipeline.scripts import Reply
from pipeline.values import Types

Role = Literal["start", "step", "timeout", "compensation"]
_MOST_TIMEOUTS = 1000
"""How many waits may be over at once before the flow is said never to settle."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A step that may have to be undone: how things were before it, and what its compensation is given."""

    call: str
    before: Any
    since: datetime
    after: Any
    given: Mapping[str, Any]
    memory: Memory


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run is, and the world around it. Never changed in place."""

    record: Any
    since: datetime
    now: datetime
    memory: Memory
    initial: Any
    done: tuple[Owed, ...] = ()
    undoing: bool = False
    left: tuple[str, ...] = ()
    """What nothing undoes of what was asked by steps that may lead to where things are kept: `pay asked bank.pay(1)`."""


@dataclass(frozen=True, slots=True)
class Move:
    """Time passes, then something is called; its values are Python values of the spec's types."""

    wait: timedelta = timedelta(0)
    call: str | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    ports: Replies = field(default_factory=dict)
    always: Failing | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """One call of a function by the flow, and what became of it."""

    role: Role
    function: str
    """Empty for a timeout that only changes the state."""
    given: Mapping[str, Any]
    """Its arguments but for the ports, by parameter."""
    memory_before: Memory
    memory: Memory
    """After the call."""
    outcome: Literal["returned", "raised", "lost", "unmet"]
    """`unmet`: not called, since a precondition does not hold."""
    before: Position | None = None
    """None for the call that starts the flow."""
    targets: tuple[str, ...] = ()
    """The states it may lead to."""
    value: Any = MISSING
    error: str = ""
    """Of the raised exception; the precondition; or why the call was lost."""
    misfit: str = ""
    """Why the returned value is not what the flow can go on with."""
    heard: tuple[Heard, ...] = ()
    refused: bool = False
    """It was lost because a double had no answer."""
    owed: Owed | None = None
    """What a compensation undoes."""
    timeout: int | None = None
    """Number of the timeout, if it is one."""
    observation: Observation | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one move."""

    position: Position | None
    """None if a flow did not start."""
    called: tuple[Called, ...]
    raised: str = ""
    """The error that went up."""
    stopped: bool = False
    """Something happened that a flow cannot go on from."""
    unused: tuple[str, ...] = ()
    """Answers of the script that nobody asked for: `store.save`."""

    @property
    def heard(self) -> Iterator[Heard]:
        for called in self.called:
            yield from called.heard


class _UpError(Exception):
    """An error goes up to whoever called the flow."""


class _StoppedError(Exception):
    """The flow cannot go on."""


class Machine:
    """One flow over the functions of a spec."""

    def __init__(self, flow: Flow, contracts: Mapping[str, Contract], types: Types, observe: Observe) -> None:
        self.flow = flow
        self.contracts = contracts
        self.types = types
        self.observe = observe
        self.shapes: dict[str, StepShape] = {name: shape_of(contracts[name], flow) for name in flow.functions}
        self.failures = {name: failures_of(contracts[name]) for name in flow.functions}
        self.world = World(
            {name: port for each in contracts.values() for name, port in each.ports.items()}, types
        )
        self.observed = 0
        """How many calls were observed."""
        self.lost = False
        """A call was lost, and with it the process: nothing that comes after it says anything."""
        record = types.definitions[flow.record]
        self._state_type = next(f.type for f in getattr(record, "fields", ()) if f.name == flow.field)

    def state(self, record: Any) -> str:
        return str(getattr(record, self.flow.field))

    def in_state(self, record: Any, state: str) -> Any:
        """The record with another state and nothing else changed."""
        return replace(record, **{self.flow.field: self.types.decode(self._state_type, state)})

    def deadlines(self, position: Position) -> list[tuple[datetime, int, Timeout]]:
        """When each wait of the state is over, the earliest first."""
        found = []
        for number, timeout in enumerate(self.flow.timeouts):
            if timeout.state == self.state(position.record):
                base = getattr(position.record, timeout.since) if timeout.since else position.since
                found.append((later(base or position.since, timeout.after), number, timeout))
        return sorted(found, key=lambda item: item[:2])

    def unmet(self, function: str, given: Mapping[str, Any], *, of_events: bool | None = None) -> str | None:
        """The first precondition that does not hold.

        With `of_events`, of those that do or do not mention what an event gives.
        """
        events = {param.name for param in self.shapes[function].events}
        for rule in self.contracts[function].requires:
            if of_events is not None and of_events != any(speaks_of(rule.rule, name) for name in events):
                continue
            try:
                if not evaluate(rule.rule, self.types, given):
                    return rule.rule
            except Exception as error:  # noqa: BLE001 - a rule may raise anything
                return f"{rule.rule} (which fails with {type(error).__name__})"
        return None

    def arguments(
        self, function: str, record: Any, now: datetime, given: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What a function is called with but for the ports: by parameter, in order."""
        shape = self.shapes[function]
        known: dict[str, Any] = {str(shape.record): record, str(shape.clock): now, **given}
        return {p.name: known[p.name] for p in self.contracts[function].params if p.name not in shape.ports}

    def conditions(
        self, function: str, record: Any, now: datetime, given: Mapping[str, Any]
    ) -> Iterator[bool]:
        """For each condition under which a function raises an error, whether it holds; False if it cannot be told."""
        shape = self.shapes[function]
        known: dict[str, Any] = {str(shape.record): record, str(shape.clock): now, **given}
        for item in self.contracts[function].raises:
            try:
                yield item.when is not None and bool(evaluate(item.when, self.types, known))
            except Exception:  # noqa: BLE001 - a rule may raise anything
                yield False

    def start(self, given: Any, now: datetime, memory: Memory, move: Move) -> Played:
        """Begin a run: with a first record, or with arguments of the function that makes it, `move` for its ports."""
        if self.flow.start is None:
            return Played(Position(given, now, now, memory, given), ())
        play = _Play(self, None, now, memory, move)
        return play.run(lambda: play.begin(given))

    def play(self, position: Position, move: Move) -> Played:
        """Make one move."""
        now = position.now + move.wait
        play = _Play(self, replace(position, now=now), now, position.memory, move)
        return play.run(lambda: play.event(move))

    def call(
        self, role: Role, function: str, given: Mapping[str, Any], memory: Memory, *,
        replies: Replies | None = None, always: Failing | None = None, **about: Any,
    ) -> Called:  # fmt: skip
        """Call a function once. `about` is what else there is to be told of it."""
        contract, shape = self.contracts[function], self.shapes[function]
        called = Called(role, function, given, memory_before=memory, memory=memory, outcome="unmet", **about)
        unmet = self.unmet(function, given)
        if unmet is not None:
            return replace(called, error=unmet)
        staged = self.world.stage(contract, memory, replies or {}, always)
        wired = tuple(
            staged.stage.placeholder(p.name) if p.name in shape.ports
            else wire.encode(given[p.name], self.types.classes)
            for p in contract.params
        )  # fmt: skip
        self.observed += 1
        (observation,) = self.observe([Call(function, wired, staged, is_async=contract.is_async)])
        self.lost = self.lost or observation.outcome == "lost"
        called = replace(
            called, outcome=observation.outcome, error=observation.error, memory=staged.double.memory,
            heard=staged.heard(observation), refused=bool(staged.double.refusal), observation=observation,
        )  # fmt: skip
        return self._read(called, observation.value) if observation.outcome == "returned" else called

    def _read(self, called: Called, tagged: Any) -> Called:
        returns = self.contracts[called.function].returns
        try:
            value = wire.decode(tagged, self.types.classes)
            if isinstance(value, wire.Opaque):
                return replace(called, misfit=f"a {value.type_name} is not {returns}")
            value = self.types.conform(returns, value)
        except Exception as error:  # noqa: BLE001 - whatever it is, unread code made it up
            return replace(called, misfit=str(error) or type(error).__name__)
        if called.role == "compensation":
            return replace(called, value=value)
        state = self.state(value)
        wrong = state not in called.targets
        misfit = f"its state is {state}, not {' or '.join(called.targets)}" if wrong else ""
        return replace(called, value=value, misfit=misfit)

    def key(self, value: Any) -> str:
        """A value as text; equal for equal values."""
        return json.dumps(wire.encode(value, self.types.classes), sort_keys=True)


class _Play:
    """One move while it is made."""

    def __init__(
        self, machine: Machine, position: Position | None, now: datetime, memory: Memory, move: Move
    ) -> None:
        self.machine = machine
        self.flow = machine.flow
        self.position = position
        self.now = now
        self.memory = memory
        self.always = move.always
        self.replies = {
            (port, method): answers
            for port, methods in move.ports.items()
            for method, answers in methods.items()
        }
        """What is left of the script: (port, method) -> answers."""
        self.called: list[Called] = []

    def run(self, doing: Any) -> Played:
        raised, stopped = "", False
        try:
            doing()
        except _UpError as error:
            raised = str(error)
        except _StoppedError:
            stopped = True
        position = replace(self.position, memory=self.memory) if self.position else None
        unused = tuple(
            f"{variable_of(port)}.{method}" for (port, method), left in self.replies.items() if left
        )
        return Played(position, tuple(self.called), raised, stopped, unused)

    def begin(self, given: Mapping[str, Any]) -> None:
        start = str(self.flow.start)
        called = self._call(
            "start", start, self.machine.arguments(start, None, self.now, given), (self.flow.initial,)
        )
        if called.outcome == "raised":
            raise _UpError(called.error)
        self.position = Position(called.value, self.now, self.now, self.memory, called.value)

    def event(self, move: Move) -> None:
        self._settle()
        if move.call is None:
            return
        state = self.machine.state(self.here.record)
        targets = [
            target
            for step in self.flow.transitions
            if step.call == move.call and state in step.sources
            for target in step.targets
        ]
        if not targets:
            raise _UpError(self.flow.not_allowed)
        before, memory = self.here, self.memory
        given = self.machine.arguments(move.call, before.record, self.now, move.given)
        called = self._call("step", move.call, given, tuple(dict.fromkeys(targets)))
        if called.outcome == "raised":
            if called.error in self.machine.failures[move.call]:
                self._undo()
            raise _UpError(called.error)
        done, left = before.done, before.left
        if move.call in self.flow.compensate:
            done = (*done, Owed(move.call, before.record, before.since, called.value, move.given, memory))
        elif any(is_settled(self.flow, target) for target in targets):
            left = (*left, *(f"{move.call} asked {heard}" for heard in called.heard if heard.commanded))
        if is_settled(self.flow, self.machine.state(called.value)):
            done, left = (), ()
        self.position = replace(before, record=called.value, since=self.now, done=done, left=left)

    @property
    def here(self) -> Position:
        assert self.position is not None
        return self.position

    def _settle(self) -> None:
        if self.here.undoing:
            self._undo()
        for _ in range(_MOST_TIMEOUTS):
            due = self.machine.deadlines(self.here)
            if not due or not self.now > due[0][0]:
                return
            self._time_out(*due[0])
        self.called.append(replace(self.called[-1], misfit="it never settles"))
        raise _StoppedError

    def _time_out(self, deadline: datetime, number: int, timeout: Timeout) -> None:
        before = self.here
        if timeout.call is None:
            record = self.machine.in_state(before.record, timeout.target)
            self.called.append(
                Called(
                    "timeout", "", {}, self.memory, self.memory, "returned",
                    before=before, targets=(timeout.target,), value=record, timeout=number,
                )
            )  # fmt: skip
        else:
            given = self.machine.arguments(timeout.call, before.record, self.now, {})
            called = self._call("timeout", timeout.call, given, (timeout.target,), timeout=number)
            if called.outcome == "raised":
                raise _UpError(called.error)
            record = called.value
        self.position = replace(before, record=record, since=deadline, done=(), left=())

    def _undo(self) -> None:
        self.position = replace(self.here, undoing=True)
        while self.here.done:
            owed = self.here.done[-1]
            undo = self.flow.compensate[owed.call]
            known = {
                p.name: owed.given[p.name] for p in self.machine.shapes[undo].events if p.name in owed.given
            }
            given = self.machine.arguments(undo, owed.after, self.now, known)
            called = self._call("compensation", undo, given, (), owed=owed)
            if called.outcome == "raised":
                raise _UpError(called.error)
            self.position = replace(
                self.here, record=owed.before, since=owed.since, done=self.here.done[:-1], memory=self.memory
            )
        self.position = replace(self.here, undoing=False)

    def _call(
        self, role: Role, function: str, given: Mapping[str, Any], targets: Sequence[str], **about: Any
    ) -> Called:
        before = replace(self.position, memory=self.memory) if self.position else None
        replies: dict[str, dict[str, tuple[Reply, ...]]] = {}
        for (port, method), answers in self.replies.items():
            replies.setdefault(port, {})[method] = answers
        called = self.machine.call(
            role, function, given, self.memory, replies=replies, always=self.always,
            before=before, targets=tuple(targets), **about,
        )  # fmt: skip
        for heard in called.heard:
            key = (heard.port, heard.method.name)
            self.replies[key] = self.replies.get(key, ())[1:]
        self.memory = called.memory
        self.called.append(called)
        if called.outcome in {"lost", "unmet"} or called.misfit:
            raise _StoppedError
        return called
