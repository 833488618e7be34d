"""One function, from its spec to a candidate that keeps its contract: the architect, the ladder of models, the judge."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.asking import Asking, Desk
from pipeline.landed import Status
from pipeline.llm.registry import HANDOFF
from pipeline.records import Contract
from pipeline.reports import Accepted, Attempt, FunctionReport, Rejected
from pipeline.settings import Settings
from pipeline.stages import architect, implement, land
from pipeline.stages.judge import Judge, Part
from pipeline.watching import Progress

Callees = Callable[[Contract], Mapping[str, Part]]
"""The functions a contract may call and those they may call, the innermost first, by `spec.function`."""


@dataclass(frozen=True, slots=True)
class Made:
    """What came of asking for a function. The report's action is `failed` until it is known where it lands."""

    report: FunctionReport
    accepted: Accepted | None
    contract_text: str


class Maker:
    """Asks for functions, several threads at once."""

    def __init__(
        self, settings: Settings, judge: Judge, asking: Asking, progress: Progress, *, fresh: bool
    ) -> None:
        self._settings = settings
        self._judge = judge
        self._asking = asking
        self._progress = progress
        self._fresh = fresh
        """Ask anew for what is fresh as well."""

    def offer(self, statuses: Sequence[Status]) -> None:
        """Put every question on the table that a person is to answer and that is known: all can be answered at once."""
        rung = self._settings.ladder[0]
        if rung.entry.partition(":")[0] != HANDOFF:
            return
        for status in statuses:
            if self._settings.architect is None or status.kept_contract is not None:
                desk = self._asking.desk(lambda *_: None, subject=status.function.contract.id)
                planned, _ = self._plan(status, desk)
                for request in implement.first_requests(planned.contract, rung):
                    desk.offer("implementer", rung.entry, request)

    def make(self, status: Status, callees: Callees) -> Made:
        """Ask for one function until one keeps its contract or nobody is left to ask."""
        name = status.function.contract.id
        desk = self._asking.desk(lambda text, usage: self._progress.stage(name, text, usage), subject=name)
        planned, contract_text = self._plan(status, desk)
        made = self._implement(planned.contract, desk, callees)
        accepted = made if isinstance(made, Accepted) else None
        if accepted is None:
            desk.forget()
        report = FunctionReport(
            function=name,
            action="failed",
            reasons=status.reasons or (("asked for afresh",) if self._fresh else ("what it uses changed",)),
            model=accepted.model if accepted else None,
            attempts=made.attempts,
            refused_proposals=planned.refused,
            calls=desk.usage.calls,
            tokens_in=desk.usage.tokens_in,
            tokens_cached=desk.usage.tokens_cached,
            tokens_out=desk.usage.tokens_out,
        )
        return Made(report, accepted, contract_text)

    def _plan(self, status: Status, desk: Desk) -> tuple[architect.Planned, str]:
        """The contract and its text: the one on disk if it stands, else derived, with what an architect adds.

        A contract that a person edited stays as it is, byte for byte, as long as its spec says the same.
        """
        kept = status.kept_contract
        if kept is not None and (status.contract_edited or not self._fresh):
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

    def _implement(self, contract: Contract, desk: Desk, callees: Callees) -> Accepted | Rejected:
        name = contract.id
        parts = callees(contract)

        def watch(step: implement.Step) -> None:
            if step.refused is None:
                self._progress.stage(name, f"judging attempt {step.number} of {step.rung.entry}", desk.usage)
            else:
                self._progress.refused(name, Attempt(model=step.rung.entry, reason=step.refused))

        return implement.implement(
            contract,
            ladder=self._settings.ladder,
            asks={rung.entry: desk.ask_for("implementer", rung.entry) for rung in self._settings.ladder},
            judge=lambda source: self._judge.judge(contract, source, parts),
            watch=watch,
        )
