"""The verb of coding agents: contracts that wait for a function, and candidates that are handed in. Knows no protocol."""

import difflib
import threading
from dataclasses import dataclass, field, replace
from typing import Literal

from pipeline import outgoing, run, specs
from pipeline.asking import Asking, usable
from pipeline.budget import Budget
from pipeline.definitions import Record
from pipeline.errors import DrystoneError, SettingsError
from pipeline.landed import Status
from pipeline.llm.port import Reply
from pipeline.llm.registry import MCP
from pipeline.outcome import Outcome, Wanted
from pipeline.project import Project, contract_to_keep, open_judge, read_project, vet_all
from pipeline.records import Contract, Verdict
from pipeline.reports import Accepted, Rung
from pipeline.settings import Settings
from pipeline.stages import implement
from pipeline.stages.judge import Part
from pipeline.watching import Progress

RUNG = Rung(entry=MCP)


class Task(Record):
    """One contract that has no function, or none that still keeps it."""

    function: str
    """`spec.function`."""
    summary: str
    state: Literal["open", "accepted", "blocked"]
    """`accepted`: a candidate kept it, and has not landed. `blocked`: nothing can be handed in yet."""
    because: str
    """Why it needs a function; why it is blocked."""
    candidates_left: int


class Submission(Record):
    """What became of a candidate."""

    function: str
    accepted: bool
    landed: bool = False
    told: str
    """What its author is to know: what is wrong on one input that may be shown, or what happens next."""
    clauses: tuple[str, ...] = ()
    """Those that an accepted candidate was judged by."""
    inputs: int = 0
    """Different inputs that an accepted candidate was called with."""
    candidates_left: int


class Standing(Record):
    """How one function stands."""

    function: str
    fresh: bool
    """Whether what has landed is what the spec says now."""
    because: str
    """Why it is not."""
    landed: Verdict | None = None
    """The evidence beside the function that has landed."""
    last: Submission | None = None
    """The last candidate handed in to this process."""


@dataclass(slots=True)
class _Desk:
    """What was handed in for one contract."""

    contract: Contract
    candidates: int = 0
    said: dict[str, Submission] = field(default_factory=dict)
    """By the text handed in."""
    last: Submission | None = None
    accepted: Accepted | None = None


