"""Contracts held against themselves: contradictions, gates that cannot fail, and what an architect proposes."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from pipeline.decider.clauses import (
    MISSING,
    Arguments,
    Clauses,
    Expected,
    NeedsCodeError,
)
from pipeline.decider.judging import Trial, case_trials, generated_trials
from pipeline.decider.recording import Recording
from pipeline.decider.soundness import Problem
from pipeline.decider.vetting_ports import check_doubles
from pipeline.records import Case, Contract, Rule
from pipeline.rules import check_rule, rule_scope
from pipeline.sandbox import wire
from pipeline.sandbox.port import Call, Observation
from pipeline.showing import show
from pipeline.values import ValuesError

VETTING_INPUTS = 50
FEWEST_INPUTS = 5

Note = Callable[[str], None]
"""Called with the name of a clause before it is evaluated, so that one that hangs can be named."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Proposals sorted into those that enter the contract and those that do not, with the reason."""

    cases: tuple[Case, ...]
    rules: tuple[Rule, ...]
    refused: tuple[str, ...]


def vet(contract: Contract, note: Note, recording: Recording) -> list[Problem]:
    """Everything that makes a contract unfit to ask code for; empty for a sound one."""
    clauses = Clauses(contract)
    problems = []
    for trial in case_trials(clauses):
        assert trial.expected is not None
        clause = f"examples[{trial.expected[0]}]"
        note(clause)
        complaint = contradiction(clauses, trial)
        if complaint:
            problems.append(Problem(clause, complaint))
    problems += list(dict.fromkeys(check_doubles(contract, clauses.types, note)))
    if problems:
        return problems
    note("requires")
    trials = generated_trials(clauses, "vetting", VETTING_INPUTS, recording) if contract.params else []
    arguments = [trial.arguments for trial in trials]
    if contract.params and not arguments and not contract.requires:
        problems.append(
            Problem("contract", "no input could be drawn for its parameters; say them with wider types")
        )
    if contract.params and contract.requires and len(arguments) < FEWEST_INPUTS:
        few = f"'requires' lets only {len(arguments)} of the generated inputs through; say it with narrower types"
        problems.append(Problem("requires[0]", few))
    note("contract")
    stub = next(satisfying_stubs(clauses, arguments), None)
    if stub is not None:
        problems.append(
            Problem("contract", f"{stub} keeps every clause; add an example or a rule that it breaks")
        )
    return problems


def contradiction(clauses: Clauses, trial: Trial) -> str | None:
    """Why the promise of a case cannot be kept together with the rules, or None."""
    assert trial.expected is not None
    promise, arguments = trial.expected[1], trial.arguments
    if (complaint := _unlike_script(clauses, trial)) is not None:
        return complaint
    for rule in clauses.contract.requires:
        if (trouble := _fails(clauses, rule.rule, arguments)) is not None:
            return f"its arguments break the precondition '{rule.rule}'{trouble}"
    try:
        must = clauses.must_raise(arguments)
    except Exception as error:  # noqa: BLE001 - a rule may raise anything
        return f"a condition under 'raises' fails with {type(error).__name__}: {error}"
    if must is not None and promise.raises != must:
        when = next(item.when for item in clauses.contract.raises if item.error == must)
        return f"'{when}' holds for it, so it must raise {must}"
    if promise.raises is not None:
        item = next((item for item in clauses.contract.raises if item.error == promise.raises), None)
        if item is not None and item.when is not None and must is None:
            return f"it promises {promise.raises}, but '{item.when}' is false for it"
        return None
    for rule in clauses.contract.ensures:
        if (trouble := _fails(clauses, rule.rule, arguments, promise.value, promise.calls)) is not None:
            return f"it promises {show(promise.value)}, but '{rule.rule}' is false for that{trouble}"
    return None


def _unlike_script(clauses: Clauses, trial: Trial) -> str | None:
    """Why the calls that a case promises are not those that its scripts answer, or None."""
    assert trial.expected is not None
    calls = trial.expected[1].calls
    if calls is None:
        return None
    promised = Counter(asked for asked, *_ in calls)
    answered = {
        f"{param}.{method}": len(replies)
        for param, script in clauses.stage(trial.arguments).scripts.items()
        for method, replies in script.replies.items()
    }
    for asked in (*promised, *answered):
        if promised[asked] != answered.get(asked, 0):
            times, answers = promised[asked], answered.get(asked, 0)
            return (
                f"under 'calls' it asks for {asked} {_times(times)}, and its script answers {_times(answers)}"
            )
    return None


def _times(number: int) -> str:
    return {0: "never", 1: "once"}.get(number, f"{number} times")


