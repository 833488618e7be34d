"""Golden cases: a spec, what models reply, and the files that must come of it. The goldens are executed as well."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from servers import ModelServer, Project

CASES = Path(__file__).parent / "cases" / "landing"
NAMES = sorted(folder.name for folder in CASES.iterdir())


def _replies(folder: Path) -> dict[str, list[str]]:
    """By role and function, in the order of their numbers."""
    replies: dict[str, list[str]] = {}
    for path in sorted((folder / "replies").glob("*.md")):
        key = path.name.split(".")
        name = f"architect:{key[1]}" if key[0] == "architect" else key[0]
        replies.setdefault(name, []).append(path.read_text(encoding="utf-8"))
    return replies


def _texts(generated: Path) -> dict[str, str]:
    """Every file that lands but the verdicts, which name versions."""
    paths = [path for path in sorted(generated.rglob("*")) if path.is_file()]
    return {
        path.relative_to(generated).as_posix(): path.read_bytes().decode("utf-8")
        for path in paths
        if not path.name.endswith(".verdict.json") and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_case_lands_as_expected(name: str, server: ModelServer, tmp_path: Path, update: bool) -> None:  # noqa: FBT001
    """Byte for byte; every reply is used, and no more is asked for."""
    folder = CASES / name
    replies = _replies(folder)
    server.reset()
    server.answers = dict(replies)
    project = Project(tmp_path, server)
    project.configure(architect="fake:big" if any(":" in key for key in replies) else "none")
    project.write_spec(name, (folder / "spec.yaml").read_text(encoding="utf-8"))
    run = project.run("generate", "--json")
    assert run.code == 0, run
    assert len(server.asked) == sum(len(texts) for texts in replies.values())
    landed = _texts(project.generated)
    if update:
        shutil.rmtree(folder / "expected", ignore_errors=True)
        for path, text in landed.items():
            (folder / "expected" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "expected" / path).write_text(text, encoding="utf-8", newline="\n")
    assert _texts(folder / "expected") == landed
    for path in project.generated.rglob("*.verdict.json"):
        assert json.loads(path.read_text())["clauses"]


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_runs_with_the_standard_library_alone(name: str) -> None:
    """Other code of a project imports it like any other; no package is needed."""
    boot = "import sys, runpy; sys.path.insert(0, sys.argv[1]); runpy.run_path(sys.argv[2])"
    command = [sys.executable, "-I", "-S", "-B", "-c", boot]
    done = subprocess.run(
        [*command, str(CASES / name / "expected"), str(CASES / name / "use.py")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
