"""Candidate -> Judgement. The sandbox observes, the decider decides; this module only carries between them."""

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from pipeline import bounds, render
from pipeline.decider.client import RULE_SECONDS, Decider, LostSandboxError, UndecidedError, cores
from pipeline.decider.hints import hints_of
from pipeline.decider.recording import recording_key
from pipeline.errors import SandboxError
from pipeline.flows.records import Flow, FlowClause, FlowJudgement
from pipeline.records import Behaviour, Case, Clause, Contract, Effort, Isolation, Judgement, Rule
from pipeline.sandbox.port import Level, Program
from pipeline.store import InputStore

THOROUGH = Effort()


class Part:
    """A function with its contract: the one under judgement, or a callee it needs."""

    def __init__(self, contract: Contract, source: str) -> None:
        self.contract = contract
        self.source = source


class Judge:
    """Holds contracts against themselves and candidates against contracts. Safe to use from several threads."""

    def __init__(
        self,
        inputs: InputStore | None = None,
        *,
        at_least: Level = "process",
        at_most: Level = "kernel",
        rule_seconds: float = RULE_SECONDS,
        at_once: int = 64,
    ) -> None:
        """`at_once`: deciders that may run at a time; whoever comes then waits for one."""
        self._turns = threading.BoundedSemaphore(at_once)
        self._inputs = inputs or InputStore()
        self._at_least = at_least
        self._at_most = at_most
        self._rule_seconds = rule_seconds
        self._idle: queue.SimpleQueue[Decider] = queue.SimpleQueue()
        self._started: set[Decider] = set()
        self._lock = threading.Lock()
        self._cores = cores()
        self._closed = False

    @property
    def isolation(self) -> Isolation:
        """What unread code is kept in, tried out; raises SandboxError if it is less than it must be at least."""
        with self._decider() as decider:
            return decider.isolation

    def vet(self, contract: Contract) -> list[tuple[str, str]]:
        """Clause and complaint for everything that makes a contract unfit to ask code for."""
        try:
            found = self._run(contract, {"job": "vet"})
        except UndecidedError as error:
            return [(error.clause, str(error))]
        return [(item["clause"], item["message"]) for item in found]

    def admit(
        self, contract: Contract, *, cases: Sequence[Case], rules: Sequence[str], independent: bool
    ) -> tuple[tuple[Case, ...], tuple[Rule, ...], tuple[str, ...]]:
        """The proposals that may enter a contract, and why the others may not."""
        job = {
            "job": "admit",
            "cases": [case.model_dump(mode="json") for case in cases],
            "rules": list(rules),
            "independent": independent,
        }
        try:
            found = self._run(contract, job)
        except UndecidedError as error:
            return (), (), (f"{error.clause} {error}",)
        return (
            tuple(Case.model_validate(case) for case in found["cases"]),
            tuple(Rule.model_validate(rule) for rule in found["rules"]),
            tuple(found["refused"]),
        )

    def judge(
        self, contract: Contract, source: str, callees: Mapping[str, Part], effort: Effort = THOROUGH
    ) -> Judgement:
        """Whether a function file keeps its contract. `callees` are what it may call, and what they may call."""
        refusal = bounds.check_source(source, contract)
        if refusal is not None:
            return _single("bounds", refusal.reason)
        return self.judge_program(
            contract, _program(contract.spec, [*callees.values(), Part(contract, source)]), effort
        )

    def judge_program(self, contract: Contract, program: Program, effort: Effort = THOROUGH) -> Judgement:
        """Whether a program keeps a contract, the bounds aside: what is left once they have been checked."""
        job = {
            "job": "judge",
            "program": _wired(program),
            "effort": effort.model_dump(mode="json"),
        }
        try:
            return Judgement.model_validate(self._run(contract, job, draws=effort.generated > 0))
        except UndecidedError as error:
            named = str(error).startswith("'")
            return _single(
                "limits", f"{'with what it returned, the rule' if named else 'what it returned'} {error}"
            )

    def judge_flow(self, spec: str, flow: Flow, parts: Mapping[str, Part]) -> FlowJudgement:
        """Whether the functions of a flow keep it together.

        `parts` holds every function that the flow may come to call, by `spec.function`, callees before callers.
        """
        program = _program(spec, list(parts.values()))
        job = {
            "job": "flow",
            "flow": flow.model_dump(mode="json"),
            "contracts": [parts[f"{spec}.{name}"].contract.model_dump_json() for name in flow.functions],
            "program": _wired(program),
        }
        try:
            try:
                done, _ = self._ask(job)
            except LostSandboxError:  # the machine may have ended it for want of memory
                done, _ = self._ask(job)
        except UndecidedError as error:
            clause = error.clause if error.clause in flow.clauses else "limits"
            return FlowJudgement(clauses=(FlowClause(clause=clause, passed=False, message=str(error)),))
        return FlowJudgement.model_validate(done)

    def differ(self, old: Sequence[Part], new: Sequence[Part]) -> Behaviour:
        """On which inputs two versions of a function answer differently.

        The last part of each is the function, those before are what it calls, callees first. Neither is trusted:
        whatever is out of bounds is not run.
        """
        for when, parts in (("was", old), ("is", new)):
            for part in parts:
                if refusal := bounds.check_source(part.source, part.contract):
                    return Behaviour(
                        note=f"not run: {part.contract.id} as it {when} is out of bounds: {refusal.reason}"
                    )
        before, after = old[-1].contract, new[-1].contract
        job = {
            "job": "differ",
            "old": before.model_dump_json(),
            "old_recorded": self._inputs.get(recording_key(before)),
            "old_program": _wired(_program(before.spec, old)),
            "program": _wired(_program(after.spec, new)),
            "hints": hints_of(part.source for part in (*new, *old)),
        }
        try:
            return Behaviour.model_validate(self._run(after, job))
        except UndecidedError as error:
            return Behaviour(note=f"not compared to the end: {error.clause or 'a rule'} {error}")

    def close(self) -> None:
        """End every process this judge started, whatever it is at."""
        with self._lock:
            self._closed = True
            while self._started:
                self._started.pop().close()

    def _run(self, contract: Contract, job: dict[str, Any], *, draws: bool = True) -> Any:
        """What comes of a job. `draws`: it may want generated inputs, which are drawn once for a contract."""
        key = recording_key(contract) if draws else ""
        recorded = self._inputs.get(key) if draws else None
        job = {**job, "contract": contract.model_dump_json(), "recorded": recorded}
        try:
            done, drawn = self._ask(job)
        except LostSandboxError:  # the machine may have ended it for want of memory
            done, drawn = self._ask(job)
        if drawn:
            self._inputs.put(key, drawn)
        return done

    def _ask(self, job: dict[str, Any]) -> tuple[Any, str | None]:
        with self._turns, self._decider() as decider:
            return decider.run(job)

    @contextmanager
    def _decider(self) -> Iterator[Decider]:
        """An idle decider, or a new one; one that broke is not used again."""
        try:
            decider = self._idle.get_nowait()
        except queue.Empty:
            decider = self._start()
        try:
            self._demand(decider.isolation)
            yield decider
        except BaseException:
            self._discard(decider)
            raise
        self._idle.put(decider)

    def _start(self) -> Decider:
        with self._lock:
            if self._closed:
                raise SandboxError("the judge was closed while it was judging")
            taken = [decider.core for decider in self._started]
            core = min(self._cores, key=taken.count, default=None)
            decider = Decider(self._at_most, self._rule_seconds, core)
            self._started.add(decider)
        return decider

    def _discard(self, decider: Decider) -> None:
        with self._lock:
            if decider in self._started:
                self._started.discard(decider)
                decider.close()

    def _demand(self, isolation: Isolation) -> None:
        if self._at_least == "kernel" and isolation.level != "kernel":
            raise SandboxError(
                f'sandbox = "kernel" is required and not to be had here: {isolation.trouble or "it was not tried"}. '
                f"{f'What to do: {isolation.remedy}. Or ' if isolation.remedy else ''}"
                'sandbox = "process" under [tool.drystone] in pyproject.toml keeps accidents apart but no attacker'
            )


