"""Inputs at the edges that rules name, and what they find."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from subjects import contract, decide

from pipeline.decider.boundaries import at_boundaries, at_extremes, met_equalities
from pipeline.definitions import Param, TypeAlias, TypeRecord
from pipeline.records import Raise
from pipeline.stages.judge import Judge

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WITHIN = contract(
    params={"sent": "datetime", "now": "datetime"},
    returns="int",
    ensures=("result == 1",),
).model_copy(update={"raises": (Raise(error="TimeoutError", when="now - sent > timedelta(hours=24)"),)})


@dataclass(frozen=True)
class Link:
    sent: datetime
    text: str


@dataclass(frozen=True)
class Order:
    count: int
    price: Decimal


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    """One judge for all of these tests."""
    opened = Judge()
    yield opened
    opened.close()


def test_moments_are_set_just_so_far_apart() -> None:
    """Inside of records too, both ways, and a second to either side; nothing else changes."""
    found = list(
        at_boundaries(["now - link.sent > timedelta(hours=2)"], ["link", "now"], [(Link(NOON, "x"), NOON)])
    )
    apart = {now - link.sent for link, now in found}
    hours = {timedelta(hours=2) + timedelta(seconds=step) for step in (-1, 0, 1)}
    assert apart == hours | {-each for each in hours}
    assert {link.text for link, _ in found} == {"x"}


def test_nothing_is_made_where_no_rule_names_a_duration() -> None:
    """Nor where there is only one moment, or nothing was drawn."""
    rule = "now > timedelta(hours=2)"
    assert list(at_boundaries(["now > sent"], ["now", "sent"], [(NOON, NOON)])) == []
    assert list(at_boundaries([rule], ["now"], [(NOON,)])) == list(at_boundaries([rule], ["now"], [])) == []


def test_numbers_are_set_to_the_limits_of_rules() -> None:
    """Inside of records too: as large as a constant or as another number, one less and one more; nothing else changes."""
    base = (Order(5, Decimal(7)), 3)
    counts = [0, -1, 1]
    found = list(at_boundaries(["order.count > 0 and order.price <= most"], ["order", "most"], [base]))
    assert found == [
        *((Order(count, Decimal(7)), 3) for count in counts),
        *((Order(5, Decimal(3 + step)), 3) for step in counts),
        *((Order(5, Decimal(7)), 7 + step) for step in counts),
    ]


def test_what_is_no_number_is_left_alone() -> None:
    """Texts, truths and what a rule only calls have no edge."""
    rules = ["word == 'x'", "len(word) > 3", "done == 1", "word > 3"]
    assert list(at_boundaries(rules, ["word", "done"], [("abc", True)])) == []


def test_numbers_are_set_to_the_limits_of_their_types() -> None:
    """Inside of records too, the smallest and the largest, one at a time."""
    definitions = {
        "Count": TypeAlias(type="int", ge="0", le="9"),
        "Price": TypeAlias(type="Decimal", le="100"),
        "Order": TypeRecord(fields=(Param(name="count", type="Count"), Param(name="price", type="Price"))),
    }
    params = [
        Param(name="order", type="Order"),
        Param(name="most", type="int"),
        Param(name="free", type="Count"),
    ]
    base = (Order(5, Decimal(7)), 3, 4)
    assert list(at_extremes(params, definitions, base)) == [
        (Order(0, Decimal(7)), 3, 4),
        (Order(9, Decimal(7)), 3, 4),
        (Order(5, Decimal(100)), 3, 4),
        (Order(5, Decimal(7)), 3, 0),
        (Order(5, Decimal(7)), 3, 9),
    ]


@pytest.mark.parametrize(("sends", "passed"), [(-1, True), (2, False)])
def test_what_is_wrong_next_to_a_limit_alone_is_found(judge: Judge, sends: int, passed: bool) -> None:  # noqa: FBT001
    """Among all whole numbers, the one before the limit is tried whatever else the rules say."""
    counted = contract(
        params={"sends": "int", "words": "list[str]"},
        returns="int",
        ensures=("result == sends",),
        requires=("sends >= 0",),
    ).model_copy(update={"raises": (Raise(error="ValueError", when="sends >= 3"),)})
    source = f"""
def {counted.function}(sends, words):
    if sends >= 3:
        raise ValueError
    return sends + (sends == {sends})
"""
    assert decide(judge, counted, source).passed == passed


@pytest.mark.parametrize(("sign", "passed"), [(">", True), (">=", False)])
def test_a_limit_that_is_off_by_nothing_but_its_edge_is_found(judge: Judge, sign: str, passed: bool) -> None:  # noqa: FBT001
    """`>=` for `>` differs on one distance alone."""
    source = f"""
from datetime import timedelta
def f(sent, now):
    if now - sent {sign} timedelta(hours=24):
        raise TimeoutError
    return 1
""".replace("def f", f"def {WITHIN.function}")
    assert decide(judge, WITHIN, source).passed == passed


def test_texts_that_rules_ask_for_are_given_together() -> None:
    """For each place the first; what lies in no place, and what is no text, stays as it is."""
    rules = ["link.text == 'a' and count == 3", "link.text == 'b'", "name == 'c'", "other == 'd'"]
    found = met_equalities(rules, ["link", "name", "count"], (Link(NOON, "x"), "y", 7))
    assert found == (Link(NOON, "a"), "c", 7)


def test_a_part_of_a_moment_is_a_number_as_far_as_the_calendar_goes() -> None:
    """There is no hour 24, and nobody can give a duration other days: such inputs are left out."""
    found = at_boundaries(
        ["at.hour < 24", "at.minute == 30", "wait.days > 3"], ["at", "wait"], [(NOON, timedelta(5))]
    )
    assert [(at.hour, at.minute, wait.days) for at, wait in found] == [
        (23, 0, 5),
        (12, 30, 5),
        (12, 29, 5),
        (12, 31, 5),
    ]
