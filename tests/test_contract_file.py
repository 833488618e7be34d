"""Contracts as files: what is written is read back, what is broken is refused with its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from subjects import contract

from pipeline.contract_file import (
    ContractFileError,
    derived_digest,
    is_edited,
    parse_contract,
    render_contract,
)
from pipeline.definitions import Param, TypeAlias, TypeEnum, TypeRecord
from pipeline.records import Callee, Case, Contract, Raise

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.just("") | st.just("é"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)  # fmt: skip

FULL = contract(
    {"x": "Digit"},
    "Task | None",
    types={
        "Digit": TypeAlias(type="int", ge="0"),
        "Texts": TypeAlias(type="list[str]", min_length=0),
        "Step": TypeEnum(values=("", "on")),
        "Task": TypeRecord(fields=(Param(name="step", type="Step"),)),
        "Nothing": TypeRecord(fields=()),
    },
    errors={"Late": ""},
    raises=(Raise(error="Late"), Raise(error="ValueError", when="x > 5", origin="architect")),
    ensures=["result is None or result.step == ''"],
    cases=[
        Case(name="none", given={"x": 0}, returns=None),
        Case(name="late", given={"x": 3}, raises="Late", shown=False),
        Case(name="task", given={"x": 1}, returns={"step": ""}, origin="architect"),
    ],
    mutates=("x",),
    uses=(Callee(function="g", signature="def g() -> int:", summary=""),),
    approach="Think.",
)


def read_back(written: Contract) -> Contract:
    return parse_contract("c.json", render_contract(written)).model_copy(update={"seal": ""})


def test_a_contract_is_read_back() -> None:
    """Nothing of a contract is lost in its file."""
    assert read_back(FULL) == FULL


@given(given_value=VALUES, returned=VALUES)
def test_values_of_cases_are_read_back(given_value: object, returned: object) -> None:
    """Empty values in a case say something and stay."""
    written = contract({"x": "int"}, cases=[({"x": given_value}, returned)])
    assert written == read_back(written)


def test_an_untouched_file_is_known() -> None:
    """The seal of what was written holds."""
    assert not is_edited(render_contract(FULL))


def test_a_change_of_one_character_is_known() -> None:
    """The seal covers every item."""
    assert is_edited(render_contract(FULL).replace('"Think."', '"Think!"'))


def test_a_file_without_a_seal_is_edited() -> None:
    """What drystone did not seal it did not write."""
    document = json.loads(render_contract(FULL))
    del document["seal"]
    assert is_edited(json.dumps(document))


@pytest.mark.parametrize("text", ["[]", "3", '"x"', "null"])
def test_other_json_is_an_edited_file(text: str) -> None:
    """A file that holds no object was not written by drystone."""
    assert is_edited(text)


def test_broken_json_is_refused_with_its_place() -> None:
    """Line and column of the first character that does not fit."""
    with pytest.raises(ContractFileError) as caught:
        parse_contract("c.json", '{\n  "spec": }')
    assert (caught.value.place.path, caught.value.place.line, caught.value.place.column) == ("c.json", 2, 11)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "null", "\ufeff{}", '{"spec": 3}', "[" * 100_000, '{"contract": 1e999}', "1" * 5000,
        render_contract(FULL).replace('"Think."', '"\\ud800"'),
        render_contract(FULL).replace('"approach"', '"aproach"'),
        render_contract(FULL).replace('"contract": 1', '"contract": 2'),
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_texts_that_are_no_contracts_are_refused(text: str) -> None:
    """Whatever a file holds, the answer is a complaint with a place."""
    with pytest.raises(ContractFileError):
        parse_contract("c.json", text)


def test_the_spec_alone_makes_the_derived_digest() -> None:
    """Advice of a model is not what freshness rests on."""
    assert derived_digest(FULL, []) == derived_digest(FULL.model_copy(update={"approach": "Other."}), [])


def test_a_callee_is_part_of_the_derived_digest() -> None:
    """A changed callee makes its callers stale."""
    assert derived_digest(FULL, ["sha256:1"]) != derived_digest(FULL, ["sha256:2"])
