"""Inputs with what code mentions in the place of what was drawn: of the same kind, one place at a time, and no more than can be tried."""

from typing import Any

import pytest

from pipeline.decider.hints import hints_of
from pipeline.decider.mentioned import with_mentioned

DAY = {"$": "date", "v": "2026-01-01"}
NOON = {"$": "datetime", "v": "2026-01-01T12:00:00+02:00"}


def decimal(text: str) -> dict[str, str]:
    return {"$": "Decimal", "v": text}


PAIRS: dict[str, tuple[Any, str, Any]] = {
    "a text": ("b", "x == 'word'", "word"),
    "a number": (7, "x < 40", 40),
    "a whole number as a float": (7.5, "x < 40", 40.0),
    "a text as a decimal": (decimal("7"), "x < Decimal('0.30')", decimal("0.30")),
    "a day": (DAY, "x < date(2027, 7, 1)", {"$": "date", "v": "2027-07-01"}),
    "a moment where the other was": (
        NOON, "x < datetime(2027, 7, 1)", {"$": "datetime", "v": "2027-07-01T00:00:00+02:00"},
    ),
    "a field": (
        {"$": "record", "t": "R", "v": {"a": 3, "b": "c"}}, "x.a == 5",
        {"$": "record", "t": "R", "v": {"a": 5, "b": "c"}},
    ),
    "a key": ({"$": "dict", "v": [["k", 3]]}, "'word'", {"$": "dict", "v": [["word", 3]]}),
    "a member": ([3, 4], "x > 5", [3, 5]),
    "a member of a set": ({"$": "set", "v": [3, 4]}, "x > 5", {"$": "set", "v": [3, 5]}),
    "a text that functions tell apart": ("b", "x == 1", "\u00df"),
    "a text of so many characters": ("ab", "len(x) <= 255", "ab" * 127 + "a"),
    "one more": ("ab", "len(x) <= 255", "ab" * 128),
    "one less": ("ab", "len(x) <= 255", "ab" * 127),
    "so many letters of two bytes": ("ab", "72 > len(x.encode())", "\u00df" * 72),
    "a list of so many": ([3], "len(x) < 100", [3] * 100),
    "a list in a tuple": (
        {"$": "tuple", "v": [[3]]}, "len(x[0]) < 100", {"$": "tuple", "v": [[3] * 100]},
    ),
    "capitals": ("b", "x == 'gzip'", "GZIP"),
    "small letters": ("b", "x == 'GZIP'", "gzip"),
    "one capital": ("b", "x == 'gzip'", "Gzip"),
    "a blank before": ("b", "x == 'gzip'", " gzip"),
    "a blank after": ("b", "x == 'gzip'", "gzip "),
    "the end of a line after a match": ("b", "'[x]{3}'", "xxx\n"),
    "the same in two places": (
        {"$": "tuple", "v": [decimal("3"), "a", decimal("4")]}, "x",
        {"$": "tuple", "v": [decimal("3"), "a", decimal("3")]},
    ),
    "the same key": (["b", {"$": "dict", "v": [["a", 1]]}], "x", ["b", {"$": "dict", "v": [["b", 1]]}]),
    "half a cent": (decimal("7"), "x", decimal("0.005")),
    "half of what is mentioned": (decimal("7"), "'0.001'", decimal("0.0015")),
    "a half": (7.0, "x", 2.5),
    "what has no digits after it": (decimal("7"), "x", decimal("1E+2")),
    "what no float holds": (7, "float(...)", 2**53 + 1),
    "a text of a pattern": ("b", "'[x]{3}'", "xxx"),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_mentioned_stands_where_its_kind_stood(name: str) -> None:
    """In one place, everything else as it was."""
    value, hint, expected = PAIRS[name]
    assert [expected] in list(with_mentioned([[value]], [hint]))


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (True, "x == 1"), (3, "x == 'a'"), ("a", "x == 3"), (DAY, "datetime(2026, 1, 1)"), (DAY, "date(2026, 13, 1)"),
        (decimal("1"), "'nan'"), (decimal("1"), "'1e999999'"), (3, "x == 1000000007"),
        ({"$": "script", "v": {"send": [["a", None]]}}, "'b'"), ({"$": "enum", "t": "E", "v": "a"}, "'b'"),
    ],
)  # fmt: skip
def test_nothing_is_put_where_another_kind_stands(value: Any, hint: str) -> None:
    """Nor what is no number or day at all, nor what an honest function would count up to for ever."""
    assert list(with_mentioned([[value]], [hint])) == list(with_mentioned([[value]], ["None"]))


def test_a_product_is_brought_to_an_edge() -> None:
    """Every other number is 1, and of a list one member is left."""
    lines = [[{"$": "record", "t": "L", "v": {"n": n, "price": decimal(f"{n}.5")}} for n in (3, 4)]]
    expected = [[{"$": "record", "t": "L", "v": {"n": 1, "price": decimal("50")}}]]
    assert expected in list(with_mentioned([lines], ["total >= 50"]))


def test_no_more_are_made_than_are_run() -> None:
    """However much code mentions."""
    texts = [f"x == 'w{number}' and len(x) == {number}" for number in range(200)]
    hints = [*texts, *(f"x == {number}" for number in range(200)), "float(...)"]
    drawn = [[number, number + 1, "a", 0.5, decimal("1")] for number in range(99)]
    assert 400 < len(list(with_mentioned(drawn, hints))) <= 680


@pytest.mark.parametrize(
    ("code", "tried"),
    [
        ("return n / 3", 1), ("return int(math.sqrt(n))", 1), ("return n ** 2 / 3", 1), ("return n // 3", 0),
        ("return 10 ** n / 2", 0), ("return sum(range(n)) / 2", 0),
    ],
)  # fmt: skip
def test_numbers_no_float_holds_are_for_code_that_does_not_count_up_to_them(code: str, tried: int) -> None:
    """It would not end, and take a process with it."""
    source = f'def f(n):\n    """What it does."""\n    {code}\n'
    assert list(with_mentioned([[7]], hints_of([source]))).count([2**62 - 1]) == tried


@pytest.mark.parametrize(
    "hint", ["x <= 255", "len(x) <= y", "len(x) <= 10001", "len(x) <= 0", "len(x) + 255"]
)
def test_only_what_a_length_is_compared_with_is_a_length(hint: str) -> None:
    """And only where such a text can be handled."""
    assert max(len(each) for (each,) in with_mentioned([["b"]], [hint])) < 30


@pytest.mark.parametrize("text", ["(", "[", "(?=x)y", "a{1000}", "(?!)", "[[a]"])
def test_what_is_no_pattern_is_a_text(text: str) -> None:
    """Nor one that nothing matches, nor one that only long texts do: it is put in its place, and ends nothing."""
    found = [each for (each,) in with_mentioned([["b"]], [repr(text)])]
    assert text in found
    assert max(map(len, found)) < 100


def test_a_list_is_not_as_long_as_a_text_may_be() -> None:
    """It would take longer to make it smaller than anyone waits."""
    found = list(with_mentioned([["b", [3]]], ["len(x) < 5000"]))
    assert [max(len(text) for text, _ in found), max(len(members) for _, members in found)] == [5001, 1]
