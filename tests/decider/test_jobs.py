"""What a decider is asked to do, with a sandbox at the port that keeps a diary."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import pytest
from subjects import broken, contract

from pipeline.decider import jobs
from pipeline.decider.vetting import Note
from pipeline.errors import SandboxError
from pipeline.records import Behaviour, Case, Contract, Effort, Judgement
from pipeline.sandbox.port import Call, Level, Observation, Program, Sandbox, Session

DOUBLE = contract({"x": "int"}, cases=[({"x": 2}, 4), ({"x": 3}, 6)], ensures=["result == x + x"])
CASES_ONLY = Effort(generated=0, landing=False, counterexample=False)
Function = Callable[[int], Observation]


def right(x: int) -> Observation:
    return Observation("returned", value=x * 2)


def wrong(_: int) -> Observation:
    return Observation("returned", value=0)


class Diary(Sandbox):
    """Answers with a function of this process, and notes what it was asked for."""

    level: Level = "kernel"
    layers: tuple[str, ...] = ()

    def __init__(self, answer: Function = right, *, clean: bool = True) -> None:
        self.answer = answer
        self.clean = clean
        self.opened: list[int] = []
        self.closed: list[int] = []

    def open(self, program: Program, *, hash_seed: int) -> Session:
        self.opened.append(hash_seed)
        return Page(self, hash_seed)

    def close(self) -> None:
        """There is nothing to end."""


class Page(Session):
    def __init__(self, diary: Diary, hash_seed: int) -> None:
        self.diary = diary
        self.hash_seed = hash_seed

    def observe(self, calls: Sequence[Call]) -> list[Observation]:
        return [self.diary.answer(*call.arguments) for call in calls]

    def close(self) -> bool:
        self.diary.closed.append(self.hash_seed)
        return self.diary.clean


def quiet(_: str) -> None:
    """Nobody listens to where a job is."""


def job(name: str, promised: Contract, **more: object) -> dict[str, object]:
    return {"job": name, "contract": promised.model_dump_json(), **more}


def judged(sandbox: Sandbox, effort: Effort | None = None, promised: Contract = DOUBLE) -> Judgement:
    """What comes of judging, there and back as JSON."""
    wanted = effort or Effort()
    asked = job("judge", promised, program=asdict(Program({})), effort=wanted.model_dump(mode="json"))
    return Judgement.model_validate(json.loads(json.dumps(done(asked, sandbox))))


def done(asked: dict[str, object], sandbox: Sandbox | None = None, note: Note = quiet) -> Any:
    return jobs.serve(asked, sandbox or Diary(), note)["done"]


def test_a_process_that_ends_badly_is_refused() -> None:
    """True answers from a process that does not end cleanly are not believed."""
    judgement = judged(Diary(clean=False))
    assert [(clause.clause, clause.message) for clause in judgement.failures] == [
        ("limits", "its process did not end cleanly")
    ]


def test_what_is_broken_is_not_said_to_end_badly() -> None:
    """A candidate is told what it did wrong, not how its process ended after that."""
    assert "limits" not in broken(judged(Diary(wrong, clean=False)))


def test_both_processes_are_closed() -> None:
    """What lands has been observed in two, one for each seed of hashes."""
    diary = Diary()
    judged(diary)
    assert (diary.opened, diary.closed) == ([1, 2], [1, 2])


@pytest.mark.parametrize("diary", [Diary(wrong), Diary()], ids=["broken", "cases only"])
def test_a_second_process_starts_only_when_it_is_asked(diary: Diary) -> None:
    """Nobody pays for a replay of what is refused already, or of what is not to land."""
    judged(diary, CASES_ONLY)
    assert (diary.opened, diary.closed) == ([1], [1])


def test_processes_are_closed_whatever_happens() -> None:
    """A rule or a sandbox that breaks in the middle leaves no process behind."""

    def breaks(_: int) -> Observation:
        raise SandboxError("it is gone")

    diary = Diary(breaks)
    with pytest.raises(SandboxError):
        judged(diary)
    assert diary.opened == diary.closed == [1]


def test_a_job_is_json_both_ways() -> None:
    """A program, its limits and the effort come as JSON; the judgement goes as JSON."""
    judgement = judged(Diary(), CASES_ONLY)
    assert (judgement.passed, judgement.inputs) == (True, 2)


def test_vetting_says_where_it_is() -> None:
    """Whoever keeps the time knows which clause is being worked on."""
    noted: list[str] = []
    assert done(job("vet", DOUBLE), note=noted.append) == []
    assert {"examples[case 0]", "examples[case 1]"} <= set(noted)


def test_an_unsound_contract_is_not_judged() -> None:
    """No candidate is called for a contract that cannot stand."""
    diary = Diary()
    unsound = contract({"x": "int"}, ensures=["x.__class__"])
    assert (broken(judged(diary, promised=unsound)), diary.opened) == (["ensures[0]"], [])


def test_an_unsound_contract_admits_nothing() -> None:
    """Proposals to a contract that cannot stand are refused with what is wrong with it."""
    case = Case(name="a", given={"x": 1}, returns=1).model_dump(mode="json")
    found = done(job("admit", contract({"x": "Nowhere"}), cases=[case], rules=[], independent=True))
    assert (found["cases"], found["refused"]) == ([], ["contract: unknown type 'Nowhere'"])


def test_an_unsound_contract_has_complaints() -> None:
    """Vetting finds what is unsound before anything of it is evaluated."""
    (found,) = done(job("vet", contract({"x": "int"}, ensures=["x.__class__"])))
    assert found["clause"] == "ensures[0]"


def differing(sandbox: Sandbox, *, old: Contract = DOUBLE, new: Contract = DOUBLE) -> Behaviour:
    """What comes of comparing two versions, there and back as JSON."""
    program = asdict(Program({}))
    more = {"old": old.model_dump_json(), "old_recorded": None, "old_program": program, "hints": []}
    return Behaviour.model_validate(
        json.loads(json.dumps(done(job("differ", new, program=program, **more), sandbox)))
    )


def test_two_versions_run_in_processes_of_their_own() -> None:
    """Each in one, and both are closed."""
    diary = Diary()
    found = differing(diary)
    assert (found.differing, found.note, diary.opened, diary.closed) == (0, "", [1, 1], [1, 1])


def test_a_version_whose_process_ends_badly_is_in_doubt() -> None:
    """That nothing differed is not believed of it."""
    assert "did not end cleanly" in differing(Diary(clean=False)).note


def test_a_contract_that_cannot_stand_is_not_compared() -> None:
    """Neither the old one nor the new one; no process is started."""
    unsound = contract({"x": "int"}, ensures=["x.__class__"])
    for which in ("old", "new"):
        diary = Diary()
        found = differing(diary, **{which: unsound})
        assert (found.inputs, "ensures[0]" in found.note, diary.opened) == (0, True, [])


def test_a_job_nobody_knows_is_a_bug() -> None:
    """It is not passed over."""
    with pytest.raises(ValueError, match="sing"):
        done(job("sing", DOUBLE))
