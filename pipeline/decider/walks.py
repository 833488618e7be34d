"""Walks through a flow: where they begin, and what an event may be given."""

import itertools
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from pipeline.annotations import parse_annotation
from pipeline.decider.doubles import Memory
from pipeline.decider.inputs import Strategies
from pipeline.decider.machine import Machine, Move
from pipeline.decider.worlds import Failing, Replies
from pipeline.definitions import TypeAlias
from pipeline.flows.records import Scenario
from pipeline.flows.shape import methods_of, variable_of
from pipeline.records import Contract
from pipeline.scripts import Reply, Script
from pipeline.values import ValuesError

TICK = timedelta(microseconds=1)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
"""When a walk begins that mentions no moment."""
_SEED = 20260101
_QUIET = settings(
    database=None, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    print_blob=False,
)  # fmt: skip
_MOST_VALUES = 10
_MOST_COMBINATIONS = 300
_STARTS = {"scenarios": 6, "cases": 4, "generated": 5}


@dataclass(frozen=True, slots=True)
class Start:
    """Where a walk begins."""

    given: Any
    """The first record; or the arguments of the function that makes it, by parameter."""
    at: datetime
    memory: Memory
    said: bool = False
    """A person said that a run begins like this."""
    ports: Replies = field(default_factory=dict)
    """First answers of ports to the function that makes the first record."""
    always: Failing | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """A start, and the moves from there."""

    start: Start
    moves: tuple[Move, ...] = ()

    def then(self, move: Move) -> "Walk":
        return replace(self, moves=(*self.moves, move))


def drawn(strategy: st.SearchStrategy[Any], count: int, number: int = 0) -> list[Any]:
    """Values of a strategy, the same ones in every process."""
    found: list[Any] = []

    @seed(_SEED + number)
    @settings(_QUIET, max_examples=count)
    @given(strategy)
    def draw(value: Any) -> None:
        found.append(value)

    draw()
    return found


