"""The verb that compares: several models, each the only implementer of one's own contracts. Nothing lands."""

import difflib
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.asking import Asking
from pipeline.budget import Amount, Budget
from pipeline.errors import BudgetError, DrystoneError, NoReplyError, ProviderError, SettingsError
from pipeline.landed import Status
from pipeline.llm.port import Reply, Request
from pipeline.outcome import Outcome, accounted
from pipeline.project import Project, contract_to_keep, open_judge, read_project, side_by_side, vet_all
from pipeline.reading import judge_landed, landed_callees
from pipeline.records import Contract
from pipeline.reports import Accepted, Compared, Comparison, Report, Rung, Tried
from pipeline.settings import Settings
from pipeline.stages import implement
from pipeline.stages.judge import Judge, Part
from pipeline.stages.port import Ask
from pipeline.watching import Progress

_SEEDS_APART = 1000
"""Between one sample of a contract and the next."""


def compare(settings: Settings, wanted: Sequence[str], progress: Progress, *, samples: int = 1) -> Outcome:
    """How each model of the ladder does on each contract wanted: `spec`, `spec.function`, or all without one.

    A contract is the one that has landed, else what follows from the spec alone. The first sample is asked as
    `generate` asks, further ones are drawn anew; each may be repaired as usual. A provider that fails ends the part of
    its own model, a ceiling of the run ends everything. Nothing is written but replies to the store.
    """
    if any(rung.samples > 1 for rung in settings.ladder):
        raise SettingsError("--models names models alone; --samples says how often each is asked")
    twice = [name for name, count in Counter(rung.entry for rung in settings.ladder).items() if count > 1]
    if twice:
        raise SettingsError(f"--models names {twice[0]} twice; --samples says how often each is asked")
    functions = {
        text for text in wanted if "." in text and "/" not in text and not text.endswith((".yaml", ".yml"))
    }
    specs = {text.partition(".")[0] if text in functions else text for text in wanted}
    project = read_project(settings, tuple(sorted(specs)) or None)
    if project.findings:
        return Outcome(Report(findings=project.findings))
    for name in sorted(functions.difference(project.findable)):
        close = difflib.get_close_matches(name, project.findable, n=1)
        hint = (
            f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(project.findable) or 'none'}"
        )
        raise SettingsError(f"'{name}' is no function of a spec; {hint}")
    named = {name.partition(".")[0] for name in functions}
    others = tuple(sorted(set(wanted) - functions))
    whole = {spec.name for spec in read_project(settings, others).specs} if named and others else set()
    statuses = [
        status
        for status in project.statuses
        if status.function.contract.id in functions or status.function.contract.spec not in named - whole
    ]
    budget = Budget(settings.budget, settings.providers, samples=samples)
    return accounted(budget, lambda: _Comparing(project, progress, budget, samples).run(statuses))


@dataclass(frozen=True, slots=True)
class _Task:
    contract: Contract
    callees: Mapping[str, Part]
    rung: Rung
    sample: int

    @property
    def label(self) -> str:
        return f"{self.contract.id} by {self.rung.entry}{f' ({self.sample})' if self.sample > 1 else ''}"


@dataclass(slots=True)
class _Costs:
    """What the replies of one model came to, whenever they were paid for."""

    replies: list[Reply] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    spent: Amount = field(default_factory=Amount)


