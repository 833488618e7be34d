"""A project as it stands: its specs, how each function stands, and what else lies in `generated/`."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from pipeline import decisions, disk, landed, landed_flows, render
from pipeline import specs as specs_module
from pipeline.coherence import Placed, check_coherence
from pipeline.decisions import Choice
from pipeline.errors import OutputError, SettingsError
from pipeline.flows import runner
from pipeline.landed import Status, Strangers
from pipeline.landed_flows import FlowStatus
from pipeline.records import Contract, DecisionRecord, Finding, Place, Spec, SpecFunction
from pipeline.reports import FunctionReport
from pipeline.settings import Settings
from pipeline.specs.shape import SHARED
from pipeline.stages import architect, land
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
    """Those that were selected, and `_shared` if there is one; callees before callers."""
    statuses: tuple[Status, ...] = ()
    """Of the functions of these specs."""
    context: Mapping[str, Status] = field(default_factory=dict)
    """By `spec.function`: what functions of these specs use of others."""
    flows: tuple[FlowStatus, ...] = ()
    choices: tuple[Choice, ...] = ()
    """What an architect answered where specs leave a decision open."""
    undecided: tuple[DecisionRecord, ...] = ()
    """Decisions that wait for an architect."""
    strangers: Strangers = field(default_factory=Strangers)

    @property
    def findable(self) -> list[str]:
        """Every function, as `spec.function`."""
        return [status.function.contract.id for status in self.statuses]

    def mechanical(self) -> dict[Path, str | None]:
        """Every file of a whole spec that must change, with its new text; None where it must go."""
        wanted = {
            path: text for path, text in self._texts() if landed.check_mechanical(path, text)[0] is not None
        }
        return dict(sorted(wanted.items()))

    def homes(self, spec: str) -> tuple[str, ...]:
        """The other specs whose types a spec's own files may import."""
        contracts = [status.function.contract for status in self.statuses]
        used = {home for each in contracts if each.spec == spec for home in each.homes.values()}
        return tuple(sorted({*used, SHARED}))

    def edited(self) -> dict[Path, str]:
        """Files of whole specs that a person must look at, and what is to be done about each."""
        found = {path: landed.check_mechanical(path, text)[1] for path, text in self._texts()}
        return {path: trouble for path, trouble in found.items() if trouble}

    def conflicts(self) -> list[str]:
        """What a person must look at before anything may be written."""
        found = [conflict for status in self.statuses for conflict in status.conflicts]
        found += [conflict for flow in self.flows for conflict in flow.conflicts]
        found += self.edited().values()
        found += [
            f"{path}: its function is gone from the specs, but it was edited by hand; delete or move it"
            for path in self.strangers.edited
        ]
        return [self.relative(text) for text in found]

    def obstacles(self) -> list[str]:
        """Why nothing could be written where something must be."""
        folders = {status.landed.folder for status in self.statuses if not status.fresh}
        folders |= {status.path.parent for status in self.flows if not status.fresh}
        folders |= {path.parent for path in self.mechanical()}
        found = [trouble for folder in sorted(folders) if (trouble := disk.obstacle(folder))]
        if folders and (above := disk.obstacle(self.settings.generated)):
            found = [above]
        if folders and (beside := disk.obstacle(self.settings.work_folder)):
            found.append(beside)
        return [self.relative(text) for text in found]

    def left_alone(self) -> tuple[str, ...]:
        """Files of somebody else's, which nothing here touches."""
        return tuple(
            self.relative(f"left alone {path}: not written by drystone; move it elsewhere")
            for path in self.strangers.foreign
        )

    def relative(self, text: str) -> str:
        """Paths as a person at the project's root would write them."""
        return text.replace(f"{self.settings.root}{os.sep}", "").replace(os.sep, "/")

    def _texts(self) -> list[tuple[Path, str | None]]:
        """The files of whole specs: what they must be, None where there must be none."""
        found: list[tuple[Path, str | None]] = []
        for spec in self.specs:
            folder = self.settings.generated / spec.name
            types = render.render_types(
                spec.name, spec.types, spec.errors, ports=spec.ports, shared=spec.shared
            )
            decided = decisions.render_decisions(spec, self.choices)
            found += [
                (folder / landed.TYPES, types),
                (folder / landed.FLOWS, runner.render_flows(spec)),
                (folder / landed.DECISIONS, decided),
            ]
        return found