class Pools:
    """The values that walks through one flow are made of."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.flow = machine.flow
        self.types = machine.types
        self._mentioned: dict[str, list[Any]] = {}
        """Type -> values of it that cases and scenarios give for a parameter."""
        self._drawn: dict[tuple[str, str], list[Any]] = {}
        for contract in machine.contracts.values():
            for case in contract.cases:
                for param in contract.params:
                    if param.type not in contract.ports:
                        self._mention(param.type, case.given.get(param.name))
                if contract.returns == self.flow.record and case.raises is None:
                    self._mention(contract.returns, case.returns)
        for step in itertools.chain.from_iterable(scenario.steps for scenario in self.flow.scenarios):
            for param in machine.shapes[step.call].events if step.call in machine.shapes else ():
                if param.name in step.given:
                    self._mention(param.type, step.given[param.name])
        for contract in machine.contracts.values():
            self._answers(contract)

    def _mention(self, annotation: str, written: Any) -> None:
        try:
            self._mentioned.setdefault(annotation, []).append(self.types.decode(annotation, written))
        except ValuesError:
            return

    def _answers(self, contract: Contract) -> None:
        """What a port's method may give where no model says: what cases make it give, then anything of the type."""
        for name, method in methods_of(contract).items():
            param = name.partition(".")[0]
            port = next(each.type for each in contract.params if each.name == param)
            if method.gives is not None or method.returns == "None":
                continue
            scripted = [
                self.types.decode(method.returns, answer["returns"])
                for case in contract.cases
                for answer in case.given.get(param, {}).get(method.name, ())
                if "returns" in answer
            ]
            known = self.machine.world.answers.get((port, method.name), ())
            values = [*known, *scripted]
            if len(values) < 4:
                values += self._some(contract, method.returns)
            self.machine.world.answers[port, method.name] = self._different(values)[:_MOST_VALUES]

    def _some(self, contract: Contract, annotation: str, count: int = 8) -> list[Any]:
        key = (contract.function, f"{annotation} {count}")
        if key not in self._drawn:
            strategy = Strategies(contract, self.types).of(parse_annotation(annotation))
            self._drawn[key] = drawn(strategy, count, len(self._drawn))
        return self._drawn[key]

    def _different(self, values: Iterable[Any]) -> list[Any]:
        return list({self.machine.key(value): value for value in reversed(list(values))}.values())[::-1]

    # -- where walks begin ----------------------------------------------------------------------------------

    def starts(self) -> list[Start]:
        """Where runs may begin: as scenarios say and cases show; anywhere where these tell nothing."""
        said = [self.start_of(scenario) for scenario in self.flow.scenarios][: _STARTS["scenarios"]]
        found = [*said, *self._starts(self._shown(), _STARTS["cases"])]
        if self.flow.start is not None or not found:
            found += self._starts(self._generated(), _STARTS["generated"])
        return self._unlike(found)

    def variations(self, changed: Container[str]) -> list[Start]:
        """Starts as scenarios and cases tell them, with another value in a field that no step changes.

        Such a field is what a run is about. What steps change has the first value that it is given there.
        """
        if self.flow.start is not None:
            return []
        first = next(step.call for step in self.flow.transitions if self.flow.initial in step.sources)
        known = [self.types.decode(self.flow.record, scenario.given) for scenario in self.flow.scenarios[:2]]
        known += itertools.islice(self._shown(), 2)
        told: dict[tuple[bool, ...], Any] = {}
        for record in (other for each in known for other in self._varied(first, each, changed)):
            told.setdefault(self._signature(record), record)
        return self._unlike(self._starts(told.values(), _STARTS["generated"]))

    def elsewhere(self, changed: Container[str]) -> list[Start]:
        """Starts as scenarios and cases tell them, with other values in all the fields that no step changes."""
        if self.flow.start is not None:
            return []
        first = next(step.call for step in self.flow.transitions if self.flow.initial in step.sources)
        known = [self.types.decode(self.flow.record, scenario.given) for scenario in self.flow.scenarios[:1]]
        known += itertools.islice(self._shown(), 1)
        free = [
            (item.name, [*self._some(self.machine.contracts[first], item.type, 24), *self._limits(item.type)])
            for item in getattr(self.types.definitions[self.flow.record], "fields", ())
            if item.name != self.flow.field and item.name not in changed
        ]
        values = [
            replace(record, **{name: pick(pool, key=_size) for name, pool in free})
            for record in known[:1]
            for pick in (max, min)
            if all(pool for _, pool in free)
        ]
        return self._unlike(self._starts(values, 24))

    def _limits(self, annotation: str) -> Iterator[Any]:
        """The smallest and the largest number of a type, where it has them."""
        alias = self.types.definitions.get(annotation)
        for limit in (alias.ge, alias.le) if isinstance(alias, TypeAlias) and alias.type == "int" else ():
            if limit is not None:
                yield int(limit)

    def _starts(self, values: Iterable[Any], most: int) -> list[Start]:
        memories = [self.machine.world.first_memory(scenario.memory) for scenario in self.flow.scenarios]
        memory = next((each for each in memories if any(map(any, each.values()))), None)
        if memory is None:
            memory = self.machine.world.first_memory({})
        return [Start(value, self._begins(value), memory) for value in itertools.islice(values, most)]

    def _unlike(self, starts: Iterable[Start]) -> list[Start]:
        different: dict[str, Start] = {}
        for start in starts:
            text = self.machine.key([start.given, {name: dict(m) for name, m in start.memory.items()}])
            different.setdefault(text, start)
        return list(different.values())

    def start_of(self, scenario: Scenario) -> Start:
        """Where a scenario begins. Raises ValuesError if it is none of the flow's."""
        if self.flow.start is None:
            value = self.types.decode(self.flow.record, scenario.given)
        else:
            events = {param.name: param.type for param in self.machine.shapes[self.flow.start].events}
            value = {name: self.types.decode(kind, scenario.given.get(name)) for name, kind in events.items()}
        at = self.types.decode("datetime", scenario.at) if scenario.at else self._begins(value)
        return Start(value, at, self.machine.world.first_memory(scenario.memory), said=True)

    def replies(self, written: Mapping[str, Any]) -> Replies:
        """The scripts of ports as a scenario writes them. Raises ValuesError."""
        found: dict[str, Mapping[str, tuple[Reply, ...]]] = {}
        for port in self.machine.world.ports:
            if (script := written.get(variable_of(port), written.get(port))) is not None:
                decoded: Script = self.types.decode(port, script)
                found[port] = {
                    method: tuple(reply for reply in replies if reply is not None)
                    for method, replies in decoded.replies.items()
                }
        return found

    def _begins(self, value: Any) -> datetime:
        return max(datetimes(value), default=LONG_AGO)

    def _shown(self) -> Iterator[Any]:
        start = self.flow.start
        if start is not None:
            for case in self.machine.contracts[start].cases:
                events = self.machine.shapes[start].events
                yield {param.name: self.types.decode(param.type, case.given[param.name]) for param in events}
            return
        for record in self._mentioned.get(self.flow.record, ()):
            if self.machine.state(record) == self.flow.initial:
                yield record

    def _generated(self) -> Iterator[Any]:
        start = self.flow.start
        if start is not None:
            yield from self.telling(start, None, LONG_AGO, 0)
            return
        first = next(step.call for step in self.flow.transitions if self.flow.initial in step.sources)
        for record in self._some(self.machine.contracts[first], self.flow.record):
            yield self.machine.in_state(record, self.flow.initial)

    def _varied(self, function: str, record: Any, changed: Container[str]) -> Iterator[Any]:
        for item in getattr(self.types.definitions[self.flow.record], "fields", ()):
            if item.name != self.flow.field and item.name not in changed:
                for value in self._some(self.machine.contracts[function], item.type, 24):
                    yield replace(record, **{item.name: value})

    def _signature(self, record: Any) -> tuple[bool, ...]:
        """Which of the conditions that speak of the record alone hold in each function of the first state."""
        return tuple(
            truth
            for step in self.flow.transitions if self.flow.initial in step.sources
            for truth in self.machine.conditions(step.call, record, LONG_AGO, {})
        )  # fmt: skip

    # -- what an event is given -----------------------------------------------------------------------------

    def candidates(self, function: str, record: Any, now: datetime) -> Iterator[dict[str, Any]]:
        """Arguments of an event that its preconditions let through, the likeliest to get on with first."""
        events = self.machine.shapes[function].events
        pools = [self._pool(function, param.name, param.type, record) for param in events]
        places = itertools.product(*(range(len(pool)) for pool in pools))
        ranked = sorted(itertools.islice(places, 5000), key=lambda place: (sum(place), place))
        for place in ranked[:_MOST_COMBINATIONS]:
            chosen = {p.name: pool[i] for p, pool, i in zip(events, pools, place, strict=True)}
            arguments = self.machine.arguments(function, record, now, chosen)
            if self.machine.unmet(function, arguments, of_events=True) is None:
                yield chosen

    def telling(self, function: str, record: Any, now: datetime, most: int) -> Iterator[dict[str, Any]]:
        """The first candidates, and of the others those for which other conditions of its errors hold."""
        told: set[tuple[bool, ...]] = set()
        for number, chosen in enumerate(self.candidates(function, record, now)):
            signature = tuple(self.machine.conditions(function, record, now, chosen))
            if number < most or signature not in told:
                told.add(signature)
                yield chosen

    def _pool(self, function: str, name: str, annotation: str, record: Any) -> list[Any]:
        """Values for a parameter: the record's field of that name, other fields of the type, what cases give, others."""
        definition = self.types.definitions[self.flow.record]
        held = [field for field in getattr(definition, "fields", ()) if field.type == annotation]
        held.sort(key=lambda field: field.name != name)
        values = [getattr(record, field.name) for field in held] if record is not None else []
        values += self._mentioned.get(annotation, ())
        values += self._some(self.machine.contracts[function], annotation)
        return self._different(values)[:_MOST_VALUES]


def datetimes(value: Any) -> Iterator[datetime]:
    """Every moment that a value of the spec's types holds."""
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from datetimes(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from datetimes(inner)
    elif hasattr(value, "__dataclass_fields__"):
        for item in fields(value):
            yield from datetimes(getattr(value, item.name))


def _size(value: Any) -> Any:
    """What makes one value larger than another of its type."""
    if isinstance(value, (int, float)):
        return float(value)
    return float(len(value)) if hasattr(value, "__len__") else float(len(str(value)))
