"""Generated inputs: of their types, at the edges, and the same wherever they are drawn."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from subjects import contract

import pipeline
from pipeline.decider.inputs import corpus
from pipeline.records import Contract, Param, Raise, TypeAlias, TypeDefinition, TypeEnum, TypeRecord
from pipeline.values import Types

TYPES: dict[str, TypeDefinition] = {
    "Step": TypeEnum(values=("on hold", "done")),
    "Code": TypeAlias(type="str", pattern="[A-Z]{2}[0-9]+", max_length=6),
    "Short": TypeAlias(type="Code", max_length=4),
    "Price": TypeAlias(type="Decimal", gt="0", le="99.99", decimal_places=2),
    "Low": TypeAlias(type="int", le="-50"),
    "Far": TypeAlias(type="float", ge="2e9"),
    "Tiny": TypeAlias(type="Decimal", gt="0.001", lt="0.004"),
    "Long": TypeAlias(type="str", min_length=100),
    "Three": TypeAlias(type="set[int]", min_length=3, max_length=3),
    "Node": TypeRecord(fields=(Param(name="value", type="int"), Param(name="next", type="Node | None"))),
    "Tree": TypeRecord(fields=(Param(name="kids", type="list[Branch]"),)),
    "Branch": TypeAlias(type="Tree"),
    "Job": TypeRecord(fields=(Param(name="code", type="Code"), Param(name="step", type="Step"))),
}
ANNOTATIONS = [
    "int", "float", "str", "bool", "Decimal", "datetime", "date", "time", "timedelta", "UUID", "None", "int | None",
    "Literal['a', 1, True]", "list[int]", "dict[int, list[str]]", "tuple[int, str]", "tuple[Step, ...]", "set[date]",
    "frozenset[frozenset[int]]", "list[set[Node]]", *TYPES,
]  # fmt: skip


def draw(
    drawn: Contract, count: int = 40, seed_number: int = 1, allowed: Any = lambda _: True
) -> list[tuple[Any, ...]]:
    return corpus(drawn, Types(drawn.types), allowed=allowed, seed_number=seed_number, count=count)


@pytest.mark.parametrize("annotation", ANNOTATIONS)
def test_inputs_conform_to_their_type(annotation: str) -> None:
    """Every type has inputs, and every input keeps its type's limits."""
    drawn = contract({"x": annotation}, types=TYPES)
    types = Types(TYPES)
    inputs = corpus(drawn, types, allowed=lambda _: True, seed_number=1, count=40)
    assert inputs != []
    for (value,) in inputs:
        types.conform(annotation, value)


def test_no_input_comes_twice() -> None:
    """Inputs are different from each other."""
    inputs = draw(contract({"x": "int", "y": "bool"}))
    assert len(inputs) == len(set(inputs))


def test_preconditions_are_kept() -> None:
    """Only what is allowed comes back."""
    inputs = draw(contract({"x": "int"}), allowed=lambda arguments: arguments[0] % 2 == 0)
    assert all(x % 2 == 0 for (x,) in inputs)


def test_preconditions_that_allow_nothing_leave_nothing() -> None:
    """No input is an answer."""
    assert draw(contract({"x": "int"}), allowed=lambda _: False) == []


def test_a_type_without_values_leaves_nothing() -> None:
    """A set of five booleans is no crash."""
    types = {"T": TypeAlias(type="set[bool]", min_length=5)}
    assert draw(contract({"x": "T"}, types=types)) == []


@pytest.mark.parametrize("number", [416, 417, 418])
def test_numbers_of_rules_are_tried(number: int) -> None:
    """A function may differ at the numbers a rule speaks of, and one beside them."""
    inputs = draw(contract({"x": "int"}, ensures=["result == (x > 417)"]), count=100)
    assert (number,) in inputs


def test_texts_of_cases_are_tried() -> None:
    """A function may differ at the texts its cases speak of."""
    inputs = draw(contract({"x": "str"}, cases=[({"x": "drystone wall"}, 1)]), count=100)
    assert ("drystone wall",) in inputs


