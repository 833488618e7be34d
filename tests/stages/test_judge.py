"""The judge as a stage: bounds first, then the sandbox and the decider, whatever any of them does."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from subjects import broken, contract

from pipeline.errors import SandboxError
from pipeline.records import Callee, Case, Contract, Param, Raise, Rule, TypeEnum, TypeRecord
from pipeline.sandbox.port import Call, Level, Observation, Program, Sandbox, Session
from pipeline.sandbox.process import ProcessSandbox
from pipeline.stages.judge import Judge, Part

DOUBLE = contract({"x": "int"}, cases=[({"x": 2}, 4), ({"x": 3}, 6)], ensures=["result == x + x"])
KEEPS = "def f(x: int) -> int:\n    return x * 2\n"


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    opened = Judge(ProcessSandbox())
    yield opened
    opened.close()


class Unclean(Session):
    """Answers truly and does not end well."""

    def __init__(self, inner: Session) -> None:
        self.inner = inner

    def observe(self, calls: Sequence[Call]) -> list[Observation]:
        return self.inner.observe(calls)

    def close(self) -> bool:
        self.inner.close()
        return False


class UncleanSandbox(Sandbox):
    level: Level = "process"

    def open(self, program: Program, *, hash_seed: int) -> Session:
        return Unclean(ProcessSandbox().open(program, hash_seed=hash_seed))


class NoSandbox(Sandbox):
    level: Level = "process"

    def open(self, program: Program, *, hash_seed: int) -> Session:
        raise SandboxError("there is none")


def test_a_function_that_keeps_its_contract_passes(judge: Judge) -> None:
    """Every clause is reported, and every one is kept."""
    judgement = judge.judge(DOUBLE, KEEPS, {})
    assert [(clause.clause, clause.passed) for clause in judgement.clauses] == [
        (name, True)
        for name in (
            "bounds", "examples[case 0]", "examples[case 1]", "returns", "raises", "ensures[0]", "unmodified",
            "repeatable", "limits",
        )
    ]  # fmt: skip


def test_what_the_bounds_refuse_is_not_run(judge: Judge) -> None:
    """A function that may not be read is not called either."""
    source = "import os\n\n\ndef f(x: int) -> int:\n    return os.getpid()\n"
    assert broken(Judge(NoSandbox()).judge(DOUBLE, source, {})) == ["bounds"]


def test_a_process_that_ends_badly_is_refused() -> None:
    """True answers from a process that does not end cleanly are not believed."""
    judge = Judge(UncleanSandbox())
    judgement = judge.judge(DOUBLE, KEEPS, {})
    judge.close()
    assert [(clause.clause, clause.message) for clause in judgement.failures] == [
        ("limits", "its process did not end cleanly")
    ]


def test_a_missing_sandbox_is_no_verdict() -> None:
    """A broken world is an exception, and the candidate is not blamed."""
    judge = Judge(NoSandbox())
    with pytest.raises(SandboxError):
        judge.judge(DOUBLE, KEEPS, {})
    judge.close()


def test_a_judge_goes_on_after_a_broken_job() -> None:
    """A decider that was stopped is replaced."""
    judge = Judge(ProcessSandbox(), wall_seconds=3.0)
    judge.vet(contract({"x": "int"}, ensures=["9 ** 9 ** 9 == result"], cases=[({"x": 1}, 1)]))
    judgement = judge.judge(DOUBLE, KEEPS, {})
    judge.close()
    assert judgement.passed


def test_a_hanging_precondition_is_named() -> None:
    """Vetting says which clause did not end."""
    judge = Judge(ProcessSandbox(), wall_seconds=2.0)
    found = judge.vet(contract({"x": "int"}, requires=["9 ** 9 ** 9 > x"], ensures=["result > x"]))
    judge.close()
    assert found == [("requires", "takes longer than 2 s to evaluate")]


def test_a_hanging_proposal_is_named() -> None:
    """Admission says which proposal did not end, and admits none."""
    judge = Judge(ProcessSandbox(), wall_seconds=2.0)
    found = judge.admit(DOUBLE, cases=(), rules=["9 ** 9 ** 9 > result"], independent=True)
    judge.close()
    assert found == ((), (), ("proposed rule '9 ** 9 ** 9 > result' takes longer than 2 s to evaluate",))


def test_proposals_are_sorted(judge: Judge) -> None:
    """What fits comes back as cases and rules, the rest with reasons."""
    good = Case(name="good", given={"x": 5}, returns=10, origin="architect")
    bad = Case(name="bad", given={"x": 6}, returns=10, origin="architect")
    found = judge.admit(DOUBLE, cases=[good, bad], rules=["result % 2 == 0"], independent=True)
    assert found == (
        (good,),
        (Rule(rule="result % 2 == 0", origin="architect"),),
        ("case 'bad': it promises 10, but 'result == x + x' is false for that",),
    )


def test_a_function_calls_its_callees(judge: Judge) -> None:
    """Callees come along as modules beside it, with their types and errors."""
    types = {
        "Step": TypeEnum(values=("on", "off")),
        "Box": TypeRecord(fields=(Param(name="step", type="Step"),)),
    }
    callee = Contract(
        spec="s", function="flip", summary="", params=(Param(name="box", type="Box"),), returns="Step", types=types,
        errors={"Jammed": "It is jammed."}, raises=(Raise(error="Jammed", when="box.step == 'off'"),),
    )  # fmt: skip
    flip = (
        "from .types import Box, Jammed, Step\n\n\ndef flip(box: Box) -> Step:\n"
        "    if box.step == Step.OFF:\n        raise Jammed\n    return Step.OFF\n"
    )
    promised = contract(
        {"box": "Box"},
        "str",
        types=types,
        ensures=["result == ('off' if box.step == 'on' else 'jammed')"],
        uses=(
            Callee(
                function="flip",
                signature="def flip(box: Box) -> Step:",
                summary="",
                raises=("Jammed: It is jammed.",),
            ),
        ),
    )
    source = (
        "from .flip import flip\nfrom .types import Box, Jammed\n\n\ndef f(box: Box) -> str:\n"
        "    try:\n        return flip(box).value\n    except Jammed:\n        return 'jammed'\n"
    )
    judgement = judge.judge(promised, source, {"flip": Part(callee, flip)})
    assert [clause.message for clause in judgement.failures] == []


def test_an_unsound_contract_is_judged_broken(judge: Judge) -> None:
    """A contract from a hostile file is refused without an evaluation."""
    hostile = contract({"x": "int"}, ensures=["__import__('os').system('true')"])
    assert broken(judge.judge(hostile, KEEPS, {})) == ["ensures[0]"]


def test_threads_share_a_judge(judge: Judge) -> None:
    """Judging at the same time gives what judging one by one gives."""
    wrong = KEEPS.replace("x * 2", "x * 3")
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda source: judge.judge(DOUBLE, source, {}), [KEEPS, wrong]))
    assert found == [judge.judge(DOUBLE, KEEPS, {}), judge.judge(DOUBLE, wrong, {})]
