"""A person's own function in the place of a generated one: judged as any model's is, and landed as `manual`."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline import bounds, landed, reading, render
from pipeline.errors import OutputError
from pipeline.flow_evidence import judge_flow
from pipeline.landed import Status
from pipeline.outcome import Outcome
from pipeline.project import Project, contract_to_keep, fresh_report, open_judge, read_project, vet_all
from pipeline.reports import Accepted, Action, Attempt, FlowReport, FunctionReport, Report
from pipeline.seals import read_seal
from pipeline.settings import Settings
from pipeline.stages import land
from pipeline.stages.judge import Judge, Part
from pipeline.writers import MANUAL
from pipeline.writing import Writer


def adopt(settings: Settings, function_id: str, *, only_diff: bool) -> Outcome:
    """Land what a person made of a function's file, or report what it breaks and write nothing.

    It must pass the bounds and keep its contract, and what rests on it must go on keeping its own. With `only_diff`
    nothing is written in any case, and the report says what would change. Raises SettingsError where there is no such
    function, OutputError where there is no file, or another one of its files is in the way.
    """
    found = reading.find_function(settings, function_id)
    if isinstance(found, Outcome):
        return found
    project = read_project(settings, None)
    if project.findings:
        return Outcome(Report(findings=project.findings))
    status = next(each for each in project.statuses if each.function.contract.id == function_id)
    if status.fresh:
        note = f"{function_id}: as it landed; edit {project.relative(str(status.landed.source_path))} first"
        return Outcome(Report(functions=(fresh_report(status),), notes=(note,)))
    source = status.landed.source_text
    if source is None:
        raise OutputError(
            project.relative(
                f"{status.landed.source_path}: there is no such file; write the function into it"
            )
        )
    if not status.conflicts and read_seal(source) == "sealed":
        report = FunctionReport(
            function=function_id, action="stale", reasons=("nobody edited it", *status.reasons)
        )
        return Outcome(Report(functions=(report,)))
    status = _without_source(status)
    if status.conflicts:
        raise OutputError(project.relative("\n".join(status.conflicts)))
    judge = open_judge(settings)
    try:
        findings = vet_all(judge, [status], settings.root)
        if findings:
            return Outcome(Report(findings=tuple(findings), sandbox=judge.isolation))
        return _Adoption(project, judge, status, source).run(only_diff=only_diff)
    finally:
        judge.close()


def _without_source(status: Status) -> Status:
    """How a function stands whatever its file says: with the contract it has to keep."""
    bare = replace(status.landed, source_text=None)
    return landed.check_function(status.function, bare, {status.function.contract.id: status.derived_digest})


class _Adoption:
    """One function of a person's, with all that rests on it."""

    def __init__(self, project: Project, judge: Judge, status: Status, source: str) -> None:
        self._project = project
        self._judge = judge
        self._status = status
        self._source = source
        self._name = status.function.contract.id
        kept = status.kept_contract
        self._contract = contract_to_keep(status)
        if kept is not None and status.landed.contract_text is not None:
            self._contract_text = status.landed.contract_text
        else:
            self._contract_text = land.seal_contract(self._contract, status.derived_digest)[1]

    def run(self, *, only_diff: bool) -> Outcome:
        text = bounds.read_source(self._source, self._contract)
        if isinstance(text, bounds.Refusal):
            return self._refused([f"bounds: {text.reason}"])
        source = render.render_function(self._contract, text, author="a person")
        callees = reading.landed_callees(self._status.landed.folder, self._contract)
        missing = [name for name in self._contract.callee_ids if name not in callees]
        if missing:
            return self._refused([f"it uses {', '.join(missing)}, which has not landed"])
        judgement = self._judge.judge(self._contract, source, callees)
        if not judgement.passed:
            return self._refused([f"{clause.clause}: {clause.message}" for clause in judgement.failures])
        part = Part(self._contract, source)
        broken = list(self._broken_callers(part))
        flows, evidence, waiting = self._flows(part)
        if broken or any(flow.action == "failed" for flow in flows):
            return self._refused(broken or ["its flow does not hold with it"], flows)
        accepted = Accepted(contract=self._contract, source=source, judgement=judgement, model=MANUAL)
        folder, level = self._status.landed.folder, self._judge.isolation.level
        files = land.render_landing(accepted, self._contract_text, folder=folder, sandbox=level)
        writer = Writer(self._project, only_diff=only_diff)
        if evidence:
            writer.hold(self._contract.spec, files)
            writer.release(self._contract.spec, evidence)
        else:
            writer.put(self._contract.spec, files)
        action: Action = "changed" if only_diff else "landed"
        report = FunctionReport(
            function=self._name, action=action, reasons=("a person wrote it",), model=MANUAL
        )
        return Outcome(
            Report(
                functions=(report,),
                flows=tuple(
                    flow.model_copy(update={"action": action}) if flow.action == "landed" else flow
                    for flow in flows
                ),
                notes=(*(() if only_diff else writer.notes), *waiting),
                diff=writer.diff() if only_diff else "",
                sandbox=self._judge.isolation,
            )
        )

    def _refused(self, reasons: list[str], flows: tuple[FlowReport, ...] = ()) -> Outcome:
        report = FunctionReport(
            function=self._name,
            action="failed",
            attempts=tuple(
                Attempt(model=MANUAL, reason="\\n".join(reason.split("\n"))) for reason in reasons
            ),
        )
        return Outcome(Report(functions=(report,), flows=flows, sandbox=self._judge.isolation))

    def _broken_callers(self, part: Part) -> Iterator[str]:
        """What breaks in fresh functions that call this one, or one that does."""
        for each in self._project.statuses:
            if not each.fresh or each.kept_contract is None or each.landed.source_text is None:
                continue
            callees = reading.landed_callees(each.landed.folder, each.kept_contract)
            if self._name not in callees:
                continue
            judgement = self._judge.judge(
                each.kept_contract, each.landed.source_text, {**callees, self._name: part}
            )
            yield from (
                f"with it, {each.kept_contract.id} breaks {clause.clause}: {clause.message}"
                for clause in judgement.failures
            )

    def _flows(self, part: Part) -> tuple[tuple[FlowReport, ...], dict[Path, str], tuple[str, ...]]:
        """Flows that come to call it, judged with it; their evidence; and notes on those that are not whole yet."""
        fresh = {each.function.contract.id for each in self._project.statuses if each.fresh}
        reports, evidence, waiting = [], {}, []
        for flow in self._project.flows:
            if self._name not in flow.functions:
                continue
            others = [name for name in flow.functions if name != self._name and name not in fresh]
            if flow.conflicts or others:
                what = ", ".join(others) or "its evidence"
                waiting.append(f"{flow.id}: not judged with it: {what} must be settled first")
                continue
            parts = reading.flow_parts(self._project.settings.generated, flow.functions)
            parts[self._name] = part
            report, text = judge_flow(self._judge, flow, {name: parts[name] for name in flow.functions})
            reports.append(report)
            if text is not None:
                evidence[flow.path] = text
        return tuple(reports), evidence, tuple(waiting)
