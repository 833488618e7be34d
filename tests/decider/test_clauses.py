"""Every clause of a contract: one candidate that keeps it, and one that breaks only it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from subjects import broken, contract, decide

from pipeline.decider.clauses import same
from pipeline.definitions import Param as Field
from pipeline.definitions import TypeAlias, TypeEnum, TypeRecord
from pipeline.records import Callee, Case, Contract, Raise
from pipeline.stages.judge import Judge

KEEPS, BREAKS = "keeps", "breaks"


@dataclass(frozen=True)
class Pair:
    """A contract, the clause in question, a body that keeps it and one that breaks it alone."""

    clause: str
    contract: Contract
    keeps: str
    breaks: str
    callees: dict[str, str] = field(default_factory=dict)


ADD_ONE = contract({"x": "int"}, cases=[({"x": 1}, 2), ({"x": 7}, 8)])
ROOT = contract(
    {"x": "int"},
    errors={"Negative": "Has no root.", "Huge": "Too large."},
    raises=(Raise(error="Negative", when="x < 0"), Raise(error="Huge", when="abs(x) > 1000")),
    ensures=["result >= 0"],
)
SCORE = contract(
    {"x": "int"},
    "Score",
    types={"Score": TypeAlias(type="int", ge="0", le="9")},
    ensures=["result == abs(result)"],
)
PAIRS = {
    "an example by its value": Pair(
        "examples[case 1]", ADD_ONE, "return x + 1", "return x + 1 if x < 5 else 0"
    ),
    "an example by its error": Pair(
        "examples[none]",
        contract(
            {"xs": "list[int]"},
            raises=(Raise(error="ValueError"),),
            cases=[Case(name="none", given={"xs": []}, raises="ValueError")],
        ),
        "return max(xs)",
        "return max(xs, default=0)",
    ),
    "the type of the result": Pair(
        "returns", contract({"x": "int"}, ensures=["result == x"]), "return x", "return float(x)"
    ),
    "the limits of the result's type": Pair(
        "returns", SCORE, "return min(abs(x), 9)", "return min(abs(x), 10)"
    ),
    "a pattern of the result's type": Pair(
        "returns",
        contract(
            {"x": "int"},
            "Code",
            types={"Code": TypeAlias(type="str", pattern="[a-z]+")},
            ensures=["len(result) == 3"],
        ),
        "return 'abc'",
        "return 'ab1'",
    ),
    "no error but those it declares": Pair(
        "raises",
        contract({"x": "int"}, "float", ensures=["result == result"]),
        "return 1 / (x or 1)",
        "return 1 / x",
    ),
    "an error when it must": Pair(
        "raises[Negative]",
        ROOT,
        "if x < 0:\n        raise Negative\n    if x > 1000:\n        raise Huge\n    return x",
        "if x > 1000:\n        raise Huge\n    return abs(x) if x >= -1000 else 0",
    ),
    "an error only when it must": Pair(
        "raises[Negative]",
        ROOT,
        "if x < 0:\n        raise Negative\n    if x > 1000:\n        raise Huge\n    return x",
        "if x <= 0:\n        raise Negative\n    if x > 1000:\n        raise Huge\n    return x",
    ),
    "errors in the order given": Pair(
        "raises[Negative]",
        ROOT,
        "if x < 0:\n        raise Negative\n    if x > 1000:\n        raise Huge\n    return x",
        "if abs(x) > 1000:\n        raise Huge\n    if x < 0:\n        raise Negative\n    return x",
    ),
    "a rule": Pair(
        "ensures[0]",
        contract({"x": "int"}, ensures=["result > x", "result != 0"]),
        "return x * x + 1",
        "return x or 1",
    ),
    "a rule that calls the function itself": Pair(
        "ensures[0]",
        contract({"x": "int"}, ensures=["f(result) == x"]),
        "return -x",
        "return x + 1",
    ),
    "a rule that calls another function": Pair(
        "ensures[0]",
        contract(
            {"x": "int"},
            "str",
            uses=(Callee(function="g", signature="", summary=""),),
            ensures=["g(result) == x"],
        ),
        "return str(x)",
        "return str(abs(x))",
        {"g": "def g(text):\n    return int(text)\n"},
    ),
    "arguments it may not change": Pair(
        "unmodified",
        contract({"xs": "list[int]"}, "list[int]", ensures=["len(result) >= 0"]),
        "return sorted(xs)",
        "xs.sort()\n    return xs",
    ),
    "the same answer twice": Pair(
        "repeatable",
        contract({"x": "int"}, ensures=["result >= 0"]),
        "return x & 3",
        "return hash(str(x)) & 3",
    ),
    "an end": Pair(
        "limits",
        contract({"x": "int"}, ensures=["result == x"]),
        "return x",
        "import os\n    os.abort()",
    ),
}


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    opened = Judge()
    yield opened
    opened.close()


def module(promised: Contract, body: str) -> str:
    errors = f"from .types import {', '.join(promised.errors)}\n" if promised.errors else ""
    return f"{errors}def {promised.function}({', '.join(p.name for p in promised.params)}):\n    {body}\n"


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_a_clause_that_is_kept(judge: Judge, pair: Pair) -> None:
    """A candidate that keeps every clause passes."""
    judgement = decide(judge, pair.contract, module(pair.contract, pair.keeps), **pair.callees)
    assert [clause.message for clause in judgement.failures] == []


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_a_clause_that_is_broken(judge: Judge, pair: Pair) -> None:
    """A candidate that breaks one clause is refused for that clause and no other."""
    judgement = decide(judge, pair.contract, module(pair.contract, pair.breaks), **pair.callees)
    assert [pair.clause] == broken(judgement)


def test_a_parameter_that_may_change(judge: Judge) -> None:
    """`mutates` lets a function work in place."""
    promised = contract({"xs": "list[int]"}, "None", mutates=("xs",), ensures=["result == None"])
    assert broken(decide(judge, promised, "def f(xs):\n    xs.sort()\n")) == []


def test_a_parameter_beside_one_that_may_change(judge: Judge) -> None:
    """`mutates` speaks of one parameter, not of all."""
    promised = contract(
        {"xs": "list[int]", "ys": "list[int]"}, "None", mutates=("xs",), ensures=["result == None"]
    )
    source = "def f(xs, ys):\n    xs.sort()\n    ys.append(1)\n"
    assert broken(decide(judge, promised, source)) == ["unmodified"]


def test_an_error_that_only_examples_speak_of(judge: Judge) -> None:
    """An error without a condition may be raised on any input."""
    promised = contract({"x": "int"}, raises=(Raise(error="ValueError"),), ensures=["result == x"])
    source = "def f(x):\n    if x % 3 == 0:\n        raise ValueError\n    return x\n"
    assert broken(decide(judge, promised, source)) == []


def test_a_rule_that_fails_is_not_kept(judge: Judge) -> None:
    """A rule that raises is as good as false."""
    promised = contract({"x": "int"}, ensures=["1 / result > 0"])
    assert broken(decide(judge, promised, "def f(x):\n    return 0\n")) == ["ensures[0]"]


def test_a_rule_that_takes_all_memory_is_not_kept(judge: Judge) -> None:
    """A rule cannot take the machine's memory with what a candidate returned."""
    promised = contract({"x": "int"}, ensures=["len([0] * result) >= 0"])
    assert broken(decide(judge, promised, "def f(x):\n    return 10 ** 11\n")) == ["ensures[0]"]


