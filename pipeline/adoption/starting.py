"""What `drystone init` writes into a repository: only what is missing. What exists is left as it is."""

import re
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Literal

from pipeline import __version__, disk
from pipeline.adoption import packaging
from pipeline.adoption.doctor import SCHEMA
from pipeline.adoption.git import ask_git, repository_of
from pipeline.definitions import Record
from pipeline.errors import SettingsError
from pipeline.specs import FOLDER

Ci = Literal["github", "gitlab"]
_PIPELINE = ".gitlab-ci.yml"


class Written(Record):
    """What became of one file."""

    path: str
    """Relative to the repository's top, or to the project's root where there is none."""
    action: Literal["wrote", "appended to", "left alone"]
    add: str = ""
    """What a person may want to add to it; drystone does not."""
    why: str = "it exists; what you may want to add to it"


def begin(root: Path, *, ci: Ci | None) -> tuple[Written, ...]:
    """Write what a project in `root` lacks; a file that exists is left as it is.

    Only a `pyproject.toml` without a table `[tool.drystone]` gets one at its end. Files that belong to a whole
    repository go to its top. Raises SettingsError, before anything is written, if `pyproject.toml` is none, if the
    folder's name cannot be written into hooks and workflows, or if something is in the way of a file; OutputError if a
    file cannot be written.
    """
    top = repository_of(root) or root
    words = _words(root, top)
    configured = _appended(root / "pyproject.toml", _template("pyproject.toml", words))
    wanted = {
        root / "noxfile.py": "noxfile.py.txt",
        root / ".gitattributes": "gitattributes.txt",
        root / "AGENTS.md": "AGENTS.md",
        top / ".pre-commit-config.yaml": "pre-commit-config.yaml",
    }
    texts = {path: _template(name, words) for path, name in wanted.items()}
    texts = {root / SCHEMA: _schema(), **texts}
    if not list((root / FOLDER).glob("[!.]*.y*ml")):
        texts = {root / FOLDER / "example.yaml": _template("example.yaml", words), **texts}
    if ci == "github":
        texts[top / ".github" / "workflows" / f"drystone{words['SUFFIX']}.yml"] = _template(
            "github.yml", words
        )
    if ci == "gitlab":
        included = top / ".gitlab" / f"drystone{words['SUFFIX']}.yml"
        texts[included] = _template("gitlab.yml", words)
        texts[top / _PIPELINE] = f"include:\n  - local: {included.relative_to(top).as_posix()}\n"
    _need_room([configured.path, *texts])
    return (_told(configured.written(top), root), *(_write(path, text, top) for path, text in texts.items()))


def _need_room(paths: list[Path]) -> None:
    for path in paths:
        if path.is_dir():
            raise SettingsError(f"{path}: a folder is in the way of a file; move it. Nothing was written")
        if not path.exists() and (trouble := disk.obstacle(path.parent)):
            raise SettingsError(f"{trouble}. Nothing was written")


def written_lines(written: tuple[Written, ...]) -> Iterator[str]:
    """What became of every file, for people, and what comes next."""
    for each in written:
        yield f"{each.action} {each.path}"
        if each.add:
            yield f"  {each.why}:"
            yield from (f"    {line}".rstrip() for line in each.add.rstrip("\n").split("\n"))
    yield "next: drystone doctor, drystone lint, drystone generate --plan, drystone generate"


def _told(configured: Written, root: Path) -> Written:
    """With what a project that setuptools builds must say of its packages from now on."""
    lines = packaging.lines_to_add(root)
    why = f"{packaging.TROUBLE}; add to it"
    if not lines:
        return configured
    return configured.model_copy(update={"add": "\n".join(filter(None, (configured.add, lines))), "why": why})


class _Appended:
    """A configuration that is to be written or extended, looked at before anything is written."""

    def __init__(self, path: Path, text: str | None, add: str = "") -> None:
        self.path = path
        self.text = text
        """The whole new text; None if the file is to be left alone."""
        self.add = add

    def written(self, top: Path) -> Written:
        name = self.path.relative_to(top).as_posix()
        if self.text is None:
            return Written(path=name, action="left alone", add=self.add)
        existed = self.path.exists()
        disk.write_text(self.path, self.text)
        return Written(path=name, action="appended to" if existed else "wrote")


def _appended(path: Path, snippet: str) -> _Appended:
    if not path.exists():
        return _Appended(path, snippet)
    try:
        text = path.read_bytes().decode("utf-8")
        tool = tomllib.loads(text).get("tool", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path.name}: {error}") from None
    if "drystone" in tool:
        return _Appended(path, None)
    end = "\r\n" if "\r\n" in text else "\n"
    whole = f"{text.rstrip()}\n\n{snippet}".lstrip().replace("\r\n", "\n").replace("\n", end)
    try:
        tomllib.loads(whole)
    except tomllib.TOMLDecodeError:  # `tool = {...}` on one line takes no further table
        return _Appended(path, None, snippet)
    return _Appended(path, whole)


def _write(path: Path, text: str, top: Path) -> Written:
    name = path.relative_to(top).as_posix()
    if not path.exists() and not path.is_symlink():
        disk.write_text(path, text)
        return Written(path=name, action="wrote")
    if path.parent.name in {FOLDER, "workflows", ".gitlab"}:  # a name of drystone's own
        return Written(path=name, action="left alone")
    there = {line.strip() for line in (disk.read_text(path) or "").split("\n")} if path.is_file() else set()
    missing = any(line.strip() not in there for line in text.split("\n") if line.strip())
    return Written(path=name, action="left alone", add=text if missing else "")


def _words(root: Path, top: Path) -> dict[str, str]:
    """What stands between `@` in templates."""
    folder = root.resolve().relative_to(top.resolve()).as_posix()
    if not re.fullmatch(r"[A-Za-z0-9._/-]+", folder):
        raise SettingsError(
            f"the folder '{folder}' is named in hooks and workflows, where only letters, digits, '.', '_' and '-' are "
            "safe: rename it, or run drystone init at the top of the repository"
        )
    branch = (ask_git(root, "symbolic-ref", "--short", "refs/remotes/origin/HEAD") or "").partition("/")[2]
    return {
        "ROOT": folder,
        "PREFIX": "" if folder == "." else f"{folder}/",
        "SUFFIX": "" if folder == "." else "-" + re.sub(r"[^A-Za-z0-9]+", "-", folder).strip("-"),
        "BRANCH": branch or ask_git(root, "symbolic-ref", "--short", "HEAD") or "main",
        "VERSION": __version__,
    }


def _template(name: str, words: dict[str, str]) -> str:
    text = resources.files("pipeline").joinpath("templates", "init", name).read_text("utf-8")
    return re.sub(r"@([A-Z]+)@", lambda match: words[match[1]], text)


def _schema() -> str:
    return resources.files("pipeline").joinpath("schemas", "spec.schema.json").read_text("utf-8")
