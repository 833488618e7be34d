"""What lies in `generated/`: whose it is, and whether it is fresh."""

import json
from pathlib import Path

import pytest

from pipeline import disk, landed
from pipeline.records import Clause, Judgement, Spec
from pipeline.render import render_types
from pipeline.reports import Accepted
from pipeline.seals import seal
from pipeline.specs import parse_spec
from pipeline.stages import architect, land

SPEC = """\
spec: small
summary: Small functions.
types:
  Count: {type: int, ge: 0}
functions:
  double:
    summary: Twice the number.
    params: {n: Count}
    returns: int
    ensures: ["result == n * 2"]
    examples:
      - {name: two, given: {n: 2}, returns: 4}
      - {name: none, given: {n: 0}, returns: 0}
  quadruple:
    summary: Four times the number.
    params: {n: Count}
    returns: int
    uses: [double]
    ensures: ["result == n * 4"]
    examples:
      - {name: two, given: {n: 2}, returns: 8}
      - {name: none, given: {n: 0}, returns: 0}
"""


def spec_of(text: str = SPEC) -> Spec:
    spec = parse_spec("specs/small.yaml", text)
    assert isinstance(spec, Spec), spec
    return spec


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    """A folder in which both functions are fresh."""
    spec = spec_of()
    digests = landed.derived_digests([spec])
    for function in spec.functions:
        name = function.contract.function
        contract, text = land.seal_contract(
            architect.hold_back(function.contract), digests[function.contract.id]
        )
        judgement = Judgement(clauses=(Clause(clause="bounds", passed=True),))
        source = seal(f"# F\ndef {name}(n):\n    pass\n")
        accepted = Accepted(contract=contract, source=source, judgement=judgement, model="p:m")
        land.write(land.render_landing(accepted, text, folder=tmp_path / "small", sandbox="process"))
    types = render_types("small", spec.types, spec.errors)
    assert types is not None
    disk.write_text(tmp_path / "small" / "types.py", types)
    return tmp_path


def reasons(generated: Path, text: str = SPEC) -> dict[str, tuple[str, ...]]:
    statuses = landed.check_spec(generated, spec_of(text), landed.derived_digests([spec_of(text)]))
    return {status.function.contract.function: status.conflicts or status.reasons for status in statuses}


def strangers(generated: Path, *, whole: bool) -> landed.Strangers:
    known = {generated / "small" / "types.py"}
    return landed.find_strangers(generated, [spec_of()], whole=whole, known=known)


def test_what_was_landed_is_fresh(generated: Path) -> None:
    """There is neither a reason nor a conflict, and nothing is strange."""
    assert reasons(generated) == {"double": (), "quadruple": ()}
    assert strangers(generated, whole=True) == landed.Strangers()


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("Twice the number.", "Two times the number.", "its spec changed: summary"),
        (
            "{name: two, given: {n: 2}, returns: 4}",
            "{name: two, given: {n: 3}, returns: 6}",
            "its spec changed: cases",
        ),
        ("result == n * 2", "n * 2 == result", "its spec changed: ensures"),
        ("ge: 0", "ge: 1", "its spec changed: types"),
        (
            "      - {name: two, given: {n: 2}, returns: 4}\n      - {name: none, given: {n: 0}, returns: 0}\n",
            "      - {name: none, given: {n: 0}, returns: 0}\n      - {name: two, given: {n: 2}, returns: 4}\n",
            "its spec changed: cases",
        ),
    ],
)
def test_a_change_of_the_spec_is_the_reason(generated: Path, old: str, new: str, why: str) -> None:
    """The parts that changed are named; a caller's contract rests on its callees'."""
    text = (
        SPEC.replace(old, new, 1).replace("n: 0}", "n: 1}") if old == "ge: 0" else SPEC.replace(old, new, 1)
    )
    text = (
        text.replace("returns: 0}", "returns: 2}", 1).replace("returns: 0}", "returns: 4}")
        if old == "ge: 0"
        else text
    )
    found = reasons(generated, text)
    assert found["double"][0].startswith("its spec changed: ")
    assert why.removeprefix("its spec changed: ") in found["double"][0]
    assert found["quadruple"]