def test_a_rule_that_hangs_is_not_kept() -> None:
    """A rule that computes for ever on what a candidate returned refuses the candidate."""
    judge = Judge(rule_seconds=2.0)
    promised = contract({"x": "int"}, ensures=["9 ** result != 1"])
    judgement = decide(judge, promised, "def f(x):\n    return 9 ** 9\n")
    judge.close()
    assert broken(judgement) == ["limits"]


def test_a_condition_that_fails_is_reported(judge: Judge) -> None:
    """A condition under `raises` that itself fails cannot be kept by anyone."""
    promised = contract(
        {"x": "int"}, raises=(Raise(error="ValueError", when="1 // x > 5"),), ensures=["result == x"]
    )
    assert broken(decide(judge, promised, "def f(x):\n    return x\n")) == ["raises"]


def test_a_call_from_a_rule_that_raises_breaks_the_rule(judge: Judge) -> None:
    """Where a rule calls the function, a raised error is not an answer."""
    promised = contract({"x": "int"}, "str", ensures=["f(len(result)) != result"])
    source = "def f(x):\n    if x == 3:\n        raise ValueError\n    return 'abc'\n"
    assert "ensures[0]" in broken(decide(judge, promised, source))


def test_records_and_enums_cross_both_ways(judge: Judge) -> None:
    """A candidate gets and returns the spec's own classes."""
    types = {
        "Step": TypeEnum(values=("on hold", "1st")),
        "Task": TypeRecord(
            fields=(Field(name="step", type="Step"), Field(name="due", type="datetime | None"))
        ),
    }
    promised = contract({"task": "Task"}, "Task", types=types, ensures=["result.step == Step.ON_HOLD"])
    source = (
        "from dataclasses import replace\nfrom .types import Step\n"
        "def f(task):\n    return replace(task, step=Step.ON_HOLD)\n"
    )
    assert broken(decide(judge, promised, source)) == []


@pytest.mark.parametrize(
    ("observed", "promised"),
    [(0.1 + 0.2, 0.3), ([1, (2, {"a": 1.0})], [1, (2, {"a": 1.0 + 1e-12})]), ({1, 2}, {2, 1}), (None, None)],
)
def test_equal_values_are_the_same(observed: object, promised: object) -> None:
    """Floats that differ by their last digits are the same, at any depth."""
    assert same(observed, promised)


@pytest.mark.parametrize(
    ("observed", "promised"),
    [
        (1, True),
        (1, 1.0),
        ([1], (1,)),
        ([1, 2], [1]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ("1", 1),
        ({1}, frozenset({1})),
    ],
)
def test_values_of_another_type_are_not_the_same(observed: object, promised: object) -> None:
    """Equality across types is not enough."""
    assert not same(observed, promised)


def test_moments_are_the_same_only_at_the_same_offset() -> None:
    """A promise at +02:00 is not kept by the same instant at another offset."""
    promised = datetime.fromisoformat("2026-01-01T11:00:00+02:00")
    assert same(datetime.fromisoformat("2026-01-01T11:00:00+02:00"), promised)
    assert not same(datetime.fromisoformat("2026-01-01T09:00:00+00:00"), promised)
