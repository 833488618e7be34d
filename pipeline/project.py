"""A project as it stands: its specs, how each function stands, and what else lies in `generated/`."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipeline import disk, landed, render
from pipeline.errors import SandboxError
from pipeline.landed import Status, Strangers
from pipeline.records import Contract, Finding, FunctionReport, Place, Spec, SpecFunction
from pipeline.sandbox.port import Sandbox
from pipeline.sandbox.process import ProcessSandbox
from pipeline.settings import Settings
from pipeline.specs import load_specs
from pipeline.stages.judge import Judge


@dataclass(frozen=True, slots=True)
class Project:
    """What was read. If there are findings, nothing else was looked at."""

    settings: Settings
    findings: tuple[Finding, ...]
    specs: tuple[Spec, ...] = ()
    statuses: tuple[Status, ...] = ()
    strangers: Strangers | None = None

    def types(self) -> dict[Path, str | None]:
        """Every `types.py` that must change, with its new text; None where it must go."""
        wanted = {path: text for path, text in self._types() if landed.check_types(path, text)[0] is not None}
        return dict(sorted(wanted.items()))

    def conflicts(self) -> list[str]:
        """What a person must look at before anything may be written."""
        assert self.strangers is not None
        found = [conflict for status in self.statuses for conflict in status.conflicts]
        found += [trouble for path, text in self._types() if (trouble := landed.check_types(path, text)[1])]
        found += [
            f"{path}: its function is gone from the specs, but it was edited by hand; delete or move it"
            for path in self.strangers.edited
        ]
        return [self.relative(text) for text in found]

    def relative(self, text: str) -> str:
        """Paths as a person at the project's root would write them."""
        return text.replace(f"{self.settings.root}{os.sep}", "").replace(os.sep, "/")

    def _types(self) -> list[tuple[Path, str | None]]:
        return [
            (
                self.settings.generated / spec.name / landed.TYPES,
                render.render_types(spec.name, spec.types, spec.errors),
            )
            for spec in self.specs
        ]


def read_project(settings: Settings, selection: tuple[str, ...] | None) -> Project:
    """Read specs and `generated/`; writes nothing."""
    specs, findings = load_specs(settings.root, selection)
    if findings:
        return Project(settings, findings)
    statuses = tuple(status for spec in specs for status in landed.check_spec(settings.generated, spec))
    strangers = landed.find_strangers(settings.generated, specs, whole=selection is None)
    return Project(settings, (), specs, statuses, strangers)


def open_sandbox(settings: Settings) -> Sandbox:
    """The strongest sandbox this machine offers; raises SandboxError if the configuration asks for more."""
    sandbox = ProcessSandbox()
    if settings.sandbox != sandbox.level:
        raise SandboxError(
            f'pyproject.toml: [tool.drystone] sandbox = "{settings.sandbox}" asks for more isolation than this '
            f'version has; sandbox = "{sandbox.level}" goes on with a limited child process'
        )
    return sandbox


def vet_all(judge: Judge, statuses: Sequence[Status], root: Path) -> list[Finding]:
    """What makes contracts unfit to ask code for, by place: every one is held against itself."""
    with ThreadPoolExecutor(processors()) as pool:
        found = list(pool.map(lambda status: _vet(judge, status, root), statuses))
    return sorted((finding for each in found for finding in each), key=by_place)


def _vet(judge: Judge, status: Status, root: Path) -> list[Finding]:
    contract = status.kept_contract
    edited = contract is not None and status.contract_edited
    found = judge.vet(contract if contract is not None and edited else status.function.contract)
    if edited:
        place = Place(path=status.landed.contract_path.relative_to(root).as_posix())
        return [Finding(place=place, message=f"{clause}: {message}") for clause, message in found]
    return [
        Finding(
            place=_place(status.function, clause),
            message=_sentence(status.function.contract, clause, message),
        )
        for clause, message in found
    ]


def _place(function: SpecFunction, clause: str) -> Place:
    return function.places.get(clause, function.place)


def _sentence(contract: Contract, clause: str, message: str) -> str:
    return (
        f"{contract.function}: {message}"
        if clause == "contract"
        else f"{contract.function}, {clause}: {message}"
    )


def by_place(finding: Finding) -> tuple[str, int, int]:
    return finding.place.path, finding.place.line, finding.place.column


def fresh_report(status: Status) -> FunctionReport:
    verdict = status.landed.verdict()
    return FunctionReport(
        function=status.function.contract.id, action="fresh", model=verdict.model if verdict else None
    )


def processors() -> int:
    return max(1, min(8, os.cpu_count() or 1))


def prune(project: Project) -> tuple[str, ...]:
    """Remove the files of functions that are gone from the specs, and what a killed run left; says what went."""
    assert project.strangers is not None
    disk.sweep(project.settings.generated)
    for path in project.strangers.orphans:
        disk.remove(path)
    return tuple(
        project.relative(f"removed {path}: its function is gone from the specs")
        for path in project.strangers.orphans
    )
