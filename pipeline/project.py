"""A project as it stands: its specs, how each function stands, and what else lies in `generated/`."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipeline import disk, landed, render
from pipeline import specs as specs_module
from pipeline.errors import SettingsError
from pipeline.landed import Status, Strangers
from pipeline.records import Contract, Finding, Place, Spec, SpecFunction
from pipeline.reports import FunctionReport
from pipeline.settings import Settings
from pipeline.stages.judge import Judge
from pipeline.store import InputStore

Item = TypeVar("Item")
Made = TypeVar("Made")


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

    def obstacles(self) -> list[str]:
        """Why nothing could be written where something must be."""
        folders = {status.landed.folder for status in self.statuses if not status.fresh}
        folders |= {path.parent for path in self.types()}
        found = [trouble for folder in sorted(folders) if (trouble := disk.obstacle(folder))]
        if folders and (above := disk.obstacle(self.settings.generated)):
            found = [above]
        if folders and (beside := disk.obstacle(self.settings.work_folder)):
            found.append(beside)
        return [self.relative(text) for text in found]

    def left_alone(self) -> tuple[str, ...]:
        """Files of somebody else's, which nothing here touches."""
        assert self.strangers is not None
        return tuple(
            self.relative(f"left alone {path}: not written by drystone; move it elsewhere")
            for path in self.strangers.foreign
        )

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
    """Read specs and `generated/`; writes nothing. Raises SettingsError where there is no folder of specs."""
    folder = settings.root / specs_module.FOLDER
    if not folder.is_dir():
        wrong = "is not a folder" if folder.exists() else "does not exist"
        raise SettingsError(
            f"{folder} {wrong}; run drystone inside a project, whose specs are {specs_module.FOLDER}/*.yaml"
        )
    loaded = specs_module.load_specs(settings.root, selection)
    specs = loaded.specs
    if loaded.findings:
        return Project(settings, loaded.findings)
    statuses = tuple(status for spec in specs for status in landed.check_spec(settings.generated, spec))
    strangers = landed.find_strangers(settings.generated, specs, whole=selection is None)
    return Project(settings, (), specs, statuses, strangers)


def open_judge(settings: Settings) -> Judge:
    """A judge for a project: as isolated as its configuration asks for, with the inputs drawn before on this machine.

    They are not kept in the project, where a change under review could bring its own.
    """
    return Judge(InputStore(disk.cache_folder() / "inputs"), at_least=settings.sandbox)


def vet_all(judge: Judge, statuses: Sequence[Status], root: Path) -> list[Finding]:
    """What makes contracts unfit to ask code for, by place: every one is held against itself."""
    found = side_by_side(lambda status: _vet(judge, status, root), statuses)
    return sorted((finding for each in found for finding in each), key=by_place)


def side_by_side(work: Callable[[Item], Made], items: Sequence[Item]) -> Iterator[Made]:
    """What `work` makes of each item, in their order; whoever interrupts it does not wait for the rest."""
    pool = ThreadPoolExecutor(max(1, min(8, os.cpu_count() or 1)))
    try:
        yield from pool.map(work, items)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


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


def prune(project: Project) -> tuple[str, ...]:
    """Remove the files of functions that are gone from the specs; says what went."""
    assert project.strangers is not None
    for path in project.strangers.orphans:
        disk.remove(path)
    return tuple(
        project.relative(f"removed {path}: its function is gone from the specs")
        for path in project.strangers.orphans
    )
