"""The order of the stages, and nothing else knows it: specs, contracts, candidates, verdicts, landings."""

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from pipeline import disk, landed
from pipeline.asking import Asking, Desk, Usage
from pipeline.errors import DrystoneError, OutputError
from pipeline.landed import Status
from pipeline.project import Project, fresh_report, open_judge, prune, read_project, vet_all
from pipeline.records import Contract
from pipeline.reports import Accepted, Attempt, FunctionReport, Rejected, Report
from pipeline.settings import Settings
from pipeline.stages import architect, implement, land
from pipeline.stages.judge import Part


class Progress(Protocol):
    """Whoever watches a run. Called from several threads."""

    def announce(self, text: str) -> None: ...

    def start(self, functions: Sequence[str], verb: str) -> None: ...

    def stage(self, function: str, text: str, usage: Usage) -> None: ...

    def refused(self, function: str, attempt: Attempt) -> None: ...

    def done(self, report: FunctionReport) -> None: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked of `generate`."""

    selection: tuple[str, ...] | None = None
    fresh: bool = False
    """Regenerate what is fresh as well, and ask anew where a reply is stored."""
    only_diff: bool = False
    """Write nothing; report what would change."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run's report, and what broke the run if something did; what landed before that stays."""

    report: Report
    error: DrystoneError | None = None
    interrupted: bool = False
    """A person stopped it."""


def generate(settings: Settings, wanted: Wanted, progress: Progress) -> Outcome:
    """Bring `generated/` up to its specs: nobody is asked and nothing is written for what is fresh.

    Raises OutputError, before anything is asked, if a file is in the way; SettingsError, CredentialsError,
    SandboxError. A provider that fails later ends the run and is part of the outcome.
    """
    project = read_project(settings, wanted.selection)
    if project.findings:
        return Outcome(Report(findings=project.findings))
    if not project.specs and project.strangers and project.strangers.orphans:
        raise OutputError(
            f"specs/ holds no spec, but generated/ holds {len(project.strangers.orphans)} files that came from specs; "
            "restore the specs, or delete generated/ if it has had its day"
        )
    conflicts = project.conflicts() + ([] if wanted.only_diff else project.obstacles())
    if conflicts:
        raise OutputError("\n".join(conflicts))
    stale = [status for status in project.statuses if wanted.fresh or not status.fresh]
    return _Generation(project, wanted, progress, stale).run()


