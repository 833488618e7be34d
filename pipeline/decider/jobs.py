"""What a decider is asked to do: vet a contract, admit proposals to one, judge a program, compare two."""

import functools
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Self, TypeVar

from pipeline.decider.clauses import Clauses, Observe
from pipeline.decider.differing import Side, compare
from pipeline.decider.flow_judging import judge_flow
from pipeline.decider.judging import judge
from pipeline.decider.recording import Recording
from pipeline.decider.soundness import Problem, unsound
from pipeline.decider.vetting import Note, admit, vet
from pipeline.flows.records import Flow, FlowJudgement
from pipeline.records import Behaviour, Case, Clause, Contract, Effort, Judgement
from pipeline.sandbox import strongest
from pipeline.sandbox.port import Call, Limits, Observation, Program, Sandbox, Session

AnyJudgement = TypeVar("AnyJudgement", Judgement, FlowJudgement)


def serve(job: dict[str, Any], sandbox: Sandbox, note: Note) -> dict[str, Any]:
    """What comes of a job, as JSON, and the inputs that were drawn for it if they were not recorded yet."""
    recording = Recording(job.get("recorded"))
    done = _serve(job, sandbox, note, recording)
    return {"done": done, "drawn": recording.render() if recording.grown else None}


@functools.lru_cache(maxsize=256)
def _prepare(contract_text: str) -> tuple[Clauses | None, tuple[Problem, ...]]:
    """A contract made ready, or why it cannot stand: once for all its candidates."""
    contract = Contract.model_validate_json(contract_text)
    problems = tuple(unsound(contract))
    return (None if problems else Clauses(contract)), problems


def _serve(job: dict[str, Any], sandbox: Sandbox, note: Note, recording: Recording) -> Any:
    if job["job"] == "flow":
        return _judge_flow(job, sandbox, note)
    clauses, problems = _prepare(job["contract"])
    if clauses is None:
        return _refused(job["job"], problems)
    match job["job"]:
        case "vet":
            return [asdict(problem) for problem in vet(clauses.contract, note, recording)]
        case "admit":
            cases = [Case.model_validate(case) for case in job["cases"]]
            found = admit(clauses.contract, cases, job["rules"], independent=job["independent"], note=note)
            return {
                "cases": [case.model_dump(mode="json") for case in found.cases],
                "rules": [rule.model_dump(mode="json") for rule in found.rules],
                "refused": list(found.refused),
            }
        case "judge":
            effort = Effort.model_validate(job["effort"])
            with _Pair(sandbox, _program(job)) as pair:
                judgement = judge(clauses, pair.first, pair.second, effort, recording)
            return believed(judgement, clean=pair.clean).model_dump(mode="json")
        case "differ":
            return _differ(job, sandbox, clauses, recording).model_dump(mode="json")
    raise ValueError(job["job"])


def _differ(job: dict[str, Any], sandbox: Sandbox, after: Clauses, recording: Recording) -> Behaviour:
    before, problems = _prepare(job["old"])
    if before is None:
        return Behaviour(note=f"the old contract cannot stand: {problems[0].clause}: {problems[0].message}")
    old_program = _program({"program": job["old_program"]})
    with _Pair(sandbox, old_program) as old, _Pair(sandbox, _program(job)) as new:
        found = compare(
            Side(before, old.first, old.fresh, Recording(job["old_recorded"])),
            Side(after, new.first, new.fresh, recording),
            job["hints"],
        )
    lost = any("never answered" in text for each in found.differences for text in (each.before, each.after))
    if lost or (old.clean and new.clean):
        return found
    which = "the new" if old.clean else "the old"
    return found.model_copy(
        update={"note": f"{which} version's process did not end cleanly: what it said is in doubt"}
    )


def _program(job: dict[str, Any]) -> Program:
    return Program(**{**job["program"], "limits": Limits(**job["program"]["limits"])})


def _judge_flow(job: dict[str, Any], sandbox: Sandbox, note: Note) -> Any:
    flow = Flow.model_validate(job["flow"])
    contracts = [Contract.model_validate_json(text) for text in job["contracts"]]
    with _Pair(sandbox, _program(job)) as pair:
        judgement = judge_flow(flow, {each.function: each for each in contracts}, pair.fresh, note)
    return believed(judgement, clean=pair.clean).model_dump(mode="json")


def _refused(job: str, problems: Sequence[Problem]) -> Any:
    match job:
        case "vet":
            return [asdict(problem) for problem in problems]
        case "admit":
            refused = [f"{problem.clause}: {problem.message}" for problem in problems]
            return {"cases": [], "rules": [], "refused": refused}
        case "differ":
            return Behaviour(note=f"{problems[0].clause}: {problems[0].message}").model_dump(mode="json")
    clauses = [Clause(clause=problem.clause, passed=False, message=problem.message) for problem in problems]
    return Judgement(clauses=tuple(clauses)).model_dump(mode="json")


def believed(judgement: AnyJudgement, *, clean: bool) -> AnyJudgement:
    """A process that did not end cleanly is not believed."""
    if clean or not judgement.passed:
        return judgement
    tainted = {"passed": False, "message": "its process did not end cleanly"}
    clauses = tuple(
        each.model_copy(update=tainted) if each.clause == "limits" else each for each in judgement.clauses
    )
    return judgement.model_copy(update={"clauses": clauses})


class _Pair:
    """The two processes a candidate is observed in; the second starts only when it is asked."""

    def __init__(self, sandbox: Sandbox, program: Program) -> None:
        self._sandbox = sandbox
        self._program = program
        self._sessions: dict[int, Session] = {}
        self.clean = True
        """After the block: every process ended cleanly."""

    def first(self, calls: Sequence[Call]) -> list[Observation]:
        return self._observe(strongest.HASH_SEEDS[0], calls)

    def second(self, calls: Sequence[Call]) -> list[Observation]:
        return self._observe(strongest.HASH_SEEDS[1], calls)

    def fresh(self) -> Observe:
        """A process of its own in the place of the first, which is lost or was none yet."""
        lost = self._sessions.pop(strongest.HASH_SEEDS[0], None)
        if lost is not None:
            lost.close()
        return self.first

    def _observe(self, hash_seed: int, calls: Sequence[Call]) -> list[Observation]:
        if hash_seed not in self._sessions:
            self._sessions[hash_seed] = self._sandbox.open(self._program, hash_seed=hash_seed)
        return self._sessions[hash_seed].observe(calls)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for session in self._sessions.values():
            self.clean = session.close() and self.clean
