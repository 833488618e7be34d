"""The reference: what can be read from the code is, and what it points at is there. `--update` writes tables anew."""

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from servers import ModelServer, Project

from pipeline import errors, manual, rules

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "pipeline" / "docs"
PAGES = sorted(DOCS.glob("*.md"))
BLOCK = re.compile(r"(<!-- (?P<what>keys: (?P<model>\S+)|rules) -->\n).*?(<!-- end -->)", re.DOTALL)


def keys_table(model: type[BaseModel]) -> str:
    """Every key of a table, what holds if it is left out, and what it says: the docstring below the field."""
    rows = ["| key | left out | says |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else _default(field)
        said = " ".join((field.description or "").split()).replace("|", "\\|")
        rows.append(f"| `{field.alias or name}` | {default} | {said} |")
    return "\n".join(rows) + "\n"


def _default(field: Any) -> str:
    value = field.default_factory() if field.default is PydanticUndefined else field.default
    match value:
        case None:
            return "not said"
        case BaseModel() | {} | () | [] | "":
            return "empty" if value != "" else "not said"
        case bool():
            return f"`{str(value).lower()}`"
        case list():
            return f"`[{', '.join(value)}]`"
    return f"`{value}`"


def rules_table() -> str:
    """What a rule may call and name."""
    modules = ", ".join(
        f"`{module}.{name}`" for module, names in rules.MODULES.items() for name in sorted(names)
    )
    rows = {
        "functions": ", ".join(f"`{name}`" for name in sorted(rules.FUNCTIONS)),
        "of modules": modules,
        "constants": ", ".join(f"`{name}`" for name in sorted(rules.CONSTANTS)),
        "methods": ", ".join(f"`{name}`" for name in sorted(rules.METHODS)),
        "attributes": ", ".join(f"`{name}`" for name in sorted(rules.ATTRIBUTES)),
    }
    return "| kind | names |\n|---|---|\n" + "".join(
        f"| {kind} | {names} |\n" for kind, names in rows.items()
    )


def filled(page: str) -> str:
    """A page with its blocks as the code has them."""

    def block(match: re.Match[str]) -> str:
        if match["model"] is None:
            return f"{match[1]}{rules_table()}{match[4]}"
        module, _, name = match["model"].partition(":")
        return f"{match[1]}{keys_table(getattr(importlib.import_module(module), name))}{match[4]}"

    return BLOCK.sub(block, page)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_tables_are_what_the_code_says(path: Path, update: bool) -> None:  # noqa: FBT001
    """Keys, defaults and their meaning are rendered from the models that read them; a difference is an error."""
    text = path.read_text("utf-8")
    if update:
        path.write_text(filled(text), encoding="utf-8", newline="\n")
        text = path.read_text("utf-8")
    assert filled(text) == text


@pytest.mark.parametrize("name", ["FileSettings", "ModelSettings", "Ceilings", "ProviderSettings", "SpecFile", "Contract"])  # fmt: skip
def test_what_people_write_is_in_the_reference(name: str) -> None:
    """Every table of the configuration, the spec and the contract has its block."""
    blocks = {
        match["model"]
        for path in PAGES
        for match in BLOCK.finditer(path.read_text("utf-8"))
        if match["model"]
    }
    assert name in {model.partition(":")[2] for model in blocks}


def test_every_key_of_the_configuration_says_what_it_is() -> None:
    """A key without a docstring would be a row without a meaning."""
    silent = re.findall(r"\| `(\w+)` \| [^|]+ \|  \|", (DOCS / "configuration.md").read_text("utf-8"))
    assert silent == []


def test_every_exit_code_is_explained() -> None:
    """Those of the errors, and those of a report; README has the same."""
    raised = {
        kind.exit_code
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if hasattr(kind, "exit_code")
    }
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", (DOCS / "exit-codes.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(raised | {0, 1, 3, 4, 130}) == [int(code) for code, _ in rows]
    readme = re.findall(r"^\| (\d+) \| ([^|]+) \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert [code for code, _ in readme] == [code for code, _ in rows]


@pytest.mark.parametrize("path", [*PAGES, ROOT / "README.md"], ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    """Files beside the page, and headings of it."""
    text = path.read_text("utf-8")
    headings = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings
        elif "://" not in target:
            assert (path.parent / target.partition("#")[0]).exists(), target


def test_docs_shows_every_page(tmp_path: Path) -> None:
    """The list has each page with its title; a page is shown as it is; a wrong name tells the right one."""
    assert {path.stem for path in PAGES} == set(manual.topics())
    server = ModelServer()
    server.close()
    project = Project(tmp_path, server)
    run = project.run("docs")
    assert run.code == 0
    assert all(f"{name:<15}{title}" in run.out for name, title in manual.topics().items())
    assert project.run("docs", "security").out == (DOCS / "security.md").read_text("utf-8")
    run = project.run("docs", "securty")
    assert (run.code, "did you mean 'security'?" in run.err) == (2, True)
