"""The generated runner: it type-checks, keeps its run between two requests, and does what the judge's walks do."""

import importlib
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from machines import MACHINES, ORDER, SIGN_UP, Machine, spec_of, types_text

from pipeline.decider import machine as interpreter
from pipeline.decider.doubles import Stage
from pipeline.decider.flow_clauses import FlowClauses
from pipeline.decider.flow_search import Search
from pipeline.decider.machine import Move, Position
from pipeline.decider.moves import Moves
from pipeline.decider.walks import Pools, Start
from pipeline.flows.runner import render_flows
from pipeline.flows.shape import methods_of, port_variables
from pipeline.render import signature
from pipeline.sandbox import wire
from pipeline.sandbox.port import Program
from pipeline.sandbox.process import ProcessSandbox
from pipeline.scripts import Reply, Script
from pipeline.seals import read_seal
from pipeline.values import Types

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WAITS = [timedelta(0)] * 5 + [timedelta(hours=1), timedelta(days=1), timedelta(days=3), timedelta(days=20)]


def write(folder: Path, machine: Machine, sources: dict[str, str]) -> Path:
    """The package of a machine as it lands, runner included."""
    package = folder / machine.spec
    package.mkdir(parents=True)
    files = {
        "__init__": "",
        "types": types_text(machine),
        "flows": render_flows(spec_of(machine)) or "",
        **sources,
    }
    for name, text in files.items():
        (package / f"{name}.py").write_text(text, "utf-8")
    return package


@pytest.mark.parametrize("name", MACHINES)
def test_what_is_generated_type_checks(name: str, tmp_path: Path) -> None:
    """Mypy --strict has nothing to say about a runner, its functions and its types."""
    machine = MACHINES[name]
    stubs = {
        call: f"from __future__ import annotations\nfrom datetime import datetime\nfrom .types import *\n\n"
        f"{'async ' * each.is_async * (not signature(each).startswith('async'))}{signature(each)}\n    raise KeyError\n"
        for call, each in machine.contracts.items()
    }
    package = write(tmp_path, machine, stubs)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-incremental", str(package)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (run.returncode, run.stdout.splitlines()[-1][:7]) == (0, "Success"), run.stdout


def test_it_is_sealed_and_only_for_specs_with_flows() -> None:
    """A hand edit shows; a spec without flows has no runner."""
    spec = spec_of(ORDER)
    assert read_seal(render_flows(spec) or "") == "sealed"
    assert render_flows(spec.model_copy(update={"flows": ()})) is None


def test_it_needs_the_standard_library_alone() -> None:
    """Everything else that it imports is of its own package."""
    for machine in MACHINES.values():
        text = render_flows(spec_of(machine)) or ""
        modules = {line.split()[1] for line in text.splitlines() if line.startswith(("from ", "import "))}
        assert {m for m in modules if not m.startswith(".")} <= {"__future__", "dataclasses", "datetime"}


class Live:
    """The ports of a run as the code sees them, with the memory and the scripted answers of a walk."""

    def __init__(self, machine: Machine, types: Types, module: ModuleType, defaults: dict[Any, Any]) -> None:
        self.machine, self.types, self.module, self.defaults = machine, types, module, defaults
        self.classes = {name: getattr(module, name) for name in types.classes}
        self.ports = {kind: port for each in machine.contracts.values() for kind, port in each.ports.items()}
        self.memory: Any = {}
        self.failing: set[tuple[str, str, str]] = set()

    def objects(self) -> dict[str, Any]:
        """An object for each port, by its variable."""
        return {
            variable: self._object(kind)
            for variable, kind in port_variables(self.machine.contracts.values()).items()
        }

    def _object(self, kind: str) -> Any:
        return SimpleNamespace(**{each.name: self._method(kind, each) for each in self.ports[kind].methods})

    def _method(self, kind: str, method: Any) -> Any:
        def ask(*arguments: Any) -> Any:
            wired = tuple(wire.encode(argument, self.classes) for argument in arguments)
            for error in sorted(error for *way, error in self.failing if way == [kind, method.name]):
                raise getattr(self.module, error)
            values = self.defaults.get((kind, method.name), ())
            script = Script({method.name: (Reply(values[0]),) if values and method.gives is None else ()})
            double = Stage({"p": kind}, self.ports, self.types, {"p": script}, self.memory)()
            answer = double.answer(f"p.{method.name}", wired)
            assert answer is not None, double.refusal
            self.memory = {name: dict(parts) for name, parts in double.memory.items()}
            return wire.decode(answer.value, self.classes)

        async def ask_and_wait(*arguments: Any) -> Any:
            return ask(*arguments)

        return ask_and_wait if method.is_async else ask


def done(value: Any) -> Any:
    """What a call comes to, whether or not it must be awaited."""
    if not hasattr(value, "send"):
        return value
    try:
        value.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it was suspended")


@pytest.fixture(params=MACHINES)
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Machine, Any, ModuleType]]:
    """A machine, its interpreter over a sandbox, and its generated runner as a module."""
    machine = MACHINES[request.param]
    write(tmp_path / "generated_here", machine, machine.sources)
    (tmp_path / "generated_here" / "__init__.py").write_text("")
    sys.path.insert(0, str(tmp_path))
    program = Program({"types": types_text(machine), **machine.sources}, package=f"generated.{machine.spec}")
    sandbox = ProcessSandbox()
    session = sandbox.open(program, hash_seed=1)
    contracts = machine.contracts
    types = Types(next(iter(contracts.values())).types)
    yield (
        machine,
        interpreter.Machine(machine.flow, contracts, types, session.observe),
        importlib.import_module(f"generated_here.{machine.spec}.flows"),
    )
    session.close()
    sandbox.close()
    sys.path.remove(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("generated_here")]:
        del sys.modules[name]


