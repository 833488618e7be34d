"""The verb `review`: what changed since a git ref, function by function, and what that does to whoever calls them."""

import difflib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.contract_file import ContractFileError
from pipeline.errors import DrystoneError
from pipeline.landed import Status
from pipeline.outcome import Outcome
from pipeline.project import Project, open_judge, read_project, side_by_side
from pipeline.reading import landed_callees
from pipeline.records import Behaviour, Finding, Isolation, SpecFunction
from pipeline.reports import Report
from pipeline.review.base import Base, read_base, write_base
from pipeline.review.changes import Basis, ClauseChange, FunctionChange, Kind, Review
from pipeline.review.contracts import compare_contracts
from pipeline.review.wholes import compare_decisions, compare_flows
from pipeline.review.words import told_behaviour
from pipeline.settings import Settings
from pipeline.stages.judge import Judge, Part
from pipeline.watching import Progress

_GRAVEST: tuple[Kind, ...] = ("silent", "removed", "contract", "behaviour", "code", "stale", "added")


def review(
    settings: Settings, selection: tuple[str, ...] | None, progress: Progress, *, base: str | None = None
) -> Review | Outcome:
    """What changed since a git ref: contracts, code and behaviour, of the selected specs.

    Reads only. An outcome instead if the specs have findings. Raises SettingsError where there is nothing to compare
    with.
    """
    project = read_project(settings, selection)
    if project.findings:
        return Outcome(Report(findings=project.findings))
    found = read_base(settings.root, base)
    with tempfile.TemporaryDirectory(prefix="drystone-base-") as folder:
        root = Path(folder).resolve()
        write_base(found, root)
        before, notes = _project_then(settings, root, found)
        names = {spec.name for spec in project.specs} if selection else None
        return _Reviewing(project, before, found, progress).run(names, notes)


def _project_then(settings: Settings, root: Path, base: Base) -> tuple[Project | None, tuple[str, ...]]:
    """The project as it was; None, and why, where it cannot be read."""
    if not any(path.startswith("specs/") for path in base.files):
        return None, (f"there were no specs at {base.ref}: everything is new",)
    try:
        project = read_project(settings.model_copy(update={"root": root}), None)
    except DrystoneError as error:
        return None, (f"{base.ref} cannot be compared with: {str(error).replace(f'{root}/', '')}",)
    if project.findings:
        first: Finding = project.findings[0]
        return None, (f"{base.ref} cannot be compared with: its specs have findings, the first is {first}",)
    return project, ()


@dataclass(frozen=True, slots=True)
class _Pair:
    """One function as it was and as it is; None where there is none."""

    name: str
    before: Status | None
    after: Status | None

    @property
    def stands(self) -> Status:
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def retold(self) -> bool:
        """Whether its summary changed: no clause, but what a person wants of it all the same."""
        both = self.before and self.after
        return bool(both) and _summary(self.before) != _summary(self.after)


