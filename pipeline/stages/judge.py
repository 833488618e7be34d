"""Candidate -> Judgement. The sandbox observes, the decider decides; this module only carries between them."""

import queue
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Self

from pipeline import bounds, render
from pipeline.decider.client import Decider, UndecidedError
from pipeline.errors import DrystoneError
from pipeline.records import Case, Clause, Contract, Judgement, Rule
from pipeline.sandbox.port import Call, Observation, Program, Sandbox, Session


class Part:
    """A function with its contract: the one under judgement, or a callee it needs."""

    def __init__(self, contract: Contract, source: str) -> None:
        self.contract = contract
        self.source = source


class Judge:
    """Holds contracts against themselves and candidates against contracts. Safe to use from several threads."""

    def __init__(self, sandbox: Sandbox, wall_seconds: float | None = None) -> None:
        self.sandbox = sandbox
        self._wall_seconds = wall_seconds
        self._idle: queue.SimpleQueue[Decider] = queue.SimpleQueue()

    def vet(self, contract: Contract) -> list[tuple[str, str]]:
        """Clause and complaint for everything that makes a contract unfit to ask code for."""
        try:
            found = self._run({"job": "vet", "contract": contract.model_dump(mode="json")})
        except UndecidedError as error:
            return [(error.clause, str(error))]
        return [(item["clause"], item["message"]) for item in found]

    def admit(
        self, contract: Contract, *, cases: Sequence[Case], rules: Sequence[str], independent: bool
    ) -> tuple[tuple[Case, ...], tuple[Rule, ...], tuple[str, ...]]:
        """The proposals that may enter a contract, and why the others may not."""
        job = {
            "job": "admit",
            "contract": contract.model_dump(mode="json"),
            "cases": [case.model_dump(mode="json") for case in cases],
            "rules": list(rules),
            "independent": independent,
        }
        try:
            found = self._run(job)
        except UndecidedError as error:
            return (), (), (f"{error.clause} {error}",)
        return (
            tuple(Case.model_validate(case) for case in found["cases"]),
            tuple(Rule.model_validate(rule) for rule in found["rules"]),
            tuple(found["refused"]),
        )

    def judge(self, contract: Contract, source: str, callees: Mapping[str, Part]) -> Judgement:
        """Whether a function file keeps its contract. `callees` are what it may call, and what they may call."""
        refusal = bounds.check_source(source, contract)
        if refusal is not None:
            return _single("bounds", refusal.reason)
        return self.judge_program(contract, _program(contract, source, callees))

    def judge_program(self, contract: Contract, program: Program) -> Judgement:
        """Whether a program keeps a contract, the bounds aside: what is left once they have been checked."""
        job = {"job": "judge", "contract": contract.model_dump(mode="json")}
        with _Pair(self.sandbox, program) as pair:
            try:
                found = self._run(job, {"first": pair.first, "second": pair.second})
            except UndecidedError as error:
                return _single("limits", f"with what it returned, a rule {error}")
        judgement = Judgement.model_validate(found)
        clauses = judgement.clauses
        if judgement.passed and not pair.clean:
            tainted = Clause(clause="limits", passed=False, message="its process did not end cleanly")
            clauses = tuple(tainted if clause.clause == "limits" else clause for clause in clauses)
        return judgement.model_copy(update={"clauses": clauses})

    def close(self) -> None:
        """End every process this judge started."""
        while not self._idle.empty():
            self._idle.get().close()

    def _run(self, job: dict[str, Any], observers: Any = None) -> Any:
        with self._decider() as decider:
            return decider.run(job, observers)

    @contextmanager
    def _decider(self) -> Iterator[Decider]:
        """An idle decider, or a new one; one that broke is not used again."""
        try:
            decider = self._idle.get_nowait()
        except queue.Empty:
            decider = Decider() if self._wall_seconds is None else Decider(self._wall_seconds)
        try:
            yield decider
        except BaseException:
            decider.close()
            raise
        self._idle.put(decider)


class _Pair:
    """The two processes a candidate is observed in; the second starts only when it is asked."""

    def __init__(self, sandbox: Sandbox, program: Program) -> None:
        self._sandbox = sandbox
        self._program = program
        self._sessions: dict[int, Session] = {}
        self.clean = True
        """After the block: every process ended cleanly."""

    def first(self, calls: Sequence[Call]) -> list[Observation]:
        return self._observe(1, calls)

    def second(self, calls: Sequence[Call]) -> list[Observation]:
        return self._observe(2, calls)

    def _observe(self, hash_seed: int, calls: Sequence[Call]) -> list[Observation]:
        if hash_seed not in self._sessions:
            self._sessions[hash_seed] = self._sandbox.open(self._program, hash_seed=hash_seed)
        return self._sessions[hash_seed].observe(calls)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as stack:
            for session in self._sessions.values():
                stack.callback(self._end, session)

    def _end(self, session: Session) -> None:
        try:
            self.clean = session.close() and self.clean
        except DrystoneError:
            self.clean = False


def _program(contract: Contract, source: str, callees: Mapping[str, Part]) -> Program:
    contracts = [contract, *(part.contract for part in callees.values())]
    types = {name: kind for each in contracts for name, kind in each.types.items()}
    errors = {name: text for each in contracts for name, text in each.errors.items()}
    merged = contract.model_copy(update={"types": types, "errors": errors})
    modules = {"types": render.render_stub_types(merged)}
    modules |= {name: part.source for name, part in callees.items()}
    return Program(modules={**modules, contract.function: source}, package=f"generated.{contract.spec}")


def _single(clause: str, message: str) -> Judgement:
    return Judgement(clauses=(Clause(clause=clause, passed=False, message=message),))
