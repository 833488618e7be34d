"""A decider process from the outside: its answers, its limits, and how it ends."""

import os
from collections.abc import Iterator, Sequence

import pytest
from subjects import contract

from pipeline.decider.client import Decider, UndecidedError
from pipeline.errors import InternalError
from pipeline.records import Case, Contract
from pipeline.sandbox.port import Call, Observation


@pytest.fixture
def decider() -> Iterator[Decider]:
    opened = Decider(wall_seconds=20.0)
    yield opened
    opened.close()


def job(name: str, promised: Contract, **more: object) -> dict[str, object]:
    return {"job": name, "contract": promised.model_dump(mode="json"), **more}


def answer(value: object) -> object:
    """An observer whose candidate always returns the same."""

    def observe(calls: Sequence[Call]) -> list[Observation]:
        return [Observation("returned", value=value) for _ in calls]

    return observe


def test_a_decider_answers_one_job_after_the_other(decider: Decider) -> None:
    """One process serves many jobs."""
    promised = contract({"x": "int"}, cases=[({"x": 1}, 2), ({"x": 2}, 4)])
    assert [decider.run(job("vet", promised)) for _ in range(2)] == [[], []]


def test_a_rule_that_hangs_is_named() -> None:
    """The clause that was at work when time ran out."""
    decider = Decider(wall_seconds=2.0)
    promised = contract({"x": "int"}, ensures=["9 ** 9 ** 9 == result"], cases=[({"x": 1}, 2)])
    with pytest.raises(UndecidedError) as caught:
        decider.run(job("vet", promised))
    decider.close()
    assert (caught.value.clause, str(caught.value)) == (
        "examples[case 0]",
        "takes longer than 2 s to evaluate",
    )


def test_a_decider_that_ended_is_a_bug_of_ours(decider: Decider) -> None:
    """A decider must not end by itself."""
    os.kill(decider._process.pid, 9)
    with pytest.raises(InternalError):
        decider.run(job("vet", contract({"x": "int"})))


def test_a_closed_decider_is_gone() -> None:
    """No process is left behind."""
    decider = Decider()
    decider.close()
    assert not decider.alive


def test_large_observations_are_decided(decider: Decider) -> None:
    """More than one frame's worth of answers is no bug."""
    promised = contract({"x": "int"}, "str", ensures=["len(result) == 200000"])
    observer = answer("x" * 200_000)
    found = decider.run(job("judge", promised), {"first": observer, "second": observer})  # type: ignore[dict-item]
    assert all(clause["passed"] for clause in found["clauses"])


@pytest.mark.parametrize(
    "value",
    [
        {"$": "nothing"}, {"$": "Decimal", "v": "sNaN"}, {"$": "Decimal", "v": "1E+999999"}, {"$": "opaque", "v": "\ud800\x1b"},
        {"$": "set", "v": [[]]}, {"$": "datetime", "v": "2026-01-01"}, "\ud800", float("nan"), {"$": "dict", "v": [[[], 1]]},
        {"$": "record", "t": "T", "v": {}}, [[[[]]]] * 50, {"$": "enum", "t": "T", "v": 1}, {"$": "timedelta", "v": ["x"]},
    ],
    ids=ascii,
)  # fmt: skip
@pytest.mark.parametrize("returns", ["int", "str | Decimal", "list[list[int]]", "datetime"])
def test_forged_values_are_decided(deciders: Decider, returns: str, value: object) -> None:
    """Whatever an observation holds, the decider says what it makes of it."""
    promised = contract({"x": "int"}, returns, ensures=["result != result"])
    observer = answer(value)
    found = deciders.run(job("judge", promised), {"first": observer, "second": observer})  # type: ignore[dict-item]
    assert not all(clause["passed"] for clause in found["clauses"])


@pytest.fixture(scope="module")
def deciders() -> Iterator[Decider]:
    opened = Decider(wall_seconds=20.0)
    yield opened
    opened.close()


def test_an_unsound_contract_is_not_judged(decider: Decider) -> None:
    """No candidate is called for a contract that cannot stand."""
    promised = contract({"x": "int"}, ensures=["x.__class__"])
    found = decider.run(job("judge", promised))
    assert [(clause["clause"], clause["passed"]) for clause in found["clauses"]] == [("ensures[0]", False)]


def test_an_unsound_contract_admits_nothing(decider: Decider) -> None:
    """Proposals to a contract that cannot stand are refused with what is wrong with it."""
    promised = contract({"x": "Nowhere"})
    case = Case(name="a", given={"x": 1}, returns=1)
    found = decider.run(
        job("admit", promised, cases=[case.model_dump(mode="json")], rules=[], independent=True)
    )
    assert (found["cases"], found["refused"]) == ([], ["contract: unknown type 'Nowhere'"])


def test_two_deciders_judge_alike() -> None:
    """Nothing of a process goes into a judgement."""
    promised = contract({"x": "set[str]", "y": "float"}, ensures=["result >= 0"])
    found = []
    for _ in range(2):
        decider = Decider()
        observer = answer(1)
        found.append(decider.run(job("judge", promised), {"first": observer, "second": observer}))  # type: ignore[dict-item]
        decider.close()
    assert found[0] == found[1]
