"""The stories drystone exists for, from the command's side: what is refused, in which words, and what lands."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from servers import ModelServer, Project, Run

STORIES = Path(__file__).parent / "cases" / "stories"
NAMES = sorted(folder.name for folder in STORIES.iterdir())


@pytest.fixture
def story(request: pytest.FixtureRequest, server: ModelServer, tmp_path: Path) -> Project:
    """A project with the specs of a story, and a server that knows its replies."""
    folder = STORIES / request.param
    server.reset()
    replies: dict[str, list[str]] = {}
    for path in sorted((folder / "replies").glob("*.md")):
        replies.setdefault(path.name.split(".")[0], []).append(path.read_text(encoding="utf-8"))
    server.answers = dict(replies)
    project = Project(tmp_path, server)
    project.configure(more="jobs = 1")
    for spec in (folder / "specs").glob("*.yaml"):
        project.write_spec(spec.stem, spec.read_text(encoding="utf-8"))
    return project


def tell(run: Run, server: ModelServer, project: Project) -> str:
    """What a run did, without what differs between machines."""
    lines = [line for line in run.out.splitlines() if not re.match(r"no kernel isolation", line)]
    told = [re.sub(r"\d+ walks", "N walks", re.sub(r"; sandbox: .*", "", line)) for line in lines]
    files = sorted(path.relative_to(project.root).as_posix() for path in project.generated.rglob("*.*"))
    return "\n".join(
        [f"exit {run.code}", f"asked: {' '.join(server.functions()) or 'nobody'}", *told, "", *files, ""]
    )


@pytest.mark.parametrize(
    ("name", "story"), [pytest.param(name, name, id=name) for name in NAMES], indirect=["story"]
)
def test_a_story_ends_as_told(name: str, story: Project, server: ModelServer, update: bool) -> None:  # noqa: FBT001
    """Exit code, who was asked, every line for a person, and every file that landed."""
    told = tell(story.run("generate"), server, story)
    expected = STORIES / name / "expected.txt"
    if update:
        expected.write_text(told, encoding="utf-8", newline="\n")
    assert expected.read_text(encoding="utf-8") == told


@pytest.mark.parametrize("story", ["a-constraint-said-once"], indirect=True)
def test_a_constraint_is_in_every_covered_contract_and_prompt(story: Project, server: ModelServer) -> None:
    """Both screens carry its text and its rule; the function it does not cover carries neither."""
    assert story.run("generate").code == 0
    text = "Screens are laid out for a phone 360 px wide."
    prompted = {asked.function for asked in server.asked if text in asked.messages[0][1]}
    assert prompted == {"hello_screen", "bye_screen"}
    contracts = [json.loads(path.read_text()) for path in story.generated.rglob("*.contract.json")]
    covered = {each["function"] for each in contracts if each.get("constraints")}
    ruled = {
        each["function"]
        for each in contracts
        if any(rule.get("constraint") == "mobile-first" for rule in each["ensures"])
    }
    assert covered == ruled == {"hello_screen", "bye_screen"}


@pytest.mark.parametrize("story", ["a-failing-port-rolls-back"], indirect=True)
def test_the_landed_flow_rolls_back_with_the_standard_library_alone(story: Project, tmp_path: Path) -> None:
    """Other code calls the flow; whichever port fails, the state is the one before and effects are undone."""
    assert story.run("generate").code == 0
    shutil.copy(STORIES / "a-failing-port-rolls-back" / "use.py", tmp_path / "use.py")
    boot = "import sys, runpy; sys.path.insert(0, sys.argv[1]); runpy.run_path(sys.argv[2])"
    command = [sys.executable, "-I", "-S", "-B", "-c", boot, str(story.generated), str(tmp_path / "use.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
