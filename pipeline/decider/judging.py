"""One candidate against one contract: which inputs it is called with, and what is made of its answers.

The candidate is elsewhere; this module sees it through two functions that observe calls, each in a fresh process.
"""

import functools
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import HypothesisException

from pipeline.decider.clauses import Arguments, Clauses, Expected, Failure, Observe
from pipeline.decider.corpus import corpus
from pipeline.decider.doubles import unwire_argument, wire_argument
from pipeline.decider.inputs import Strategies
from pipeline.decider.recording import Recording, Wired, bare_text
from pipeline.digest import digest_json, digest_text
from pipeline.records import Clause, Contract, Effort, Judgement
from pipeline.sandbox.port import Call, Observation

THOROUGH = Effort()
_TWICE = 20
"""How many inputs, the cases first, are tried twice in a row in the second process."""
_TEXT = json.JSONEncoder(sort_keys=True).encode


@dataclass(frozen=True, slots=True)
class Trial:
    """One input: what is passed, what is promised, whether a model may see it fail."""

    arguments: Arguments
    call: Call
    expected: tuple[str, Expected] | None = None
    hidden: bool = False


@dataclass(slots=True)
class _Findings:
    """The smallest failure of each clause; a failure that may be shown is preferred to one that may not."""

    by_clause: dict[str, tuple[tuple[bool, int], Failure, Trial]] = field(default_factory=dict)
    lost: bool = False
    """The process is gone, and no smaller input can be tried in it."""

    def add(self, failure: Failure, trial: Trial) -> None:
        rank = (trial.hidden, len(failure.message))
        if failure.clause not in self.by_clause or rank < self.by_clause[failure.clause][0]:
            self.by_clause[failure.clause] = (rank, failure, trial)


def judge(
    contract: Contract | Clauses,
    first: Observe,
    second: Observe,
    effort: Effort = THOROUGH,
    recording: Recording | None = None,
) -> Judgement:
    """Decide whether the code behind `first` and `second` (the same code, two processes) keeps the contract.

    A contract may come as its clauses, where these are ready.
    """
    clauses = Clauses(contract) if isinstance(contract, Contract) else contract
    clauses.observe = first
    findings = _Findings()
    trials: list[Trial] = []
    observed: list[Observation] = []
    for batch in _batches(clauses, effort, recording or Recording()):
        trials += batch
        observed += _try(clauses, batch, first, findings)
        if findings.by_clause:
            break
    if findings.by_clause and effort.counterexample:
        _shrink(clauses, first, findings)
    if not findings.by_clause and effort.landing:
        _replay(clauses, trials, observed, second, findings)
    if not trials:
        nothing = Trial((), clauses.call(()))
        findings.add(Failure("returns", "there is no input to call it with"), nothing)
    verdicts = [
        Clause(clause=name, passed=name not in findings.by_clause, message=message, hidden=hidden)
        for name in clauses.contract.clauses
        for message, hidden in [_account(findings, name)]
    ]
    unknown = findings.by_clause.keys() - {verdict.clause for verdict in verdicts}
    assert not unknown, unknown
    fingerprint = digest_json([_answer(observation) for observation in observed])
    return Judgement(clauses=tuple(verdicts), inputs=len(trials), fingerprint=fingerprint)


def _batches(clauses: Clauses, effort: Effort, recording: Recording) -> Iterator[list[Trial]]:
    """What to call a candidate with, until something is broken: made when it is wanted.

    Whoever wants a counterexample gets cases and generated inputs together: a smaller one may be among these.
    """
    cases = list(case_trials(clauses))
    if not effort.counterexample and cases:
        yield cases
        cases = []
    if cases or effort.generated:
        yield cases + _generated(clauses, "working", effort.generated, recording)
    if effort.landing:
        yield _generated(clauses, "landing", effort.generated, recording)


@functools.lru_cache(maxsize=256)
def case_trials(clauses: Clauses) -> tuple[Trial, ...]:
    """The contract's cases as trials."""
    trials = []
    for case in clauses.contract.cases:
        expected = (case.name, clauses.expected(case))
        arguments = clauses.arguments(case.given)
        trials.append(Trial(arguments, clauses.call(arguments), expected, hidden=not case.shown))
    return tuple(trials)


def generated_trials(clauses: Clauses, purpose: str, count: int, recording: Recording) -> list[Trial]:
    """Inputs drawn for a contract; the same for every candidate, other ones for every purpose."""

    def read(wired: list[Wired]) -> list[Trial]:
        return [_trial(clauses, arguments) for arguments in wired]

    return recording.inputs(f"{purpose} {count}", lambda: _draw(clauses.contract, purpose, count), read)


