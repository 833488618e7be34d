"""What a checkup finds, in projects that lack one thing each."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers import ModelServer, Project
from subjects import refusing_filters

from pipeline.adoption.doctor import SCHEMA, Check, examine
from pipeline.adoption.packaging import lines_to_add


@pytest.fixture(autouse=True)
def repository(tmp_path: Path) -> None:
    """Every project here is a repository."""
    git(tmp_path, "init", "-q")


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)


def found(project: Project, name: str, *, online: bool = False) -> list[Check]:
    return [check for check in examine(project.root, online=online).checks if check.name == name]


def test_a_sound_project_passes(project: Project) -> None:
    """Every line is `ok` or says what is no more than a pity; exit code 0, with JSON as well."""
    run = project.run("doctor", "--json")
    assert run.code == 0
    assert {"ok"} == {each["standing"] for each in json.loads(run.out)["checks"] if each["name"] != "sandbox"}
    lines = project.run("doctor").out
    assert "fake:m1: no key is needed" in lines
    assert "at most 5 USD a run" in lines


def test_a_folder_without_specs_is_told_how_to_begin(tmp_path: Path, server: ModelServer) -> None:
    """Exit code 2, and the command that begins."""
    run = Project(tmp_path, server).run("doctor")
    assert run.code == 2
    assert "fix: drystone init" in run.out


def test_a_missing_key_is_named_and_no_key_is_shown(project: Project) -> None:
    """By the variable it would come from; a key that is there is told by the same name, never by its value."""
    project.configure(implementer=["openai:gpt-x"])
    run = project.run("doctor")
    assert (run.code, "openai:gpt-x: there is no key in OPENAI_API_KEY" in run.out) == (2, True)
    run = project.run("doctor", environ={"OPENAI_API_KEY": "sk-very-secret-1"})
    assert (run.code, "openai:gpt-x: there is a key in OPENAI_API_KEY" in run.out) == (0, True)
    assert "sk-very" not in run.out + run.err


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_whether_a_model_is_served_is_asked_only_online(
    project: Project, server: ModelServer, protocol: str
) -> None:
    """By the list of models, which costs nothing: no question is put to a model."""
    server.reset()
    project.configure(implementer=["fake:m1", "fake:m2"], protocol=protocol)
    assert [check.standing for check in found(project, "implementer")] == ["ok", "ok"]
    served, unserved = found(project, "implementer", online=True)
    assert (served.standing, "and it is served" in served.said) == ("ok", True)
    assert unserved.standing == "fail"
    assert "no model of that name" in unserved.said or "knows no such model" in unserved.said
    assert server.asked == []


def test_a_configuration_that_is_none_is_told(project: Project) -> None:
    """What does not depend on it is looked at all the same."""
    project.configure(more='sandbx = "process"')
    checkup = examine(project.root, online=False)
    assert checkup.exit_code == 2
    assert "did you mean 'sandbox'" in next(c.said for c in checkup.checks if c.name == "configuration")
    assert [c.standing for c in checkup.checks if c.name == "git"] == ["ok"]


def test_isolation_that_is_demanded_and_not_there_fails(project: Project) -> None:
    """With what stands in the way and what to do; where it is not demanded, it is a warning."""
    command = refusing_filters([str(Path(sys.executable).parent / "drystone"), "doctor"])
    for arguments, code, standing in ((["--sandbox", "kernel"], 2, "fail"), ([], 0, "warn")):
        done = subprocess.run(
            [*command, *arguments], cwd=project.root, env=project.environ(None), capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert code == done.returncode
        assert f"{standing}  sandbox" in done.stdout
        assert "prctl(PR_SET_SECCOMP)" in done.stdout


def test_git_that_changes_line_ends_or_ignores_what_landed_is_told(project: Project) -> None:
    """Each with the line that mends it, and quiet once it is there."""
    git(project.root, "config", "core.autocrlf", "true")
    (check,) = found(project, "line ends")
    assert (check.standing, check.fix) == ("warn", "put 'generated/** text eol=lf' into .gitattributes")
    (project.root / ".gitattributes").write_text("generated/** text eol=lf\n")
    assert [check.standing for check in found(project, "line ends")] == ["ok"]
    (project.root / ".gitignore").write_text("generated/\n")
    assert [check.standing for check in found(project, "git")] == ["ok", "fail"]


def test_a_repository_of_another_user_is_told_from_none(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container: git reads nothing there, and says so no more loudly than where there is no repository."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    (check,) = found(project, "git")
    assert (check.standing, check.fix) == (
        "warn", f"git config --global --add safe.directory {project.root}",
    )  # fmt: skip
    run = project.run("review")
    assert (run.code, "git says: fatal: detected dubious ownership" in run.err) == (2, True)
    monkeypatch.delenv("GIT_TEST_ASSUME_DIFFERENT_OWNER")
    assert found(project, "git")[0].standing == "ok"


def test_a_folder_that_cannot_be_written_is_told(project: Project) -> None:
    """`generate` would stop there."""
    (project.root / "generated").write_text("in the way\n")
    (check,) = found(project, "writing")
    assert (check.standing, check.said.endswith("not a folder; move it out of the way")) == ("fail", True)
    (project.root / "generated").unlink()
    assert found(project, "writing") == []


def test_a_shallow_clone_is_told(project: Project, tmp_path: Path) -> None:
    """A review needs more of the history than the last commit."""
    git(project.root, "add", "--all")
    git(project.root, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "x")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", project.root.as_uri(), str(clone))
    said = [check for check in examine(clone, online=False).checks if check.name == "git"]
    assert [check.standing for check in said] == ["ok", "warn"]
    assert said[1].fix.startswith("git fetch --unshallow")


def test_a_copied_schema_of_another_version_is_told(project: Project) -> None:
    """The remedy is the command that makes the copy anew."""
    (project.root / SCHEMA).write_text("{}\n")
    (check,) = found(project, "schema")
    assert (check.standing, check.fix) == ("warn", "drystone schema > specs/spec.schema.json")
    (project.root / SCHEMA).write_text(project.run("schema").out)
    assert found(project, "schema") == []


def test_what_killed_runs_left_is_told(project: Project) -> None:
    """Old locks without a reply, and half-written files."""
    lock = project.root / ".drystone" / "replies" / "ab" / "cd.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    assert found(project, "locks") == []
    os.utime(lock, (0, 0))
    (check,) = found(project, "locks")
    assert (check.standing, check.fix) == ("warn", "rm .drystone/replies/ab/cd.lock")
    (project.generated / "small").mkdir(parents=True)
    (project.generated / "small" / ".drystone-x.tmp").touch()
    assert [check.standing for check in found(project, "leftovers")] == ["warn"]


def test_a_store_that_does_not_answer_is_told(project: Project) -> None:
    """A path is tried at once, a URL only online."""
    project.configure(more='store = "ftp://127.0.0.1:9/store"')
    assert [check.standing for check in found(project, "store")] == ["ok"]
    (check,) = found(project, "store", online=True)
    assert (check.standing, "ftp://127.0.0.1:9/store" in check.said) == ("fail", True)
    project.configure(more='store = "shared"')
    assert [check.said for check in found(project, "store")] == ["shared answers"]


def test_folders_that_setuptools_would_package_are_told_of(project: Project) -> None:
    """With the lines that mend it, and quiet once they are there."""
    pyproject = project.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + '[project]\nname = "shop"\nversion = "1"\n')
    (check,) = found(project, "packaging")
    assert (check.standing, check.fix) == (
        "warn", 'add to pyproject.toml: [tool.setuptools.packages.find] / include = ["generated*"]',
    )  # fmt: skip
    pyproject.write_text(pyproject.read_text() + lines_to_add(project.root))
    assert found(project, "packaging") == []
