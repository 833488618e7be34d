"""Doubles of ports: what they answer by script and by model, what they remember, and what they refuse."""

from typing import Any

import pytest

from pipeline.decider.doubles import (
    PortDouble,
    Stage,
    decoded,
    empty_memory,
    failing,
    unwire_argument,
    wire_argument,
)
from pipeline.definitions import Method, Param, Port, TypeAlias, TypeEnum
from pipeline.sandbox.port import Answer, Asked
from pipeline.sandbox.wire import WireError
from pipeline.scripts import Reply, Script
from pipeline.values import Types, ValuesError


def method(name: str, params: dict[str, str], **more: Any) -> Method:
    return Method(name=name, params=tuple(Param(name=n, type=t) for n, t in params.items()), **more)


STORE = Port(
    methods=(
        method(
            "save", {"key": "int", "name": "Name"}, returns="int", raises=("StoreDown",),
            gives="count", sets={"rows": "dict([*rows.items(), (key, name)])", "count": "count + 1"},
        ),
        method("load", {"key": "int"}, returns="Name", query=True, gives="rows[key]"),
        method("ping", {}),
        method("stamp", {}, returns="int"),
        method("grow", {}, returns="Name", gives="'abcdef'"),
    ),
    memory=(Param(name="rows", type="dict[int, Name]"), Param(name="count", type="int")),
)  # fmt: skip
TYPES = Types({"Name": TypeAlias(type="str", pattern="[a-z]{0,5}")}, {"Store": STORE})
EMPTY = {"Store": empty_memory(STORE, TYPES)}


def stage(script: Script | None = None, **more: Any) -> Stage:
    scripts = {"store": script} if script else {}
    return Stage({"store": "Store"}, {"Store": STORE}, TYPES, scripts=scripts, **more)


def modelled(script: Script | None = None) -> PortDouble:
    return stage(script, memory=EMPTY)()


def test_a_model_gives_and_remembers() -> None:
    """Both rules see the memory as it was before the call."""
    double = modelled()
    assert double.answer("store.save", (1, "a")) == Answer(0)
    assert double.answer("store.save", (2, "b")) == Answer(1)
    assert double.answer("store.load", (1,)) == Answer("a")
    assert double.memory == {"Store": {"rows": {1: "a", 2: "b"}, "count": 2}}


def test_a_double_made_again_begins_again() -> None:
    """What one remembers is no other's, and what it began with stays as it is."""
    made = stage(memory=EMPTY)
    made().answer("store.save", (1, "a"))
    assert (made().memory, EMPTY["Store"]) == (EMPTY, {"rows": {}, "count": 0})


def test_memory_follows_from_what_was_asked() -> None:
    """Played again from the same beginning, errors change nothing."""
    made = stage(failing("save", "StoreDown", 1), memory=EMPTY)
    asked = [Asked("store.save", (n, "a"), None) for n in range(3)]
    assert made.memory_after(asked) == {"Store": {"rows": {0: "a", 2: "a"}, "count": 2}}


def test_one_port_in_two_parameters_has_one_memory() -> None:
    """What is written through one is read through the other."""
    made = Stage({"a": "Store", "b": "Store"}, {"Store": STORE}, TYPES, memory=EMPTY)
    double = made()
    double.answer("a.save", (1, "x"))
    assert double.answer("b.load", (1,)) == Answer("x")


def test_one_call_of_a_method_can_fail_and_so_can_all() -> None:
    """The others are answered by the model."""
    double = modelled(failing("save", "StoreDown", 1))
    assert [double.answer("store.save", (n, "a")) for n in range(3)] == [
        Answer(0),
        Answer(raises="StoreDown"),
        Answer(1),
    ]
    always = modelled(failing("save", "StoreDown"))
    assert {always.answer("store.save", (n, "a")) for n in range(3)} == {Answer(raises="StoreDown")}


def test_a_scripted_value_stands_for_what_the_model_gives() -> None:
    """The memory changes all the same."""
    double = modelled(Script({"save": (Reply(7),)}))
    assert double.answer("store.save", (1, "a")) == Answer(7)
    assert double.memory["Store"] == {"rows": {1: "a"}, "count": 1}