class _Reviewing:
    """One review."""

    def __init__(self, project: Project, before: Project | None, base: Base, progress: Progress) -> None:
        self._project = project
        self._before = before
        self._base = base
        self._progress = progress
        self._rewritten: set[str] = set()
        """Functions whose own code is another one."""

    def run(self, names: set[str] | None, notes: tuple[str, ...]) -> Review:
        pairs = self._pairs(names)
        clauses = {pair.name: _clauses(pair) for pair in pairs}
        behaviours, isolation = self._behaviours(pairs)
        self._rewritten = {pair.name for pair in pairs if _code(pair.before) != _code(pair.after)}
        asked = {name for name, changes in clauses.items() if any(_said(change) for change in changes)}
        asked |= {pair.name for pair in pairs if pair.retold}
        changed = [
            change
            for pair in pairs
            if (change := self._change(pair, clauses[pair.name], behaviours.get(pair.name), asked))
        ]
        changed.sort(key=lambda each: (_GRAVEST.index(each.kinds[0]), -each.loosened))
        before = self._before.specs if self._before else ()
        kept = tuple(spec for spec in before if names is None or spec.name in names)
        return Review(
            base=self._base.ref,
            commit=self._base.commit,
            chosen=self._base.chosen,
            headline=headline(changed, self._base.ref),
            functions=tuple(changed),
            flows=compare_flows(kept, self._project.specs),
            decisions=compare_decisions(kept, self._project.specs),
            unchanged=len(pairs) - len(changed),
            notes=notes,
            sandbox=isolation,
        )

    def _pairs(self, names: set[str] | None) -> list[_Pair]:
        before = {} if self._before is None else {_id(status): status for status in self._before.statuses}
        after = {_id(status): status for status in self._project.statuses}
        wanted = [name for name in (*after, *before) if names is None or name.partition(".")[0] in names]
        return [_Pair(name, before.get(name), after.get(name)) for name in dict.fromkeys(wanted)]

    def _behaviours(self, pairs: Sequence[_Pair]) -> tuple[dict[str, Behaviour], Isolation | None]:
        """How those that run other code than before behave, by `spec.function`."""
        tasks = [
            (pair.name, old, new)
            for pair in pairs
            if (old := _parts(pair.before)) and (new := _parts(pair.after)) and _program(old) != _program(new)
        ]
        if not tasks:
            return {}, None
        judge = open_judge(self._project.settings)
        try:
            isolation = judge.isolation
            self._progress.start([name for name, _, _ in tasks], "comparing behaviour")
            found = side_by_side(lambda task: self._differ(judge, *task), tasks)
            return dict(zip([name for name, _, _ in tasks], found, strict=True)), isolation
        finally:
            judge.close()

    def _differ(self, judge: Judge, name: str, old: Sequence[Part], new: Sequence[Part]) -> Behaviour:
        found = judge.differ(old, new)
        self._progress.announce(f"{name}: {told_behaviour(found)}")
        return found

    def _change(
        self,
        pair: _Pair,
        clauses: Sequence[ClauseChange],
        behaviour: Behaviour | None,
        asked: set[str],
    ) -> FunctionChange | None:
        """What changed of one function; None if nothing did. `asked`: those of which a person's clause changed."""
        code = _code(pair.before), _code(pair.after)
        reached = self._reached(pair.name)
        wanted = sorted(asked & reached)
        kinds = _kinds(pair, clauses, behaviour, code_changed=code[0] != code[1], silent=not wanted)
        if not kinds:
            return None
        placed = tuple(self._placed(pair, change) for change in clauses)
        return FunctionChange(
            function=pair.name,
            kinds=kinds,
            place=self._at(pair, pair.stands.function),
            why=tuple(self._why(pair, placed, wanted, reached)),
            clauses=placed,
            code_before=code[0],
            code_after=code[1],
            diff=_diff(pair.name, *code),
            behaviour=behaviour,
            basis=_basis(pair.after),
        )

    def _reached(self, name: str) -> set[str]:
        """A function and all it calls, then and now."""
        statuses = [
            {_id(status): status for status in each.statuses} | dict(each.context)
            for each in (self._project, self._before)
            if each is not None
        ]
        reached: set[str] = set()
        waiting = [name]
        while waiting:
            current = waiting.pop()
            if current not in reached:
                reached.add(current)
                waiting += [
                    callee
                    for known in statuses
                    if current in known
                    for callee in known[current].function.contract.callee_ids
                ]
        return reached

    def _placed(self, pair: _Pair, change: ClauseChange) -> ClauseChange:
        status = pair.before if change.edit == "removed" and pair.before else pair.stands
        place = str(status.function.places.get(_key(status.function, change), status.function.place))
        return change.model_copy(update={"place": self._told(place, old=status is pair.before)})

    def _at(self, pair: _Pair, function: SpecFunction) -> str:
        return self._told(str(function.place), old=pair.after is None)

    def _told(self, place: str, *, old: bool) -> str:
        return f"{self._base.ref}:{place}" if old else place

    def _why(
        self, pair: _Pair, clauses: Sequence[ClauseChange], wanted: Sequence[str], reached: set[str]
    ) -> list[str]:
        """The chain from what a person wrote, or did not, to what is different."""
        if pair.before is None:
            return [f"{self._at(pair, pair.stands.function)} is new"]
        if pair.after is None:
            return [f"{self._at(pair, pair.stands.function)} is gone from its spec"]
        chain = [
            f"{change.place} -> {change.clause} {change.edit}"
            + (" (proposed by the architect)" if change.origin == "architect" else "")
            for change in clauses
        ]
        if pair.retold:
            chain.append(f"{self._at(pair, pair.stands.function)} -> its summary changed")
        chain += [f"{name}, which it calls, changed in its spec" for name in wanted if name != pair.name]
        if pair.after.reasons:
            chain.append(f"not generated again yet: {'; '.join(pair.after.reasons)}")
        chain += map(self._project.relative, pair.after.conflicts)
        if not chain:
            others = sorted((reached & self._rewritten) - {pair.name}) or ["its types"]
            own = pair.name in self._rewritten
            chain.append(
                "no clause changed: it was written anew"
                if own
                else f"nothing of its own changed, but of what it calls: {', '.join(others)}"
            )
        return chain


