"""The judge as a stage: bounds first, then the decider and its sandbox, whatever any of them does."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from subjects import broken, contract, kernel_sandbox

from pipeline.decider.client import cores
from pipeline.definitions import Param, TypeAlias, TypeEnum, TypeRecord
from pipeline.errors import SandboxError
from pipeline.records import Callee, Case, Clause, Contract, Effort, Raise, Rule
from pipeline.sandbox.port import Level
from pipeline.stages.judge import Judge, Part, _program

DOUBLE = contract({"x": "int"}, cases=[({"x": 2}, 4), ({"x": 3}, 6)], ensures=["result == x + x"])
KEEPS = "def f(x: int) -> int:\n    return x * 2\n"


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    opened = Judge()
    yield opened
    opened.close()


def test_deciders_share_the_cores_out() -> None:
    """Those that work at once are on different cores, as long as there are more of them."""
    judge = Judge()
    with ThreadPoolExecutor(2) as pool:
        assert all(found.passed for found in pool.map(lambda _: judge.judge(DOUBLE, KEEPS, {}), range(2)))
    taken = [decider.core for decider in judge._started]
    judge.close()
    assert min(len(taken), len(cores())) == len(set(taken) - {None})


def without_a_sandbox() -> Judge:
    """A judge who can do nothing: no process of his isolates as it must."""
    return Judge(at_least="kernel", at_most="process")


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


def test_what_the_bounds_refuse_is_not_run() -> None:
    """A function that may not be read is not called either, nor is there a process that could."""
    source = "import os\n\n\ndef f(x: int) -> int:\n    return os.getpid()\n"
    assert broken(without_a_sandbox().judge(DOUBLE, source, {})) == ["bounds"]


def test_a_missing_sandbox_is_no_verdict() -> None:
    """A broken world is an exception, and the candidate is not blamed."""
    judge = without_a_sandbox()
    with pytest.raises(SandboxError):
        judge.judge(DOUBLE, KEEPS, {})
    judge.close()


@pytest.mark.parametrize("level", ["process", "kernel"])
def test_a_level_is_said_and_judged_alike(level: Level) -> None:
    """How far a judge isolates changes nothing about what he finds."""
    if level == "kernel":
        kernel_sandbox().close()
    judge = Judge(at_least=level, at_most=level)
    wrong = KEEPS.replace("x * 2", "x * 2 if x < 9 else 0")
    found = (
        judge.isolation.level,
        judge.judge(DOUBLE, KEEPS, {}).passed,
        judge.judge(DOUBLE, wrong, {}).failures,
    )
    judge.close()
    message = "f(9) returned 0, and 'result == x + x' is false"
    assert found == (level, True, (Clause(clause="ensures[0]", passed=False, message=message),))


def test_isolation_is_what_was_found_out(judge: Judge) -> None:
    """At the strongest level there is no trouble; below it, the trouble and its remedy are said."""
    isolation = judge.isolation
    assert (isolation.level == "kernel") == (isolation.trouble == "") == (isolation.remedy == "")


def test_effort_is_the_callers(judge: Judge) -> None:
    """Cases alone: no other input is tried, so a function that knows them by heart passes."""
    by_heart = KEEPS.replace("x * 2", "x * 2 if x < 9 else 0")
    cases_only = Effort(generated=0, landing=False, counterexample=False)
    judgement = judge.judge(DOUBLE, by_heart, {}, cases_only)
    assert (judgement.passed, judgement.inputs) == (True, 2)


def test_a_judge_goes_on_after_a_broken_job() -> None:
    """A decider that was stopped is replaced."""
    judge = Judge(rule_seconds=2.0)
    judge.vet(contract({"x": "int"}, ensures=["9 ** 9 ** 9 == result"], cases=[({"x": 1}, 1)]))
    judgement = judge.judge(DOUBLE, KEEPS, {})
    judge.close()
    assert judgement.passed


def test_a_hanging_precondition_is_named() -> None:
    """Vetting says which clause did not end."""
    judge = Judge(rule_seconds=1.0)
    found = judge.vet(contract({"x": "int"}, requires=["9 ** 9 ** 9 > x"], ensures=["result > x"]))
    judge.close()
    assert found == [("requires", "'9 ** 9 ** 9 > x' takes longer than 1 s to evaluate")]


def test_a_hanging_proposal_is_named() -> None:
    """Admission says which proposal did not end, and admits none."""
    judge = Judge(rule_seconds=1.0)
    found = judge.admit(DOUBLE, cases=(), rules=["9 ** 9 ** 9 > result"], independent=True)
    judge.close()
    assert found == ((), (), ("proposed rule '9 ** 9 ** 9 > result' takes longer than 1 s to evaluate",))


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


def test_a_program_holds_what_each_spec_defines() -> None:
    """Types of other specs come first, under the name of their package; callees as they are named."""
    kind = TypeEnum(values=("a",))
    callee = contract({"x": "Cents"}, types={"Cents": TypeAlias(type="int")}, errors={"Broke": "No money."})
    callee = callee.model_copy(update={"spec": "money", "function": "tax"})
    caller = contract(
        {"kind": "Kind", "x": "int"}, types={"Kind": kind, "Own": kind}, homes={"Kind": "_shared"},
        uses=(Callee(function="money.tax", signature="def tax(x: Cents) -> int:", summary="", raises=("Broke",)),),
    )  # fmt: skip
    program = _program(caller.spec, [Part(callee, "tax"), Part(caller, "source")])
    assert list(program.modules) == ["_shared.types", "money.types", "types", "money.tax", "f"]
    assert program.package == "generated.s"


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
