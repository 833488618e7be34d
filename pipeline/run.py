"""The order of the stages, and nothing else knows it: specs, contracts, candidates, verdicts, landings."""

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from pipeline import disk, preparing
from pipeline.asking import Asking
from pipeline.budget import Budget
from pipeline.errors import BudgetError, DrystoneError, NoReplyError, OutputError
from pipeline.flow_evidence import judge_flow
from pipeline.landed import Status
from pipeline.llm.crew import Crew
from pipeline.llm.wave import forget_unwanted, under_way
from pipeline.making import Maker
from pipeline.outcome import Outcome, Wanted, accounted
from pipeline.project import Project, fresh_report, open_judge, read_project
from pipeline.records import Contract
from pipeline.reports import Action, FlowReport, FunctionReport, Report
from pipeline.settings import Settings
from pipeline.specs.shape import SHARED
from pipeline.stages import land
from pipeline.stages.judge import Part
from pipeline.store import Rounds
from pipeline.watching import Progress
from pipeline.writing import Writer


def generate(settings: Settings, wanted: Wanted, progress: Progress) -> Outcome:
    """Bring `generated/` up to its specs: nobody is asked and nothing is written for what is fresh.

    Raises OutputError, before anything is asked, if a file is in the way; SettingsError, CredentialsError,
    SandboxError. What ends the run after somebody was asked is part of the outcome, with what had been spent by then.
    """
    budget = Budget(settings.budget, settings.providers)
    return accounted(budget, lambda: _generate(settings, wanted, progress, budget))


def _generate(settings: Settings, wanted: Wanted, progress: Progress, budget: Budget) -> Outcome:
    crew = Crew(settings.work_folder / "batches", progress.batch)
    for left in () if settings.batch else under_way(crew.folder):
        progress.announce(left)
    project = read_project(settings, wanted.selection)
    if not project.findings and project.undecided:
        project = preparing.decide(
            project, wanted.selection, progress.stage, fresh=wanted.fresh, budget=budget, crew=crew
        )
    if project.findings:
        return Outcome(Report(findings=project.findings))
    if not project.specs and project.strangers.orphans:
        raise OutputError(
            f"specs/ holds no spec, but generated/ holds {len(project.strangers.orphans)} files that came from specs; "
            "restore the specs, or delete generated/ if it has had its day"
        )
    conflicts = project.conflicts() + ([] if wanted.only_diff else project.obstacles())
    if conflicts:
        raise OutputError("\n".join(conflicts))
    return _Generation(project, wanted, progress, budget, crew).run()


