"""Contracts from files anyone may have written: nothing of them is evaluated before all of it is sound."""

from typing import Any

import pytest
from subjects import contract

from pipeline.decider.soundness import unsound
from pipeline.definitions import Method, Param, Port, TypeAlias, TypeDefinition, TypeEnum, TypeRecord
from pipeline.records import Callee, Case, Contract, PortCall, Raise


def typed(**types: TypeDefinition) -> Contract:
    return contract({"x": "T"}, types=types)


def alias(annotation: str, **limits: Any) -> TypeAlias:
    return TypeAlias(type=annotation, **limits)


CODE = "__import__('os').system('true')"


def method(name: str = "m", **more: Any) -> Method:
    return Method(name=name, **more)


def with_port(*methods: Method, memory: tuple[Param, ...] = (), **more: Any) -> Contract:
    """A contract whose parameter `p` is a port with these methods."""
    port = Port(methods=methods or (method(),), memory=memory)
    return contract({"p": "P", **more.pop("params", {})}, **{"ports": {"P": port}, **more})


ROWS = (Param(name="rows", type="list[int]"),)
NUMBER = (Param(name="n", type="int"),)


def asked(**arguments: Any) -> Contract:
    """A contract with a case that promises a call with these arguments, where `n` is wanted."""
    promise = (PortCall(method="p.m", arguments=arguments),)
    case = Case(name="a", given={"p": {"m": [{"returns": None}]}}, returns=1, calls=promise)
    return with_port(method(params=NUMBER), calls=("p.m",), cases=[case])


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
    "a port of no parameter": contract({"x": "int"}, ports={"P": Port(methods=())}),
    "a port that is code": contract({"p": CODE}, ports={CODE: Port(methods=())}),
    "a port named like a type": with_port(types={"P": alias("int")}),
    "a port in a container": with_port(params={"q": "list[P]"}),
    "a port that is returned": contract({"p": "P"}, "P", ports={"P": Port(methods=())}),
    "a parameter named calls beside a port": with_port(params={"calls": "int"}),
    "a method that is code": with_port(method(CODE)),
    "two methods of one name": with_port(method(), method()),
    "a method's parameter that is code": with_port(method(params=(Param(name=CODE, type="int"),))),
    "a method's parameter twice": with_port(method(params=NUMBER * 2)),
    "a method's parameter of no type": with_port(method(params=(Param(name="n", type=CODE),))),
    "a method's result of no type": with_port(method(returns="Nowhere")),
    "a method's result without a value": with_port(method(returns="T"), types={"T": alias("int", ge="3", le="2")}),
    "a method's error that is none": with_port(method(raises=("Nowhere",))),
    "a method's error that is a function": with_port(method(raises=("print",))),
    "a method's error that ends processes": with_port(method(raises=("SystemExit",))),
    "a memory that is code": with_port(memory=(Param(name=CODE, type="int"),)),
    "a memory twice": with_port(memory=ROWS * 2),
    "a memory named like a parameter": with_port(method(params=(Param(name="rows", type="int"),)), memory=ROWS),
    "a memory that cannot be empty": with_port(memory=(Param(name="m", type="date"),)),
    "a model that is code": with_port(method(gives=CODE)),
    "a model that sets by code": with_port(method(sets={"rows": CODE}), memory=ROWS),
    "a model that sees the function's parameters": with_port(method(gives="x"), params={"x": "int"}),
    "a model that sets what nobody remembers": with_port(method(sets={"rows": "[]"})),
    "a call of what no port has": with_port(calls=("p.other",)),
    "a call of another parameter": with_port(calls=("q.m",)),
    "a call of code": with_port(calls=(CODE,)),
    "a call listed twice": with_port(calls=("p.m", "p.m")),
    "a rule that speaks of a port": with_port(ensures=["p == result"]),
    "a precondition that speaks of calls": with_port(requires=["calls == []"]),
    "a rule that speaks of calls without a port": contract({"x": "int"}, ensures=["calls == []"]),
    "a rule that calls a function with ports": with_port(ensures=["f(1) == result"]),
    "a rule that calls a callee with ports": with_port(
        ensures=["g(1) == result"], uses=(Callee(function="g", signature="def g(x: int, q: P) -> int:", summary=""),)
    ),
    "a port that may be changed": with_port(mutates=("p",)),
    "a script of no method": with_port(cases=[({"p": {"other": []}}, 1)]),
    "a script that is none": with_port(cases=[({"p": 1}, 1)]),
    "a script with another type": with_port(cases=[({"p": {"m": [{"returns": 1}]}}, 1)]),
    "a script with another error": with_port(cases=[({"p": {"m": [{"raises": "KeyError"}]}}, 1)]),
    "a promised call without its argument": asked(),
    "a promised call with one argument more": asked(n=1, m=2),
    "a promised call with another type": asked(n="1"),
    "a promised call that may not be made": asked(n=1).model_copy(update={"calls": ()}),
    "a handled error that is code": contract({"x": "int"}, handles=(CODE,)),
    "a home that is a path": contract({"x": "int"}, homes={"T": "../money"}),
    "a home of code": contract({"x": "int"}, homes={CODE: "money"}),
    "a callee in a package of a package": contract({"x": "int"}, uses=(Callee(function="a.b.g", signature="", summary=""),)),
    "two callees of one name": contract(
        {"x": "int"}, uses=tuple(Callee(function=name, signature="", summary="") for name in ("g", "money.g"))
    ),
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
    "a port that is modelled": with_port(
        method("add", params=NUMBER, sets={"rows": "[*rows, n]"}, raises=("OSError",)),
        method("last", returns="int", gives="rows[-1] if rows else 0", query=True),
        memory=ROWS, calls=("p.add", "p.last"), ensures=["len(calls) <= 2"],
    ),
    "a port that is never asked": with_port(),
    "a promised call": asked(n=1),
    "an own type beside one of another spec": contract(
        {"x": "T"}, types={"T": alias("int")}, homes={"T": "_shared"},
        uses=(Callee(function="money.g", signature="def g(x: int) -> int:", summary=""),), ensures=["g(x) == result"],
    ),
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
