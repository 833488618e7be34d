"""The verbs that only read: plan, lint, check, show-prompt. They ask no model and write no file."""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pipeline import landed, outgoing, specs
from pipeline.budget import Amount, Budget
from pipeline.coherence import unchecked_undos
from pipeline.errors import OutputError, SettingsError
from pipeline.flow_evidence import judge_flow
from pipeline.landed import Landed, Status
from pipeline.landed_flows import FlowStatus
from pipeline.llm.registry import wire_bytes
from pipeline.outcome import Outcome, Wanted
from pipeline.project import (
    Project,
    contract_to_keep,
    fresh_report,
    open_judge,
    read_project,
    side_by_side,
    vet_all,
)
from pipeline.records import Contract, Judgement
from pipeline.reports import Attempt, FlowReport, FunctionReport, Most, Report
from pipeline.settings import Settings
from pipeline.stages import architect, decide, implement, review
from pipeline.stages.judge import Judge, Part
from pipeline.watching import Progress

Asked = TypeVar("Asked")


def plan(settings: Settings, wanted: Wanted) -> Outcome:
    """What `generate` would regenerate and why, with the size of each first prompt."""
    project = read_project(settings, wanted.selection)
    if project.findings:
        return Outcome(Report(findings=project.findings))
    reports = []
    budget = Budget(settings.budget, settings.providers)
    every = _about_specs(project, wanted, budget)
    for status in project.statuses:
        if status.conflicts:
            reports.append(_edited(project, status))
        elif status.fresh and not wanted.fresh:
            reports.append(fresh_report(status))
        else:
            system, prompt = _first_messages(status)
            most = _most_of_one(status, settings, wanted, budget)
            every = every.plus(most)
            reports.append(
                FunctionReport(
                    function=status.function.contract.id,
                    action="planned",
                    reasons=status.reasons or ("asked for afresh",),
                    prompt_tokens_estimate=(len(system) + len(prompt)) // 4,
                    most=_told(most),
                )
            )
    verbs = {path: "removed" if text is None else "written" for path, text in project.mechanical().items()}
    verbs |= dict.fromkeys(project.strangers.orphans, "removed")
    notes = [project.relative(f"{path} would be {verb}") for path, verb in verbs.items()]
    known = {text for report in reports for text in report.reasons}
    notes += [f"{each.place}: '{each.name}' is open; the architect will decide" for each in project.undecided]
    in_the_way = [text for text in project.conflicts() + project.obstacles() if text not in known]
    asked = any(report.action == "planned" for report in reports)
    return Outcome(
        Report(
            functions=tuple(reports),
            flows=tuple(_flow_planned(project, flow, wanted) for flow in project.flows),
            notes=tuple(notes),
            strangers=tuple(in_the_way),
            models=settings.entries if asked else (),
            most=_told(every) if asked else None,
            ceilings=settings.budget.told() if asked else "",
        )
    )


def lint(settings: Settings, selection: tuple[str, ...] | None, progress: Progress) -> Outcome:
    """Every finding about the specs, those that need their rules evaluated included."""
    project = read_project(settings, selection)
    if project.findings:
        return Outcome(Report(findings=project.findings))
    judge = open_judge(settings)
    try:
        isolation = judge.isolation
        progress.start([status.function.contract.id for status in project.statuses], "checking contracts")
        findings = vet_all(judge, project.statuses, settings.root)
    finally:
        judge.close()
    notes = tuple(note for spec in project.specs for note in unchecked_undos(spec))
    return Outcome(Report(findings=tuple(findings), notes=notes, sandbox=isolation))


def check(
    settings: Settings, selection: tuple[str, ...] | None, progress: Progress, *, judge_again: bool
) -> Outcome:
    """Whether `generated/` is what its specs and verdicts say, and whether every function still keeps its word."""
    project = read_project(settings, selection)
    if project.findings:
        return Outcome(Report(findings=project.findings))
    reports = {status.function.contract.id: _standing(project, status) for status in project.statuses}
    flows = {flow.id: _flow_standing(project, flow) for flow in project.flows}
    isolation = None
    if judge_again:
        fresh = [status for status in project.statuses if status.fresh]
        judge = open_judge(settings)
        try:
            isolation = judge.isolation
            progress.start([status.function.contract.id for status in fresh], "judging")
            for report in side_by_side(lambda status: _judge_again(judge, status), fresh):
                reports[report.function] = report
                progress.done(report)
            for flow in project.flows:
                if flow.fresh and all(
                    reports[name].action == "fresh" for name in flow.functions if name in reports
                ):
                    flows[flow.id] = _judge_flow_again(project, judge, flow)
                    progress.flow(flows[flow.id])
        finally:
            judge.close()
    return Outcome(
        Report(
            functions=tuple(reports.values()),
            flows=tuple(flows.values()),
            strangers=_strangers(project),
            sandbox=isolation,
        )
    )


