"""One flow over its functions: its scenarios, the search for a walk that breaks a clause, and what is made of it."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from pipeline.decider.clauses import Observe
from pipeline.decider.flow_clauses import Breach, FlowClauses, scenario_breaches
from pipeline.decider.flow_search import Found, Search
from pipeline.decider.machine import Machine, Move, Played, Position
from pipeline.decider.moves import Moves
from pipeline.decider.walks import Pools, Walk
from pipeline.decider.worlds import Replies
from pipeline.flows.records import Flow, FlowClause, FlowJudgement, Scenario, ScenarioStep
from pipeline.flows.scenario_text import render_duration, render_scenario
from pipeline.flows.shape import variable_of
from pipeline.records import Contract
from pipeline.scripts import Script
from pipeline.showing import show
from pipeline.values import Types, ValuesError

Note = Callable[[str], None]


def judge_flow(
    flow: Flow, contracts: Mapping[str, Contract], fresh: Callable[[], Observe], note: Note
) -> FlowJudgement:
    """Decide whether functions keep the flow together that every process of `fresh` holds.

    `contracts` has each by its name; `note` is told which clause is being worked on.
    """
    return FlowJudge(flow, contracts, fresh, note).judgement()


class FlowJudge:
    """One flow while it is judged."""

    def __init__(
        self, flow: Flow, contracts: Mapping[str, Contract], fresh: Callable[[], Observe], note: Note
    ) -> None:
        self.flow = flow
        self.note = note
        definitions = {name: kind for each in contracts.values() for name, kind in each.types.items()}
        ports = {name: port for each in contracts.values() for name, port in each.ports.items()}
        self.types = Types(definitions, ports)
        self.machine = Machine(flow, contracts, self.types, fresh())
        self.clauses = FlowClauses(self.machine)
        self.pools = Pools(self.machine)
        self.moves = Moves(self.machine)
        self.search = Search(self.machine, self.clauses, self.pools, self.moves, fresh)
        self.broken: dict[str, str] = {}
        """Clause -> what a person is told, where no walk of our own tells it better."""

    def play_scenarios(self) -> None:
        """Hold every scenario against the functions."""
        for scenario in self.flow.scenarios:
            self.note(f"scenarios[{scenario.name}]")
            if not self.machine.lost:
                self._scenario(scenario)

    def judgement(self) -> FlowJudgement:
        """What comes of scenarios and walks."""
        self.play_scenarios()
        self.note("transitions")
        self.search.systematic()
        if not self.search.found:
            self.search.at_random()
        if not self.search.found and not self.broken:
            self._coverage()
        found = dict(sorted(self.search.found.items()))
        if self.machine.lost:
            self.machine.observe = self.search.fresh()
        else:
            found = {clause: self.search.shortest(item) for clause, item in found.items()}
        told = {
            clause: f"{item.breach.message} ({self._walked(item.walk)})" for clause, item in found.items()
        }
        order = self.flow.clauses
        messages = {**self.broken, **told}
        verdicts = [
            FlowClause(clause=name, passed=name not in messages, message=messages.get(name)) for name in order
        ]
        assert messages.keys() <= set(order), messages
        whole = [item for item in found.values() if not (item.walk.start.ports or item.walk.start.always)]
        best = min(whole, key=lambda item: (*item.size[:3], order.index(item.breach.clause)), default=None)
        counterexample = render_scenario(self._as_scenario(best)) if best else None
        return FlowJudgement(clauses=tuple(verdicts), walks=self.search.walks, counterexample=counterexample)

    # -- scenarios ------------------------------------------------------------------------------------------

    def _scenario(self, scenario: Scenario) -> None:
        clause = f"scenarios[{scenario.name}]"
        try:
            walk = Walk(self.pools.start_of(scenario))
            moves = [self._move(step) for step in scenario.steps]
        except (ValuesError, ValueError) as error:
            self.broken[clause] = str(error)
            return
        self.search.walks += 1
        played = self.search.start(walk.start)
        self.search.note(walk, None, played)
        position = played.position
        if position is None:
            self.broken[clause] = f"it does not start: {played.raised or 'what starts it breaks a clause'}"
            return
        for number, (step, move) in enumerate(zip(scenario.steps, moves, strict=True), 1):
            self.search.agree(walk, position, move)
            played = self.machine.play(position, move)
            walk = walk.then(move)
            breaches = self.search.note(walk, position, played)
            demanded = [] if played.stopped else list(
                scenario_breaches(
                    self.clauses, scenario.name, played, raises=step.raises, state=step.state, ensures=step.ensures
                )
            )  # fmt: skip
            if demanded or played.stopped:
                why = (demanded or breaches)[0].message if demanded or breaches else "it cannot go on"
                self.broken[clause] = f"step {number}, {self._moved(move)}: {why}"
                return
            assert played.position is not None
            position = played.position
            self.search.reached.append((walk, position))

    def _move(self, step: ScenarioStep) -> Move:
        """A step of a scenario with its values decoded. Raises ValuesError."""
        shape = self.machine.shapes.get(step.call or "")
        types = {param.name: param.type for param in shape.events} if shape else {}
        missing = [name for name in types if name not in step.given]
        unknown = [name for name in step.given if name not in types]
        if unknown:
            raise ValueError(f"{step.call} is not called with {', '.join(unknown)}")
        if missing:
            raise ValueError(f"{step.call} needs {', '.join(missing)} under 'with'")
        given = {name: self.types.decode(types[name], value) for name, value in step.given.items()}
        return Move(step.wait, step.call, given, self.pools.replies(step.ports))

    # -- what no walk got through ---------------------------------------------------------------------------

    def _coverage(self) -> None:
        made = self.search.covered
        missing = [
            f"{step.call} from {source}"
            for step in self.flow.transitions
            for source in step.sources
            if not any((source, step.call, target) in made for target in step.targets)
        ]
        missing += [
            f"{step.call} to {target}"
            for step in self.flow.transitions
            for target in step.targets
            if not any((source, step.call, target) in made for source in step.sources)
            and f"{step.call} from {step.sources[0]}" not in missing
        ]
        missing += [
            f"the end of the wait in {timeout.state}"
            for number, timeout in enumerate(self.flow.timeouts)
            if number not in self.search.timeouts
        ]
        if missing:
            what = ", ".join(missing)
            self.broken["coverage"] = f"no walk got through {what}; add a scenario that does"

    # -- counterexamples ------------------------------------------------------------------------------------

    def _walked(self, walk: Walk) -> str:
        start = walk.start
        made = [Move(call=self.flow.start, given=start.given, ports=start.ports, always=start.always)]
        moves = ", then ".join(
            self._moved(move) for move in (*(made if self.flow.start else ()), *walk.moves)
        )
        return f"walk: {moves}" if moves else "at the start"

    def _moved(self, move: Move) -> str:
        """A move in words."""
        wait = f"wait {render_duration(move.wait)}" if move.wait or move.call is None else ""
        call = self.clauses.called_with(move.call, move.given) if move.call else ""
        trouble = (
            [f"{variable_of(move.always[0])}.{move.always[1]} raises {move.always[2]} each time"]
            if move.always
            else []
        )
        trouble += [
            f"{variable_of(port)}.{method} {f'raises {reply.raises}' if reply.raises else f'gives {show(reply.value, 40)}'}"
            for port, methods in move.ports.items()
            for method, replies in methods.items()
            for reply in replies[-1:]
        ]
        told = " and ".join(filter(None, (wait, call)))
        return f"{told} while {' and '.join(trouble)}" if trouble else told

    def _as_scenario(self, found: Found) -> Scenario:
        """A walk that breaks a clause, as a scenario that demands what the clause does."""
        start, breach = found.walk.start, found.breach
        played = self.search.start(start)
        position, steps = played.position, []
        for move in found.walk.moves:
            if position is None:
                break
            made = self._play_if_complete(position, move)
            steps.append(self._step(self.moves.explicit(move, made) if made else move, made))
            position = made.position if made else None
        if steps:
            steps[-1] = self._demanded(steps[-1], breach)
        return Scenario(
            name=f"breaks {breach.clause.replace('[', ' ').replace(']', '')}",
            given=self._given(start.given),
            at=self.types.encode("datetime", start.at),
            memory=self._remembered(start.memory),
            steps=tuple(steps) or (ScenarioStep(wait=timedelta(0)),),
        )

    def _play_if_complete(self, position: Position, move: Move) -> Played | None:
        shape = self.machine.shapes[move.call] if move.call else None
        whole = shape is None or all(param.name in move.given for param in shape.events)
        return self.machine.play(position, move) if whole else None

    def _step(self, move: Move, played: Played | None) -> ScenarioStep:
        shape = self.machine.shapes[move.call] if move.call else None
        types = {param.name: param.type for param in shape.events} if shape else {}
        return ScenarioStep(
            wait=move.wait,
            call=move.call,
            given={name: self.types.encode(types[name], value) for name, value in move.given.items()},
            ports=self._written(move.ports),
            raises=played.raised or None if played and self._declared(played) else None,
        )

    def _declared(self, played: Played) -> bool:
        """Whether an error went up that a spec may speak of."""
        called = [self.machine.contracts[each.function] for each in played.called if each.function]
        declared = {item.error for contract in called for item in contract.raises}
        return played.raised in {self.flow.not_allowed, *declared}

    def _written(self, ports: Replies) -> dict[str, Any]:
        """Scripts of ports, as a scenario writes them."""
        return {
            variable_of(port): self.types.encode(port, Script(dict(each))) for port, each in ports.items()
        }

    def _demanded(self, step: ScenarioStep, breach: Breach) -> ScenarioStep:
        change: dict[str, Any] = {}
        if breach.state is not None:
            change |= {"state": breach.state, "raises": breach.raises}
        elif breach.raises is not None:
            change["raises"] = breach.raises
        if breach.ensures is not None:
            change["ensures"] = (breach.ensures,)
        return step.model_copy(update=change)

    def _given(self, given: Any) -> Any:
        if self.flow.start is None:
            return self.types.encode(self.flow.record, given)
        return {
            param.name: self.types.encode(param.type, given[param.name])
            for param in self.machine.shapes[self.flow.start].events
        }

    def _remembered(self, memory: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        empty = self.machine.world.first_memory({})
        found = {
            variable_of(name): {
                part.name: self.types.encode(part.type, memory[name][part.name])
                for part in port.memory
                if memory[name][part.name] != empty[name][part.name]
            }
            for name, port in self.machine.world.ports.items()
        }
        return {name: parts for name, parts in found.items() if parts}
