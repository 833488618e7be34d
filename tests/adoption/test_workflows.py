"""The workflows that `drystone init` writes: linted, and their steps run one after the other in a scratch repository."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from servers import Answer, ModelServer, python

from pipeline.adoption.starting import begin

SHORTEN = python(
    "def shorten(text, limit):\n    return text if len(text) <= limit else text[: limit - 1] + '~'\n"
)
REPOSITORY = Path(__file__).parents[2]
GH = """#!/bin/sh
echo "$@" >> "$GH_LOG"
case "$1 $2" in
  "pr view") exit 1 ;;
  "api --paginate") echo "$GH_COMMENT" ;;
esac
"""
"""Stands in for GitHub: notes what it is asked."""


@dataclass
class Runner:
    """Runs the steps of a job as a runner would, each job in a clone of its own; actions are left out, expressions given.

    Artifacts stay in `temp`, which all jobs share.
    """

    repository: Path
    """Where a person works."""
    folder: str
    """The project's folder in there."""
    temp: Path
    environ: dict[str, str]
    jobs: int = 0

    def run(
        self, job: str, *, at: str = "origin/main", stop: str | None = None, **given: str
    ) -> list[tuple[str, int]]:
        """Name and exit code of every step that ran, up to the first that failed, or until one named `stop`."""
        (path,) = (self.repository / ".github" / "workflows").glob("*.yml")
        workflow = yaml.safe_load(path.read_text("utf-8"))
        clone = self.checkout(at)
        done = []
        for step in workflow["jobs"][job]["steps"]:
            name = step.get("name") or step.get("run", "")
            if name == stop:
                break
            if "run" not in step or "pip install" in step["run"]:
                continue
            where = workflow["defaults"]["run"]["working-directory"]
            environ = {**workflow["env"], **step.get("env", {})}
            environ = {key: self._filled(str(value), given) for key, value in environ.items()}
            ran = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=clone / (where if "working-directory" not in step else "."),
                env={**self.environ, **environ},
                capture_output=True,
                text=True,
                check=False,
            )
            done.append((name, ran.returncode))
            if ran.returncode:
                sys.stderr.write(ran.stdout + ran.stderr)
                return done
        return done

    def checkout(self, at: str) -> Path:
        """A fresh clone, and in it what `download-artifact` would put there."""
        self.jobs += 1
        clone = self.temp / f"job-{self.jobs}"
        git(self.temp, "clone", "-q", git(self.repository, "remote", "get-url", "origin"), str(clone))
        git(clone, "checkout", "-q", "--detach", at)
        if (self.temp / "review.md").exists():
            shutil.copy(self.temp / "review.md", clone)
        return clone

    def said(self, name: str) -> str:
        path = self.temp / name
        return path.read_text("utf-8") if path.exists() else ""

    @staticmethod
    def _filled(text: str, given: dict[str, str]) -> str:
        return re.sub(
            r"\$\{\{\s*(.*?)\s*\}\}",
            lambda match: given.get(re.sub(r"\W+", "_", match[1]).strip("_"), ""),
            text,
        )


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    made = ModelServer(answers={"shorten": [Answer(SHORTEN)]})
    yield made
    made.close()


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(params=[".", "packages/shop"])
def runner(request: pytest.FixtureRequest, server: ModelServer, tmp_path: Path) -> Runner:
    """A repository with a remote, whose only spec has not been generated yet."""
    server.reset()
    server.answers = {"shorten": [Answer(SHORTEN)]}
    repository, temp, tools = tmp_path / "work", tmp_path / "temp", tmp_path / "tools"
    for folder in (repository / request.param, temp, tools):
        folder.mkdir(parents=True)
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "remote.git")
    git(repository, "init", "-q", "-b", "main")
    git(repository, "remote", "add", "origin", str(tmp_path / "remote.git"))
    begin(repository / request.param, ci="github")
    models = '\n[tool.drystone.models]\narchitect = "none"\nreviewer = "none"\nimplementer = "openai:m1"\n'
    with (repository / request.param / "pyproject.toml").open("a") as file:
        file.write(models)
    (repository / ".gitignore").write_text(".drystone/\n__pycache__/\n.pytest_cache/\n")
    git(repository, "add", "--all")
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    git(repository, *who, "commit", "-q", "-m", "A spec is written")
    git(repository, "push", "-q", "origin", "main")
    (tools / "gh").write_text(GH)
    (tools / "gh").chmod(0o755)
    bare = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_BASE_URL"))}
    environ = {
        **bare,
        "PATH": os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "OPENAI_BASE_URL": f"{server.url}/v1",
        "RUNNER_TEMP": str(temp),
        "GITHUB_OUTPUT": str(temp / "output"),
        "GITHUB_STEP_SUMMARY": str(temp / "summary"),
        "GITHUB_WORKFLOW_REF": "a/b/.github/workflows/drystone.yml@refs/heads/main",
        "GITHUB_REPOSITORY": "a/b",
        "GITHUB_RUN_ID": "7",
        "GITHUB_SERVER_URL": "https://github.example",
        "GH_LOG": str(temp / "gh"),
    }
    return Runner(repository, request.param, temp, environ)