def _fails(
    clauses: Clauses,
    rule: str,
    arguments: Arguments,
    result: Any = MISSING,
    calls: list[Any] | None = None,
) -> str | None:
    """None if a rule holds, or cannot be decided without code; else a clause to add to a complaint, maybe empty."""
    try:
        return None if clauses.holds(rule, arguments, result, calls) else ""
    except NeedsCodeError:
        return None
    except Exception as error:  # noqa: BLE001 - a rule may raise anything
        return f" (it fails with {type(error).__name__}: {error})"


# -- gates that cannot fail ----------------------------------------------------------------------------------


def satisfying_stubs(clauses: Clauses, arguments: list[Arguments]) -> Iterator[str]:
    """Functions that do no work and yet keep every clause, as Python text."""
    contract = clauses.contract
    trials = list(case_trials(clauses))
    trials += [Trial(drawn, clauses.call(drawn)) for drawn in arguments]
    if not contract.params or not trials:
        return
    for text, stub in _stubs(clauses):
        stubbed = Clauses(contract)
        stubbed.observe = lambda calls, stub=stub: [_answer(clauses, stub, call) for call in calls]
        stubbed.callable = clauses.callable
        try:
            kept = all(
                not list(stubbed.failures(t.arguments, _stubbed(clauses, stub, t.arguments), t.expected))
                for t in trials
            )
        except NeedsCodeError:
            kept = False
        if kept:
            yield text


Stub = Callable[[Arguments], tuple[str, Any]]


def _stubs(clauses: Clauses) -> Iterator[tuple[str, Stub]]:
    yield "'return None'", lambda _: ("returned", None)
    for position, name in enumerate(clauses.names):
        if name in clauses.contract.port_params:
            continue
        yield f"'return {name}'", lambda arguments, position=position: ("returned", arguments[position])  # type: ignore[misc]
    seen = []
    for trial in case_trials(clauses):
        assert trial.expected is not None
        promise = trial.expected[1]
        key = (promise.raises, repr(promise.value))
        if key in seen:
            continue
        seen.append(key)
        if promise.raises is None:
            yield f"'return {show(promise.value)}'", lambda _, value=promise.value: ("returned", value)  # type: ignore[misc]
    for item in clauses.contract.raises:
        yield f"'raise {item.error}'", lambda _, error=item.error: ("raised", error)  # type: ignore[misc]


def _answer(clauses: Clauses, stub: Stub, call: Call) -> Observation:
    if call.function != clauses.contract.function:
        raise NeedsCodeError(call.function)
    return _stubbed(clauses, stub, tuple(wire.decode(each, clauses.types.classes) for each in call.arguments))


def _stubbed(clauses: Clauses, stub: Stub, arguments: Arguments) -> Observation:
    kind, value = stub(arguments)
    if kind == "raised":
        return Observation("raised", error=value)
    return Observation("returned", value=wire.encode(value, clauses.types.classes))


# -- proposals -----------------------------------------------------------------------------------------------


def admit(
    contract: Contract, cases: list[Case], rules: list[str], *, independent: bool, note: Note
) -> Admission:
    """Sort an architect's proposals. The contract holds what the person said, and that alone decides.

    `independent`: the architect is another model than every implementer. Otherwise a promise that the person's
    own rules do not pin down would be judged by its own author, and is refused.
    """
    clauses = Clauses(contract)
    admitted_cases: list[Case] = []
    admitted_rules: list[Rule] = []
    refused: list[str] = []
    known = {repr(trial.arguments): trial.expected for trial in case_trials(clauses)}
    for case in cases:
        note(f"proposed case '{case.name}'")
        reason = _refuse_case(clauses, case, known, independent=independent)
        if reason:
            refused.append(f"case '{case.name}': {reason}")
        elif (arguments := repr(clauses.arguments(case.given))) not in known:
            known[arguments] = case.name, clauses.expected(case)
            admitted_cases.append(_canonical(clauses, case))
    for text in rules:
        note(f"proposed rule '{text}'")
        reason = _refuse_rule(clauses, text, independent=independent)
        if reason:
            refused.append(f"rule '{text}': {reason}")
        else:
            admitted_rules.append(Rule(rule=text, origin="architect"))
    return Admission(tuple(admitted_cases), tuple(admitted_rules), tuple(refused))


def _canonical(clauses: Clauses, case: Case) -> Case:
    """A case with its values in the form every contract stores them in."""
    types, contract = clauses.types, clauses.contract
    given = {p.name: types.encode(p.type, types.decode(p.type, case.given[p.name])) for p in contract.params}
    returns = (
        None if case.raises else types.encode(contract.returns, types.decode(contract.returns, case.returns))
    )
    calls = case.calls and tuple(clauses.canonical_call(call) for call in case.calls)
    return case.model_copy(update={"given": given, "returns": returns, "calls": calls})


