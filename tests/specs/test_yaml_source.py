"""YAML text -> values and places."""

from decimal import Decimal

import pytest
import yaml

from pipeline.records import Finding
from pipeline.specs.yaml_source import Document, decode_text, parse_yaml


def parse(text: str) -> Document:
    document = parse_yaml("specs/a.yaml", text)
    assert isinstance(document, Document), document
    return document


def complaints(text: str) -> list[str]:
    findings = parse_yaml("a.yaml", text)
    assert isinstance(findings, tuple), findings.value
    return [str(finding) for finding in findings]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("12:30:00", "12:30:00"),
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("<", "<"),
        ("=", "="),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("Null", None),
        ("-12", -12),
        ("007", 7),
        ("0o17", 15),
        ("0xFf", 255),
        ("'12'", "12"),
        ('"\\u00e9"', "é"),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(written: str, value: object) -> None:
    """Only null, booleans and numbers are not text."""
    found = parse(f"a: {written}").value["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("written", ["10.50", "1.", ".5", "-0.0", "1e3", "1E-400"])
def test_a_number_with_a_point_keeps_its_digits(written: str) -> None:
    """It is a Decimal, so `10.50` is not `10.5`."""
    found = parse(f"a: {written}").value["a"]
    assert str(Decimal(written)) == str(found)
    assert isinstance(found, Decimal)


@pytest.mark.parametrize("written", [".inf", "-.INF", ".nan", "1e401", "1e-401", "9" * 401, "1e" + "9" * 30])
def test_a_number_that_is_none_or_endless_is_refused(written: str) -> None:
    """Infinities, NaN and numbers of absurd size are findings."""
    (complaint,) = complaints(f"a: {written}")
    assert complaint.startswith("a.yaml:1:4: ")


def test_places_count_characters_and_lines_as_an_editor_does() -> None:
    """BOM, CRLF, characters beyond the first plane and wide indentation do not move a place."""
    document = parse("\ufeff# ä\r\nkey 𝄞: 'v'\r\nlist:\r\n    - a\r\n    - {b: c}\r\n")
    assert str(document.key("key 𝄞")) == "specs/a.yaml:2:1"
    assert str(document.at("key 𝄞")) == "specs/a.yaml:2:8"
    assert str(document.key("list", 1, "b")) == "specs/a.yaml:5:8"
    assert str(document.at("list", 1, "b")) == "specs/a.yaml:5:11"
    assert str(document.key("list", 1)) == "specs/a.yaml:5:7"


def test_the_place_of_what_is_not_written_is_what_is_around_it() -> None:
    """A missing key is looked for where it belongs; a part that names no key is passed over."""
    document = parse("a:\n  b: {c: 1}\n")
    assert str(document.at("a", "b", "missing")) == "specs/a.yaml:2:6"
    assert str(document.at("a", "Union branch", "b", "c")) == "specs/a.yaml:2:10"


@pytest.mark.parametrize(
    ("written", "column"),
    [
        ("ab cd", 3),
        ("'ab cd'", 4),
        ("'a'' cd'", 5),
        (r'"a\" cd"', 5),
        (r'"a\x41 cd"', 7),
        (r'"a\U00000041 cd"', 13),
        ("|\n  ab cd", 0),
        ("'ab\n  cd'", 0),
    ],
)
def test_a_place_inside_text_counts_what_is_written(written: str, column: int) -> None:
    """Quotes and escapes count as they are written; over several lines, the place is the beginning."""
    document = parse(f"a: {written}")
    assert 4 + column == document.within("a", offset=3).column


def test_an_alias_stands_for_its_anchor() -> None:
    """Values are shared, and their place is where they are written."""
    document = parse("a: &x {b: 1}\nc: *x\n")
    assert document.value == {"a": {"b": 1}, "c": {"b": 1}}
    assert str(document.at("c", "b")) == "specs/a.yaml:1:11"


def test_duplicate_keys_name_both_places() -> None:
    """Equal keys are refused however they are written, at every level, all at once."""
    assert complaints("a: 1\n'a': 2\nb: {1: x, 1: y}") == [
        "a.yaml:2:1: duplicate key 'a'; the first is at a.yaml:1:1",
        "a.yaml:3:11: duplicate key '1'; the first is at a.yaml:3:5",
    ]


def test_keys_keep_their_type() -> None:
    """Numbers as keys are for examples of dict[int, str]; who refuses them elsewhere is not this module."""
    assert parse("1: a\n'1': b").value == {1: "a", "1": "b"}


def test_aliases_cannot_blow_up() -> None:
    """A few lines that stand for a billion values are refused quickly."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    (complaint,) = complaints("\n".join(lines))
    assert complaint.endswith("aliases repeat more than 10,000 values")


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000, "a: &a [*a]", "? " * 5000])
def test_nesting_has_an_end(text: str) -> None:
    """Deep and circular structures are findings, not a crash."""
    assert complaints(text)


def test_a_large_file_is_refused() -> None:
    """Both as bytes and as text."""
    assert isinstance(decode_text("a.yaml", b" " * 1_000_001), Finding)
    assert complaints(" " * 1_000_001) == ["a.yaml:1:1: the file is larger than 1,000,000 characters"]


def test_the_place_of_a_byte_that_is_no_utf8_is_found() -> None:
    """Counted in characters, not in bytes."""
    finding = decode_text("a.yaml", "ok\r\nä".encode() + b"\xff")
    assert str(finding) == "a.yaml:2:2: byte 0xff is not UTF-8; save the file as UTF-8"


def test_lone_surrogates_are_findings() -> None:
    """Text from elsewhere may hold them."""
    assert complaints("a: \ud800") == [
        "a.yaml:1:4: character U+D800 is not allowed; write it as an escape in double quotes"
    ]


def test_without_libyaml_the_places_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loader in Python serves where the one in C is missing."""
    text = "a: 'it''s'\nb:\n  - {c: 1.50}\n  - 12:30\n"
    fast = parse(text)
    monkeypatch.delattr(yaml, "CSafeLoader")
    slow = parse(text)
    assert fast.value == slow.value
    assert fast.within("a", offset=3) == slow.within("a", offset=3)
    assert complaints("a: [1")[0].startswith("a.yaml:1:6: expected ',' or ']'")
