"""No process that drystone starts is given a key."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from servers import RIGHT, SMALL, ModelServer, Project

from pipeline import formatting
from pipeline.llm import sources

SECRET = "planted-f81d4fae7dec"
VARIABLE = "DRYSTONE_TEST_API_KEY"


def tree_below(process: int) -> set[int]:
    """The processes that a process started, and those that they did."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(") ")[2].split()[1])
        except OSError:
            continue
        parents.setdefault(parent, []).append(int(folder.name))
    found: set[int] = set()
    todo = [process]
    while todo:
        children = parents.get(todo.pop(), [])
        found |= set(children)
        todo += children
    return found


def read_proc(process: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{process}/{name}").read_bytes()
    except OSError:
        return b""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_child_of_a_run_has_a_key(tmp_path: Path) -> None:
    """Looked up in every process below a whole run, while it works; the run itself has it."""
    server = ModelServer(dict(RIGHT))
    project = Project(tmp_path, server)
    project.configure()
    text = (tmp_path / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(f'{text}api_key_env = "{VARIABLE}"\n')
    project.write_spec("small", SMALL)
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "drystone"), "generate"],
        cwd=tmp_path, env=project.environ({VARIABLE: SECRET}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    drained = threading.Thread(target=lambda: process.stdout.read() if process.stdout else b"")
    drained.start()
    seen: set[int] = set()
    leaked: set[bytes] = set()
    own = b""
    while process.poll() is None:
        own = own or read_proc(process.pid, "environ")
        for child in tree_below(process.pid):
            environment = read_proc(child, "environ")
            started = read_proc(child, "cmdline") != read_proc(process.pid, "cmdline")  # not merely forked
            if environment and started:
                seen.add(child)
                if SECRET.encode() in environment:
                    leaked.add(read_proc(child, "cmdline"))
        time.sleep(0.005)
    drained.join()
    server.close()
    assert process.returncode == 0
    assert {asked.key for asked in server.asked} == {SECRET}
    assert SECRET.encode() in own
    assert len(seen) >= 2
    assert leaked == set()


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A program that writes its environment down, and where."""
    monkeypatch.setenv(VARIABLE, SECRET)
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.test/simple")
    program, environment = tmp_path / "program", tmp_path / "environment"
    program.write_text(f"#!/bin/sh\nenv > {environment}\nexit 1\n")
    program.chmod(0o755)
    return program, environment


@pytest.mark.skipif(os.name == "nt", reason="starts a shell script")
def test_the_formatter_has_no_key(told: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs nothing of the environment."""
    program, environment = told
    monkeypatch.setattr(formatting, "_ruff_path", lambda: str(program))
    assert formatting.format_python("x = 1\n") is None
    assert "PYTHONHASHSEED=0" in environment.read_text()
    assert SECRET not in environment.read_text()


@pytest.mark.skipif(os.name == "nt", reason="starts a shell script")
def test_pip_has_no_key_but_its_settings(
    told: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The index and proxies of this machine are passed on."""
    program, environment = told
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(sources.SourceError):
        sources.download_wheel("nothing==1", tmp_path)
    assert "PIP_INDEX_URL=https://index.test/simple" in environment.read_text()
    assert SECRET not in environment.read_text()
