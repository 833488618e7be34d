"""What `drystone init` writes, and that it leaves alone whatever is there."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from servers import DRYSTONE, Answer, ModelServer, Project, python

from pipeline.adoption.starting import begin, written_lines
from pipeline.errors import SettingsError
from pipeline.settings import read_settings
from pipeline.specs import load_specs

SHORTEN = python(
    "def shorten(text, limit):\n    return text if len(text) <= limit else text[: limit - 1] + '~'\n"
)
EVERY = {
    "pyproject.toml", "specs/example.yaml", "specs/spec.schema.json", "noxfile.py", ".gitattributes", "AGENTS.md",
    ".pre-commit-config.yaml",
}  # fmt: skip


def files(root: Path) -> dict[str, bytes]:
    found = [
        path for path in root.rglob("*") if path.is_file() and ".git" not in path.relative_to(root).parts
    ]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)


def test_a_bare_folder_gets_everything_and_is_clean(tmp_path: Path) -> None:
    """The configuration is read, the spec has no finding, and every YAML file is one."""
    begin(tmp_path, ci=None)
    assert set(files(tmp_path)) == EVERY
    assert float(read_settings(tmp_path, {}).budget.usd or 0) == 2.0
    loaded = load_specs(tmp_path)
    assert (loaded.findings, [spec.name for spec in loaded.specs]) == ((), ["example"])
    assert {"repos"} == set(yaml.safe_load((tmp_path / ".pre-commit-config.yaml").read_text()))


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    """And has nothing to add."""
    begin(tmp_path, ci="github")
    before = files(tmp_path)
    written = begin(tmp_path, ci="github")
    assert before == files(tmp_path)
    assert {("left alone", "")} == {(each.action, each.add) for each in written}


def test_what_exists_is_left_alone_and_told(tmp_path: Path) -> None:
    """Byte for byte, with what a person may want to add; a configuration without our table gets it at its end."""
    mine = {
        "noxfile.py": b"import nox\r\n",
        ".gitattributes": b"* text=auto\n",
        "AGENTS.md": b"mine\n",
        "specs/shop.yaml": b"spec: shop\n",
        ".pre-commit-config.yaml": b"repos: []\n",
    }
    for name, text in mine.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text)
    (tmp_path / "pyproject.toml").write_bytes(b'[project]\r\nname = "x"\r\n')
    written = begin(tmp_path, ci=None)
    found = files(tmp_path)
    assert mine == {name: found[name] for name in mine}
    assert "specs/example.yaml" not in found
    assert found["pyproject.toml"].startswith(b'[project]\r\nname = "x"\r\n\r\n[tool.drystone]\r\n')
    assert {"project", "tool"} == set(tomllib.loads(found["pyproject.toml"].decode()))
    lines = list(written_lines(written))
    assert "appended to pyproject.toml" in lines
    assert "    [tool.setuptools.packages.find]" in lines
    assert '    include = ["generated*"]' in lines
    assert "left alone .gitattributes" in lines
    assert "    generated/** text eol=lf" in lines


def test_a_broken_configuration_ends_it_before_anything_is_written(tmp_path: Path) -> None:
    """Nothing else lands beside a file that cannot be read."""
    (tmp_path / "pyproject.toml").write_text("[project\n")
    with pytest.raises(SettingsError, match="pyproject"):
        begin(tmp_path, ci=None)
    assert {"pyproject.toml"} == set(files(tmp_path))


def test_a_table_on_one_line_takes_no_other_and_is_left_alone(tmp_path: Path) -> None:
    """A configuration that would not parse any more stays as it is; what belongs into it is told."""
    mine = "tool = {black = {line-length = 100}}\n"
    (tmp_path / "pyproject.toml").write_text(mine)
    first = begin(tmp_path, ci=None)[0]
    assert mine == (tmp_path / "pyproject.toml").read_text()
    assert first.action == "left alone"
    assert "[tool.drystone]" in first.add


@pytest.mark.parametrize(
    ("path", "kind"),
    [("specs", "file"), ("noxfile.py", "folder"), (".github", "file"), ("pyproject.toml", "folder")],
)
def test_what_is_in_the_way_is_named_before_anything_is_written(tmp_path: Path, path: str, kind: str) -> None:
    """A file where a folder belongs, or the other way round: the path is named, and nothing lands."""
    if kind == "folder":
        (tmp_path / path).mkdir()
    else:
        (tmp_path / path).write_text("x\n")
    with pytest.raises(SettingsError, match=re.escape(path)):
        begin(tmp_path, ci="github")
    assert [path] == [each.name for each in tmp_path.iterdir()]


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_a_folder_of_a_repository_is_a_project_of_its_own(tmp_path: Path, ci: str) -> None:
    """What belongs to the whole repository goes to its top and names the folder; a second project has its own."""
    git(tmp_path, "init", "-q", "-b", "trunk")
    for name in ("shop", "bank"):
        folder = tmp_path / "packages" / name
        folder.mkdir(parents=True)
        done = subprocess.run(
            [DRYSTONE, "-C", f"packages/{name}", "init", "--ci", ci], cwd=tmp_path, check=False, text=True,
            capture_output=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert EVERY - {".pre-commit-config.yaml"} <= {
            path.removeprefix(f"packages/{name}/") for path in files(tmp_path)
        }
        path = {"github": ".github/workflows/", "gitlab": ".gitlab/"}[ci] + f"drystone-packages-{name}.yml"
        text = (tmp_path / path).read_text()
        assert f":(exclude)packages/{name}/generated'" in text
        assert re.findall(r"@[A-Z]+@", text) == []
    hooks = yaml.safe_load((tmp_path / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert hooks[0]["entry"] == "drystone -C packages/shop lint"
    assert "  it exists; what you may want to add to it:" in done.stdout.splitlines()


def test_the_example_lands_and_the_project_is_sound(tmp_path: Path) -> None:
    """From an empty folder to a function that is fresh: init, lint, generate, check, doctor."""
    server = ModelServer(answers={"shorten": [Answer(SHORTEN)]})
    project = Project(tmp_path, server)
    try:
        git(tmp_path, "init", "-q")
        assert project.run("init").code == 0
        assert project.run("lint").code == 0
        environ = {"OPENAI_API_KEY": "sk-example-1", "OPENAI_BASE_URL": f"{server.url}/v1"}
        options = ("--implementer", "openai:m1", "--architect", "none", "--reviewer", "none")
        assert project.run("generate", "--json", *options, environ=environ).actions() == {
            "example.shorten": "landed"
        }
        assert project.run("check").code == 0
        assert project.run("doctor", environ=environ).code == 0
    finally:
        server.close()


@pytest.mark.parametrize("name", ["a b", "it's", 'say"so', "{{x}}", "$(true)"])
def test_a_folder_that_no_workflow_can_name_is_refused(tmp_path: Path, name: str) -> None:
    """Nothing is written: what a shell or YAML would read in it is for nobody to find out."""
    git(tmp_path, "init", "-q", "-b", "trunk")
    folder = tmp_path / name
    folder.mkdir()
    done = subprocess.run(
        [DRYSTONE, "init", "--ci", "github"], cwd=folder, check=False, text=True, capture_output=True
    )
    assert (done.returncode, "are safe: rename it" in done.stderr) == (2, True)
    assert list(folder.iterdir()) == []
