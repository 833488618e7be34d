"""What this machine and this project lack, each with its remedy. Looks and tries out; repairs nothing."""

import platform
import shlex
import time
from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path
from typing import Literal

from pipeline import __version__, disk
from pipeline.adoption import packaging
from pipeline.adoption.git import ask_git, is_of_another, outermost, repository_of
from pipeline.definitions import Record
from pipeline.errors import DrystoneError, SettingsError
from pipeline.llm.registry import HANDOFF, LOCAL, key_variable, open_model
from pipeline.project import open_judge
from pipeline.settings import Settings, read_settings
from pipeline.shared import SharedFolder
from pipeline.specs import FOLDER

SCHEMA = Path(FOLDER) / "spec.schema.json"
"""The copy of the specs' schema that editors read, where a project has one."""
_OLD_SECONDS = 24 * 60 * 60


class Check(Record):
    """One thing that was looked at."""

    name: str
    standing: Literal["ok", "warn", "fail"]
    said: str
    fix: str = ""
    """What a person can do; empty where nothing need be done, or `said` tells."""


class Checkup(Record):
    """All that was looked at."""

    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> int:
        return 2 if any(check.standing == "fail" for check in self.checks) else 0


def examine(root: Path, *, online: bool, sandbox: str | None = None) -> Checkup:
    """Look at a project and this machine. Asks servers only if `online`, and then nothing that costs."""
    checks = [*_versions(), *_project(root), *_packaging(root), *_repository(root)]
    try:
        settings = read_settings(root, sandbox=sandbox)
    except SettingsError as error:
        checks.append(Check(name="configuration", standing="fail", said=str(error)))
    else:
        checks += _sandbox(settings)
        checks += _models(settings, online=online)
        checks += _store(settings, online=online)
        checks += _leftovers(settings)
        checks.append(Check(name="budget", standing="ok", said=f"at most {settings.budget.told()}"))
    return Checkup(checks=tuple(checks))


def checkup_lines(checkup: Checkup) -> Iterator[str]:
    """A checkup for people, one line for each thing and one for each remedy."""
    width = max(len(check.name) for check in checkup.checks)
    for check in checkup.checks:
        yield f"{check.standing:4}  {check.name.ljust(width)}  {check.said}"
        if check.fix:
            yield f"{'':4}  {'':{width}}  fix: {check.fix}"


def _versions() -> Iterator[Check]:
    tools = ", ".join(f"{name} {metadata.version(name)}" for name in ("hypothesis", "pydantic", "ruff"))
    yield Check(
        name="versions",
        standing="ok",
        said=f"drystone {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{tools}",
    )


def _project(root: Path) -> Iterator[Check]:
    specs = root / FOLDER
    if not specs.is_dir():
        yield Check(
            name="project",
            standing="fail",
            said=f"{root}: there is no folder {FOLDER}/",
            fix="drystone init, or run drystone in the project (drystone -C PATH)",
        )
        return
    count = len([path for path in specs.iterdir() if path.suffix in {".yaml", ".yml"}])
    yield Check(name="project", standing="ok", said=f"{root}: {count} files in {FOLDER}/")
    for folder in ("generated", ".drystone"):
        if trouble := disk.obstacle(root / folder):
            yield Check(name="writing", standing="fail", said=f"{folder}/ cannot be written: {trouble}")
    copied = disk.read_text(root / SCHEMA)
    known = resources.files("pipeline").joinpath("schemas", "spec.schema.json").read_text("utf-8")
    if copied is not None and copied != known:
        yield Check(
            name="schema",
            standing="warn",
            said=f"{SCHEMA.as_posix()} is of another version, so editors may complain wrongly",
            fix=f"drystone schema > {SCHEMA.as_posix()}",
        )


def _packaging(root: Path) -> Iterator[Check]:
    lines = packaging.lines_to_add(root)
    if lines:
        said = " / ".join(line for line in lines.split("\n") if line)
        yield Check(
            name="packaging", standing="warn", said=packaging.TROUBLE, fix=f"add to pyproject.toml: {said}"
        )


