"""Contracts against themselves: contradictions, gates that cannot fail, and what an architect may add."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from subjects import contract

from pipeline.decider.recording import Recording
from pipeline.decider.vetting import Admission, admit, near_misses, vet
from pipeline.definitions import Param, TypeAlias, TypeEnum, TypeRecord
from pipeline.records import Callee, Case, Contract, Raise
from pipeline.values import Types


def quiet(_: str) -> None:
    """Nobody listens to where vetting is."""


def complaints(vetted: Contract) -> list[tuple[str, str]]:
    return [(problem.clause, problem.message) for problem in vet(vetted, quiet, Recording())]


def raising(when: str | None, case: Case) -> Contract:
    return contract(
        {"x": "int"}, raises=(Raise(error="ValueError", when=when),), cases=[case], ensures=["result > x"]
    )


SOUND = {
    "two cases": contract({"x": "int"}, cases=[({"x": 1}, 2), ({"x": 2}, 4)]),
    "a rule": contract({"x": "int"}, ensures=["result == x + 1"]),
    "a rule that needs code": contract({"x": "int"}, "str", ensures=["g(result) == x"], uses=(Callee(function="g", signature="", summary=""),)),
    "a rule of one type that needs code": contract({"x": "str"}, "str", ensures=["g(result) == x"], uses=(Callee(function="g", signature="", summary=""),)),
    "an error and a rule": raising("x < 0", Case(name="a", given={"x": -1}, raises="ValueError")),
    "no parameters": contract({}, cases=[({}, 3)]),
    "two booleans": contract({"x": "bool"}, "bool", ensures=["result != x"]),
    "a narrow precondition over a narrow type": contract({"x": "D"}, types={"D": TypeAlias(type="int", ge="0", le="9")}, requires=["x > 3"], ensures=["result == x + 1"]),
}  # fmt: skip
STUBS = {
    "'return None'": contract({"x": "int"}, "int | None", ensures=["result is None or result > x"]),
    "'return x'": contract({"x": "int"}, cases=[({"x": 1}, 1)], ensures=["result >= x"]),
    "'return y'": contract({"x": "int", "y": "int"}, cases=[({"x": 1, "y": 2}, 2)]),
    "'return 7'": contract({"x": "int"}, cases=[({"x": 1}, 7), ({"x": 2}, 7)]),
    "'raise ValueError'": contract({"x": "int"}, raises=(Raise(error="ValueError"),), ensures=["result > x"]),
}
CONTRADICTIONS = {
    "its arguments break the precondition 'x > 0'": contract({"x": "int"}, requires=["x > 0"], cases=[({"x": 0}, 1)]),
    "its arguments break the precondition '1 // x' (it fails with ZeroDivisionError": contract({"x": "int"}, requires=["1 // x"], cases=[({"x": 0}, 1)]),
    "'x < 0' holds for it, so it must raise ValueError": raising("x < 0", Case(name="a", given={"x": -1}, returns=3)),
    "it promises ValueError, but 'x < 0' is false for it": raising("x < 0", Case(name="a", given={"x": 1}, raises="ValueError")),
    "it promises 3, but 'result > x' is false for that": raising(None, Case(name="a", given={"x": 3}, returns=3)),
    "it promises 0, but '1 // result' is false for that (it fails with ZeroDivisionError": contract({"x": "int"}, ensures=["1 // result"], cases=[({"x": 3}, 0)]),
    "a condition under 'raises' fails with ZeroDivisionError": raising("1 // x", Case(name="a", given={"x": 0}, returns=3)),
}  # fmt: skip


@pytest.mark.parametrize("vetted", SOUND.values(), ids=SOUND.keys())
def test_a_contract_that_can_fail_and_can_be_kept_is_fit(vetted: Contract) -> None:
    """Sound contracts pass."""
    assert complaints(vetted) == []


@pytest.mark.parametrize(("stub", "vetted"), STUBS.items(), ids=STUBS.keys())
def test_a_contract_that_a_stub_keeps_is_refused(stub: str, vetted: Contract) -> None:
    """A gate that cannot fail is a defect, and the stub that passes it is named."""
    assert complaints(vetted) == [
        ("contract", f"{stub} keeps every clause; add an example or a rule that it breaks")
    ]


@pytest.mark.parametrize(("complaint", "vetted"), CONTRADICTIONS.items(), ids=CONTRADICTIONS.keys())
def test_a_case_against_the_rules_is_refused(complaint: str, vetted: Contract) -> None:
    """What a case promises must be possible under the rules."""
    (found,) = complaints(vetted)
    assert found[1].startswith(complaint)


def test_the_first_of_two_conditions_decides() -> None:
    """Conditions are tried in order, so a case may not promise the later error."""
    vetted = contract(
        {"x": "int"},
        raises=(Raise(error="KeyError", when="x < 5"), Raise(error="ValueError", when="x < 0")),
        cases=[Case(name="a", given={"x": -1}, raises="ValueError")],
    )
    assert complaints(vetted) == [("examples[a]", "'x < 5' holds for it, so it must raise KeyError")]


def test_preconditions_that_leave_few_inputs_are_refused() -> None:
    """What cannot be tried cannot be judged."""
    vetted = contract({"x": "int"}, requires=["x == 123456789"], ensures=["result == x + 1"])
    assert [clause for clause, _ in complaints(vetted)] == ["requires[0]"]


def test_types_that_leave_no_inputs_are_refused() -> None:
    """A type of which no value is found cannot be judged either."""
    vetted = contract(
        {"x": "T"}, types={"T": TypeAlias(type="set[bool]", min_length=5)}, ensures=["result == len(x)"]
    )
    assert [message for _, message in complaints(vetted)] == [
        "no input could be drawn for its parameters; say them with wider types"
    ]


# -- proposals -----------------------------------------------------------------------------------------------

BASE = contract(
    {"x": "int"},
    raises=(Raise(error="ValueError", when="x < 0"), Raise(error="KeyError")),
    requires=["x < 1000"],
    ensures=["result >= x"],
    cases=[({"x": 1}, 2), ({"x": 5}, 10)],
)
EXACT = contract({"x": "int"}, ensures=["result == x * 2"], cases=[({"x": 1}, 2), ({"x": 3}, 6)])


def proposed(
    *cases: Case, rules: tuple[str, ...] = (), to: Contract = BASE, independent: bool = True
) -> Admission:
    return admit(to, list(cases), list(rules), independent=independent, note=quiet)


def case(given: object, returns: object = None, raises: str | None = None) -> Case:
    return Case(
        name="new",
        given=given if isinstance(given, dict) else {"x": given},
        returns=returns,
        raises=raises,
        origin="architect",
    )


REFUSED_CASES = {
    "it gives nothing, the function takes x": case({}),
    "it gives x, y, the function takes x": case({"x": 1, "y": 2}),
    "the function does not raise OSError": case(1, raises="OSError"),
    "'2' is not a whole number": case("2", 4),
    "'four' is not a whole number": case(2, "four"),
    "the case 'case 1' has these arguments and another outcome": case(5, 11),
    "its arguments break the precondition 'x < 1000'": case(1000, 2000),
    "'x < 0' holds for it, so it must raise ValueError": case(-1, 3),
    "it promises ValueError, but 'x < 0' is false for it": case(2, raises="ValueError"),
    "it promises 1, but 'result >= x' is false for that": case(2, 1),
}
REFUSED_RULES = {
    "unknown name 'y'": "result > y",
    "the spec says so already": "result >= x",
    "it is false for the case 'case 1'": "result < 10",
    "no near miss of a promised result breaks it": "result == result",
}


@pytest.mark.parametrize(("reason", "refused"), REFUSED_CASES.items(), ids=REFUSED_CASES.keys())
def test_a_case_that_does_not_fit_is_refused(reason: str, refused: Case) -> None:
    """Every proposal that contradicts what a person said is refused with the reason."""
    assert proposed(refused).refused == (f"case 'new': {reason}",)


@pytest.mark.parametrize(("reason", "rule"), REFUSED_RULES.items(), ids=REFUSED_RULES.keys())
def test_a_rule_that_does_not_fit_is_refused(reason: str, rule: str) -> None:
    """Rules too: broken, known, false, or saying nothing."""
    (refused,) = proposed(rules=(rule,)).refused
    assert refused.startswith(f"rule '{rule}': {reason}")


def test_a_case_that_fits_is_admitted() -> None:
    """An independent architect may promise what the rules leave open."""
    assert proposed(case(7, 14)).cases == (case(7, 14),)


def test_a_rule_that_fits_is_admitted() -> None:
    """It is true of every case, and false of a result that is a little wrong."""
    (rule,) = proposed(rules=("result == x * 2",)).rules
    assert (rule.rule, rule.origin) == ("result == x * 2", "architect")


def test_a_rule_that_needs_code_is_admitted() -> None:
    """What only code can decide is decided when there is code."""
    assert len(proposed(rules=("f(x) == result",)).rules) == 1


def test_no_case_is_admitted_twice() -> None:
    """Two proposals with the same arguments are one; of the second nothing is told unless it says something else."""
    again, other = (
        case(7, value).model_copy(update={"name": name}) for name, value in (("again", 14), ("other", 15))
    )
    found = proposed(case(7, 14), again, other, case(5, 10))
    assert (found.cases, found.refused) == (
        (case(7, 14),),
        ("case 'other': the case 'new' has these arguments and another outcome",),
    )


def test_its_own_examiner_may_not_promise_what_is_open() -> None:
    """Where architect and implementer are one model, an unsettled case is refused."""
    assert proposed(case(7, 14), independent=False).refused == (
        "case 'new': the spec's rules do not settle it, and the implementer must not be its own examiner",
    )


def test_its_own_examiner_may_repeat_what_is_settled() -> None:
    """A case that the rules alone decide is only a point of them, whoever wrote it."""
    assert proposed(case(7, 14), to=EXACT, independent=False).cases == (case(7, 14),)


def test_its_own_examiner_may_repeat_an_error_that_is_settled() -> None:
    """A condition that holds settles the error."""
    assert proposed(case(-7, raises="ValueError"), independent=False).cases == (
        case(-7, raises="ValueError"),
    )


def test_its_own_examiner_may_not_promise_an_error_that_is_open() -> None:
    """An error without a condition is settled by nobody."""
    assert proposed(case(7, raises="KeyError"), independent=False).cases == ()


def test_its_own_examiner_makes_no_rules() -> None:
    """A rule of its own would judge its own code."""
    assert proposed(rules=("result == x * 2",), independent=False).refused == (
        "rule 'result == x * 2': the implementer must not be its own examiner",
    )


def test_admitted_values_are_canonical() -> None:
    """A proposal's values are stored as every contract stores them."""
    to = contract(
        {"x": "timedelta"},
        "float",
        ensures=["result >= 0"],
        cases=[({"x": "PT0S"}, 0.0), ({"x": "PT1S"}, 1.0)],
    )
    (admitted,) = proposed(case("2h", 7200), to=to).cases
    assert (admitted.given, repr(admitted.returns)) == ({"x": "PT2H"}, "7200.0")


TYPES = Types(
    {"Step": TypeEnum(values=("on", "off")), "R": TypeRecord(fields=(Param(name="a", type="int"),))}
)
VALUES = [
    True, 3, 0, 1.5, -0.0, 10**30, "text", "", [1, 2], [], [[1]], (1, "a"), {"a": 1}, {1, 2}, frozenset({1}),
    Decimal("1.50"), Decimal(0), timedelta(1), datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 1), time(1), UUID(int=3),
    next(iter(TYPES.classes["Step"])), TYPES.classes["R"](3),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_near_misses_are_near_and_miss(value: object) -> None:
    """Each is of the same type and another value."""
    near = list(near_misses(value))
    assert near or value == []
    assert all(type(other) is type(value) and other != value for other in near)
