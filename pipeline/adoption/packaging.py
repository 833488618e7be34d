"""Whether setuptools, left to find packages by itself, trips over the folders of specs and functions."""

import json
import re
import tomllib
from pathlib import Path

from pipeline import disk
from pipeline.specs import FOLDER

TROUBLE = f"setuptools finds packages by itself, takes {FOLDER}/ and generated/ for some, and stops at more than one"
_SAYING = {"packages", "py-modules", "package-dir"}
_PASSED_OVER = re.compile(
    "ci|bin|debian|docs?|documentation|manpages|news|newsfragments|changelog|(unit_?|integration_?)?tests?|examples?|"
    "scripts|tools|utils?|python|build|benchmarks?|exercises?|htmlcov|tasks|fabfile|noxfile|setup|conftest|toxfile|"
    f"dodo|pavement|site_scons|manage|[._].*|{FOLDER}|generated"
)
"""Names at the top of a project that are no packages of it, to setuptools (`setuptools/discovery.py`) or to us."""


def lines_to_add(root: Path) -> str:
    """What `pyproject.toml` must say so that a project in `root` can still be installed; empty if nothing is missing."""
    try:
        document = tomllib.loads(disk.read_text(root / "pyproject.toml") or "")
    except tomllib.TOMLDecodeError:
        return ""  # the settings say so
    backend = document.get("build-system", {}).get("build-backend", "setuptools")
    said = document.get("tool", {}).get("setuptools", {}).keys() & _SAYING
    older = "".join(disk.read_text(root / name) or "" for name in ("setup.py", "setup.cfg"))
    elsewhere = (root / "src").is_dir() or re.search(r"\b(packages|py_modules)\b", older)
    if "project" not in document or "setuptools" not in backend or said or elsewhere:
        return ""
    tops = [path for path in sorted(root.iterdir()) if not _PASSED_OVER.fullmatch(path.stem)]
    packages = [path.name for path in tops if path.name.isidentifier() and any(path.rglob("*.py"))]
    modules = [path.stem for path in tops if path.suffix == ".py" and path.stem.isidentifier()]
    include = json.dumps([*(f"{name}*" for name in packages), "generated*"])
    alone = f"[tool.setuptools]\npy-modules = {json.dumps(modules)}\n\n" if modules and not packages else ""
    return f"{alone}[tool.setuptools.packages.find]\ninclude = {include}\n"
