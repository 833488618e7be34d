"""What a person made of a landed function: taken over if it keeps its word, refused with the finding otherwise."""

import json
import shutil
from pathlib import Path

import pytest
from servers import RIGHT, SMALL, ModelServer, Project

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def finished(server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose every function has landed; to be copied."""
    server.answers = dict(RIGHT)
    made = Project(tmp_path_factory.mktemp("finished"), server)
    made.configure()
    made.write_spec("small", SMALL)
    assert made.run("generate").code == 0
    return made.root


@pytest.fixture
def project(finished: Path, server: ModelServer, tmp_path: Path) -> Project:
    """A copy of the finished project, of which nobody may be asked."""
    shutil.copytree(finished, tmp_path / "project")
    server.reset()
    return Project(tmp_path / "project", server)


def edit(project: Project, name: str, old: str, new: str) -> Path:
    path = project.generated / f"{name}.py"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    return path


def test_an_edit_that_keeps_its_contract_lands_as_a_persons(project: Project, server: ModelServer) -> None:
    """Formatted and sealed like any function, with `manual` in its verdict; then everything is fresh, and nobody was asked."""
    path = edit(project, "small/double", "return n * 2", "# by hand\n    return n+n")
    assert project.run("check", "--no-judge").code == 3
    run = project.run("adopt", "small.double", "--json")
    assert (run.code, run.actions()) == (0, {"small.double": "landed"})
    text = path.read_text("utf-8")
    assert text.startswith("# Written by a person under double.contract.json.\n")
    assert text.endswith("    # by hand\n    return n + n\n")
    verdict = json.loads((project.generated / "small" / "double.verdict.json").read_text())
    assert verdict["model"] == "manual"
    assert project.run("check").code == 0
    assert {"small.double": "fresh"}.items() <= project.run("generate", "--json").actions().items()
    assert server.asked == []


REFUSED = {
    "breaks an example": ("return n * 2", "return n * 3", "examples[two]"),
    "reads a file": ("return n * 2", "open('x')\n    return n * 2", "bounds: "),
    "has another signature": ("n: Count", "n: int", "must have the signature (n: Count) -> int"),
    "is not Python": ("return n * 2", "return n *", "bounds: "),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_edit_that_breaks_something_is_refused_with_the_finding(project: Project, name: str) -> None:
    """Exit code 4; the files stay as the person left them."""
    old, new, said = REFUSED[name]
    edit(project, "small/double", old, new)
    before = project.tree()
    run = project.run("adopt", "small.double")
    assert (run.code, said in run.out) == (4, True), run
    assert before == project.tree()


def test_a_caller_that_no_longer_keeps_its_word_is_named(project: Project) -> None:
    """A function may keep its own contract and still break what rests on more than it promised."""
    weaker = SMALL.replace('ensures: ["result == n * 2"]', 'ensures: ["result >= 0"]', 1)
    assert weaker != SMALL
    project.write_spec("small", weaker)
    project.server.answers = dict(RIGHT)
    assert project.run("generate").code == 0
    edit(project, "small/double", "return n * 2", "return n * 2 + (n == 4)")
    run = project.run("adopt", "small.double")
    assert run.code == 4
    assert "with it, small.quadruple breaks examples[two]" in run.out


def test_a_dry_run_writes_nothing(project: Project) -> None:
    """It shows the difference to what the person left."""
    edit(project, "small/double", "return n * 2", "return n + n")
    before = project.tree()
    run = project.run("adopt", "small.double", "--dry-run")
    assert (run.code, '+  "model": "manual",' in run.out) == (0, True)
    assert before == project.tree()


def test_a_function_without_a_header_is_taken_as_well(project: Project) -> None:
    """A person may write the whole file; drystone writes what is around the body."""
    path = project.generated / "small" / "double.py"
    path.write_text(
        "from __future__ import annotations\n\nfrom .types import Count\n\n\n"
        "def double(n: Count) -> int:\n    return n << 1\n"
    )
    assert project.run("adopt", "small.double").code == 0
    assert path.read_text("utf-8").startswith("# Written by a person under double.contract.json.\n")
    assert project.run("check").code == 0


def test_what_nobody_edited_is_left_as_it_is(project: Project) -> None:
    """A fresh function stays fresh, a stale one stale: the code of a model does not become a person's."""
    before = project.tree()
    assert project.run("adopt", "small.double", "--json").actions() == {"small.double": "fresh"}
    project.write_spec("small", SMALL.replace("Twice the number", "The number twice"))
    run = project.run("adopt", "small.double", "--json")
    assert (run.code, run.actions()) == (3, {"small.double": "stale"})
    assert before == project.tree()


def test_an_edit_is_judged_by_what_the_spec_says_now(project: Project) -> None:
    """A person can write what a changed spec asks for, instead of asking a model."""
    changed = SMALL.replace('["result == n * 2"]', '["result == n * 2 + 1"]').replace(
        "returns: 4}", "returns: 5}"
    )
    changed = changed.replace("given: {n: 0}, returns: 0}", "given: {n: 0}, returns: 1}")
    changed = changed.replace("returns: 1998", "returns: 1999")
    project.write_spec("small", changed[: changed.index("  quadruple:")])
    edit(project, "small/double", "return n * 2", "return n * 2 + 1")
    assert project.run("adopt", "small.double", "--json").actions() == {"small.double": "landed"}
    status = project.run("check", "--json")
    assert status.actions()["small.double"] == "fresh"


def test_other_files_that_were_edited_are_in_the_way(project: Project) -> None:
    """A verdict that somebody wrote is not overwritten; a file that is missing is named."""
    edit(project, "small/double", "return n * 2", "return n + n")
    path = project.generated / "small" / "double.verdict.json"
    path.write_text(path.read_text().replace("fake:m1", "me"))
    run = project.run("adopt", "small.double")
    assert (run.code, "double.verdict.json: edited by hand" in run.err) == (3, True)
    (project.generated / "small" / "double.py").unlink()
    run = project.run("adopt", "small.double")
    assert (run.code, "double.py: there is no such file" in run.err) == (3, True)


def test_the_flow_of_a_function_is_judged_with_it(server: ModelServer, tmp_path: Path) -> None:
    """Its evidence comes to speak of the new function, or the function is refused with the shortest walk."""
    for folder in ("specs", "generated"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pyproject.toml").write_text("")
    project = Project(tmp_path, server)
    path = project.generated / "onboarding" / "expire.py"
    text = path.read_text("utf-8")
    path.write_text(text.replace('"""\n    ', '"""\n    # by hand\n    ', 1), "utf-8")
    assert text != path.read_text("utf-8")
    run = project.run("adopt", "onboarding.expire", "--json")
    assert run.code == 0, run
    assert [(flow["flow"], flow["action"]) for flow in run.report["flows"]] == [
        ("onboarding.onboard", "landed")
    ]
    assert project.run("check", "--no-judge").code == 0
