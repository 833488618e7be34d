"""Values of a spec: read leniently from YAML, held exactly to their types, written one way."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.definitions import Param, TypeAlias, TypeDefinition, TypeEnum, TypeRecord
from pipeline.showing import show
from pipeline.values import Types, ValuesError

DEFINITIONS: dict[str, TypeDefinition] = {
    "Step": TypeEnum(values=("on hold", "1st", "", "a", "A")),
    "Code": TypeAlias(type="str", pattern="[a-z]+", max_length=3),
    "Digit": TypeAlias(type="int", ge="0", le="9"),
    "Price": TypeAlias(type="Decimal", gt="0", le="99.99", decimal_places=2),
    "Large": TypeAlias(type="float", ge="1e3"),
    "Node": TypeRecord(fields=(Param(name="value", type="Digit"), Param(name="next", type="Node | None"))),
    "Tree": TypeRecord(fields=(Param(name="kids", type="list[Branch]"),)),
    "Branch": TypeAlias(type="Tree"),
    "Nodes": TypeAlias(type="set[Node]"),
    "Holder": TypeRecord(fields=(Param(name="nodes", type="Nodes"),)),
}
TYPES = Types(DEFINITIONS)
NODE, TREE = TYPES.classes["Node"], TYPES.classes["Tree"]
STEP: Any = TYPES.classes["Step"]

READ = [
    ("float", 3, 3.0),
    ("float", Decimal("0.1"), 0.1),
    ("Decimal", "1.50", Decimal("1.50")),
    ("Decimal", 3, Decimal(3)),
    ("timedelta", "24h", timedelta(days=1)),
    ("timedelta", "90 s", timedelta(seconds=90)),
    ("timedelta", "PT1H30M", timedelta(minutes=90)),
    ("timedelta", "-PT1H", timedelta(hours=-1)),
    ("datetime", "2026-01-01T10:00:00+05:30", datetime(2026, 1, 1, 4, 30, tzinfo=UTC)),
    ("date", "2026-01-02", date(2026, 1, 2)),
    ("time", "10:30", time(10, 30)),
    ("UUID", "00000000-0000-0000-0000-000000000001", UUID(int=1)),
    ("dict[int, str]", {"1": "a", 2: "b"}, {1: "a", 2: "b"}),
    ("tuple[int, str]", [1, "a"], (1, "a")),
    ("tuple[int, ...]", [], ()),
    ("set[int]", [2, 1], {1, 2}),
    ("frozenset[str]", ["a"], frozenset("a")),
    ("int | None", None, None),
    ("int | float", 1, 1),
    ("float | int", 1, 1),
    ("Literal['a', 1] | bool", True, True),
    ("str | Step", "on hold", "on hold"),
    ("Large", 1000, 1000.0),
]


@pytest.mark.parametrize(("annotation", "written", "expected"), READ, ids=str)
def test_values_are_read(annotation: str, written: Any, expected: Any) -> None:
    """What a person may write for a type."""
    value = TYPES.decode(annotation, written)
    assert (type(expected), expected) == (type(value), value)


REFUSED = [
    ("int", True), ("int", 1.0), ("int", "1"), ("float", "1.5"), ("float", True), ("float", float("nan")),
    ("float", float("inf")), ("bool", 1), ("bool", "yes"), ("str", 1), ("str", None), ("Decimal", 1.5),
    ("Decimal", True), ("Decimal", "NaN"), ("Decimal", "Infinity"), ("Decimal", "x"),
    ("datetime", "2026-01-01T10:00:00"), ("datetime", 0), ("date", 20260101), ("timedelta", 60), ("timedelta", "soon"),
    ("UUID", "1"), ("list[int]", "12"), ("list[int]", (1, "2")), ("tuple[int, str]", [1]), ("set[int]", {"a": 1}),
    ("dict[int, str]", {"a": "b"}), ("dict[str, int]", [("a", 1)]), ("Literal['a']", "b"), ("Literal[1]", True),
    ("Code", "abcd"), ("Code", "ABC"), ("Code", "abc\n"), ("Digit", 10), ("Digit", -1), ("Price", "0"),
    ("Price", "1.001"), ("Large", 999), ("Step", "HOLD"), ("Node", {"value": 3}), ("Node", {"value": 3, "next": 4}),
    ("Node", {"value": 3, "next": None, "more": 1}), ("Node", 3), ("None", 0), ("str", "\ud800"),
    ("int", "9" * 5000), ("dict[int, int]", {"9" * 5000: 1}),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "written"), REFUSED, ids=lambda value: ascii(value)[:40])
def test_values_are_refused(annotation: str, written: Any) -> None:
    """What no person meant for a type is an error of the value, whatever it is."""
    with pytest.raises(ValuesError):
        TYPES.decode(annotation, written)


def test_every_problem_is_told_with_its_path() -> None:
    """All problems of a value at once, each where it is."""
    with pytest.raises(ValuesError) as caught:
        TYPES.decode("list[Node]", [{"value": 10, "next": None}, {"value": 1, "next": {"next": None}}])
    assert [path[:2] for path, _ in caught.value.problems] == [(0, "value"), (1, "next")]


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("int", True),
        ("bool", 1),
        ("int", 1.0),
        ("list[int]", (1,)),
        ("tuple[int, ...]", [1]),
        ("set[int]", frozenset({1})),
        ("dict[str, int]", {1: 1}),
        ("str", STEP("a")),
        ("Step", "a"),
        ("Decimal", 1),
        ("datetime", date(2026, 1, 1)),
        ("date", datetime(2026, 1, 1, tzinfo=UTC)),
        ("datetime", datetime(2026, 1, 1)),  # noqa: DTZ001
        ("timedelta", "24h"),
        ("UUID", "00000000-0000-0000-0000-000000000001"),
        ("Node", {"value": 1, "next": None}),
        ("Node", NODE(10, None)),
        ("Node", NODE(1, NODE(10, None))),
        ("Node", NODE(value=True, next=None)),
        ("Nodes", {NODE(1, 2)}),
        ("float", float("nan")),
        ("float", True),
        ("Literal[1]", True),
        ("None", 0),
    ],
    ids=ascii,
)
def test_results_are_held_to_their_type(annotation: str, value: Any) -> None:
    """A result is exactly of its type: nothing is converted for it."""
    with pytest.raises(ValuesError):
        TYPES.conform(annotation, value)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("float | Decimal", Decimal(1)),
        ("float | int", 3),
        ("Large | Digit", 3),
        ("Digit | Large", 2000.0),
        ("str | Step", STEP("a")),
        ("Step | str", "a"),
        ("str | date", date(2026, 1, 1)),
        ("int | bool", True),
        ("tuple[int, ...] | list[int]", [1]),
        ("Branch", TREE([TREE([])])),
        ("dict[int, dict[date, None]]", {1: {date(2026, 1, 1): None}}),
    ],
    ids=ascii,
)
def test_a_result_of_a_union_stays_what_it_is(annotation: str, value: Any) -> None:
    """Of several types the one the value has is taken."""
    found = TYPES.conform(annotation, value)
    assert (type(value), value) == (type(found), found)


def test_a_whole_number_is_a_float() -> None:
    """`return 0` keeps a promise of `float`."""
    assert repr(TYPES.conform("float", 0)) == "0.0"


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("Holder", TYPES.classes["Holder"]({NODE(1, None), NODE(0, NODE(2, None))})),
        ("list[Branch]", [TREE([TREE([])])]),
        ("dict[Step, Price]", {STEP("1st"): Decimal("1.50")}),
        ("dict[int, int]", {-1: 2}),
        ("timedelta", timedelta(days=-1, microseconds=1)),
        ("datetime", datetime(2026, 1, 1, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))),
        ("set[tuple[str, ...]]", {("a",), ()}),
        ("frozenset[frozenset[int]]", frozenset({frozenset({1})})),
        ("Decimal", Decimal("1E+5")),
        ("float", -0.0),
    ],
    ids=ascii,
)
def test_values_are_written_and_read_back(annotation: str, value: Any) -> None:
    """The canonical form of a value is read back as that value."""
    assert value == TYPES.decode(annotation, TYPES.encode(annotation, value))


@given(st.sets(st.text(max_size=3), max_size=5))
def test_a_set_is_written_in_one_order(values: set[str]) -> None:
    """Equal sets are equal texts."""
    assert sorted(values, key=repr) == TYPES.encode("set[str]", values)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (STEP("on hold"), "Step.ON_HOLD"),
        (NODE(1, NODE(2, None)), "Node(value=1, next=Node(value=2, next=None))"),
        ([(1,), {"a": Decimal("1.5")}], "[(1,), {'a': Decimal('1.5')}]"),
        ({STEP("a"), STEP("A")}, "{Step.A, Step.A_2}"),
        (frozenset({date(2026, 1, 2)}), "frozenset({date(2026, 1, 2)})"),
        (set(), "set()"),
        (frozenset(), "frozenset()"),
        (UUID(int=0), "UUID('00000000-0000-0000-0000-000000000000')"),
        (datetime(2026, 1, 1, tzinfo=UTC), "datetime.fromisoformat('2026-01-01T00:00:00+00:00')"),
        ("\ud800", "'\\ud800'"),
    ],
    ids=ascii,
)
def test_values_are_shown_as_python(value: Any, expected: str) -> None:
    """What is shown can be pasted, and is the same in every process."""
    assert expected == show(value)


def test_long_values_are_cut() -> None:
    """What is shown has a length, however large the value."""
    assert len(show([list(range(10_000))] * 10_000)) == 200


def test_aliases_are_taken_off_from_the_outside() -> None:
    """The annotation under an alias, and the aliases on the way."""
    types = Types({"A": TypeAlias(type="B", ge="1"), "B": TypeAlias(type="int", ge="0")})
    node, aliases = types.resolve_alias(types_node("A"))
    assert (node.id, [alias.ge for alias in aliases]) == ("int", ["1", "0"])  # type: ignore[attr-defined]


def types_node(annotation: str) -> Any:
    from pipeline.annotations import parse_annotation

    return parse_annotation(annotation)


def test_a_pattern_that_backtracks_for_ever_is_a_problem_and_no_hang() -> None:
    """It is given up after seconds, and said which pattern it was."""
    types = Types({"Slow": TypeAlias(type="str", pattern="(a*)*b")})
    with pytest.raises(ValuesError, match=r"the pattern \(a\*\)\*b takes more than 2 s"):
        types.decode("Slow", "a" * 40)