def headline(changes: Sequence[FunctionChange], base: str) -> str:
    """The first line of a report: which functions behave differently although no clause of the spec changed."""
    silent = [change for change in changes if "silent" in change.kinds]
    if silent:
        names = ", ".join(change.function for change in silent)
        return f"Behaviour changed although no clause of the spec did: {names}"
    unknown = [each.function for each in changes if each.behaviour is not None and each.behaviour.note]
    if unknown:
        return f"No behaviour was seen to change without a clause of the spec; not compared whole: {', '.join(unknown)}"
    return f"No behaviour was seen to change since {base} without a clause of the spec"


def _id(status: Status) -> str:
    return status.function.contract.id


def _clauses(pair: _Pair) -> tuple[ClauseChange, ...]:
    if pair.before is None or pair.after is None:
        return ()
    before, after = pair.before.kept_contract, pair.after.kept_contract
    if before is None or after is None:  # what an architect added to one of them is no change of the other
        before, after = pair.before.function.contract, pair.after.function.contract
    return compare_contracts(before, after)


def _said(change: ClauseChange) -> bool:
    """Whether it is a person's clause."""
    return change.origin == "spec"


def _kinds(
    pair: _Pair,
    clauses: Sequence[ClauseChange],
    behaviour: Behaviour | None,
    *,
    code_changed: bool,
    silent: bool,
) -> tuple[Kind, ...]:
    if pair.before is None:
        return ("added",)
    if pair.after is None:
        return ("removed",)
    differs = behaviour is not None and behaviour.differing > 0
    found: dict[Kind, bool] = {
        "silent": differs and silent,
        "contract": bool(clauses),
        "behaviour": differs,
        "code": code_changed,
        "stale": bool(pair.after.reasons) and not pair.before.reasons,
    }
    kinds = tuple(kind for kind in _GRAVEST if found.get(kind))
    return kinds or (("code",) if behaviour is not None and behaviour.note else ())


def _parts(status: Status | None) -> list[Part]:
    """A landed function and what it calls; nothing where it has not landed whole."""
    if status is None or status.landed.source_text is None:
        return []
    try:
        contract = status.landed.contract()
        if contract is None:
            return []
        callees = landed_callees(status.landed.folder, contract)
    except ContractFileError:
        return []
    return [*callees.values(), Part(contract, status.landed.source_text)]


def _program(parts: Sequence[Part]) -> list[object]:
    """What decides how a program behaves: its code and its types."""
    return [
        (part.contract.id, _body(part.source), part.contract.types, part.contract.errors, part.contract.ports)
        for part in parts
    ]


def _code(status: Status | None) -> str:
    return "" if status is None or status.landed.source_text is None else _body(status.landed.source_text)


def _body(source: str) -> str:
    """A function file without its header."""
    lines = source.split("\n")
    start = next((number for number, line in enumerate(lines) if not line.startswith("#")), 0)
    return "\n".join(lines[start:]).lstrip("\n")


def _diff(name: str, before: str, after: str) -> str:
    path = f"{name.replace('.', '/')}.py"
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"before/{path}", f"after/{path}", lineterm=""
    )
    return "\n".join(lines)


def _summary(status: Status | None) -> str:
    return " ".join(status.function.contract.summary.split()) if status else ""


def _basis(status: Status | None) -> Basis | None:
    verdict = status.landed.verdict() if status else None
    if status is None or verdict is None or not status.fresh:
        return None  # what it says is said of other code, or of another contract
    try:
        contract = status.landed.contract()
    except ContractFileError:
        contract = None
    cases = contract.cases if contract else ()
    return Basis(
        clauses=len(verdict.clauses),
        cases_of_spec=sum(case.origin == "spec" for case in cases),
        cases_of_architect=sum(case.origin == "architect" for case in cases),
        inputs=verdict.inputs,
        sandbox=verdict.sandbox,
        model=verdict.model,
    )


def _key(function: SpecFunction, change: ClauseChange) -> str:
    """The name under which a spec knows the place of a clause."""
    kind = change.clause.partition("[")[0]
    if kind not in {"requires", "ensures"}:
        return change.clause
    text = change.before if change.edit == "removed" else change.after
    rules = [rule.rule for rule in getattr(function.contract, kind)]
    return f"{kind}[{rules.index(text)}]" if text in rules else ""