def show_prompt(settings: Settings, function_id: str, role: str) -> str | Outcome:
    """The exact text of the first request about a function: system prompt, blank line, user message.

    An outcome instead if the function's spec has findings. Raises SecretError where it would not be sent.
    """
    found = _find(settings, function_id)
    if isinstance(found, Outcome):
        return found
    if role == "architect":
        messages = architect.first_messages(
            found.function.contract, independent=settings.independent_architect
        )
    else:
        messages = _first_messages(found)
    shown = "\n".join(messages)
    outgoing.check_text(shown, f"{function_id} ({role})", settings.root / specs.FOLDER)
    return shown


def show_wire(settings: Settings, function_id: str, role: str) -> bytes | Outcome:
    """The exact bytes that the first request about a function sends to whoever plays `role`; needs no key.

    An outcome instead if the function's spec has findings. Raises SettingsError where nobody plays the role,
    SecretError where it would not be sent.
    """
    found = _find(settings, function_id)
    if isinstance(found, Outcome):
        return found
    if role == "architect":
        if settings.architect is None:
            raise SettingsError("nobody plays the architect: [tool.drystone.models] says none")
        entry = settings.architect
        request = architect.first_request(
            found.function.contract, model=entry, independent=settings.independent_architect
        )
    else:
        entry = settings.ladder[0].entry
        request = _sound(found, lambda contract: implement.first_requests(contract, settings.ladder[0]))[0]
    request = replace(request, subject=function_id, role=role)
    outgoing.check(request, settings.root / specs.FOLDER)
    return wire_bytes(entry, settings.providers, request, handoff=settings.work_folder / "handoff")


def judge_landed(judge: Judge, found: Landed) -> Judgement:
    """Judge the function file of a folder by the contract beside it, with its callees from the same folder."""
    contract = found.contract()
    assert contract is not None
    assert found.source_text is not None
    return judge.judge(contract, found.source_text, landed_callees(found.folder, contract))


def landed_callees(folder: Path, contract: Contract) -> dict[str, Part]:
    """What a landed function calls, the innermost first, by `spec.function`.

    A callee that is missing is left out and judged so.
    """
    parts: dict[str, Part] = {}
    for callee in contract.callee_ids:
        spec, _, function = callee.partition(".")
        found = landed.read_landed(folder.parent / spec, function)
        inner = found.contract()
        if inner is not None and found.source_text is not None:
            parts |= landed_callees(found.folder, inner)
            parts[callee] = Part(inner, found.source_text)
    return parts


def flow_parts(generated: Path, functions: Iterable[str]) -> dict[str, Part]:
    """The landed functions of these names (`spec.function`), as far as they are there, callees before callers."""
    parts: dict[str, Part] = {}
    for name in functions:
        spec, _, function = name.partition(".")
        found = landed.read_landed(generated / spec, function)
        contract = found.contract()
        if contract is not None and found.source_text is not None:
            parts |= landed_callees(found.folder, contract)
            parts.setdefault(name, Part(contract, found.source_text))
    return parts


def _find(settings: Settings, function_id: str) -> Status | Outcome:
    found = find_function(settings, function_id)
    return found if isinstance(found, Outcome) else found[1]


def find_function(settings: Settings, function_id: str) -> tuple[Project, Status] | Outcome:
    """A function by `spec.function`, in the project of its spec; an outcome if that has findings.

    Raises SettingsError where there is none.
    """
    spec_name, _, name = function_id.partition(".")
    project = read_project(settings, (spec_name,) if name else None)
    if project.findings:
        return Outcome(Report(findings=project.findings))
    found = next((s for s in project.statuses if s.function.contract.id == function_id), None)
    if found is None:
        known = [status.function.contract.id for status in project.statuses]
        close = difflib.get_close_matches(function_id, known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(known) or 'none'}"
        raise SettingsError(f"'{function_id}' is no function of a spec (write SPEC.FUNCTION); {hint}")
    return project, found


def _most_of_one(status: Status, settings: Settings, wanted: Wanted, budget: Budget) -> Amount:
    """What the architect and every rung of the ladder can come to for one function."""
    kept = status.kept_contract
    most, longer = Amount(), 0
    if settings.architect and (kept is None or (wanted.fresh and not status.contract_edited)):
        request = architect.first_request(
            status.function.contract,
            model=settings.architect,
            independent=settings.independent_architect,
        )
        most, longer = budget.at_most(settings.architect, request), architect.MAX_TOKENS
    for rung in settings.ladder:
        for request, repair in implement.every_request(contract_to_keep(status), rung):
            most = most.plus(budget.at_most(rung.entry, request, more_in=longer + repair))
    return most


