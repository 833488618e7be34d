"""Annotations are read by name, never evaluated, and every refusal says what to write instead."""

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.annotations import annotation_names, check_annotation, member_names

GOOD = [
    "int", "None", "str | None", "list[Task]", "dict[str, list[int]]", "tuple[int, ...]", "tuple[int, str, Task]",
    "set[int]", "frozenset[UUID]", "Literal['a', 1, True]", "Task | list[Task] | None", "datetime", " int ",
]  # fmt: skip
BAD = {
    "Tesk": "unknown type 'Tesk'; did you mean 'Task'?",
    "List[int]": "'List[int]' is not a type annotation",
    "Any": "unknown type 'Any'; did you mean 'a type of your own under 'types''?",
    "list": "say what the list holds, for example list[str]",
    "dict": "say what the dict holds, for example dict[str, int]",
    "dict[str]": "dict takes 2 types, not 1",
    "list[int, str]": "list takes 1 type, not 2",
    "list[()]": "say what the list holds",
    "tuple[...]": "'...' is not a type annotation",
    "tuple[int, ..., int]": "'...' is not a type annotation",
    "list[...]": "'...' is not a type annotation",
    "Optional[int]": "write 'Optional' as 'A | B', or 'A | None'",
    "'Task'": "write the type Task without quotation marks",
    "Literal[1.5]": "Literal takes texts, whole numbers and booleans",
    "Literal[Task]": "Literal takes texts, whole numbers and booleans",
    "3": "'3' is not a type annotation",
    "int & str": "'int & str' is not a type annotation",
    "__import__('os').system('true')": "'__import__('os').system('true')' is not a type annotation",
    "[int for int in list]": "'[int for int in list]' is not a type annotation",
    "lambda: int": "'lambda: int' is not a type annotation",
    "int.__class__": "'int.__class__' is not a type annotation",
    "int; str": "'int; str' is not a type annotation",
    "": "'' is not a type annotation",
}


@pytest.mark.parametrize("text", GOOD)
def test_annotations_over_known_names_are_good(text: str) -> None:
    """Built-in types, containers and the spec's own names."""
    assert check_annotation(text, {"Task"}) is None


@pytest.mark.parametrize(("text", "expected"), BAD.items(), ids=BAD)
def test_other_texts_are_refused(text: str, expected: str) -> None:
    """The complaint names what is wrong and what to write."""
    assert expected == check_annotation(text, {"Task"})


@pytest.mark.parametrize(
    "text",
    ["[" * 5000 + "]" * 5000, "int | " * 5000 + "int", "\0", "\ud800", "list[" * 90 + "int" + "]" * 90],
)
def test_texts_no_person_writes_are_answered(text: str) -> None:
    """Depth, length and odd characters end in an answer, not in a crash."""
    check_annotation(text, set())
    assert set() == annotation_names(text)


def test_names_inside_literals_are_no_types() -> None:
    """A text of a `Literal` is a value."""
    assert {"Task"} == annotation_names("Literal['Step'] | dict[str, Task]")


def test_a_broken_annotation_has_no_names() -> None:
    """What does not parse mentions nothing."""
    assert set() == annotation_names("list[")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("on hold", "ON_HOLD"), ("1st", "VALUE_1ST"), ("", "VALUE"), ("class", "CLASS"), ("_x", "VALUE_X"), ("²", "VALUE_2"),
        ("🎉", "VALUE"), ("straße", "STRASSE"), ("ﬁn", "FIN"), ("None", "NONE"), ("__init__", "VALUE_INIT"),
    ],
)  # fmt: skip
def test_members_have_plain_names(value: str, expected: str) -> None:
    """Upper case, and `_` for what no name may hold."""
    assert {value: expected} == member_names([value])


@given(st.lists(st.text(max_size=5), unique=True, max_size=6))
def test_any_values_have_names_of_their_own(values: list[str]) -> None:
    """Whatever the values, every member has one name that Python can read, and no two have the same."""
    names = list(member_names(values).values())
    assert (True, len(values)) == (
        all(name.isidentifier() and not keyword.iskeyword(name) for name in names),
        len(set(names)),
    )