def test_without_a_model_a_script_is_all_there_is() -> None:
    """Answers in order, whatever is passed; one call more is refused."""
    double = stage(Script({"save": (Reply(7), Reply(raises="StoreDown"))}))()
    assert double.answer("store.save", (None, None)) == Answer(7)
    assert double.answer("store.save", (1, "a")) == Answer(raises="StoreDown")
    assert double.answer("store.save", (1, "a")) is None
    assert double.refusal == " 3 times, and its script has 2 answers"
    assert double.answer("store.ping", ()) is None
    assert double.refusal == ", and its script has no answers"


@pytest.mark.parametrize(
    ("asked", "arguments", "refusal"),
    [
        ("store.drop", (), ", which no port has that it is given"),
        ("mailer.save", (1, "a"), ", which no port has that it is given"),
        ("store", (), ", which no port has that it is given"),
        ("store.save", (1,), " with 1 argument, not 2"),
        ("store.save", ("x", "a"), " with a wrong 'key': 'x' is not an int"),
        ("store.save", (1, "abcdef"), " with a wrong 'name': 'abcdef' does not match the pattern [a-z]{0,5}"),
        ("store.save", ({"$": "opaque", "v": "Box"}, "a"), " with something of type Box for 'key', not int"),
        ("store.save", ({"$": "nothing", "v": 1}, "a"), " with a wrong 'key': unknown tag 'nothing'"),
        ("store.load", (9,), ", whose 'gives' fails with KeyError: 9"),
        ("store.grow", (), ", whose 'gives' fails with ValuesError: 'abcdef' does not match the pattern [a-z]{0,5}"),
        ("store.stamp", (), ", which has neither 'gives' nor an answer in its script"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused(asked: str, arguments: tuple[Any, ...], refusal: str) -> None:
    """With the reason, and the memory stays as it was."""
    double = modelled()
    assert (double.answer(asked, arguments), double.refusal, double.memory) == (None, refusal, EMPTY)


def test_what_may_be_asked_can_be_narrowed() -> None:
    """A method that is not among the calls is refused even with an answer in the script."""
    double = stage(Script({"ping": (Reply(),)}), calls=frozenset({"store.save"}))()
    assert (double.answer("store.ping", ()), double.refusal) == (None, ", which is not among its 'calls'")


def test_a_placeholder_holds_no_answer() -> None:
    """Unread code learns the names of methods and parameters and nothing else."""
    holds = stage(Script({"save": (Reply(7777),)}), memory=EMPTY).placeholder("store")
    assert holds["v"]["name"] == "store"
    assert holds["v"]["methods"]["save"] == {"params": ["key", "name"], "async": False}
    assert "7777" not in str(holds)


def test_calls_are_decoded_for_rules() -> None:
    """As tuples that begin with the method."""
    kinds = Types({"Kind": TypeEnum(values=("a",))})
    asked = Asked("store.save", (1, {"$": "enum", "t": "Kind", "v": "a"}), Answer())
    assert decoded(asked, kinds) == ("store.save", 1, kinds.classes["Kind"]("a"))


def test_scripts_are_recorded() -> None:
    """With the values of their types, and nothing but a script comes back."""
    script = Script({"save": (None, Reply((1, 2)), Reply(raises="StoreDown"))}, cycled=True)
    assert unwire_argument(wire_argument(script, TYPES), TYPES) == script
    assert unwire_argument(wire_argument({1: "a"}, TYPES), TYPES) == {1: "a"}
    for damaged in ({"$": "script"}, {"$": "script", "v": {"save": [[1]]}, "cycled": True}):
        with pytest.raises((WireError, ValueError)):
            unwire_argument(damaged, TYPES)


@pytest.mark.parametrize(
    ("annotation", "nothing"),
    [("dict[str, int]", {}), ("list[int]", []), ("set[int]", set()), ("int", 0), ("str", ""), ("bool", False),
     ("float", 0.0), ("Decimal", 0), ("Name", ""), ("Name | None", None)],
)  # fmt: skip
def test_memory_begins_empty(annotation: str, nothing: Any) -> None:
    """Every type that can say nothing does so at first."""
    port = Port(methods=(), memory=(Param(name="m", type=annotation),))
    assert empty_memory(port, TYPES) == {"m": nothing}


@pytest.mark.parametrize("annotation", ["date", "Long", "tuple[int, int]", "Literal[1]"])
def test_some_memory_cannot_begin_empty(annotation: str) -> None:
    """Those types are refused."""
    types = Types({"Long": TypeAlias(type="str", min_length=1)})
    with pytest.raises(ValuesError):
        empty_memory(Port(methods=(), memory=(Param(name="m", type=annotation),)), types)
