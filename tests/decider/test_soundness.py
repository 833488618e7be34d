"""Contracts from files anyone may have written: nothing of them is evaluated before all of it is sound."""

from typing import Any

import pytest
from subjects import contract

from pipeline.decider.soundness import unsound
from pipeline.definitions import Param, TypeAlias, TypeDefinition, TypeEnum, TypeRecord
from pipeline.records import Callee, Case, Contract, Raise


def typed(**types: TypeDefinition) -> Contract:
    return contract({"x": "T"}, types=types)


def alias(annotation: str, **limits: Any) -> TypeAlias:
    return TypeAlias(type=annotation, **limits)


CODE = "__import__('os').system('true')"
UNSOUND = {
    "a rule with a dunder": contract({"x": "int"}, ensures=["x.__class__ == result"]),
    "a rule that is code": contract({"x": "int"}, ensures=[CODE]),
    "a precondition that is code": contract({"x": "int"}, requires=[CODE]),
    "a condition that is code": contract({"x": "int"}, raises=(Raise(error="ValueError", when=CODE),)),
    "a precondition about the result": contract({"x": "int"}, requires=["result > 0"]),
    "a rule that calls what it may not": contract({"x": "int"}, ensures=["other(x) == result"]),
    "a parameter that is code": contract({CODE: "int"}),
    "a parameter that is a keyword": contract({"class": "int"}),
    "a parameter with a dunder": contract({"__builtins__": "int"}),
    "a parameter named result": contract({"result": "int"}),
    "a parameter named like the function": contract({"f": "int"}),
    "two parameters of one name": contract({"x": "int"}).model_copy(update={"params": (Param(name="x", type="int"),) * 2}),
    "a function that is a path": contract({"x": "int"}).model_copy(update={"function": "../f"}),
    "a function named types": contract({"x": "int"}).model_copy(update={"function": "types"}),
    "a spec that is a path": contract({"x": "int"}).model_copy(update={"spec": "a/b"}),
    "a callee that is a path": contract({"x": "int"}, uses=(Callee(function="../g", signature="", summary=""),)),
    "an error that is code": contract({"x": "int"}, errors={"E(Exception): pass\nimport os\nclass F": ""}),
    "an error listed twice": contract({"x": "int"}, raises=(Raise(error="ValueError"), Raise(error="ValueError"))),
    "an annotation that is code": contract({"x": CODE}),
    "a result that is code": contract({"x": "int"}, CODE),
    "a type of no name": contract({"x": "int"}, types={"T = 1": alias("int")}),
    "a type named like a built-in one": contract({"x": "int"}, types={"int": alias("str")}),
    "a field that is code": typed(T=TypeRecord(fields=(Param(name="x: int\nimport os", type="int"),))),
    "a field with a dunder": typed(T=TypeRecord(fields=(Param(name="__class__", type="int"),))),
    "two fields of one name": typed(T=TypeRecord(fields=(Param(name="a", type="int"),) * 2)),
    "an unknown type": contract({"x": "Nowhere"}),
    "a type defined by itself": typed(T=alias("U"), U=alias("list[T]")),
    "a pattern that is none": typed(T=alias("str", pattern="[")),
    "a pattern of numbers": typed(T=alias("int", pattern="1")),
    "a bound that is no number": typed(T=alias("int", ge="abc")),
    "a bound that is not finite": typed(T=alias("float", le="inf")),
    "a bound of dates": typed(T=alias("date", ge="2026-01-01")),
    "bounds with nothing between": typed(T=alias("int", ge="3", le="2")),
    "lengths with nothing between": typed(T=alias("str", min_length=3, max_length=2)),
    "a length below nothing": typed(T=alias("str", min_length=-1)),
    "a length of a number": typed(T=alias("int", max_length=1)),
    "places of a whole number": typed(T=alias("int", decimal_places=2)),
    "places that no value has": typed(T=alias("Decimal", ge="0.1", le="0.2", decimal_places=0)),
    "an enum of nothing": typed(T=TypeEnum(values=())),
    "an enum with one value twice": typed(T=TypeEnum(values=("a", "a"))),
    "a set of lists": contract({"x": "set[list[int]]"}),
    "a set of records of lists": contract(
        {"x": "set[T]"}, types={"T": TypeRecord(fields=(Param(name="a", type="list[int]"),))}
    ),
    "keys that JSON has not": contract({"x": "dict[tuple[int, int], int]"}),
    "a literal of nothing": contract({"x": "Literal[()]"}),
    "a case of another type": contract({"x": "int"}, cases=[({"x": "1"}, 1)]),
    "a case of another result": contract({"x": "int"}, cases=[({"x": 1}, "1")]),
    "a case without an argument": contract({"x": "int"}, cases=[({}, 1)]),
    "a case with one argument more": contract({"x": "int"}, cases=[({"x": 1, "y": 2}, 1)]),
    "a case with another error": contract({"x": "int"}, cases=[Case(name="a", given={"x": 1}, raises="KeyError")]),
    "two cases of one name": contract({"x": "int"}, cases=[Case(name="a", given={"x": n}, returns=1) for n in (1, 2)]),
    "a case with half a character": contract({"x": "str"}, cases=[({"x": "\ud800"}, 1)]),
    "a change of what is no parameter": contract({"x": "list[int]"}, mutates=("y",)),
}  # fmt: skip
SOUND = {
    "nothing": contract({}),
    "whole numbers below": typed(T=alias("int", le="-50")),
    "floats far off": typed(T=alias("float", ge="2e9")),
    "floats below": typed(T=alias("float", lt="-2e9")),
    "decimals far off": typed(T=alias("Decimal", ge="2000000000")),
    "decimals close together": typed(T=alias("Decimal", gt="0.001", lt="0.004")),
    "long texts": typed(T=alias("str", min_length=100)),
    "odd values of an enum": typed(T=TypeEnum(values=("mro", "²", "__init__", "🎉", " ", "None", "name"))),
    "a record of nothing": typed(T=TypeRecord(fields=())),
    "a record in a list in itself": typed(T=alias("R"), R=TypeRecord(fields=(Param(name="kids", type="list[T]"),))),
    "fields named like methods": typed(T=TypeRecord(fields=tuple(Param(name=n, type="int") for n in ("items", "self")))),
    "parameters named like built-in functions": contract({"len": "int", "sorted": "list[int]"}, ensures=["sorted == [len]"]),
    "parameters named like modules": contract({"timezone": "str"}, ensures=["timezone.upper() == 'UTC'"]),
}  # fmt: skip


@pytest.mark.parametrize("written", UNSOUND.values(), ids=UNSOUND.keys())
def test_an_unsound_contract_is_refused(written: Contract) -> None:
    """Names, annotations, types, rules and cases that cannot stand are problems, not crashes."""
    assert unsound(written)


@pytest.mark.parametrize("written", SOUND.values(), ids=SOUND.keys())
def test_a_sound_contract_is_not(written: Contract) -> None:
    """What is odd and yet has a meaning passes."""
    assert unsound(written) == []


def test_a_problem_names_its_clause() -> None:
    """A reader finds the item."""
    (problem,) = unsound(UNSOUND["a rule that is code"])
    assert problem.clause == "ensures[0]"
