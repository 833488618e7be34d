"""What a project must say so that setuptools can still build it beside specs/ and generated/."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pipeline.adoption.packaging import lines_to_add

PROJECT = '[project]\nname = "shop"\nversion = "1"\n'
FIND = "[tool.setuptools.packages.find]\ninclude = "
NEEDED = {
    "a package": (PROJECT, ["shop/__init__.py", "docs/conf.py"], FIND + '["shop*", "generated*"]\n'),
    "two packages": (PROJECT, ["shop/a.py", "till/b/c.py", "tests/x.py"], FIND + '["shop*", "till*", "generated*"]\n'),
    "modules": (
        PROJECT, ["shop.py", "noxfile.py"],
        '[tool.setuptools]\npy-modules = ["shop"]\n\n' + FIND + '["generated*"]\n',
    ),
    "an empty setup.py": (PROJECT, ["shop/a.py", ("setup.py", "setup()")], FIND + '["shop*", "generated*"]\n'),
    "none yet": (PROJECT, [], FIND + '["generated*"]\n'),
    "a src folder": (PROJECT, ["src/shop/a.py"], ""),
    "packages that are said": (PROJECT + '[tool.setuptools]\npackages = ["shop"]\n', ["shop/a.py"], ""),
    "a setup.py that says": (PROJECT, ["shop/a.py", ("setup.py", "setup(packages=['shop'])")], ""),
    "another backend": (PROJECT + '[build-system]\nrequires = []\nbuild-backend = "hatchling.build"\n', [], ""),
    "no project": ("", ["shop/a.py"], ""),
    "no TOML": ("[project\n", [], ""),
}  # fmt: skip


def laid_out(root: Path, name: str) -> str:
    """A project as that case has it; what it must say."""
    text, files, expected = NEEDED[name]
    for path, content in (each if isinstance(each, tuple) else (each, "") for each in files):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    (root / "specs").mkdir()
    (root / "generated" / "text").mkdir(parents=True)
    (root / "generated" / "text" / "f.py").write_text("")
    (root / "pyproject.toml").write_text(text)
    return expected


@pytest.mark.parametrize("name", NEEDED)
def test_lines_are_told_where_setuptools_would_guess(tmp_path: Path, name: str) -> None:
    """By what lies in the folder; nothing where a person, a layout or another backend says what the packages are."""
    assert laid_out(tmp_path, name) == lines_to_add(tmp_path)


@pytest.mark.parametrize("name", [name for name, (_, _, lines) in NEEDED.items() if lines])
def test_setuptools_takes_these_lines(tmp_path: Path, name: str) -> None:
    """With them it builds what was built before, and the functions; asked of setuptools itself where it is installed."""
    pytest.importorskip("setuptools")
    lines = laid_out(tmp_path, name)
    (tmp_path / "pyproject.toml").write_text(f"{PROJECT}\n{lines}")
    script = "import setuptools; d = setuptools.setup(script_args=['--quiet', 'build']); print(*d.packages)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {"generated", "generated.text"} <= set(done.stdout.split())
    told = tomllib.loads(lines)["tool"]["setuptools"]
    assert {each.rstrip("*") for each in told["packages"]["find"]["include"]} == {
        each.partition(".")[0] for each in done.stdout.split()
    }