class Workshop:
    """Takes candidates for one project, one at a time; safe to use from several threads.

    A candidate is judged as a model's is: bounds, contract, sandbox. It lands only where `land` says so, and then by
    the rules of every run: callees first, a spec with flows whole or not at all. Nothing else is ever written.
    """

    def __init__(self, settings: Settings, progress: Progress, *, land: bool) -> None:
        """Raises SandboxError where the isolation the settings demand is not to be had."""
        self._settings = settings.model_copy(
            update={
                "architect": None, "ladder": (RUNG,), "reviewer": None,
                "offline": True, "batch": False, "why_models": None,
            }
        )  # fmt: skip
        self._progress = progress
        self._land = land
        ceiling = settings.budget.attempts_per_function
        self._most = 1 + implement.REPAIRS if ceiling is None else ceiling
        self._desks: dict[str, _Desk] = {}
        self._lock = threading.Lock()
        self._judge = open_judge(self._settings)
        try:
            _ = self._judge.isolation
        except DrystoneError:
            self._judge.close()
            raise

    def close(self) -> None:
        """End every process that judged."""
        self._judge.close()

    def tasks(self) -> tuple[Task, ...]:
        """Every contract that needs a function, callees before callers; raises SettingsError for specs with findings."""
        with self._lock:
            project = self._read(None)
            return tuple(self._task(project, status) for status in project.statuses if not status.fresh)

    def contract(self, function: str) -> str:
        """Exactly what an implementer is told: the contract without what is held back, and how to reply.

        Raises SecretError where a prompt would not be sent.
        """
        with self._lock:
            project, status = self._find(function)
            self._demand_open(project, status)
            shown = "\n".join(implement.first_messages(contract_to_keep(status)))
            outgoing.check_text(shown, function, self._settings.root / specs.FOLDER)
            return shown

    def submit(self, function: str, text: str) -> Submission:
        """Judge a candidate, a reply with one function in it; land it where that was allowed and it keeps its contract.

        The same text again costs no further candidate. Raises SettingsError for what cannot be handed in.
        """
        with self._lock:
            project, status = self._find(function)
            self._demand_open(project, status)
            desk = self._desk(status)
            known = desk.said.get(text)
            if known is not None and not known.accepted:
                return known
            if known is None and desk.candidates >= self._most:
                raise SettingsError(
                    f"{function}: {desk.candidates} candidates were handed in, and no more are taken for this contract; "
                    "a person may raise attempts_per_function under [tool.drystone.budget] and start drystone mcp again"
                )
            desk.candidates += known is None
            desk.last = desk.said[text] = self._judged(project, status, desk, text)
            return desk.last

    def standing(self, function: str) -> Standing:
        """How a function stands: the evidence of what has landed, and what became of the last candidate."""
        with self._lock:
            _, status = self._find(function)
            return Standing(
                function=function,
                fresh=status.fresh,
                because=_because(status),
                landed=status.landed.verdict(),
                last=self._desk(status).last,
            )

    # -- one candidate -----------------------------------------------------------------------------------------

    def _judged(self, project: Project, status: Status, desk: _Desk, text: str) -> Submission:
        name = desk.contract.id
        reply = usable(Reply(text=text, stop="end", tokens_in=0, tokens_cached=0, tokens_out=0))
        callees = self._callees(project, desk.contract)
        made = implement.consider(
            desk.contract, RUNG, reply, lambda source: self._judge.judge(desk.contract, source, callees)
        )
        left = self._most - desk.candidates
        if not isinstance(made, Accepted):
            told = made.complaint if left else f"{made.complaint}\nNo further candidate is taken."
            return Submission(function=name, accepted=False, told=outgoing.scrub(told), candidates_left=left)
        desk.accepted = made
        submission = Submission(
            function=name,
            accepted=True,
            told="It keeps its contract. It has not landed: drystone mcp was started without --land.",
            clauses=desk.contract.clauses,
            inputs=made.judgement.inputs,
            candidates_left=left,
        )
        return self._landed(project, status, reply, submission) if self._land else submission

    def _landed(self, project: Project, status: Status, reply: Reply, submission: Submission) -> Submission:
        """The same, after a run in which nobody is asked and the candidate is a reply that is already there."""
        name = status.function.contract.id
        request = replace(
            implement.first_requests(contract_to_keep(status), RUNG)[0], subject=name, role="implementer"
        )
        budget = Budget(self._settings.budget, self._settings.providers)
        Asking(self._settings, [MCP], fresh=False, budget=budget).keep(MCP, request, reply)
        outcome = run.generate(self._settings, Wanted(selection=_related(project, name)), self._progress)
        report = next((each for each in outcome.report.functions if each.function == name), None)
        landed = report is not None and report.action == "landed"
        told = "It keeps its contract and has landed." if landed else _why_not(outcome, name)
        return submission.model_copy(update={"landed": landed, "told": outgoing.scrub(told)})

    # -- what there is -----------------------------------------------------------------------------------------

    def _read(self, selection: tuple[str, ...] | None) -> Project:
        project = read_project(self._settings, selection)
        if project.findings:
            raise SettingsError(
                "a person must look at the specs first:\n" + "\n".join(map(str, project.findings))
            )
        return project

    def _find(self, function: str) -> tuple[Project, Status]:
        project = self._read(None)
        for status in project.statuses:
            if status.function.contract.id == function:
                return project, status
        close = difflib.get_close_matches(function, project.findable, n=1)
        hint = f"did you mean '{close[0]}'?" if close else "list the contracts that need a function"
        raise SettingsError(f"'{function}' is no function of a spec (write spec.function); {hint}")

    def _desk(self, status: Status) -> _Desk:
        """What was handed in for a function; nothing yet if its contract is another one now."""
        contract = contract_to_keep(status)
        desk = self._desks.get(contract.id)
        if desk is None or desk.contract != contract:
            desk = self._desks[contract.id] = _Desk(contract)
        return desk

    def _task(self, project: Project, status: Status) -> Task:
        desk = self._desk(status)
        blocked = self._blocked(project, status)
        return Task(
            function=desk.contract.id,
            summary=desk.contract.summary,
            state="blocked" if blocked else "accepted" if desk.accepted else "open",
            because=blocked or _because(status),
            candidates_left=self._most - desk.candidates,
        )

    def _demand_open(self, project: Project, status: Status) -> None:
        name = status.function.contract.id
        if status.fresh:
            raise SettingsError(f"{name} needs no function: what has landed is what its spec says")
        if blocked := self._blocked(project, status):
            raise SettingsError(f"{name}: {blocked}")
        if found := vet_all(self._judge, [status], self._settings.root):
            raise SettingsError("a person must look at the spec first:\n" + "\n".join(map(str, found)))

    def _blocked(self, project: Project, status: Status) -> str:
        """Why nothing can be handed in for a function; empty if something can."""
        if status.conflicts:
            return project.relative("; ".join(status.conflicts))
        contract = contract_to_keep(status)
        undecided = [each.name for each in contract.decisions if not each.choice]
        if undecided:
            return f"'{undecided[0]}' is open: a person writes `choose:`, or an architect decides in drystone generate"
        missing = [name for name in contract.callee_ids if self._part(project, name) is None]
        return f"it uses {', '.join(missing)}, which must be accepted first" if missing else ""

    def _part(self, project: Project, name: str) -> Part | None:
        """A function to build on: one that has landed and is fresh, or one accepted here."""
        status = next(each for each in project.statuses if each.function.contract.id == name)
        if status.fresh and status.kept_contract is not None and status.landed.source_text is not None:
            return Part(status.kept_contract, status.landed.source_text)
        accepted = self._desk(status).accepted
        return None if accepted is None else Part(accepted.contract, accepted.source)

    def _callees(self, project: Project, contract: Contract) -> dict[str, Part]:
        """What a contract may call and what that may call, the innermost first, by `spec.function`."""
        parts: dict[str, Part] = {}
        for name in contract.callee_ids:
            part = self._part(project, name)
            if part is None:
                raise SettingsError(f"{contract.id}: it rests on {name}, which must be accepted first")
            parts |= self._callees(project, part.contract)
            parts[name] = part
        return parts