class _Generation:
    """One run over the functions that are stale, callees before callers, several at once."""

    def __init__(
        self, project: Project, wanted: Wanted, progress: Progress, budget: Budget, crew: Crew
    ) -> None:
        self._project = project
        self._settings = project.settings
        self._wanted = wanted
        self._progress = progress
        self._budget = budget
        self._crew = crew
        self._writer = Writer(project, only_diff=wanted.only_diff)
        self._statuses = {status.function.contract.id: status for status in project.statuses}
        self._stale = {
            name: status for name, status in self._statuses.items() if wanted.fresh or not status.fresh
        }
        self._flows = {
            spec.name: [flow for flow in project.flows if flow.spec == spec.name]
            for spec in project.specs
            if spec.flows
        }
        """Specs that land whole or not at all."""
        self._parts: dict[str, Part] = {}
        """What a caller may build on: fresh functions and those accepted in this run."""
        self._reports: dict[str, FunctionReport] = {}
        self._flow_reports: dict[str, FlowReport] = {}
        self._error: DrystoneError | None = None
        self._pending: list[NoReplyError] = []
        """Questions without a reply: what does not rest on them goes on."""
        self._over: list[BudgetError] = []
        """Functions that reached a ceiling of their own."""
        self._interrupted = False
        for name, status in {**project.context, **self._statuses}.items():
            if status.fresh and name not in self._stale:
                self._parts[name] = _landed_part(status)
            if name in self._statuses and name not in self._stale and not self._rests_on_stale(status):
                self._reports[name] = fresh_report(status)
        self._unsettled = {
            spec
            for spec, flows in self._flows.items()
            if not all(flow.fresh for flow in flows) or not self._is_done(spec)
        }
        """Whole specs of which something may have to be written."""
        for flow in project.flows:
            if flow.spec not in self._unsettled:
                self._flow_reports[flow.id] = FlowReport(flow=flow.id, action="fresh")

    def run(self) -> Outcome:
        isolation = None
        notes: tuple[str, ...] = ()
        if not self._wanted.only_diff:
            disk.sweep(self._settings.generated)
        if self._stale or self._unsettled:
            self._judge = open_judge(self._settings)
            try:
                isolation = self._judge.isolation
                if self._stale:
                    asking = Asking(
                        self._settings,
                        self._settings.entries,
                        fresh=self._wanted.fresh,
                        budget=self._budget,
                        crew=self._crew,
                    )
                    for text in filter(
                        None, (self._settings.why_models, self._budget.notice(self._settings.entries))
                    ):
                        self._progress.announce(text)
                    self._progress.start(list(self._stale), "checking contracts")
                    findings, notes = preparing.look_over(
                        self._project,
                        self._judge,
                        asking,
                        list(self._stale.values()),
                        self._progress.stage,
                    )
                    if findings:
                        return Outcome(Report(findings=findings, notes=notes, sandbox=isolation))
                    self._maker = Maker(
                        self._settings, self._judge, asking, self._progress, fresh=self._wanted.fresh
                    )
                    self._maker.offer(list(self._stale.values()))
                    self._progress.start(list(self._stale), "generating")
                self._work()
            finally:
                self._judge.close()
        if self._error or self._pending or self._interrupted:
            notes += self._unreached()
        else:
            notes += self._tidy() + self._unwanted()
            Rounds(self._settings.work_folder).end()
        report = Report(
            functions=tuple(self._reports[name] for name in self._statuses if name in self._reports),
            flows=tuple(
                self._flow_reports[flow.id] for flow in self._project.flows if flow.id in self._flow_reports
            ),
            notes=notes,
            diff=self._writer.diff() if self._wanted.only_diff else "",
            sandbox=isolation,
        )
        error = self._error or NoReplyError.together(self._pending) or BudgetError.together(self._over)
        return Outcome(report, error, interrupted=self._interrupted)

    def _unreached(self) -> tuple[str, ...]:
        left = len([function for function in self._stale if function not in self._reports])
        return (f"not reached: {left} of {len(self._stale)}; the next run goes on with them",) if left else ()

    def _unwanted(self) -> tuple[str, ...]:
        """Batches that earlier runs left behind, once everything is done without them."""
        is_done = {report.action for report in self._reports.values()} <= {"fresh", "landed"}
        whole = self._wanted.selection is None and not self._wanted.only_diff
        if not (self._settings.batch and whole and is_done):
            return ()
        return forget_unwanted(self._crew.folder, before=self._crew.begun)

    def _tidy(self) -> tuple[str, ...]:
        """Files that came with no function, and the files of functions that are gone.

        Where nothing landed because something failed, the old files of a spec stay: its last good functions need them.
        """
        landed_in = {
            name.partition(".")[0]
            for name in self._stale
            if self._reports[name].action in {"landed", "changed"}
        }
        failed = {name.partition(".")[0] for name in self._stale} - landed_in
        failed |= {
            flow.partition(".")[0] for flow, report in self._flow_reports.items() if report.action == "failed"
        }
        failed |= {SHARED} if failed else set()
        mechanical = self._project.mechanical()
        self._writer.tidy(frozenset(failed))
        for path in [path for path in self._project.strangers.orphans if path not in mechanical]:
            self._writer.remove(path, "its function is gone from the specs")
        return (*self._writer.notes, *self._project.left_alone()) if not self._wanted.only_diff else ()

    # -- order -------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Run every stale function, a caller only after its callees, and a flow after its functions.

        The first broken provider ends it when what is running has ended, an interruption at once.
        """
        waiting = [name for name in self._statuses if name not in self._reports]
        flows = sorted(self._unsettled)
        running: dict[Future[None], str] = {}
        pool = ThreadPoolExecutor(self._settings.workers)
        try:
            while waiting or flows or running:
                for name in [name for name in waiting if self._is_ready(name)]:
                    waiting.remove(name)
                    running[pool.submit(self._one, name)] = name
                for spec in [spec for spec in flows if self._is_done(spec)]:
                    flows.remove(spec)
                    running[pool.submit(self._settle, spec)] = spec
                if not running:  # specs that use one another, and one of them lands whole
                    for name in waiting:
                        because = (
                            "its spec and another one wait for each other; move what both use into a third"
                        )
                        self._reports[name] = FunctionReport(
                            function=name, action="blocked", reasons=(because,)
                        )
                    waiting.clear()
                    continue
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    del running[future]
                    try:
                        future.result()
                    except DrystoneError as error:
                        self._error = self._error or error
                        waiting.clear()
                        flows.clear()
        except KeyboardInterrupt:
            self._writer.stop()
            self._interrupted = True
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _is_ready(self, name: str) -> bool:
        """Whether all that a function rests on has been reported, and whole specs have landed or failed."""
        contract = self._statuses[name].function.contract
        return all(
            callee in self._project.context
            or (
                callee in self._reports
                and (callee.startswith(f"{contract.spec}.") or self._is_settled(callee))
            )
            for callee in contract.callee_ids
        )

    def _is_done(self, spec: str) -> bool:
        """Whether every function of a spec has been reported."""
        return all(name in self._reports for name in self._statuses if name.startswith(f"{spec}."))

    def _is_settled(self, name: str) -> bool:
        """Whether the spec of a function has landed, or failed, if it does so as a whole."""
        spec = name.partition(".")[0]
        return spec not in self._unsettled or all(flow.id in self._flow_reports for flow in self._flows[spec])

    def _rests_on_stale(self, status: Status) -> bool:
        """Whether a function that is fresh may have to be judged again, because what it calls may become another."""
        return any(
            callee in self._stale
            or (callee in self._statuses and self._rests_on_stale(self._statuses[callee]))
            for callee in status.function.contract.callee_ids
        )

    # -- one function ------------------------------------------------------------------------------------------

    def _one(self, name: str) -> None:
        """One function, from its spec to its landing."""
        status = self._statuses[name]
        try:
            with self._crew.at_work():
                report = self._blocked(name) or self._still_fresh(status) or self._make(status)
        except NoReplyError as pending:
            self._pending.append(pending)
            self._parts.pop(name, None)
            report = FunctionReport(function=name, action="waiting", reasons=(pending.awaited,))
        except BudgetError as error:
            if error.function is None:
                raise
            self._over.append(error)
            self._keep_last(status)
            report = FunctionReport(function=name, action="failed", reasons=(str(error),))
        self._reports[name] = report
        if name in self._stale or report.action != "fresh":
            self._progress.done(report)

    def _blocked(self, name: str) -> FunctionReport | None:
        callees = self._statuses[name].function.contract.callee_ids
        broken = [callee for callee in callees if callee not in self._parts]
        if not broken:
            return None
        self._parts.pop(name, None)
        stale = [callee for callee in broken if callee in self._project.context]
        because = f"it uses {', '.join(broken)}, which did not land"
        if stale:
            because = f"it uses {', '.join(stale)}, which is stale; generate that spec as well"
        return FunctionReport(function=name, action="blocked", reasons=(because,))

    def _still_fresh(self, status: Status) -> FunctionReport | None:
        """The report of a function that nobody need write again: it keeps its contract with what its callees became."""
        name = status.function.contract.id
        if name in self._stale:
            return None
        part = self._parts[name]
        callees = self._callees(part.contract)
        known = {**self._project.context, **self._statuses}
        if all(known[callee].landed.source_text == each.source for callee, each in callees.items()):
            return fresh_report(status)
        judgement = self._judge.judge(part.contract, part.source, callees)
        return fresh_report(status) if judgement.passed else None

    def _make(self, status: Status) -> FunctionReport:
        name, spec = status.function.contract.id, status.function.contract.spec
        made = self._maker.make(status, self._callees)
        if made.accepted is None:
            self._keep_last(status)
            return made.report
        files = land.render_landing(
            made.accepted,
            made.contract_text,
            folder=status.landed.folder,
            sandbox=self._judge.isolation.level,
        )
        self._parts[name] = Part(made.accepted.contract, made.accepted.source)
        if spec in self._flows:
            self._writer.hold(spec, files)
            return made.report.model_copy(update={"action": "held"})
        self._writer.put(spec, files)
        return made.report.model_copy(update={"action": "changed" if self._wanted.only_diff else "landed"})

    def _keep_last(self, status: Status) -> None:
        """What was asked for afresh in vain stays as it landed; of anything else there is nothing to build on."""
        name = status.function.contract.id
        self._parts.pop(name, None)
        if status.fresh and name in self._stale:
            self._parts[name] = _landed_part(status)

    def _callees(self, contract: Contract) -> dict[str, Part]:
        """The functions a contract may call and those they may call, the innermost first, by `spec.function`."""
        parts: dict[str, Part] = {}
        for callee in contract.callee_ids:
            part = self._parts[callee]
            parts |= self._callees(part.contract)
            parts[callee] = part
        return parts

    # -- a whole spec ------------------------------------------------------------------------------------------

    def _settle(self, spec: str) -> None:
        """Judge the flows of a spec on all its functions; land all of them, or none."""
        mine = [name for name in self._statuses if name.startswith(f"{spec}.")]
        failed = [
            name
            for name in mine
            if name not in self._parts or self._reports[name].action in {"failed", "blocked"}
        ]
        evidence: dict[Path, str] = {}
        landed_as: Action = "changed" if self._wanted.only_diff else "landed"
        for flow in self._flows[spec]:
            because = (
                (f"{failed[0]}{f' and {len(failed) - 1} more' if failed[1:] else ''} did not land",)
                if failed
                else ()
            )
            report, text = FlowReport(flow=flow.id, action="blocked", reasons=because), None
            if not failed:
                parts = {name: self._parts[name] for name in flow.functions}
                report, text = judge_flow(self._judge, flow, parts)
            if text is not None:
                evidence[flow.path] = text
                report = report.model_copy(update={"action": landed_as})
            self._flow_reports[flow.id] = report
            self._progress.flow(report)
        kept = len(evidence) == len(self._flows[spec])
        if kept:
            self._writer.release(spec, evidence)
        for name in mine:
            if kept and self._reports[name].action == "held":
                self._reports[name] = self._reports[name].model_copy(update={"action": landed_as})
            elif not kept and self._reports[name].action == "held":
                self._parts.pop(name)


def _landed_part(status: Status) -> Part:
    assert status.kept_contract is not None
    assert status.landed.source_text is not None
    return Part(status.kept_contract, status.landed.source_text)