def read_project(
    settings: Settings,
    selection: tuple[str, ...] | None,
    choices: Sequence[Choice] = (),
) -> Project:
    """Read specs and `generated/`; writes nothing. Raises SettingsError where there is no folder of specs.

    `choices` are answers to open decisions that are not recorded yet.
    """
    folder = settings.root / specs_module.FOLDER
    if not folder.is_dir():
        wrong = "is not a folder" if folder.exists() else "does not exist"
        raise SettingsError(
            f"{folder} {wrong}; run drystone inside a project (drystone init begins one), whose specs are {specs_module.FOLDER}/*.yaml"
        )
    loaded = specs_module.load_specs(settings.root, selection)
    if loaded.findings:
        return Project(settings, loaded.findings)
    shared = () if loaded.shared is None else (loaded.shared,)
    read = (*shared, *loaded.context, *loaded.specs)
    decided = (*choices, *_recorded(settings, read))
    every = [decisions.with_choices(spec, decided) for spec in read]
    undecided = {
        (each.home, each.name): each for spec in every for each in decisions.open_decisions(spec, decided)
    }
    digests = landed.derived_digests(every)
    by_name = {
        status.function.contract.id: status
        for spec in every
        for status in landed.check_spec(settings.generated, spec, digests)
    }
    incoherent = check_coherence([_placed(status) for status in by_name.values()])
    if incoherent:
        return Project(settings, tuple(incoherent))
    names = {spec.name for spec in (*shared, *loaded.specs)}
    chosen = tuple(spec for spec in every if spec.name in names)
    project = Project(
        settings,
        (),
        chosen,
        statuses=tuple(status for status in by_name.values() if status.function.contract.spec in names),
        context={name: status for name, status in by_name.items() if name.partition(".")[0] not in names},
        flows=tuple(
            flow for spec in chosen for flow in landed_flows.check_flows(settings.generated, spec, by_name)
        ),
        choices=decided,
        undecided=tuple(undecided.values()),
    )
    known = {path for path, text in project._texts() if text is not None}  # noqa: SLF001 - of this module
    strangers = landed.find_strangers(settings.generated, chosen, whole=selection is None, known=known)
    return replace(project, strangers=strangers)


def _recorded(settings: Settings, specs: Sequence[Spec]) -> list[Choice]:
    """What was decided in earlier runs; raises OutputError where a person changed the file."""
    found: list[Choice] = []
    for spec in specs:
        path = settings.generated / spec.name / landed.DECISIONS
        text = disk.read_plain(path)
        try:
            found += decisions.parse_decisions(path.as_posix(), text) if text is not None else ()
        except decisions.DecisionsFileError as error:
            raise OutputError(str(error).replace(f"{settings.root.as_posix()}/", "")) from None
    return found


def _placed(status: Status) -> Placed:
    """A contract as it stands, and where a person looks when it does not fit the others."""
    function = status.function
    kept = status.kept_contract or function.contract
    return Placed(kept, function.place, function.places, function.contract)


def open_judge(settings: Settings) -> Judge:
    """A judge for a project: as isolated as its configuration asks for, with the inputs drawn before on this machine.

    They are not kept in the project, where a change under review could bring its own.
    """
    return Judge(
        InputStore(disk.cache_folder() / "inputs"),
        at_least=settings.sandbox,
        at_once=max(2, os.cpu_count() or 1),  # each computes all the time: more would only take turns
    )


def vet_all(judge: Judge, statuses: Sequence[Status], root: Path) -> list[Finding]:
    """What makes contracts unfit to ask code for, by place: every one is held against itself."""
    found = side_by_side(lambda status: _vet(judge, status, root), statuses)
    return sorted((finding for each in found for finding in each), key=by_place)


def side_by_side(work: Callable[[Item], Made], items: Sequence[Item], *, workers: int = 0) -> Iterator[Made]:
    """What `work` makes of each item, in their order; whoever interrupts it does not wait for the rest.

    `workers`: how many items at once; 0 is as many as this machine can compute.
    """
    pool = ThreadPoolExecutor(workers or max(1, min(8, os.cpu_count() or 1)))
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
            message=_sentence(status.function, clause, message),
        )
        for clause, message in found
    ]


def _place(function: SpecFunction, clause: str) -> Place:
    return function.places.get(clause, function.place)


def _sentence(function: SpecFunction, clause: str, message: str) -> str:
    """A complaint with the function it is about, and the place of the rule it speaks of if that is another one."""
    contract = function.contract
    rules: list[tuple[str, str, str | None]] = [
        *((f"requires[{number}]", rule.rule, None) for number, rule in enumerate(contract.requires)),
        *((f"raises[{item.error}]", item.when, None) for item in contract.raises if item.when),
        *((f"ensures[{number}]", rule.rule, rule.constraint) for number, rule in enumerate(contract.ensures)),
    ]
    for other, rule, constraint in rules:
        if other != clause and f"'{rule}'" in message and other in function.places:
            of = f" of the constraint {constraint}" if constraint else ""
            message += f"; the rule{of} is at {function.places[other]}"
            break
    if clause == "contract":
        return f"{contract.function}: {message}"
    return f"{contract.function}, {clause}: {message}"


def by_place(finding: Finding) -> tuple[str, int, int]:
    return finding.place.path, finding.place.line, finding.place.column


def contract_to_keep(status: Status) -> Contract:
    """The contract on disk if it stands, else the one that would be written if no architect added anything."""
    if status.kept_contract is not None:
        return status.kept_contract
    return land.seal_contract(architect.hold_back(status.function.contract), status.derived_digest)[0]


def fresh_report(status: Status) -> FunctionReport:
    verdict = status.landed.verdict()
    return FunctionReport(
        function=status.function.contract.id, action="fresh", model=verdict.model if verdict else None
    )
