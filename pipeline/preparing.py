"""What comes before any code is asked for: answers to open decisions, contracts held against themselves and each other."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pipeline.asking import Asking, Usage
from pipeline.budget import Budget
from pipeline.coherence import unchecked_undos
from pipeline.decisions import Choice
from pipeline.landed import Status
from pipeline.llm.crew import Crew
from pipeline.project import Project, read_project, side_by_side, vet_all
from pipeline.records import Finding, Spec
from pipeline.stages import decide as deciding
from pipeline.stages import review as reviewing
from pipeline.stages.judge import Judge

Show = Callable[[str, str, Usage], None]
"""Tells what is being done about a function or a spec."""


def decide(
    project: Project,
    selection: tuple[str, ...] | None,
    show: Show,
    *,
    fresh: bool,
    budget: Budget,
    crew: Crew,
) -> Project:
    """The project with an architect's answer to every open decision; with findings where there is none."""
    settings = project.settings
    model = settings.architect
    if model is None:
        unanswered = [
            Finding(
                place=decision.place,
                message=f"'{decision.name}' is open and there is no architect to decide; write 'choose:' and an answer",
            )
            for decision in project.undecided
        ]
        return replace(project, findings=tuple(unanswered))
    asking = Asking(settings, [model], fresh=fresh, budget=budget, crew=crew)

    def decide_for(spec: Spec) -> Sequence[Choice] | deciding.Undecided:
        desk = asking.desk(_teller(spec.name, show), subject=spec.name)
        open_here = [decision for decision in project.undecided if decision.home == spec.name]
        with crew.at_work():
            decided = deciding.decide(spec, open_here, model=model, ask=desk.ask_for("architect", model))
        if isinstance(decided, deciding.Undecided):
            desk.forget()
        return decided

    choices: list[Choice] = []
    findings: list[Finding] = []
    undecided = {decision.home for decision in project.undecided}
    specs = [spec for spec in project.specs if spec.name in undecided]
    for decided in side_by_side(decide_for, specs, workers=len(specs) if settings.batch else 1):
        if isinstance(decided, deciding.Undecided):
            findings += decided.findings
        else:
            choices += decided
    if findings:
        return replace(project, findings=tuple(findings))
    return read_project(settings, selection, choices)


def look_over(
    project: Project, judge: Judge, asking: Asking, stale: Sequence[Status], show: Show
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """What makes contracts unfit to ask code for, and what a reviewer found that is no more than worth knowing."""
    findings = vet_all(judge, stale, project.settings.root)
    model = project.settings.reviewer
    touched = {status.function.contract.spec: None for status in stale}
    notes = [note for spec in project.specs if spec.name in touched for note in unchecked_undos(spec)]
    if findings or model is None:
        return tuple(findings), tuple(notes)

    def review(spec: str) -> reviewing.Reviewed:
        desk = asking.desk(_teller(spec, show), subject=spec)
        contracts = [
            each.kept_contract or each.function.contract
            for each in project.statuses
            if each.function.contract.spec == spec
        ]
        with asking.crew.at_work():
            return reviewing.review(contracts, model=model, ask=desk.ask_for("reviewer", model))

    places = {each.function.contract.id: each.function.place for each in project.statuses}
    for reviewed in side_by_side(
        review, list(touched), workers=len(touched) if project.settings.batch else 1
    ):
        if project.settings.review == "block":
            findings += reviewing.as_findings(reviewed, places)
        else:
            notes += reviewing.as_notes(reviewed, places)
        notes += reviewing.remarks(reviewed)
    return tuple(findings), tuple(notes)


def _teller(name: str, show: Show) -> Callable[[str, Usage], None]:
    return lambda text, usage: show(name, text, usage)