def _about_specs(project: Project, wanted: Wanted, budget: Budget) -> Amount:
    """What is asked about whole specs can come to: open decisions, each once more, and the review."""
    settings, most = project.settings, Amount()
    for spec in project.specs:
        open_here = [each for each in project.undecided if each.home == spec.name]
        if open_here and settings.architect:
            request = decide.first_request(spec, open_here, model=settings.architect)
            for longer in (0, decide.MAX_TOKENS):
                most = most.plus(budget.at_most(settings.architect, request, more_in=longer))
        mine = [each for each in project.statuses if each.function.contract.spec == spec.name]
        if settings.reviewer and (wanted.fresh or not all(each.fresh for each in mine)):
            contracts = [each.kept_contract or each.function.contract for each in mine]
            for request in review.requests(contracts, model=settings.reviewer):
                most = most.plus(budget.at_most(settings.reviewer, request))
    return most


def _told(most: Amount) -> Most:
    return Most(tokens=most.tokens, usd=float(most.usd), unpriced_tokens=most.unpriced)


def _first_messages(status: Status) -> tuple[str, str]:
    return _sound(status, implement.first_messages)


def _sound(status: Status, first: Callable[[Contract], Asked]) -> Asked:
    """What is asked `first` about the contract on disk, or else about the one that would be derived."""
    try:
        return first(contract_to_keep(status))
    except (ValueError, KeyError) as error:  # only a person's edit of a contract can bring this about
        raise OutputError(
            f"{status.landed.contract_path}: edited by hand, and no sound contract: {error}; restore it, or delete "
            "it to have it derived again"
        ) from None


def _standing(project: Project, status: Status) -> FunctionReport:
    if status.conflicts:
        return _edited(project, status)
    if status.fresh:
        return fresh_report(status)
    return FunctionReport(
        function=status.function.contract.id,
        action="stale",
        place=status.function.place,
        reasons=status.reasons,
    )


def _edited(project: Project, status: Status) -> FunctionReport:
    reasons = tuple(project.relative(text) for text in status.conflicts)
    return FunctionReport(function=status.function.contract.id, action="edited", reasons=reasons)


def _judge_again(judge: Judge, status: Status) -> FunctionReport:
    judgement = judge_landed(judge, status.landed)
    report = fresh_report(status)
    if judgement.passed:
        return report
    broken = tuple(
        Attempt(model=report.model or "", reason=f"{clause.clause}: {clause.message}")
        for clause in judgement.failures
    )
    return report.model_copy(update={"action": "failed", "attempts": broken})


def _flow_standing(project: Project, flow: FlowStatus) -> FlowReport:
    if flow.conflicts:
        return FlowReport(
            flow=flow.id, action="edited", reasons=tuple(project.relative(text) for text in flow.conflicts)
        )
    return FlowReport(
        flow=flow.id,
        action="fresh" if flow.fresh else "stale",
        place=flow.flow.place,
        reasons=flow.reasons,
    )


def _flow_planned(project: Project, flow: FlowStatus, wanted: Wanted) -> FlowReport:
    report = _flow_standing(project, flow)
    asked = wanted.fresh or any(
        not status.fresh for status in project.statuses if status.function.contract.id in flow.functions
    )
    if report.action == "edited" or (report.action == "fresh" and not asked):
        return report
    return report.model_copy(
        update={"action": "planned", "reasons": report.reasons or ("its functions change",)}
    )


def _judge_flow_again(project: Project, judge: Judge, flow: FlowStatus) -> FlowReport:
    report, _ = judge_flow(judge, flow, flow_parts(project.settings.generated, flow.functions))
    report = report.model_copy(update={"place": flow.flow.place})
    return (
        report if report.action == "failed" else report.model_copy(update={"action": "fresh", "reasons": ()})
    )


def _strangers(project: Project) -> tuple[str, ...]:
    told = [*(status.conflicts for status in project.statuses), *(flow.conflicts for flow in project.flows)]
    statuses = {project.relative(conflict) for conflicts in told for conflict in conflicts}
    found = [conflict for conflict in project.conflicts() if conflict not in statuses]
    found += [f"{path}: does not match its spec; run drystone generate" for path in project.mechanical()]
    found += [
        f"{path}: its function is gone from the specs; drystone generate removes it"
        for path in project.strangers.orphans
        if path not in project.mechanical()
    ]
    found += [f"{path}: not written by drystone; move it elsewhere" for path in project.strangers.foreign]
    return tuple(project.relative(text) for text in found)