def test_a_number_in_a_text_is_tried_one_off() -> None:
    """A function that reads numbers out of texts may differ at their edges."""
    texts = {x for (x,) in draw(contract({"x": "str"}, cases=[({"x": "06-31"}, 1)]), count=100)}
    assert texts & {"06-32", "06-30"}


def test_two_moments_lie_at_the_edge_of_a_rule() -> None:
    """A day between two moments, to the second, is among the inputs that a rule about a day gets."""
    promised = contract(
        {"sent": "datetime", "now": "datetime"},
        raises=(Raise(error="ValueError", when="now - sent > timedelta(hours=24)"),),
        cases=[({"sent": "2026-01-01T10:00:00Z", "now": "2026-01-01T10:00:00Z"}, 1)],
    )
    gaps = {abs((now - sent).total_seconds()) for sent, now in draw(promised, count=100)}
    assert gaps >= {86400.0, 86401.0}


def test_whole_numbers_of_no_type_of_their_own_stay_countable() -> None:
    """An honest function may count up to its argument."""
    assert all(abs(x) <= 1000 for (x,) in draw(contract({"x": "int"}), count=200))


def test_whole_numbers_go_where_cases_go() -> None:
    """A case with a large number says that large numbers are meant."""
    inputs = draw(contract({"x": "int"}, cases=[({"x": 10**12}, 1)]), count=100)
    assert any(abs(x) > 10**11 for (x,) in inputs)


def test_records_of_their_own_kind_end() -> None:
    """A tree has a size that a hundred of them can be drawn of."""
    assert len(draw(contract({"x": "Tree"}, types=TYPES), count=100)) > 50


def test_another_seed_draws_other_inputs() -> None:
    """What a model may see says nothing of what it may not."""
    promised = contract({"x": "str"})
    assert draw(promised, seed_number=1) != draw(promised, seed_number=2)


SCRIPT = """
import json, sys
{more}
from pipeline.decider.__main__ import _hide_own_modules
_hide_own_modules()
from pipeline.decider.inputs import corpus
from pipeline.records import Contract
from pipeline.values import Types
contract = Contract.model_validate(json.loads(sys.argv[1]))
print(corpus(contract, Types(contract.types), allowed=lambda _: True, seed_number=7, count=60))
"""


def drawn_elsewhere(root: Path, folder: Path, more: str = "", hash_seed: str = "0") -> str:
    """The inputs that a process of its own draws, with the package at `root`."""
    promised = contract({"x": "str", "y": "float", "z": "set[Step]"}, types=TYPES, ensures=["x != 'bolt'"])
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": hash_seed}
    environment["HYPOTHESIS_STORAGE_DIRECTORY"] = str(folder / "hypothesis")
    command = [
        sys.executable,
        "-P",
        "-c",
        SCRIPT.format(more=more),
        json.dumps(promised.model_dump(mode="json")),
    ]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_inputs_do_not_depend_on_what_is_imported(tmp_path: Path) -> None:
    """Other modules of the project in memory, with constants of their own, colour nothing."""
    root = Path(pipeline.__file__).parents[1]
    more = "import pipeline.stages.judge, pipeline.render, pipeline.prompts"
    assert drawn_elsewhere(root, tmp_path) == drawn_elsewhere(root, tmp_path, more)


def test_inputs_do_not_depend_on_where_the_package_lies(tmp_path: Path) -> None:
    """Installed or checked out, here or there: the same inputs."""
    root = Path(pipeline.__file__).parents[1]
    shutil.copytree(root / "pipeline", tmp_path / "site-packages" / "pipeline")
    assert drawn_elsewhere(root, tmp_path) == drawn_elsewhere(tmp_path / "site-packages", tmp_path)


def test_inputs_do_not_depend_on_the_seed_of_hashes(tmp_path: Path) -> None:
    """The order of sets goes into nothing that is drawn; sets are shown sorted by the decider's own seed."""
    root = Path(pipeline.__file__).parents[1]
    first, second = (drawn_elsewhere(root, tmp_path, hash_seed=seed) for seed in ("1", "2"))
    assert sorted(first) == sorted(second)
