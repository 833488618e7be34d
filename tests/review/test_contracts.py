"""The contract diff in words: what was loosened is known for certain, marked, and comes first."""

from typing import Any

import pytest
from subjects import contract

from pipeline.definitions import TypeAlias, TypeEnum
from pipeline.records import Case, Constraint, Contract, Decision, Raise
from pipeline.review.contracts import compare_contracts

INT = {"x": "int"}
CASE = Case(name="ten", given={"x": 10}, returns=1)


def told(old: Contract, new: Contract) -> list[tuple[str, str]]:
    return [(change.effect, change.words) for change in compare_contracts(old, new)]


def of(**more: Any) -> Contract:
    return contract(more.pop("params", INT), **more)


PAIRS: dict[str, tuple[Contract, Contract, str, str]] = {
    "a looser limit": (
        of(ensures=["result <= 5"]), of(ensures=["result <= 6"]),
        "loosened", "promises less: `result <= 5` became `result <= 6`",
    ),
    "a tighter limit": (
        of(ensures=["result <= 5"]), of(ensures=["result < 5"]),
        "tightened", "promises more: `result <= 5` became `result < 5`",
    ),
    "another limit": (
        of(ensures=["result == 5"]), of(ensures=["result == 6"]),
        "changed", "promises something else: `result == 5` became `result == 6`",
    ),
    "a result that may be missing": (
        of(returns="str"), of(returns="str | None"),
        "loosened", "its signature changed: `def f(x: int) -> str` became `def f(x: int) -> str | None`",
    ),
    "an argument that may be missing": (
        of(), of(params={"x": "int | None"}),
        "tightened", "its signature changed: `def f(x: int) -> int` became `def f(x: int | None) -> int`",
    ),
    "another type of result": (
        of(returns="list[int]"), of(returns="list[int | None]"),
        "changed", "its signature changed: `def f(x: int) -> list[int]` became `def f(x: int) -> list[int | None]`",
    ),
    "a way out": (
        of(ensures=["result == x"]), of(ensures=["result == x or x < 0"]),
        "loosened", "promises less: `result == x` became `result == x or x < 0`",
    ),
    "a promise gone": (
        of(ensures=["result > x"]), of(), "loosened", "no longer promised: `result > x`",
    ),
    "a promise more": (
        of(), of(ensures=["result > x"]), "tightened", "now promised: `result > x`",
    ),
    "a precondition more": (
        of(), of(requires=["x > 0"]), "loosened", "accepts less: `x > 0` must hold now",
    ),
    "a precondition gone": (
        of(requires=["x > 0"]), of(), "tightened", "accepts more: `x > 0` need not hold any more",
    ),
    "a weaker precondition": (
        of(requires=["x > 0"]), of(requires=["x >= 0"]),
        "tightened", "accepts more: `x > 0` became `x >= 0`",
    ),
    "an error in more cases": (
        of(raises=(Raise(error="E", when="x > 9"),)), of(raises=(Raise(error="E", when="x > 5"),)),
        "changed", "raises E in more cases: when `x > 9` became when `x > 5`",
    ),
    "an error any time": (
        of(raises=(Raise(error="E", when="x > 9"),)), of(raises=(Raise(error="E"),)),
        "loosened", "may raise E any time now, not exactly when `x > 9`",
    ),
    "an error no more": (
        of(raises=(Raise(error="E", when="x > 9"),)), of(),
        "loosened", "no longer raises E, which it did when `x > 9`",
    ),
    "an example gone": (
        of(cases=[CASE]), of(), "loosened", "example 'ten' is gone: {\"x\": 10} returns 1",
    ),
    "an example changed": (
        of(cases=[CASE]), of(cases=[CASE.model_copy(update={"returns": 2})]),
        "changed", "example 'ten' changed: {\"x\": 10} returns 1 became {\"x\": 10} returns 2",
    ),
    "an example renamed": (
        of(cases=[CASE]), of(cases=[CASE.model_copy(update={"name": "ten of them"})]),
        "changed", "example 'ten' is now called 'ten of them'",
    ),
    "a narrower parameter": (
        of(params={"x": "A"}, types={"A": TypeAlias(type="int", le="9")}),
        of(params={"x": "A"}, types={"A": TypeAlias(type="int", le="5")}),
        "loosened", "accepts less of the type A: int, le 9 became int, le 5",
    ),
    "a wider parameter": (
        of(params={"x": "A"}, types={"A": TypeAlias(type="int", le="9")}),
        of(params={"x": "A"}, types={"A": TypeAlias(type="int")}),
        "tightened", "accepts more of the type A: int, le 9 became int",
    ),
    "a wider result": (
        of(returns="S", types={"S": TypeEnum(values=("a", "b"))}),
        of(returns="S", types={"S": TypeEnum(values=("a", "b", "c"))}),
        "loosened", "promises less of the type S: one of a, b became one of a, b, c",
    ),
    "a constraint gone": (
        of(constraints=(Constraint(name="small", text="Keep it small."),)), of(),
        "loosened", "the constraint small is gone: Keep it small.",
    ),
    "another answer": (
        of(decisions=(Decision(name="d", question="?", choice="up", meaning="away"),)),
        of(decisions=(Decision(name="d", question="?", choice="even", meaning="to even"),)),
        "changed", "the decision d changed: up: away became even: to even",
    ),
    "an argument it may change": (
        of(), of(mutates=("x",)), "loosened", "may change its argument x",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_a_change_is_told_in_words(name: str) -> None:
    """One change, its direction and its sentence."""
    old, new, effect, words = PAIRS[name]
    assert [(effect, words)] == told(old, new)


def test_what_was_loosened_comes_first() -> None:
    """Whatever the order of the contract is."""
    old = of(requires=["x > 0"], ensures=["result > 1"], cases=[CASE])
    new = of(requires=["x > -1"], ensures=["result > 2"])
    assert [effect for effect, _ in told(old, new)] == ["loosened", "tightened", "tightened"]


def test_the_same_rule_written_otherwise_is_no_change() -> None:
    """White space and quotes say nothing."""
    assert told(of(ensures=["result  ==  'a'"]), of(ensures=['result == "a"'])) == []


def test_prose_is_no_clause() -> None:
    """What a model is advised or a person reads binds nobody."""
    new = of().model_copy(update={"summary": "Other words.", "approach": "Another way.", "seal": "x"})
    assert told(of(), new) == []