class _Comparing:
    """One comparison, several threads at once."""

    def __init__(self, project: Project, progress: Progress, budget: Budget, samples: int) -> None:
        self._project = project
        self._settings = project.settings
        self._progress = progress
        self._budget = budget
        self._samples = samples
        self._costs = {rung.entry: _Costs() for rung in self._settings.ladder}
        self._lock = threading.Lock()
        self._broken: dict[str, DrystoneError] = {}
        """By model, why it is not asked any more."""
        self._over: list[BudgetError] = []
        self._pending: list[NoReplyError] = []

    def run(self, statuses: Sequence[Status]) -> Outcome:
        asking = Asking(self._settings, self._settings.entries, fresh=False, budget=self._budget)
        if notice := self._budget.notice(self._settings.entries):
            self._progress.announce(notice)
        judge = open_judge(self._settings)
        try:
            isolation = judge.isolation
            findings = vet_all(judge, statuses, self._settings.root)
            if findings:
                return Outcome(Report(findings=tuple(findings), sandbox=isolation))
            tasks, notes = self._tasks(statuses)
            self._warm(asking)
            self._progress.start([task.label for task in tasks], "comparing")
            tried = [
                each
                for each in side_by_side(
                    lambda task: self._try(task, asking, judge), tasks, workers=self._settings.workers
                )
                if each is not None
            ]
            landed = self._landed(judge, statuses, {each.function for each in tried if each.kept})
        finally:
            judge.close()
        error = (
            next(iter(self._broken.values()), None)
            or NoReplyError.together(self._pending)
            or BudgetError.together(self._over)
        )
        report = Report(comparison=self._compared(_likened(tried, landed)), notes=notes, sandbox=isolation)
        return Outcome(report, error)

    def _tasks(self, statuses: Sequence[Status]) -> tuple[list[_Task], tuple[str, ...]]:
        """Who is to try what, and which contracts nobody can be asked about yet."""
        tasks: list[_Task] = []
        notes = []
        for status in statuses:
            contract = contract_to_keep(status)
            callees = landed_callees(status.landed.folder, contract)
            missing = [name for name in contract.callee_ids if name not in callees]
            undecided = [each.name for each in contract.decisions if each.choice is None]
            if missing or undecided:
                because = (
                    f"it uses {missing[0]}, which has not landed" if missing else f"'{undecided[0]}' is open"
                )
                notes.append(f"{contract.id}: left out: {because}; run drystone generate first")
                continue
            tasks += [
                _Task(contract, callees, rung, sample)
                for rung in self._settings.ladder
                for sample in range(1, self._samples + 1)
            ]
        if self._project.flows:
            notes.append("flows are not part of a comparison: each function is judged by its own contract")
        return tasks, tuple(notes)

    def _warm(self, asking: Asking) -> None:
        """Have every model ready, so that what a start takes is not held against the first replies."""
        for entry in self._costs if not self._settings.offline else ():
            try:
                asking.warm(entry)
            except ProviderError as error:
                self._broken[entry] = error

    def _try(self, task: _Task, asking: Asking, judge: Judge) -> Tried | None:
        """What one model makes of one contract; None where it could not be asked to the end."""
        entry = task.rung.entry
        if entry in self._broken:
            return None
        desk = asking.desk(
            lambda text, usage: self._progress.stage(task.label, text, usage), subject=task.contract.id
        )
        ask = self._measured(entry, desk.ask_for("implementer", entry), lambda: desk.usage.calls)
        if task.sample > 1:
            ask = _drawn_anew(ask, task.sample)
        try:
            made = implement.implement(
                task.contract,
                ladder=[task.rung],
                asks={entry: ask},
                judge=lambda source: judge.judge(task.contract, source, task.callees),
                watch=lambda step: self._progress.stage(
                    task.label, f"judging attempt {step.number}", desk.usage
                ),
            )
        except NoReplyError as pending:
            self._pending.append(pending)
            return None
        except BudgetError as error:
            if error.function is not None:
                self._over.append(error)
                return None
            self._broken |= dict.fromkeys(self._costs, error)
            return None
        except DrystoneError as error:
            self._broken.setdefault(entry, error)
            return None
        kept = isinstance(made, Accepted)
        if not kept:
            desk.forget()
        tried = Tried(
            function=task.contract.id,
            model=entry,
            sample=task.sample,
            kept=kept,
            attempts=len(made.attempts) + kept,
            reason="" if kept else made.attempts[0].reason,
            behaviour=made.judgement.fingerprint if isinstance(made, Accepted) else "",
        )
        self._progress.tried(task.label, tried)
        return tried

    def _measured(self, entry: str, ask: Ask, calls: Callable[[], int]) -> Ask:
        """The same, with every reply put down to its model, and the time where it was not in the store."""

        def measured(request: Request) -> Reply:
            before, begun = calls(), time.monotonic()
            reply = ask(request)
            with self._lock:
                costs = self._costs[entry]
                costs.replies.append(reply)
                costs.spent = costs.spent.plus(self._budget.cost(entry, reply))
                if calls() > before:
                    costs.seconds.append(time.monotonic() - begun)
            return reply

        return measured

    def _landed(self, judge: Judge, statuses: Sequence[Status], names: set[str]) -> dict[str, str]:
        """How the functions that have landed behave, by `spec.function`."""
        fresh = [each for each in statuses if each.fresh and each.function.contract.id in names]
        judgements = side_by_side(lambda status: judge_landed(judge, status.landed), fresh)
        return {
            status.function.contract.id: judgement.fingerprint
            for status, judgement in zip(fresh, judgements, strict=True)
            if judgement.passed
        }

    def _compared(self, tried: Sequence[Tried]) -> Comparison:
        rows = []
        for entry, costs in self._costs.items():
            mine = [each for each in tried if each.model == entry]
            kept = [each for each in mine if each.kept]
            replies = costs.replies
            rows.append(
                Compared(
                    model=entry,
                    tried=len(mine),
                    kept_at_once=sum(each.attempts == 1 for each in kept),
                    kept=len(kept),
                    agreed=sum(each.like in {"landed", "majority"} for each in kept),
                    comparable=sum(each.like != "unknown" for each in kept),
                    calls=len(replies),
                    tokens_in=sum(reply.tokens_in for reply in replies),
                    tokens_cached=sum(reply.tokens_cached for reply in replies),
                    tokens_out=sum(reply.tokens_out for reply in replies),
                    usd=None if costs.spent.unpriced else float(costs.spent.usd),
                    median_seconds=_quantile(costs.seconds, 50),
                    p90_seconds=_quantile(costs.seconds, 90),
                )
            )
        return Comparison(models=tuple(rows), tries=tuple(tried))


def _drawn_anew(ask: Ask, sample: int) -> Ask:
    """The same questions, but for another answer."""

    def drawn(request: Request) -> Reply:
        return ask(
            replace(
                request,
                temperature=implement.SAMPLING_TEMPERATURE,
                seed=(request.seed or 0) + sample * _SEEDS_APART,
            )
        )

    return drawn


def _likened(tried: Sequence[Tried], landed: Mapping[str, str]) -> list[Tried]:
    """The same, each said to behave as the landed function does, or where none has, as most of the others do."""
    models = {(each.function, each.behaviour, each.model) for each in tried if each.kept}
    votes: dict[str, Counter[str]] = {}
    for function, behaviour, _ in models:  # however often one model says the same, it has one voice
        votes.setdefault(function, Counter())[behaviour] += 1
    likened = []
    for each in tried:
        like = "unknown"
        if each.kept and each.function in landed:
            like = "landed" if each.behaviour == landed[each.function] else "neither"
        elif each.kept:
            first, second = [*votes[each.function].most_common(2), ("", 0)][:2]
            if first[1] > max(1, second[1]):
                like = "majority" if each.behaviour == first[0] else "neither"
        likened.append(each.model_copy(update={"like": like}))
    return likened


def _quantile(seconds: Sequence[float], percent: int) -> float | None:
    """As measured where there are few: the smallest that so many per cent do not exceed."""
    ordered = sorted(seconds)
    return round(ordered[max(0, -(-len(ordered) * percent // 100) - 1)], 2) if ordered else None