def seen(position: Position, types: Types) -> Any:
    """Where the interpreter is, as plain data."""
    owed = [[each.call.replace("_", ""), wire.encode(each.before, types.classes)] for each in position.done]
    return [wire.encode(position.record, types.classes), position.since, owed, position.undoing]


def kept(flow: Any, variable: str, classes: dict[str, type]) -> Any:
    """Where the runner is, as plain data."""
    run = flow.run
    owed = [
        [
            type(each).__name__.removeprefix(type(run).__name__.removesuffix("Run")).lower(),
            wire.encode(each.before, classes),
        ]
        for each in getattr(run, "owed", ())
    ]
    return [wire.encode(getattr(run, variable), classes), run.since, owed, getattr(run, "undoing", False)]


def test_it_does_what_the_judge_walks(both: tuple[Machine, Any, ModuleType]) -> None:
    """Random moves lead the runner and the interpreter to the same record, moment, owed steps, memory and error."""
    machine, walker, module = both
    pools, moves = Pools(walker), Moves(walker)
    search = Search(walker, FlowClauses(walker), pools, moves, lambda: walker.observe)
    chance = random.Random(7)
    compared = 0
    undone = set()
    for _ in range(60):
        live = Live(
            machine,
            walker.types,
            sys.modules[module.__name__.replace(".flows", ".types")],
            walker.world.answers,
        )
        start: Start = chance.choice([each for each in pools.starts() if each.said])
        position = search.start(start).position
        live.memory = {name: dict(parts) for name, parts in start.memory.items()}
        flow = begun(machine, module, live, start)
        for _ in range(8):
            move = picked(chance, machine, walker, pools, position)
            live.failing = {
                (kind, method, str(replies[0].raises))
                for kind, methods in move.ports.items()
                for method, replies in methods.items()
            }
            before = position
            played = walker.play(position, move)
            position = played.position
            error = moved(flow, move, position.now, live)
            assert error == played.raised
            assert seen(position, walker.types) == kept(flow, search.clauses.variable, live.classes)
            assert position.memory == live.memory
            due = walker.deadlines(position)
            assert flow.due_at() == (due[0][0] if due else None)
            ports = live.objects()
            flow = type(flow).resume(flow.run, **ports)
            compared += 1
            undone.add((len(before.done) - len(position.done), position.undoing))
    assert compared == 480
    if machine.flow.compensate:
        assert {undoing for _, undoing in undone} == {False, True}


def begun(machine: Machine, module: ModuleType, live: Live, start: Start) -> Any:
    """The runner at the start of a walk."""
    runner = getattr(module, machine.flow.class_name)
    ports = live.objects()
    if machine.flow.start:
        given = {name: wire.decode(wire.encode(value, {}), {}) for name, value in start.given.items()}
        return done(runner.start(**given, now=start.at, **ports))
    record = wire.decode(wire.encode(start.given, live.types.classes), live.classes)
    return runner(record, now=start.at, **ports)


def picked(chance: random.Random, machine: Machine, walker: Any, pools: Pools, position: Position) -> Move:
    """Any move, likely or not."""
    calls = [None, *dict.fromkeys(step.call for step in machine.flow.transitions)]
    call = chance.choice([*calls, *Moves(walker).events(position) * 3])
    wait = chance.choice(WAITS)
    if call is None:
        return Move(wait)
    chosen = next(pools.candidates(call, position.record, position.now + wait), None)
    if chosen is None:
        return Move(wait)
    ways = [
        (variables[name.partition(".")[0]], method.name, error)
        for contract in machine.contracts.values()
        for variables in [{param.name: param.type for param in contract.params}]
        for name, method in methods_of(contract).items()
        for error in method.raises
    ]
    broken = chance.sample(ways, chance.choice([0, 0, 1, min(3, len(ways))]))
    ports: dict[str, dict[str, Any]] = {}
    for kind, method, error in broken:
        ports.setdefault(kind, {})[method] = (Reply(raises=error),) * 9
    return Move(wait, call, chosen, ports)


def moved(flow: Any, move: Move, now: datetime, live: Live) -> str:
    """Make a move with the runner; the name of the error that came of it."""
    types = live.types.classes
    given = {name: wire.decode(wire.encode(value, types), live.classes) for name, value in move.given.items()}
    try:
        done(getattr(flow, move.call)(**given, now=now) if move.call else flow.settle(now=now))
    except Exception as error:  # noqa: BLE001 - whatever it raises is compared
        return type(error).__name__
    return ""


def test_a_step_that_leads_elsewhere_is_not_made(tmp_path: Path) -> None:
    """A function that was edited after it was judged cannot lead a run where the spec does not."""
    sources = {
        **SIGN_UP.sources,
        "complete_profile": SIGN_UP.sources["complete_profile"].replace("ACTIVE", "EXPIRED"),
    }
    write(tmp_path / "generated_wrong", SIGN_UP, sources)
    (tmp_path / "generated_wrong" / "__init__.py").write_text("")
    sys.path.insert(0, str(tmp_path))
    module = importlib.import_module("generated_wrong.onboarding.flows")
    sys.path.remove(str(tmp_path))
    mailer = SimpleNamespace(send=lambda to, body: "1", is_blocked=lambda to: False)
    flow = module.Onboard.start("a@b.cd", "abc", now=NOON, mailer=mailer)
    flow.verify_email("abc", now=NOON)
    with pytest.raises(ValueError, match="complete_profile led to expired"):
        flow.complete_profile("Al", now=NOON)
    assert flow.progress.stage == "profile"