def test_from_a_changed_spec_to_a_proposal(runner: Runner, server: ModelServer) -> None:
    """Stale, generated, judged as a patch of what was committed, pushed to a branch of its own, and checks started there."""
    assert runner.run("stale") == [("Ask", 0)]
    assert runner.said("output").strip() == "stale=true"
    assert runner.run("generate", secrets_OPENAI_API_KEY="sk-example-1") == [("Generate", 0), ("Keep", 0)]
    assert {"sk-example-1"} == {asked.key for asked in server.asked}
    steps = runner.run("judge")
    assert [code for _, code in steps] == [0, 0, 0, 0], steps
    assert "git apply --index" in runner.said("summary")
    how = {"vars_DRYSTONE_PROPOSE": "pull-request", "github_head_ref_github_ref_name": "main"}
    assert runner.run("propose", **how) == [("Commit", 0), ("Push", 0)]
    asked = runner.said("gh")
    (branch,) = re.findall(r"workflow run drystone.yml --ref (\S+)", asked)
    assert f"pr create --base main --head {branch}" in asked
    git(runner.repository, "fetch", "-q")
    changed = git(
        runner.repository, "diff", "--name-only", "origin/main", f"origin/{branch}", "--"
    ).splitlines()
    prefix = "" if runner.folder == "." else f"{runner.folder}/"
    assert f"{prefix}generated/example/shorten.verdict.json" in changed
    assert {f"{prefix}generated"} == {name[: len(prefix) + len("generated")] for name in changed}
    author = git(runner.repository, "log", "-1", "--format=%an <%ae>", f"origin/{branch}")
    assert author == "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>"
    assert [code for _, code in runner.run("check", at=f"origin/{branch}")] == [0, 0, 0]
    (runner.temp / "output").unlink()
    runner.run("stale", at=f"origin/{branch}")
    assert runner.said("output").strip() == "stale=false"


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        ("", "api --silent --method POST repos/a/b/issues/5/comments"),
        ("9", "api --silent --method PATCH repos/a/b/issues/comments/9"),
    ],
)
def test_a_pull_request_has_one_comment(runner: Runner, there: str, asked: str) -> None:
    """The first review is a new comment, every later one replaces it."""
    (runner.temp / "review.md").write_text("nothing changed\n")
    runner.environ["GH_COMMENT"] = there
    assert runner.run("comment", github_event_pull_request_number="5") == [("Comment", 0)]
    assert f"{asked} --field body=@comment.md" == runner.said("gh").splitlines()[-1]
    mark, text = (runner.temp / "job-1" / "comment.md").read_text().splitlines()
    assert (mark[:5], text) == ("<!-- ", "nothing changed")


OUTSIDE = {
    "another file is changed": lambda root: (root / "AGENTS.md").write_text("obey\n"),
    "another file is moved in": lambda root: (root / "AGENTS.md").rename(root / "generated" / "AGENTS.md"),
    "a file is written above": lambda root: (root.parent / "up").write_text("x\n"),
    "a folder of that name is elsewhere": lambda root: (root / "specs" / "generated").write_text("x\n"),
    "nothing else": None,
}


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("job", ["judge", "propose"])
def test_a_patch_that_reaches_outside_of_generated_is_refused(runner: Runner, name: str, job: str) -> None:
    """Whatever the job with the key hands on, in the job that judges and again in the one that may write."""
    clone = runner.checkout("origin/main")
    project = clone / runner.folder
    (project / "generated").mkdir()
    (project / "generated" / "__init__.py").write_text("# fine\n")
    if name == "a file is written above" and runner.folder == ".":
        pytest.skip("nothing is above the top of a repository")
    if (change := OUTSIDE[name]) is not None:
        change(project)
    git(clone, "add", "--all")
    patch = "drystone.patch" if runner.folder == "." else "drystone-packages-shop.patch"
    (runner.temp / patch).write_text(git(clone, "diff", "--cached", "--find-renames") + "\n")
    ((step, code),) = runner.run(job, stop="drystone check --sandbox kernel" if job == "judge" else "Push")
    assert (step, code) == ({"judge": "Apply", "propose": "Commit"}[job], int(change is not None))


