"""The verb `review`: what changed since a git ref, function by function, and what that does to whoever calls them."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import DrystoneError, InternalError
from pipeline.landed import Status
from pipeline.outcome import Outcome
from pipeline.programs import parts_of, program, unreadable
from pipeline.project import Project, open_judge, read_project, side_by_side
from pipeline.records import Behaviour, Finding, Isolation, SpecFunction
from pipeline.reports import Report
from pipeline.review.base import Base, read_base, write_base
from pipeline.review.changes import ClauseChange, FunctionChange, Kind, Review
from pipeline.review.contracts import compare_contracts
from pipeline.review.headline import headline
from pipeline.review.landings import basis_of, code_of, diff, written_anew
from pipeline.review.renames import called, nameless, renamed
from pipeline.review.wholes import compare_decisions, compare_flows, lagging_flows
from pipeline.review.words import told_behaviour
from pipeline.settings import Settings
from pipeline.stages.judge import Judge, Part
from pipeline.watching import Progress

_GRAVEST: tuple[Kind, ...] = (
    "silent",
    "removed",
    "renamed",
    "contract",
    "behaviour",
    "code",
    "stale",
    "added",
)


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
    def was(self) -> str:
        """The name it perhaps had before; empty where it has kept its own."""
        old = _id(self.before) if self.before else self.name
        return "" if old == self.name else old

    @property
    def rewritten(self) -> bool:
        """Whether its own code is another one; a name is no code."""
        old, new = code_of(self.before), code_of(self.after)
        if not (self.was and self.before and self.after and new):
            return old != new and not self.was
        names = [each.function.contract.function for each in (self.before, self.after)]
        return nameless(old, names[0]) != nameless(new, names[1])

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
        self._rewritten = {pair.name for pair in pairs if pair.rewritten}
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
        ref, now = self._base.ref, {each.id: each for each in self._project.flows}
        then = {each.id: each for each in self._before.flows} if self._before else {}
        flows = compare_flows(kept, self._project.specs, now, base=ref)
        lagging = lagging_flows(then, now, {each.flow for each in flows})
        edited = [self._project.relative(str(path)) for path in self._project.edited()]
        return Review(
            base=ref,
            commit=self._base.commit,
            chosen=self._base.chosen,
            headline=headline(changed, flows, ref, edited=edited),
            functions=tuple(changed),
            flows=flows,
            decisions=compare_decisions(kept, self._project.specs, base=ref),
            unchanged=len(pairs) - len(changed),
            notes=(*notes, *lagging, *map(self._project.relative, self._project.edited().values())),
            sandbox=isolation,
        )

    def _pairs(self, names: set[str] | None) -> list[_Pair]:
        before = {} if self._before is None else {_id(status): status for status in self._before.statuses}
        after = {_id(status): status for status in self._project.statuses}
        gone = {name: status for name, status in before.items() if name not in after}
        was = renamed(gone, {name: status for name, status in after.items() if name not in before})
        every = dict.fromkeys((*after, *(name for name in before if name not in was.values())))
        return [
            _Pair(name, before.get(was.get(name, name)), after.get(name))
            for name in every
            if names is None or name.partition(".")[0] in names
        ]

    def _behaviours(self, pairs: Sequence[_Pair]) -> tuple[dict[str, Behaviour], Isolation | None]:
        """How those that run other code than before behave, by `spec.function`."""
        untold = {pair.name: Behaviour(note=note) for pair in pairs if (note := _unreadable(pair))}
        tasks = [
            (pair.name, old, new)
            for pair in pairs
            if pair.name not in untold
            and (old := parts_of(pair.before))
            and (new := parts_of(pair.after))
            and program(old) != program(new)
        ]
        if not tasks:
            return untold, None
        judge = open_judge(self._project.settings)
        try:
            isolation = judge.isolation
            self._progress.start([name for name, _, _ in tasks], "comparing behaviour")
            found = side_by_side(lambda task: self._differ(judge, *task), tasks)
            return untold | dict(zip([name for name, _, _ in tasks], found, strict=True)), isolation
        finally:
            judge.close()

    def _differ(self, judge: Judge, name: str, old: Sequence[Part], new: Sequence[Part]) -> Behaviour:
        try:
            found = judge.differ(old, new)
        except InternalError as error:  # the other functions are told all the same
            found = Behaviour(note=f"comparing them failed, which is a bug in drystone: {str(error)[-300:]}")
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
        code = code_of(pair.before), code_of(pair.after)
        if pair.was and not code[1]:
            code = "", ""  # it is not generated again yet
        reached = self._reached(pair.name)
        wanted = sorted(asked & reached)
        kinds = _kinds(pair, clauses, behaviour, code_changed=pair.rewritten, silent=not wanted)
        if not kinds:
            return None
        placed = tuple(self._placed(pair, change) for change in clauses)
        return FunctionChange(
            function=pair.name,
            kinds=kinds,
            was=pair.was,
            place=self._at(pair, pair.stands.function),
            why=tuple(self._why(pair, placed, wanted, reached)),
            clauses=placed,
            code_before=code[0],
            code_after=code[1],
            diff=diff(pair.name, *code),
            behaviour=behaviour,
            basis=basis_of(pair.after),
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
        if pair.after is not None and pair.after.contract_edited:  # no spec says so
            place = self._project.relative(str(pair.after.landed.contract_path))
            return change.model_copy(update={"place": place})
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
        if not chain and not (pair.was and not self._rewritten & reached):
            others = sorted((reached & self._rewritten) - {pair.name})
            if pair.name in self._rewritten:
                chain.append(f"no clause changed: {written_anew(pair.after)}")
            elif others:
                chain.append(f"nothing of its own changed, but what it calls did: {', '.join(others)}")
            else:
                chain.append(_unreadable(pair) or "nothing of its own changed, but its types did")
        return [*[f"perhaps renamed from {pair.was}"] * bool(pair.was), *chain]


def _id(status: Status) -> str:
    return status.function.contract.id


def _unreadable(pair: _Pair) -> str:
    """Why two versions that are there cannot be called; empty if they can."""
    if pair.before is None or pair.after is None or not (code_of(pair.before) and code_of(pair.after)):
        return ""
    now, then = unreadable(pair.after), unreadable(pair.before)
    return now or (f"as it was, {then}" if then else "")


def _clauses(pair: _Pair) -> tuple[ClauseChange, ...]:
    if pair.before is None or pair.after is None:
        return ()
    before, after = pair.before.kept_contract, pair.after.kept_contract
    if before is None or after is None:  # what an architect added to one of them is no change of the other
        before, after = pair.before.function.contract, pair.after.function.contract
    return compare_contracts(called(before, after.function), after)


def _said(change: ClauseChange) -> bool:
    """Whether a person wants something else of it."""
    return change.origin == "spec" and change.edit != "renamed"


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
        "renamed": bool(pair.was),
        "contract": bool(clauses),
        "behaviour": differs,
        "code": code_changed,
        "stale": bool(pair.after.reasons) and not pair.before.reasons,
    }
    kinds = tuple(kind for kind in _GRAVEST if found.get(kind))
    return kinds or (("code",) if behaviour is not None and behaviour.note else ())


def _key(function: SpecFunction, change: ClauseChange) -> str:
    """The name under which a spec knows the place of a clause."""
    kind = change.clause.partition("[")[0]
    if kind not in {"requires", "ensures"}:
        return change.clause
    text = change.before if change.edit == "removed" else change.after
    rules = [rule.rule for rule in getattr(function.contract, kind)]
    return f"{kind}[{rules.index(text)}]" if text in rules else ""


def _summary(status: Status | None) -> str:
    return " ".join(status.function.contract.summary.split()) if status else ""