def _repository(root: Path) -> Iterator[Check]:
    version = ask_git(root, "--version")
    if version is None:
        yield Check(
            name="git",
            standing="warn",
            said="git is not installed or does not answer",
            fix="install git: reviews compare with a commit",
        )
        return
    if is_of_another(root):
        yield Check(
            name="git",
            standing="warn",
            said="git reads nothing here: the folder belongs to another user",
            fix=f"git config --global --add safe.directory {shlex.quote(str(outermost(root) or root))}",
        )
        return
    if repository_of(root) is None:
        yield Check(
            name="git", standing="warn", said=f"{version}; this is no repository", fix="git init, and commit"
        )
        return
    yield Check(name="git", standing="ok", said=version)
    if ask_git(root, "rev-parse", "--is-shallow-repository") == "true":
        yield Check(
            name="git",
            standing="warn",
            said="this clone is shallow: drystone review may lack the commit to compare with",
            fix="git fetch --unshallow, or fetch-depth: 0 in a workflow",
        )
    if ask_git(root, "check-ignore", "generated/x.py"):
        yield Check(
            name="git",
            standing="fail",
            said="generated/ is ignored by git",
            fix="take it out of .gitignore: what has landed is committed and reviewed",
        )
    attribute = (ask_git(root, "check-attr", "eol", "--", "generated/x.py") or "").rpartition(" ")[2]
    converts = ask_git(root, "config", "core.autocrlf") == "true"
    if converts and attribute != "lf":
        yield Check(
            name="line ends",
            standing="warn",
            said="core.autocrlf is true and no attribute keeps generated/ as it is: drystone reads other line ends, but "
            "what it writes has its own, so diffs show whole files",
            fix="put 'generated/** text eol=lf' into .gitattributes",
        )
    else:
        yield Check(name="line ends", standing="ok", said="generated/ keeps its line ends")


def _sandbox(settings: Settings) -> Iterator[Check]:
    judge = open_judge(settings)
    try:
        isolation = judge.isolation
    except DrystoneError as error:
        yield Check(name="sandbox", standing="fail", said=str(error))
        return
    finally:
        judge.close()
    layers = f" ({', '.join(isolation.layers)})" if isolation.layers else ""
    yield Check(
        name="sandbox",
        standing="warn" if isolation.trouble else "ok",
        said=f"{isolation.level}{layers}" + (f": {isolation.trouble}" if isolation.trouble else ""),
        fix=isolation.remedy,
    )


def _models(settings: Settings, *, online: bool) -> Iterator[Check]:
    roles = {
        "architect": [settings.architect],
        "reviewer": [settings.reviewer],
        "explainer": [settings.explainer],
    }
    roles["implementer"] = [rung.entry for rung in settings.ladder]
    if settings.why_models:
        yield Check(name="models", standing="ok", said=settings.why_models)
    tried: dict[str, Check] = {}
    for role, entries in roles.items():
        for entry in dict.fromkeys(entries):
            if entry is None:
                yield Check(name=role, standing="ok", said="none: this role is not played")
                continue
            if entry not in tried:
                tried[entry] = _model(entry, settings, online=online)
            yield tried[entry].model_copy(update={"name": role})


def _model(entry: str, settings: Settings, *, online: bool) -> Check:
    kind = entry.partition(":")[0]
    try:
        model, name = open_model(entry, settings.providers, handoff=settings.work_folder / "handoff")
        variable = key_variable(entry, settings.providers)
        serves = model.serves(name) if online else None
    except DrystoneError as error:
        said = str(error).removeprefix(f"{kind}: ")
        return Check(name="", standing="fail", said=f"{entry}: {said}")
    said = {LOCAL: "its engine and its weights are here", HANDOFF: "people answer, no key is needed"}.get(
        kind, f"there is a key in {variable}" if variable else "no key is needed"
    )
    if serves is False:
        return Check(
            name="",
            standing="fail",
            said=f"{entry}: {said}, but its provider serves no model of that name",
            fix="name another one under [tool.drystone.models] in pyproject.toml",
        )
    unasked = "" if kind in {LOCAL, HANDOFF} or online else " (--online asks whether it is served)"
    return Check(name="", standing="ok", said=f"{entry}: {said}{', and it is served' if serves else unasked}")


def _store(settings: Settings, *, online: bool) -> Iterator[Check]:
    if settings.store is None:
        yield Check(name="store", standing="ok", said="replies are kept in .drystone/ alone")
        return
    if "://" in settings.store and not online:
        yield Check(name="store", standing="ok", said=f"{settings.store} (--online asks whether it answers)")
        return
    try:
        shared = SharedFolder(settings.store, settings.root)
    except SettingsError as error:
        yield Check(name="store", standing="fail", said=str(error))
        return
    shared.read("doctor")
    if shared.trouble:
        yield Check(
            name="store", standing="warn", said=shared.trouble, fix="runs go on without it, and pay for more"
        )
    else:
        yield Check(name="store", standing="ok", said=f"{settings.store} answers")


def _leftovers(settings: Settings) -> Iterator[Check]:
    replies = settings.work_folder / "replies"
    before = time.time() - _OLD_SECONDS
    old = [path for path in replies.rglob("*.lock") if path.stat().st_mtime < before]
    if old:
        yield Check(
            name="locks",
            standing="warn",
            said=f"{len(old)} locks of questions that ended without a reply more than a day ago; nothing waits for them",
            fix=f"rm {' '.join(str(path.relative_to(settings.root)) for path in old[:3])}"
            + (" ..." if old[3:] else ""),
        )
    halves = list(settings.generated.glob("**/.drystone-*.tmp"))
    if halves:
        yield Check(
            name="leftovers",
            standing="warn",
            said=f"a run that was killed left {len(halves)} half-written files in generated/",
            fix="the next drystone generate removes them",
        )
