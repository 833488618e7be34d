"""Sessions of this repository. Plain `nox` runs lint, tests and check, asks no model and spends no money."""

import json

import nox

nox.needs_version = ">=2025.10"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "tests", "check"]

PROJECT = nox.project.load_toml("pyproject.toml")
DEV = nox.project.dependency_groups(PROJECT, "dev")


@nox.session(default=False)
def generate(session: nox.Session) -> None:
    """Bring generated/ up to specs/; arguments go to `drystone generate`. Free when nothing changed."""
    session.install("-e", ".")
    arguments = session.posargs
    if not {"--help", "-h", "--plan"} & set(arguments):
        planned = session.run(
            "drystone", "generate", "--plan", "--json", *arguments, silent=True, success_codes=range(256)
        )
        entries = _models(planned)
        if any(entry.partition(":")[0] == "local" for entry in entries):
            session.install("-e", ".[local]")
            session.run("drystone", "model", "pull")
    session.run("drystone", "generate", *arguments)


@nox.session
def tests(session: nox.Session) -> None:
    """The tests of the tool, then the contracts of every landed function. Arguments go to the first pytest."""
    session.install("-e", ".[mcp]", *DEV)
    session.run("pytest", *session.posargs)
    if not session.posargs:
        session.run("pytest", "generated", "-q")


@nox.session
def check(session: nox.Session) -> None:
    """Whether generated/ is what specs/ says, and still keeps its contracts."""
    session.install("-e", ".")
    session.run("drystone", "check", *session.posargs)


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


def _models(planned: object) -> list[str]:
    """Who would be asked, by the plan's JSON report; nobody if there is none."""
    try:
        return list(json.loads(str(planned))["models"])
    except (ValueError, KeyError, TypeError):
        return []