def _trial(clauses: Clauses, wired: Wired) -> Trial:
    arguments = tuple(unwire_argument(argument, clauses.types) for argument in wired)
    if clauses.contract.ports:
        return Trial(arguments, clauses.call(arguments))
    contract = clauses.contract
    return Trial(arguments, Call(contract.function, tuple(wired), is_async=contract.is_async))


def _draw(contract: Contract, purpose: str, count: int) -> list[Wired]:
    text = bare_text(contract)
    clauses = Clauses(Contract.model_validate_json(text))
    number = int(digest_text(purpose + text)[7:23], 16)
    drawn = corpus(clauses.contract, clauses.types, allowed=clauses.allowed, seed_number=number, count=count)
    return [[wire_argument(argument, clauses.types) for argument in arguments] for arguments in drawn]


def _generated(clauses: Clauses, purpose: str, count: int, recording: Recording) -> list[Trial]:
    hidden = purpose == "landing"
    if not count:
        return []
    if not clauses.contract.params:
        return [] if hidden else [Trial((), clauses.call(()))]
    trials = generated_trials(clauses, purpose, count, recording)
    return [replace(trial, hidden=True) for trial in trials] if hidden else trials


def _try(
    clauses: Clauses, trials: Sequence[Trial], observe: Observe, findings: _Findings
) -> list[Observation]:
    observed = observe([trial.call for trial in trials])
    for trial, observation in zip(trials, observed, strict=True):
        for failure in clauses.failures(trial.arguments, observation, trial.expected):
            findings.add(failure, trial)
        if observation.outcome == "lost":
            findings.lost = True
            break
    return observed


def _replay(
    clauses: Clauses,
    trials: Sequence[Trial],
    observed: Sequence[Observation],
    second: Observe,
    findings: _Findings,
) -> None:
    """Same input, same outcome: again in a fresh process, in reverse, some twice in a row, with other hash seeds."""
    repeated = [
        pair
        for number, pair in enumerate(zip(trials, observed, strict=True))
        for _ in range(2 if number < _TWICE else 1)
    ]
    again = second([trial.call for trial, _ in reversed(repeated)])
    for (trial, before), after in zip(repeated, reversed(again), strict=True):
        if _TEXT(_seen(before)) == _TEXT(_seen(after)):
            continue
        broken = next((f.message for f in clauses.failures(trial.arguments, after, trial.expected)), None)
        if broken is None and _TEXT(_unordered(_seen(before))) == _TEXT(_unordered(_seen(after))):
            continue
        detail = broken or "its answer depends on earlier calls or on the order of a set"
        findings.add(Failure("repeatable", f"a second run answered differently: {detail}"), trial)


def _seen(observation: Observation) -> list[Any]:
    after = observation.arguments_after
    asked = [[each.method, list(each.arguments)] for each in observation.asked]
    return [observation.value, observation.error, None if after is None else list(after), asked]


def _answer(observation: Observation) -> str:
    """What a call came to, whatever the order in which a dict was filled: equal answers, equal texts."""
    asked = [[each.method, *map(_unordered, each.arguments)] for each in observation.asked]
    outcome = [observation.outcome, _unordered(observation.value), observation.error]
    return _TEXT(outcome + [asked] * bool(asked))


def _unordered(wired: Any) -> Any:
    if isinstance(wired, list):
        return [_unordered(item) for item in wired]
    if not isinstance(wired, dict):
        return wired
    inner = {key: _unordered(item) for key, item in wired.items()}
    if inner.get("$") == "dict" and isinstance(inner["v"], list):
        inner["v"] = sorted(inner["v"], key=lambda pair: json.dumps(pair, sort_keys=True))
    return inner


def _shrink(clauses: Clauses, observe: Observe, findings: _Findings) -> None:
    """Look for a smaller input for each rule that was broken on a generated one."""
    if findings.lost or any(t.expected for _, _, t in findings.by_clause.values()):
        return
    strategy = Strategies(clauses.contract, clauses.types).arguments()
    quiet = settings(
        database=None, deadline=None, max_examples=200, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    clause, (_, failure, _) = min(findings.by_clause.items(), key=lambda item: item[1][0])

    def broken(arguments: Arguments) -> Failure | None:
        if not clauses.allowed(arguments):
            return None
        (observation,) = observe([clauses.call(arguments)])
        return next((f for f in clauses.failures(arguments, observation) if f.clause == clause), None)

    try:
        smallest = find(strategy, broken, settings=quiet, random=random.Random(0))  # type: ignore[arg-type]  # noqa: S311
        failure = broken(smallest) or failure
    except HypothesisException:
        return
    findings.add(failure, Trial(smallest, clauses.call(smallest)))


def _account(findings: _Findings, clause: str) -> tuple[str | None, bool]:
    if clause not in findings.by_clause:
        return None, False
    _, failure, trial = findings.by_clause[clause]
    return failure.message, trial.hidden