@pytest.mark.parametrize(("job", "names"), [("judge", ["Apply"]), ("propose", ["Commit", "Push"])])
def test_an_empty_patch_is_nothing_to_apply(runner: Runner, job: str, names: list[str]) -> None:
    """That is a success, and nothing is pushed or asked of GitHub."""
    patch = "drystone.patch" if runner.folder == "." else "drystone-packages-shop.patch"
    (runner.temp / patch).write_text("")
    stop = "drystone check --sandbox kernel" if job == "judge" else None
    assert runner.run(job, stop=stop) == [(name, 0) for name in names]
    assert runner.said("gh") == ""


def gitlab_job(root: Path, name: str) -> list[str]:
    """The script of a job for GitLab."""
    begin(root, ci="gitlab")
    jobs = yaml.safe_load((root / ".gitlab" / "drystone.yml").read_text("utf-8"))
    return list(jobs[f"drystone:{name}"]["script"])


@pytest.mark.parametrize("job", ["judge", "propose"])
def test_gitlab_has_nothing_to_apply_in_an_empty_patch(tmp_path: Path, job: str) -> None:
    """The job ends there, as a success."""
    script = gitlab_job(tmp_path, job)
    (tmp_path / "p").write_text("")
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(script)], cwd=tmp_path, check=False, text=True, capture_output=True,
        env={"PATH": os.environ["PATH"], "CI_PROJECT_DIR": str(tmp_path), "PATCH": "p"},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "nothing to apply\n"), done.stderr


@pytest.mark.parametrize(("author", "asked"), [(7, "PUT /notes/3"), (8, "POST /notes")])
def test_gitlab_replaces_no_note_of_somebody_else(tmp_path: Path, author: int, asked: str) -> None:
    """A note that begins with the mark but is not of the token's own user stays, and a new one is written."""
    (script,) = gitlab_job(tmp_path, "note")
    heard: list[str] = []

    class GitLab(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.removeprefix("/projects/1/merge_requests/2").partition("?")[0]
            heard.append(f"{self.command} {path}")
            note = {"id": 3, "body": "<!-- mark -->", "author": {"id": author}}
            found = {"id": 7} if path == "/user" else [note]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        do_GET = do_PUT = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), GitLab) as served:
        Thread(target=served.serve_forever, daemon=True).start()
        (tmp_path / "review.md").write_text("nothing changed")
        environ = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "CI_API_V4_URL": f"http://127.0.0.1:{served.server_port}", "CI_PROJECT_ID": "1",
            "CI_MERGE_REQUEST_IID": "2", "DRYSTONE_NOTE_TOKEN": "t", "MARK": "<!-- mark -->", "REVIEW": "review.md",
        }  # fmt: skip
        subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, check=True, env=environ)
        served.shutdown()
    assert heard[-1] == asked


def test_without_a_key_generation_says_what_to_do(
    runner: Runner, server: ModelServer, capfd: pytest.CaptureFixture[str]
) -> None:
    """It does not fall back to another model, and asks nobody."""
    assert runner.run("generate") == [("Generate", 1)]
    assert "add the secret ANTHROPIC_API_KEY or OPENAI_API_KEY" in capfd.readouterr().err
    assert server.asked == []


def jobs_of(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text("utf-8"))["jobs"])


def test_no_job_has_both_a_key_and_write_access(tmp_path: Path) -> None:
    """Secrets are in one step of one job, which may only read; what writes runs neither drystone nor generated code."""
    begin(tmp_path, ci="github")
    jobs = jobs_of(tmp_path / ".github" / "workflows" / "drystone.yml")
    assert [name for name, job in jobs.items() if "secrets." in str(job)] == ["generate"]
    writers = [name for name, job in jobs.items() if "write" in job["permissions"].values()]
    assert writers == ["comment", "propose"]
    for name in writers:
        assert not re.search(r"\b(drystone (check|generate|review --base)|pytest|pip) ", str(jobs[name]))
    for job in jobs.values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), "an expression in a script could be anybody's text"
            assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step.get("uses", f"actions/x@{'0' * 40}"))


def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    """In what is written for one project or several, and in this repository's own."""
    linter = shutil.which("actionlint")
    if linter is None:
        pytest.skip("actionlint is not installed")
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "packages" / "shop").mkdir(parents=True)
    begin(tmp_path, ci="github")
    begin(tmp_path / "packages" / "shop", ci="github")
    paths = [
        *(tmp_path / ".github" / "workflows").glob("*.yml"),
        *(REPOSITORY / ".github" / "workflows").glob("*.yml"),
    ]
    assert len(paths) >= 3
    done = subprocess.run([linter, *paths], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
