"""Why a function is fresh or stale, told about copies of what this repository has landed."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline.adoption.why import Explanation, explain, explanation_lines
from pipeline.errors import SettingsError
from pipeline.outcome import Outcome
from pipeline.settings import read_settings

REPOSITORY = Path(__file__).parents[2]
KEYLESS: dict[str, str] = {}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose functions are fresh."""
    for folder in ("specs", "generated"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def change(root: Path, *replaced: tuple[str, str]) -> None:
    path = root / "specs" / "text.yaml"
    text = path.read_text("utf-8")
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, "utf-8")


def explained(root: Path, function: str) -> Explanation:
    found = explain(read_settings(root, KEYLESS), function)
    assert isinstance(found, Explanation), found
    return found


def changes(root: Path, function: str) -> list[tuple[str, str]]:
    return [(each.how, each.part) for each in explained(root, function).changes]


def test_a_fresh_function_has_a_chain_that_holds(root: Path) -> None:
    """Every link holds, nothing changed, and nobody would be asked."""
    found = explained(root, "text.slugify")
    assert (found.standing, found.reasons, found.changes) == ("fresh", (), ())
    assert [(link.name, link.holds) for link in found.chain] == [
        ("spec", True),
        ("contract", True),
        ("function", True),
        ("verdict", True),
    ]
    assert found.next == ("drystone generate asks nobody and writes nothing",)


CHANGED = {
    "a rule": (
        "text.slugify",
        ("slugify(result) == result", "len(result) <= len(title) * 2"),
        [("removed", "ensures"), ("added", "ensures")],
    ),
    "a type": ("text.truncate_words", ("ge: 1, le: 200", "ge: 1, le: 300"), [("changed", "type Limit")]),
    "a constraint": (
        "text.normalize_spaces",
        ("Texts come back", "All texts come back"),
        [("changed", "constraint plain-data")],
    ),
    "an example": (
        "text.normalize_spaces",
        ("name: runs of spaces", "name: runs"),
        [("removed", "example 'runs of spaces'"), ("added", "example 'runs'")],
    ),
    "what a callee promises": (
        "text.title_case",
        ("name: small but first", "name: first and small"),
        [("changed", "what text.case_word promises; drystone explain text.case_word tells")],
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_changed_is_named(root: Path, name: str) -> None:
    """Clause, type, constraint, example or callee, each by its name; the function itself still has its verdict."""
    function, replaced, expected = CHANGED[name]
    change(root, replaced)
    found = explained(root, function)
    assert found.standing == "stale"
    assert expected == [(each.how, each.part) for each in found.changes]
    assert {"contract"} == {link.name for link in found.chain if not link.holds}
    assert found.next[-1].startswith("first prompt: about ")


def test_both_states_of_what_changed_are_shown(root: Path) -> None:
    """A person reads what was and what is, as the spec says it."""
    change(root, ("slugify(result) == result", "len(result) <= len(title) * 2"))
    lines = list(explanation_lines(explained(root, "text.slugify")))
    assert "    - slugify(result) == result" in lines
    assert "    + len(result) <= len(title) * 2" in lines


def test_a_hand_edit_comes_with_the_way_to_keep_it(root: Path) -> None:
    """An edited function is told apart from a stale one."""
    path = root / "generated" / "text" / "slugify.py"
    path.write_text(path.read_text("utf-8") + "# mine\n", "utf-8")
    found = explained(root, "text.slugify")
    assert found.standing == "edited"
    assert [link.name for link in found.chain if not link.holds] == ["function", "verdict"]
    assert found.next[0].startswith("drystone adopt text.slugify: ")


def test_a_function_that_never_landed_is_new(root: Path) -> None:
    """Nothing is compared with nothing."""
    for path in (root / "generated" / "text").glob("slugify.*"):
        path.unlink()
    found = explained(root, "text.slugify")
    assert (found.standing, found.reasons, found.changes) == ("new", ("it is new",), ())
    assert next(explanation_lines(found)) == "text.slugify is new"


def test_what_cannot_be_explained_is_said(root: Path) -> None:
    """An unknown function is a mistake of whoever asks; a spec with findings has these told."""
    with pytest.raises(SettingsError, match="did you mean"):
        explain(read_settings(root, KEYLESS), "text.slugfy")
    change(root, ("params: {title: str}", "params: {title: Str}"))
    found = explain(read_settings(root, KEYLESS), "text.slugify")
    assert isinstance(found, Outcome)
    assert found.report.findings


def test_an_explanation_is_json_as_well(root: Path) -> None:
    """Every field is there for tools."""
    document = json.loads(explained(root, "text.slugify").model_dump_json())
    assert {"function", "standing", "chain", "reasons", "changes", "next"} == set(document)
