"""The shape of the house: which way imports point, where an outside library lives, how long things may be."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pipeline"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))

LAYERS = (
    {"cli", "cli_adoption", "cli_showing", "ending", "options", "pytest_plugin"},
    {
        "adoption",
        "comparing",
        "explaining",
        "manual",
        "mcp_server",
        "picturing",
        "problems",
        "programs",
        "progress",
        "reading",
        "reviewing",
        "submitting",
        "summary",
    },
    {"run"},
    {"making", "preparing", "writing"},
    {"flow_evidence", "project"},
    {"outcome", "watching"},
    {"asking"},
    {"stages"},
)
"""From the outside in; a module imports from its own layer (but for stages) and from those further in."""

HOMES = {
    "anthropic": {
        "llm/anthropic.py",
        "llm/batch_anthropic.py",
        "llm/failures.py",
        "llm/quirks.py",
        "llm/connection.py",
    },
    "openai": {
        "llm/openai.py",
        "llm/batch_openai.py",
        "llm/failures.py",
        "llm/quirks.py",
        "llm/connection.py",
    },
    "httpx2": {
        "llm/local.py",
        "llm/anthropic.py",
        "llm/openai.py",
        "llm/failures.py",
        "llm/connection.py",
        "llm/batch.py",
        "llm/batch_openai.py",
        "llm/batch_anthropic.py",
    },
    "genai_prices": {"llm/prices.py"},
    "xllamacpp": {"llm/local.py"},
    "huggingface_hub": {"llm/sources.py"},
    "platformdirs": {"disk.py"},
    "fsspec": {"shared.py"},
    "filelock": {"store.py", "llm/weights.py"},
    "jinja2": {"render.py"},
    "jsonschema": {"structured.py"},
    "click": {"cli.py", "cli_adoption.py", "cli_showing.py", "ending.py", "options.py"},
    "rich": {"progress.py"},
    "nox": {"nox.py"},
    "yaml": {"specs/yaml_source.py"},
    "ruff": {"formatting.py"},
    "mcp": {"mcp_server.py"},
}
"""Each outside library's home; hypothesis lives in decider/ and pydantic wherever records are."""

ALONE = (
    "escapes",
    "landlock",
    "locks",
    "namespaces",
    "probe",
    "seatbelt",
    "seccomp",
    "warm",
    "wire",
    "zygote",
)
"""Modules of the sandbox that run in a fork server or beside unread code."""


def imports_of(path: Path) -> set[str]:
    """Dotted names of everything a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def layer_of(part: str) -> int:
    return next((number for number, layer in enumerate(LAYERS) if part in layer), len(LAYERS))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_inwards(path: Path) -> None:
    """No module imports one that is further out, and stages do not import one another."""
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for imported in imports_of(path):
        if imported.startswith("pipeline.") and (part := imported.split(".")[1]) != own:
            assert layer_of(part) >= layer_of(own), f"{name_of(path)} imports {imported}"
        if own == "stages" and imported.startswith("pipeline.stages."):
            assert imported.startswith("pipeline.stages.port"), f"{name_of(path)} imports {imported}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "stages").glob("*.py")), ids=name_of)
def test_stages_know_ports_not_adapters(path: Path) -> None:
    """A stage is given its models and its sandbox; it does not choose them."""
    reached = {name for name in imports_of(path) if name.startswith(("pipeline.llm.", "pipeline.sandbox."))}
    assert {name for name in reached if ".port." not in name} == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_outside_library_has_one_home(path: Path) -> None:
    """An outside library is imported where it lives and nowhere else."""
    for imported in imports_of(path):
        home = HOMES.get(imported.split(".")[0])
        assert home is None or name_of(path) in home, f"{name_of(path)} imports {imported}"
        if imported.split(".")[0] == "hypothesis":
            assert name_of(path).startswith("decider/")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_stay_short(path: Path) -> None:
    """A module has at most 400 lines, a function at most 60."""
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno + 1 <= 60, f"{name_of(path)}: {node.name}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_command_line_prints(path: Path) -> None:
    """`print` and `click.echo` are for `ending.py`; progress draws through its console."""
    if name_of(path) == "ending.py":
        return
    called = [
        node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)
    ]
    printing = [func for func in called if ast.unparse(func) in {"print", "click.echo"}]
    assert printing == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_child_is_given_an_environment(path: Path) -> None:
    """Whoever starts a process says what it may know; what is left out would be everything, keys included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="subprocess"), attr=started)):
                assert "env" in {keyword.arg for keyword in node.keywords}, f"{name_of(path)}: {started}"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr=started)):
                assert not started.startswith(("system", "popen", "spawn", "exec"))


@pytest.mark.parametrize("name", ALONE)
def test_what_runs_beside_unread_code_needs_the_standard_library_only(name: str) -> None:
    """A fork server and its children import nothing that is not in Python itself or on this list."""
    allowed = tuple(f"pipeline.sandbox.{other}" for other in ALONE)
    for imported in imports_of(PACKAGE / "sandbox" / f"{name}.py"):
        if imported.startswith("pipeline"):
            assert imported.startswith(allowed), f"{name} imports {imported}"
        else:
            assert imported.split(".")[0] in sys.stdlib_module_names, f"{name} imports {imported}"


@pytest.mark.parametrize("name", ["__init__.py", "sandbox/__init__.py"])
def test_packages_around_unread_code_are_empty(name: str) -> None:
    """What is imported with every module of a package brings nothing with it."""
    assert imports_of(PACKAGE / name) == set()