def test_formatting_of_the_spec_is_no_change(generated: Path) -> None:
    """Comments, quotes and the order of functions do not matter."""
    head, double, quadruple = (
        SPEC.partition("  double:")[0],
        *SPEC.split("  double:")[1].split("  quadruple:"),
    )
    text = f"# Hello.\n{head}  quadruple:{quadruple}  double:{double}".replace("{n: 2}", '{"n": 0x2}')
    assert reasons(generated, text) == {"double": (), "quadruple": ()}


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("double.verdict.json", None, "its verdict is missing"),
        ("double.py", None, "its function file is missing"),
        ("double.contract.json", None, "its contract is missing"),
        ("double.py", lambda text: text + "# x\n", "edited by hand"),
        (
            "double.py",
            lambda text: text + "# x\n",
            "to keep the edit if it passes: drystone adopt small.double",
        ),
        (
            "double.py",
            lambda text: "pass\n",
            "to have it taken over if it passes: drystone adopt small.double",
        ),
        ("double.py", lambda text: text.replace("\n", "\r\n"), None),
        ("double.py", lambda text: seal(text.replace("pass", "...")), "its verdict speaks of another source"),
        ("double.verdict.json", lambda text: text.replace('"process"', "7"), "edited by hand"),
        ("double.verdict.json", lambda text: text.replace('"process"', '"kernel"'), "edited by hand"),
        ("double.verdict.json", lambda text: "\udcff", "edited by hand"),
        ("double.py", lambda text: "\udcff", "not written by drystone"),
        ("double.contract.json", lambda text: "[]", "double.contract.json:1:1"),
        ("double.contract.json", lambda text: "\udcff", "double.contract.json:1:1"),
        ("double.contract.json", lambda text: text.replace("sha256:", "sha256:0", 1), "edited by hand"),
    ],
)
def test_a_change_of_a_file_is_seen(generated: Path, name: str, change, why: str | None) -> None:
    """What is missing is made again, what a person changed is a conflict, and git's line ends are neither."""
    path = generated / "small" / name
    text = path.read_text()
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(text).encode("utf-8", "surrogateescape"))
    found = reasons(generated)
    assert found["quadruple"] == ()
    if why is None:
        assert found["double"] == ()
    else:
        assert why in found["double"][0]


def test_an_edited_contract_that_still_fits_is_kept(generated: Path) -> None:
    """Its function is asked for again, under the person's words."""
    path = generated / "small" / "double.contract.json"
    document = json.loads(path.read_text())
    document["approach"] = "Add it to itself."
    path.write_text(json.dumps(document))
    status = landed.check_spec(generated, spec_of(), landed.derived_digests([spec_of()]))[0]
    assert status.contract_edited
    assert status.reasons == ("its contract was edited",)
    assert status.kept_contract is not None
    assert status.kept_contract.approach == "Add it to itself."


def test_strangers_are_told_apart(generated: Path) -> None:
    """Ours and untouched, ours and edited, not ours; what Python and editors leave is none of them."""
    folder = generated / "small"
    names = {
        "gone.py": seal("# x\n"),
        "edited.py": seal("# x\n") + "y\n",
        "mine.py": "x\n",
        "notes.txt": "x\n",
    }
    names |= {"__init__.py": "", ".hidden": "", "types.contract.json": "{}"}
    for name, text in names.items():
        (folder / name).write_text(text)
    (folder / "raw.py").write_bytes(b"\xff")
    (folder / "sub.py").mkdir()
    (folder / "__pycache__").mkdir()
    (generated / "file.txt").touch()
    (generated / "other").mkdir()
    (generated / "other" / "f.py").write_text(seal("# x\n"))
    found = strangers(generated, whole=True)
    assert set(found.orphans) == {folder / "gone.py", generated / "other" / "f.py"}
    assert found.edited == [folder / "edited.py"]
    foreign = {"mine.py", "notes.txt", "types.contract.json", "raw.py", "sub.py", "file.txt"}
    assert {path.name for path in found.foreign} == foreign
    selected = strangers(generated, whole=False)
    assert generated / "other" / "f.py" not in selected.orphans


def test_types_are_ours_or_in_the_way(generated: Path) -> None:
    """Missing and changed ones are written, edited and foreign ones stand in the way."""
    path = generated / "small" / "types.py"
    text = path.read_text()
    assert landed.check_mechanical(path, text) == (None, None)
    assert landed.check_mechanical(path, text + "# more\n") == ("its spec changed", None)
    path.write_text(text + "# mine\n")
    assert "edited by hand" in str(landed.check_mechanical(path, text)[1])
    path.write_text("x = 1\n")
    assert "not written by drystone" in str(landed.check_mechanical(path, text)[1])
    path.unlink()
    assert landed.check_mechanical(path, text) == ("it is missing", None)
