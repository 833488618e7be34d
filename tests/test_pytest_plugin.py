"""The pytest plugin, run as a person runs it, over copies of what this repository has landed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from subjects import refusing_filters

from pipeline import seals

LANDED = Path(__file__).parents[1] / "generated" / "text"


def run_pytest(root: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of `pytest` in a folder."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with one landed function; returns the folder of its three files."""
    target = tmp_path / "generated" / "text"
    target.mkdir(parents=True)
    for path in LANDED.glob("mask_middle.*"):
        shutil.copy(path, target)
    return target


def break_by_hand(path: Path, *, sealed: bool) -> None:
    """Make `mask_middle` answer with a constant, with or without a forged seal."""
    text = path.read_text("utf-8")
    head, _, _ = text.partition('    """')
    broken = head + '    return "*"\n'
    lines = [line for line in broken.splitlines(keepends=True) if " sealed sha256:" not in line]
    path.write_text(seals.seal("".join(lines)) if sealed else broken, "utf-8")


def test_every_clause_is_an_item(folder: Path) -> None:
    """A landed function shows one passing item a clause, and one for its chain."""
    code, output = run_pytest(folder.parents[1], "generated")
    assert code == 0
    for clause in (
        "chain",
        "bounds",
        "examples[word]",
        "returns",
        "raises",
        "ensures[0]",
        "repeatable",
        "limits",
    ):
        assert f"mask_middle.contract.json::{clause} PASSED" in output


def test_one_clause_can_be_asked_for(folder: Path) -> None:
    """A clause is selected by its node id."""
    code, output = run_pytest(folder.parents[1], "generated/text/mask_middle.contract.json::ensures[0]")
    assert (code, "1 passed" in output) == (0, True)


def test_a_hand_edit_breaks_the_chain_and_the_clauses_it_breaks(folder: Path) -> None:
    """A landed function broken by hand fails where it is broken and nowhere else."""
    break_by_hand(folder / "mask_middle.py", sealed=False)
    code, output = run_pytest(folder.parents[1], "generated")
    assert code == 1
    assert "mask_middle.contract.json::chain FAILED" in output
    assert (
        "mask_middle.py was edited by hand; to keep the edit if it passes: drystone adopt text.mask_middle"
        in output
    )
    assert "mask_middle.contract.json::examples[word] FAILED" in output
    assert "mask_middle.contract.json::bounds PASSED" in output


def test_a_forged_seal_does_not_help(folder: Path) -> None:
    """A broken function with a good seal still fails its clauses, and its verdict speaks of another source."""
    break_by_hand(folder / "mask_middle.py", sealed=True)
    code, output = run_pytest(folder.parents[1], "generated")
    assert code == 1
    assert "its verdict speaks of another source" in output
    assert "mask_middle.contract.json::ensures[0] FAILED" in output


def test_a_missing_function_file_fails_every_clause(folder: Path) -> None:
    """A contract without its function has no passing clause."""
    (folder / "mask_middle.py").unlink()
    code, output = run_pytest(folder.parents[1], "generated")
    assert (code, "PASSED" in output) == (1, False)


def test_a_contract_that_is_none_is_an_error_with_its_place(folder: Path) -> None:
    """A contract file that does not parse names the line."""
    (folder / "mask_middle.contract.json").write_text('{\n  "contract": 1,,\n}', "utf-8")
    code, output = run_pytest(folder.parents[1], "generated")
    assert code == 2
    assert "mask_middle.contract.json:2:" in output


def test_other_json_files_are_left_alone(tmp_path: Path) -> None:
    """A contract file outside a `generated` folder is nobody's test."""
    (tmp_path / "text").mkdir()
    shutil.copy(LANDED / "mask_middle.contract.json", tmp_path / "text")
    code, _ = run_pytest(tmp_path)
    assert code == 5


def test_isolation_that_is_demanded_and_not_to_be_had_passes_no_clause(folder: Path) -> None:
    """What cannot be judged as it must be fails, and says what stands in the way. The chain needs no judge."""
    contract = "generated/text/mask_middle.contract.json"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v"]
    done = subprocess.run(
        refusing_filters([*command, f"{contract}::chain", f"{contract}::bounds", f"{contract}::ensures[0]"]),
        cwd=folder.parents[1],
        env={**os.environ, "DRYSTONE_SANDBOX": "kernel"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert re.findall(r"::(\S+) PASSED", done.stdout) == ["chain"]
    assert "seccomp: Operation not permitted" in done.stdout


def test_isolation_that_is_not_demanded_is_not_missed(folder: Path) -> None:
    """Where the machine has none, the clauses are judged at the level it has."""
    command = refusing_filters([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "generated"])
    done = subprocess.run(command, cwd=folder.parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0