def _wired(program: Program) -> dict[str, Any]:
    return {
        "modules": dict(program.modules), "package": program.package, "limits": asdict(program.limits),
    }  # fmt: skip


def _program(spec: str, parts: Sequence[Part]) -> Program:
    """Functions of a spec, and those of others that they call, callees before callers."""
    contracts = [part.contract for part in parts]
    homes = {home for each in contracts for home in (each.spec, *each.homes.values())} - {spec}
    names = [*sorted(homes, key=lambda h: (h[0] != "_", h)), spec]
    modules = {_module(spec, home, "types"): _types(home, contracts) for home in names}
    modules |= {_module(spec, part.contract.spec, part.contract.function): part.source for part in parts}
    return Program(modules=modules, package=f"generated.{spec}")


def _module(spec: str, home: str, name: str) -> str:
    return name if home == spec else f"{home}.{name}"


def _types(home: str, contracts: Sequence[Contract]) -> str:
    """The types of one spec as far as these contracts know them; what they need of other specs they import."""
    homes = {
        name: each.homes.get(name, each.spec)
        for each in contracts
        for name in (*each.types, *each.errors, *each.ports)
    }
    first = next((each for each in contracts if each.spec == home), None)
    own = first or contracts[0].model_copy(update={"spec": home, "uses": ()})
    known = {
        kind: {name: item for each in contracts for name, item in getattr(each, kind).items()}
        for kind in ("types", "errors", "ports")
    }
    foreign = {name: other for name, other in homes.items() if other != home}
    return render.render_stub_types(own.model_copy(update={**known, "homes": foreign}))


def _single(clause: str, message: str) -> Judgement:
    return Judgement(clauses=(Clause(clause=clause, passed=False, message=message),))