def _because(status: Status) -> str:
    return "; ".join(status.reasons + status.conflicts)


def _related(project: Project, name: str) -> tuple[str, ...]:
    """The spec of a function, and those of all it rests on that have not landed either."""
    contracts = {each.function.contract.id: each for each in project.statuses}
    found, waiting = {name.partition(".")[0]}, [name]
    while waiting:
        for callee in contracts[waiting.pop()].function.contract.callee_ids:
            waiting.append(callee)
            if not contracts[callee].fresh:
                found.add(callee.partition(".")[0])
    return tuple(sorted(found))


def _why_not(outcome: Outcome, name: str) -> str:
    """Why an accepted candidate has not landed."""
    report = outcome.report
    lines = [str(finding) for finding in report.findings]
    for function in report.functions:
        if function.function == name and function.action == "held":
            lines.append("It lands with its whole spec, as soon as the other functions are there.")
        elif function.function == name:
            lines += [*function.reasons, *(attempt.reason for attempt in function.attempts)]
    for flow in report.flows:
        if flow.action == "failed" and flow.flow.partition(".")[0] == name.partition(".")[0]:
            lines += [f"The functions of {flow.flow} do not fit together: {'; '.join(flow.reasons)}"]
            lines += [flow.counterexample] if flow.counterexample else []
    if not lines and outcome.error is not None:
        lines = [str(outcome.error)]
    return "It keeps its contract, but has not landed:\n" + "\n".join(lines)
