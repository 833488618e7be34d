"""Sessions of this repository. Plain `nox` runs lint, tests and check, asks no model and spends no money."""

import sys
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent))  # nox runs before anything of this repository is installed
from pipeline.nox import sessions

nox.needs_version = ">=2025.10"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "tests", "check"]

PROJECT = nox.project.load_toml("pyproject.toml")
DEV = nox.project.dependency_groups(PROJECT, "dev")


sessions(("generate", "check"), install=("-e", "."), install_local=("-e", ".[local]"))


@nox.session
def tests(session: nox.Session) -> None:
    """The tests of the tool, then the contracts of every landed function. Arguments go to the first pytest."""
    session.install("-e", ".[mcp]", *DEV)
    session.run("pytest", *session.posargs)
    if not session.posargs:
        session.run("pytest", "generated", "-q")


@nox.session(default=False)
def benchmark(session: nox.Session) -> None:
    """The gate's speed beside its peers'; `-- --help` for what it can be told."""
    session.install("-e", ".", *DEV)
    session.run("python", "tests/benchmarks/gate.py", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and types of the tool, and the specs."""
    session.install("-e", ".[local,mcp]", *DEV)  # the types of what the extras bring are checked too
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("drystone", "lint")