class _Generation:
    """One run over the functions that are stale, callees before callers, several at once."""

    def __init__(self, project: Project, wanted: Wanted, progress: Progress, stale: Sequence[Status]) -> None:
        self._project = project
        self._settings = project.settings
        self._wanted = wanted
        self._progress = progress
        self._stale = {status.function.contract.id: status for status in stale}
        self._parts: dict[str, Part] = {}
        """What a caller may build on: fresh functions and those accepted in this run."""
        self._reports: dict[str, FunctionReport] = {}
        self._changes: dict[Path, str | None] = {}
        self._types = project.types()
        """Texts of `types.py` still to be written, or None where one must go."""
        self._notes: list[str] = []
        self._landing = threading.Lock()
        self._error: DrystoneError | None = None
        self._interrupted = False
        for status in project.statuses:
            if status.fresh and status.function.contract.id not in self._stale:
                assert status.kept_contract is not None
                assert status.landed.source_text is not None
                contract = status.kept_contract
                self._parts[contract.id] = Part(contract, status.landed.source_text)
                self._reports[contract.id] = fresh_report(status)

    def run(self) -> Outcome:
        isolation = None
        if not self._wanted.only_diff:
            disk.sweep(self._settings.generated)
        if self._stale:
            self._judge = open_judge(self._settings)
            self._asking = Asking(self._settings, self._settings.entries, fresh=self._wanted.fresh)
            if self._settings.why_models:
                self._progress.announce(self._settings.why_models)
            try:
                isolation = self._judge.isolation
                self._progress.start(list(self._stale), "checking contracts")
                findings = vet_all(self._judge, list(self._stale.values()), self._settings.root)
                if findings:
                    return Outcome(Report(findings=tuple(findings), sandbox=isolation))
                self._progress.start(list(self._stale), "generating")
                self._work()
            finally:
                self._judge.close()
        notes = self._unreached() if self._error or self._interrupted else self._tidy()
        order = [status.function.contract.id for status in self._project.statuses]
        functions = tuple(self._reports[function] for function in order if function in self._reports)
        diff = land.diff(self._changes, self._settings.root) if self._wanted.only_diff else ""
        report = Report(functions=functions, notes=notes, diff=diff, sandbox=isolation)
        return Outcome(report, self._error, interrupted=self._interrupted)

    def _unreached(self) -> tuple[str, ...]:
        left = len([function for function in self._stale if function not in self._reports])
        return (f"not reached: {left} of {len(self._stale)}; the next run goes on with them",) if left else ()

    def _tidy(self) -> tuple[str, ...]:
        """Types that came with no function, and the files of functions that are gone.

        Where a function failed, the old types stay if nothing landed: the last good functions need them.
        """
        failed = {self._stale[name].landed.folder for name in self._stale if name not in self._parts}
        landed_in = {self._stale[name].landed.folder for name in self._stale if name in self._parts}
        for path in list(self._types):
            if path.parent not in failed - landed_in:
                self._put_types(path)
        assert self._project.strangers is not None
        if self._wanted.only_diff:
            self._changes.update(dict.fromkeys(self._project.strangers.orphans))
            return ()
        return tuple(self._notes) + prune(self._project) + self._project.left_alone()

    def _put_types(self, path: Path) -> None:
        text = self._types.pop(path)
        if self._wanted.only_diff:
            self._changes[path] = text
        elif text is None:
            disk.remove(path)
        else:
            self._make_packages(path.parent)
            disk.write_text(path, text)
        self._notes.append(self._project.relative(f"{'wrote' if text else 'removed'} {path}"))

    def _make_packages(self, folder: Path) -> None:
        """`types.py` is the name of a standard module, so every folder must say that it is a package."""
        for package in (self._settings.generated, folder):
            disk.make_package(package)

    def _land(self, files: dict[Path, str], folder: Path) -> None:
        """Write or note what was accepted, the types it imports first; nothing once a person stopped the run."""
        with self._landing:
            if self._interrupted:
                return
            types = folder / landed.TYPES
            if self._types.get(types) is not None:
                self._put_types(types)
            if self._wanted.only_diff:
                self._changes.update(files)
            else:
                self._make_packages(folder)
                land.write(files)

    def _work(self) -> None:
        """Run every stale function, a caller only after its callees.

        The first broken provider ends it when what is running has ended, an interruption at once.
        """
        waiting = dict(self._stale)
        running: dict[Future[FunctionReport], str] = {}
        pool = ThreadPoolExecutor(self._jobs())
        try:
            while waiting or running:
                for function in list(waiting):
                    self._start(function, waiting, running, pool)
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    function = running.pop(future)
                    try:
                        self._finish(function, future.result())
                    except DrystoneError as error:
                        self._error = self._error or error
                        waiting.clear()
        except KeyboardInterrupt:
            with self._landing:
                self._interrupted = True
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _start(
        self,
        function: str,
        waiting: dict[str, Status],
        running: dict[Future[FunctionReport], str],
        pool: ThreadPoolExecutor,
    ) -> None:
        contract = waiting[function].function.contract
        callees = [f"{contract.spec}.{callee.function}" for callee in contract.uses]
        broken = [callee for callee in callees if callee in self._reports and callee not in self._parts]
        if broken:
            del waiting[function]
            because = f"it uses {', '.join(broken)}, which did not land"
            self._finish(function, FunctionReport(function=function, action="blocked", reasons=(because,)))
        elif all(callee in self._reports for callee in callees):
            running[pool.submit(self._one, waiting.pop(function))] = function

    def _jobs(self) -> int:
        """As asked; else one where the embedded model computes on this machine, eight where others do."""
        local = any(entry.partition(":")[0] == "local" for entry in self._settings.entries)
        return self._settings.jobs or (1 if local else 8)

    def _finish(self, function: str, report: FunctionReport) -> None:
        self._reports[function] = report
        self._progress.done(report)

    def _one(self, status: Status) -> FunctionReport:
        """One function, from its spec to its landing."""
        name = status.function.contract.id
        desk = self._asking.desk(lambda text, usage: self._progress.stage(name, text, usage), subject=name)
        planned, contract_text = self._plan(status, desk)
        made = self._implement(planned.contract, desk)
        report = FunctionReport(
            function=name,
            action="failed",
            reasons=status.reasons or ("asked for afresh",),
            attempts=made.attempts,
            refused_proposals=planned.refused,
            calls=desk.usage.calls,
            tokens_in=desk.usage.tokens_in,
            tokens_cached=desk.usage.tokens_cached,
            tokens_out=desk.usage.tokens_out,
        )
        if not isinstance(made, Accepted):
            desk.forget()
            if status.fresh:  # asked for afresh in vain: callers can build on the last good one
                assert status.kept_contract is not None
                assert status.landed.source_text is not None
                self._parts[name] = Part(status.kept_contract, status.landed.source_text)
            return report
        files = land.render_landing(
            made, contract_text, folder=status.landed.folder, sandbox=self._judge.isolation.level
        )
        self._land(files, status.landed.folder)
        self._parts[name] = Part(made.contract, made.source)
        return report.model_copy(
            update={"action": "changed" if self._wanted.only_diff else "landed", "model": made.model}
        )

    def _plan(self, status: Status, desk: Desk) -> tuple[architect.Planned, str]:
        """The contract and its text: the one on disk if it stands, else derived, with what an architect adds.

        A contract that a person edited stays as it is, byte for byte, as long as its spec says the same.
        """
        kept = status.kept_contract
        if kept is not None and (status.contract_edited or not self._wanted.fresh):
            assert status.landed.contract_text is not None
            return architect.Planned(kept), status.landed.contract_text
        derived = status.function.contract
        planned = architect.Planned(derived)
        entry = self._settings.architect
        if entry is not None:
            independent = self._settings.independent_architect
            planned = architect.plan(
                derived,
                model=entry,
                independent=independent,
                ask=desk.ask_for("architect", entry),
                admit=lambda contract, cases, rules: self._judge.admit(
                    contract, cases=cases, rules=rules, independent=independent
                ),
            )
        contract, text = land.seal_contract(architect.hold_back(planned.contract), status.derived_digest)
        return replace(planned, contract=contract), text

    def _implement(self, contract: Contract, desk: Desk) -> Accepted | Rejected:
        name = contract.id
        callees = self._callees(contract)

        def watch(step: implement.Step) -> None:
            if step.refused is None:
                self._progress.stage(name, f"judging attempt {step.number} of {step.rung.entry}", desk.usage)
            else:
                self._progress.refused(name, Attempt(model=step.rung.entry, reason=step.refused))

        return implement.implement(
            contract,
            ladder=self._settings.ladder,
            asks={rung.entry: desk.ask_for("implementer", rung.entry) for rung in self._settings.ladder},
            judge=lambda source: self._judge.judge(contract, source, callees),
            watch=watch,
        )

    def _callees(self, contract: Contract) -> dict[str, Part]:
        """The functions a contract may call and those they may call, the innermost first."""
        parts: dict[str, Part] = {}
        for callee in contract.uses:
            part = self._parts[f"{contract.spec}.{callee.function}"]
            parts |= self._callees(part.contract)
            parts[callee.function] = part
        return parts
