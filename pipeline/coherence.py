"""Whether all contracts of a run go together before any code is asked for. Reads and writes nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.flows.shape import methods_of
from pipeline.records import Contract, Decision, Finding, Place, Spec
from pipeline.rules import speaks_of


@dataclass(frozen=True, slots=True)
class Placed:
    """A contract as a run will use it, and where a person wrote what it says."""

    contract: Contract
    place: Place
    places: Mapping[str, Place] = field(default_factory=dict)
    """Clause -> where it was written, as in `SpecFunction`; `decisions[session]` beside these."""
    derived: Contract | None = None
    """The contract as the spec alone gives it, if this one may say something else."""


def check_coherence(contracts: Sequence[Placed]) -> list[Finding]:
    """Every finding about contracts that do not go together; none means that they do.

    Then every decision has one answer in all functions of a spec, and in all functions that reach each other by
    `uses`; no function takes another answer for granted; and every contract still says what its spec says once
    for many functions: its constraints, their rules, what they forbid, and its decisions.
    """
    findings = [finding for each in contracts for finding in _check_carried(each)]
    specs: dict[str, list[Placed]] = {}
    for each in contracts:
        specs.setdefault(each.contract.spec, []).append(each)
    for together in specs.values():
        findings += _check_one_answer([answer for each in together for answer in _answers(each)])
    known = {each.contract.id: each for each in contracts}
    for each in contracts:
        findings += _check_reached(each, known)
    return findings


# -- decisions -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Answer:
    decision: str
    answer: str
    assumed: bool
    function: str
    place: Place

    def __str__(self) -> str:
        return f"{self.function} {'assumes' if self.assumed else 'goes by'} '{self.answer}'"


def _answers(each: Placed) -> Iterator[_Answer]:
    contract = each.contract
    for decision in contract.decisions:
        if decision.choice:
            place = _place_of_choice(each, decision)
            yield _Answer(decision.name, decision.choice, assumed=False, function=contract.id, place=place)
    for name, answer in contract.assumes.items():
        place = each.places.get(f"assumes[{name}]", each.place)
        yield _Answer(name, answer, assumed=True, function=contract.id, place=place)


def _place_of_choice(each: Placed, decision: Decision) -> Place:
    """Where the decision is written if this is what was chosen there; otherwise the contract that says so."""
    derived = each.derived.decisions if each.derived else ()
    chosen = next((other.choice for other in derived if other.name == decision.name), "")
    if chosen and chosen != decision.choice:
        return _file_of(each.contract)
    return each.places.get(f"decisions[{decision.name}]", each.place) if chosen else each.place


def _file_of(contract: Contract) -> Place:
    return Place(path=f"generated/{contract.spec}/{contract.function}.contract.json")


def _check_one_answer(answers: Sequence[_Answer]) -> Iterator[Finding]:
    """A finding for each answer that is not that of most; what was chosen counts before what is assumed."""
    for name in dict.fromkeys(answer.decision for answer in answers):
        every = [answer for answer in answers if answer.decision == name]
        chosen = [answer for answer in every if not answer.assumed] or every
        most = Counter(answer.answer for answer in chosen).most_common(1)[0][0]
        first = next(answer for answer in chosen if answer.answer == most)
        yield from (_finding(answer, first) for answer in every if answer.answer != most)


def _check_reached(each: Placed, known: Mapping[str, Placed]) -> Iterator[Finding]:
    """A finding for each decision that a function of another spec, reached by `uses`, answers otherwise."""
    own = list(_answers(each))
    for callee in _reached(each.contract, known):
        if callee.contract.spec == each.contract.spec:
            continue
        theirs = list(_answers(callee))
        for name in dict.fromkeys(answer.decision for answer in own):
            here = [answer for answer in own if answer.decision == name]
            there = [answer for answer in theirs if answer.decision == name]
            other = next(((a, b) for a in here for b in there if a.answer != b.answer), None)
            if other:
                yield _finding(*other)


def _reached(contract: Contract, known: Mapping[str, Placed]) -> list[Placed]:
    """Every function that a contract reaches by `uses`, as far as it is among those known."""
    reached: dict[str, Placed] = {}
    waiting = [contract]
    while waiting:
        caller = waiting.pop()
        for callee in caller.uses:
            name = callee.function if "." in callee.function else f"{caller.spec}.{callee.function}"
            if name in known and name not in reached:
                reached[name] = known[name]
                waiting.append(known[name].contract)
    return list(reached.values())


def _finding(answer: _Answer, other: _Answer) -> Finding:
    message = f"decision '{answer.decision}' has two answers: {answer}, but {other} at {other.place}"
    return Finding(place=answer.place, message=message)


# -- what is said once ---------------------------------------------------------------------------------------


def _check_carried(each: Placed) -> Iterator[Finding]:
    """A finding for everything that the spec says of many functions and a contract no longer does."""
    contract, derived = each.contract, each.derived
    if derived is None:
        return
    texts = {(constraint.name, constraint.text) for constraint in contract.constraints}
    rules = {(rule.constraint, rule.rule) for rule in contract.ensures}
    names = {decision.name for decision in contract.decisions}
    forbidden = {*contract.bounds.forbidden_imports, *contract.bounds.forbidden_names}
    lost = [
        *(
            f"the constraint '{constraint.name}'"
            for constraint in derived.constraints
            if (constraint.name, constraint.text) not in texts
        ),
        *(
            f"the rule `{rule.rule}` of the constraint '{rule.constraint}'"
            for rule in derived.ensures
            if rule.constraint is not None and (rule.constraint, rule.rule) not in rules
        ),
        *(f"the decision '{decision.name}'" for decision in derived.decisions if decision.name not in names),
        *(
            f"that '{name}' is forbidden"
            for name in (*derived.bounds.forbidden_imports, *derived.bounds.forbidden_names)
            if name not in forbidden
        ),
    ]
    for what in lost:
        message = f"lacks {what}, which covers {contract.id} at {each.place}; put it back"
        yield Finding(place=_file_of(contract), message=message)


# -- what nothing holds a function to -------------------------------------------------------------------------


def unchecked_undos(spec: Spec) -> list[str]:
    """For each compensation of which nothing says what it must ask of a port that remembers nothing: where, and what to do.

    No flaw, but a gap: whatever it asks there, no state shows that it was wrong.
    """
    contracts = {each.contract.function: each.contract for each in spec.functions}
    found: dict[str, str] = {}
    for each in spec.flows:
        for step, undo in each.flow.compensate.items():
            contract = contracts[undo]
            silent = [call for call, m in methods_of(contract).items() if not m.query and not m.sets]
            if silent and not any(speaks_of(rule.rule, "calls") for rule in contract.ensures):
                place = each.places.get(f"compensate[{step}]", each.place)
                found[undo] = (
                    f"{place}: '{undo}' undoes '{step}', and no rule says what it must ask of {', '.join(silent)}; "
                    f"add one over `calls` to '{undo}', or say what the port remembers (`memory`, `sets`)"
                )
    return list(found.values())
