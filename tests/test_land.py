"""Accepted -> files."""

import json
from pathlib import Path

import pytest

from pipeline import disk
from pipeline.definitions import Param
from pipeline.digest import digest_text
from pipeline.errors import OutputError
from pipeline.records import Bounds, Clause, Contract, Judgement
from pipeline.reports import Accepted
from pipeline.stages import land

CONTRACT = Contract(
    spec="s",
    function="f",
    summary="F.",
    params=(Param(name="n", type="int"),),
    returns="int",
    bounds=Bounds(),
)


def files(folder: Path, source: str = "def f(n): ...\n") -> dict[Path, str]:
    contract, text = land.seal_contract(CONTRACT, "sha256:1")
    judgement = Judgement(clauses=(Clause(clause="bounds", passed=True),), inputs=7)
    accepted = Accepted(contract=contract, source=source, judgement=judgement, model="p:m")
    return land.render_landing(accepted, text, folder=folder, sandbox="process")


def test_three_files_with_the_verdict_last(tmp_path: Path) -> None:
    """It is tied to the other two by their digests, and holds no date and no duration."""
    contract, source, verdict = files(tmp_path).items()
    assert (
        contract[0].name,
        source[0].name,
        verdict[0].name,
    ) == ("f.contract.json", "f.py", "f.verdict.json")
    document = json.loads(verdict[1])
    assert digest_text(contract[1]) == document["contract_digest"]
    assert digest_text(source[1]) == document["source_digest"]
    assert {
        "verdict", "spec", "function", "contract_digest", "source_digest", "clauses", "inputs", "sandbox",
        "model", "tool", "seal",
    } == set(document)  # fmt: skip
    assert (document["model"], document["inputs"], document["clauses"]) == ("p:m", 7, ["bounds"])


def test_the_model_is_named_in_the_verdict_alone(tmp_path: Path) -> None:
    """Another model that writes the same function leaves the same function and contract."""
    contract, source, _ = files(tmp_path).values()
    assert "p:m" not in contract + source


def test_a_landing_that_breaks_leaves_no_verdict(tmp_path: Path) -> None:
    """The old one goes before anything is written."""
    land.write(files(tmp_path))
    (tmp_path / "f.py").unlink()
    (tmp_path / "f.py").mkdir()
    with pytest.raises(OutputError, match=r"f\.py: cannot be written"):
        land.write(files(tmp_path, "def f(n): return 1\n"))
    assert not (tmp_path / "f.verdict.json").exists()
    assert not list(tmp_path.glob(".drystone-*"))


def test_a_diff_is_sorted_and_knows_new_and_removed_files(tmp_path: Path) -> None:
    """Nothing is said about a file that stays as it is."""
    for name in ("same", "changed", "gone"):
        (tmp_path / name).write_text("a\nb\n")
    wanted = {"same": "a\nb\n", "new": "x\n", "gone": None, "changed": "a\nc\n"}
    assert land.diff({tmp_path / name: text for name, text in wanted.items()}, tmp_path) == (
        "--- a/changed\n+++ b/changed\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
        "--- a/gone\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n"
        "--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+x\n"
    )


def test_only_line_feeds_end_the_lines_of_a_diff(tmp_path: Path) -> None:
    """A line separator in a text is text, as it is for git."""
    path = tmp_path / "a"
    path.write_text("1\u2028\x0c\x85\n2\n", encoding="utf-8")
    assert " 1\u2028\x0c\x85\n-2\n+3\n" in land.diff({path: "1\u2028\x0c\x85\n3\n"}, tmp_path)


def test_a_text_is_read_with_line_feeds_whatever_git_made_of_it(tmp_path: Path) -> None:
    """And bytes that are no text are no error: they are simply not ours."""
    path = tmp_path / "a"
    path.write_bytes(b"a\r\nb\r\n")
    assert disk.read_text(path) == "a\nb\n"
    path.write_bytes(b"\xff")
    assert disk.read_text(path) == "\udcff"
    assert disk.read_text(tmp_path / "none") is None
    assert disk.read_text(path / "below a file") is None


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """Its folder is made; nothing is left beside it; line ends stay line feeds."""
    path = tmp_path / "a" / "b"
    disk.write_text(path, "1\n")
    disk.write_text(path, "ü\n")
    assert path.read_bytes() == "ü\n".encode()
    assert [path] == list(path.parent.iterdir())


def test_the_last_file_takes_its_folder_with_it(tmp_path: Path) -> None:
    """Caches do not keep it, anything else does."""
    folder = tmp_path / "a"
    for name in ("f.py", "g.py"):
        disk.write_text(folder / name, "")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "f.cpython-311.pyc").touch()
    disk.remove(folder / "f.py")
    assert folder.exists()
    disk.remove(folder / "g.py")
    assert not folder.exists()
    disk.write_text(folder / "f.py", "")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "mine").touch()
    disk.remove(folder / "f.py")
    assert (folder / "__pycache__" / "mine").exists()