def _refuse_case(
    clauses: Clauses, case: Case, known: Mapping[str, tuple[str, Expected] | None], *, independent: bool
) -> str | None:
    """Why a case cannot be taken; None for one that can, and for one that only says again what is known."""
    names = set(clauses.names)
    if set(case.given) != names:
        return f"it gives {', '.join(sorted(case.given)) or 'nothing'}, the function takes {', '.join(sorted(names))}"
    if case.raises is not None and case.raises not in {item.error for item in clauses.contract.raises}:
        return f"the function does not raise {case.raises}"
    try:
        arguments = clauses.arguments(case.given)
        expected = clauses.expected(case)
    except ValuesError as error:
        return str(error)
    if there := known.get(repr(arguments)):
        same = repr(there[1]) == repr(expected)
        return None if same else f"the case '{there[0]}' has these arguments and another outcome"
    trial = Trial(arguments, clauses.call(arguments), (case.name, expected))
    complaint = contradiction(clauses, trial)
    if complaint:
        return complaint
    if not independent and not pinned(clauses, trial):
        return "the spec's rules do not settle it, and the implementer must not be its own examiner"
    return None


def _refuse_rule(clauses: Clauses, text: str, *, independent: bool) -> str | None:
    contract = clauses.contract
    scope = rule_scope(contract, after=True)
    problem = check_rule(text, scope=scope, types=contract.types, functions=clauses.callable)
    if problem:
        return problem.message
    if text in {rule.rule for rule in contract.ensures}:
        return "the spec says so already"
    if not independent:
        return "the implementer must not be its own examiner"
    refutable = False
    for trial in case_trials(clauses):
        assert trial.expected is not None
        name, promise = trial.expected
        if promise.raises is not None:
            continue
        if _fails(clauses, text, trial.arguments, promise.value, promise.calls) is not None:
            return f"it is false for the case '{name}'"
        refutable |= any(
            _fails(clauses, text, trial.arguments, near, promise.calls) is not None
            for near in near_misses(promise.value)
        )
    return None if refutable or clauses.needs_code(text) else "no near miss of a promised result breaks it"


def pinned(clauses: Clauses, trial: Trial) -> bool:
    """Whether the rules alone settle the outcome of a case: every near miss of it breaks one.

    They never settle what is asked of ports.
    """
    assert trial.expected is not None
    if clauses.contract.ports:
        return False
    promise = trial.expected[1]
    if promise.raises is not None:
        return clauses.must_raise(trial.arguments) == promise.raises
    near = [value for value in near_misses(promise.value) if _conforms(clauses, value)]
    return bool(near) and all(
        any(
            _fails(clauses, rule.rule, trial.arguments, value) is not None
            for rule in clauses.contract.ensures
        )
        for value in near
    )


def _conforms(clauses: Clauses, value: Any) -> bool:
    try:
        clauses.types.conform(clauses.contract.returns, value)
    except ValuesError:
        return False
    return True


def near_misses(value: Any) -> Iterator[Any]:
    """Values that differ a little from `value`, of the same type."""
    match value:
        case bool():
            yield not value
        case Enum():
            yield from (member for member in type(value) if member is not value)
        case int() | float():
            yield from (value + 1, value - 1, -value if value else value + 2)
        case Decimal():
            step = Decimal(1).scaleb(min(int(value.as_tuple().exponent), -2))
            yield from (value + step, value - step, -value if value else step * 3)
        case str():
            yield from _near_texts(value)
        case timedelta() | datetime():
            yield from (value + timedelta(seconds=1), value - timedelta(seconds=1))
        case date():
            yield from (value + timedelta(days=1), value - timedelta(days=1))
        case time():
            yield from (value.replace(minute=(value.minute + step) % 60) for step in (1, 59))
        case UUID():
            yield UUID(int=value.int ^ 1)
        case list() | tuple():
            yield from (type(value)(near) for near in _near_lists(list(value)))
        case set() | frozenset():
            for item in sorted(value, key=repr)[:3]:
                yield value - {item}
        case dict():
            for key in list(value)[:3]:
                yield {k: v for k, v in value.items() if k != key}
                for near in near_misses(value[key]):
                    yield {**value, key: near}
        case _ if is_dataclass(value) and not isinstance(value, type):
            for item in fields(value):
                for near in near_misses(getattr(value, item.name)):
                    yield replace(value, **{item.name: near})


def _near_lists(items: list[Any]) -> Iterator[list[Any]]:
    if items:
        yield from (items[:-1], items[1:], [*items, items[-1]])
        yield from ([near, *items[1:]] for near in near_misses(items[0]))
    if items[::-1] != items:
        yield items[::-1]


def _near_texts(text: str) -> Iterator[str]:
    near = [
        text[:-1],
        text[1:],
        text + "x",
        text + " ",
        text.swapcase(),
        text[::-1],
        text.strip(),
        "",
        text + text[-1:],
    ]
    middle = len(text) // 2
    near += [
        text[:middle] + text[middle + 1 :],
        text[:middle] + "-" + text[middle:],
        text.replace(" ", "", 1),
    ]
    yield from (other for other in dict.fromkeys(near) if other != text)
