"""Two versions of a function on the same inputs: where their answers differ, on an input as small as can be found.

Both are elsewhere, each in a process of its own; this module sees what they answer. After differential testing:
McKeeman, Differential Testing for Software (1998).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.decider.boundaries import at_boundaries, met_equalities
from pipeline.decider.clauses import Arguments, Clauses, Observe, same
from pipeline.decider.corpus import corpus
from pipeline.decider.doubles import unwire_argument, wire_argument
from pipeline.decider.heard import Heard, show_calls
from pipeline.decider.judging import THOROUGH, case_trials, generated_trials
from pipeline.decider.mentioned import with_mentioned
from pipeline.decider.recording import Recording, Wired, bare_text
from pipeline.decider.smaller import smaller, together, weight
from pipeline.definitions import Port
from pipeline.records import Behaviour, Contract, Difference, Rule
from pipeline.sandbox import wire
from pipeline.sandbox.port import Observation
from pipeline.scripts import Script
from pipeline.showing import show
from pipeline.values import ValuesError

MOST_DIFFERENCES = 5
_MOST_LOST = 3
"""Processes that may be lost on one version before the rest of the inputs is left out."""
_ROUNDS = 80
_MOST_RULES = 60
"""Hints that are taken for rules."""
_AT_EDGES = 60
"""Inputs drawn for what code compares with."""
_VARIED = 8
"""Of these, how many are varied at every edge: which one is reached may hang on what else is given."""
_MOST_AT_ONCE = 40
"""Smaller inputs tried in one round."""


@dataclass(frozen=True, slots=True)
class Side:
    """One version of the function: what it promises, and how it is observed."""

    clauses: Clauses
    observe: Observe
    restart: Callable[[], object]
    """Puts a process in the place of one that is lost."""
    recording: Recording


@dataclass(frozen=True, slots=True)
class _Input:
    """One input as both versions take it."""

    wired: Wired
    """In the order of the new parameters."""
    old: Arguments
    new: Arguments


_Seen = tuple[_Input, Observation, Observation]


def compare(old: Side, new: Side, hints: Sequence[str] = ()) -> Behaviour:
    """On which inputs two versions answer differently: values, errors, calls of ports, changed arguments.

    The inputs are the cases and the generated inputs of both contracts, and some drawn at the edges of what the code
    of both compares with (`hints`, as `hints_of` gives them), as far as both versions take them.
    """
    order = _matched(old.clauses.contract, new.clauses.contract)
    if order is None:
        return Behaviour(note="it takes other parameters than before, so no input fits both")
    both = _Both(old, new, order)
    inputs, skipped = both.inputs(hints)
    seen = both.observe(inputs)
    kinds: dict[str, list[_Seen]] = {}
    for each in seen:
        if kind := both.kind(each):
            kinds.setdefault(kind, []).append(each)
    found = [
        both.told(both.smallest(min(group, key=lambda each: weight(each[0].wired)), kind))
        for kind, group in list(kinds.items())[:MOST_DIFFERENCES]
    ]
    left_out = len(inputs) - len(seen)
    note = f"{left_out} inputs were left out: too many calls ended a process" if left_out else ""
    if not inputs:
        note = "no input fits both" if skipped else "there is no input to call it with"
    return Behaviour(
        inputs=len(seen),
        differing=sum(map(len, kinds.values())),
        differences=tuple(found),
        skipped=skipped,
        note=note,
    )


def _matched(old: Contract, new: Contract) -> list[int] | None:
    """For each old parameter the place of the new one: by name, or by place where they were only renamed."""
    before, after = [p.name for p in old.params], [p.name for p in new.params]
    if set(before) == set(after):
        return [after.index(name) for name in before]
    if [p.type for p in old.params] == [p.type for p in new.params]:
        return list(range(len(before)))
    return None


class _Both:
    """Two versions side by side."""

    def __init__(self, old: Side, new: Side, order: Sequence[int]) -> None:
        self._old = old
        self._new = new
        self._order = order

    def inputs(self, hints: Sequence[str]) -> tuple[list[_Input], int]:
        """Every different input that both take, and how many only one of them takes."""
        known: dict[str, _Input | None] = {}

        def learn(wired: Wired) -> None:
            text = json.dumps(wired, sort_keys=True)
            if text not in known:
                old, new = self._sides(wired)
                if old is not None and new is not None:
                    known[text] = _Input(wired, old, new)
                elif old is not new:
                    known[text] = None

        for side, order, drawn in self._sources(hints):
            for arguments in drawn:
                placed: Wired = [None] * len(self._order)
                for place, argument in zip(order, arguments, strict=True):
                    ended = replace(argument, cycled=True) if isinstance(argument, Script) else argument
                    placed[place] = wire_argument(ended, side.clauses.types)
                learn(placed)
        for varied in with_mentioned([each.wired for each in known.values() if each is not None], hints):
            learn(varied)
        taken = [each for each in known.values() if each is not None]
        return taken, len(known) - len(taken)

    def _sources(self, hints: Sequence[str]) -> Iterator[tuple[Side, Sequence[int], Iterable[Arguments]]]:
        """Inputs, whose they are, and the places of their arguments among the new parameters."""
        unmoved = range(len(self._order))
        yield self._new, unmoved, _drawn(self._new)
        yield self._new, unmoved, _at_edges(self._new, hints)
        if bare_text(self._old.clauses.contract) != bare_text(self._new.clauses.contract):
            yield self._old, self._order, _drawn(self._old)

    def read(self, wired: Wired) -> _Input | None:
        """An input as both take it; None where one of them does not."""
        old, new = self._sides(wired)
        return None if new is None or old is None else _Input(wired, old, new)

    def _sides(self, wired: Wired) -> tuple[Arguments | None, Arguments | None]:
        """An input as either takes it; None where it does not."""
        old = _taken(self._old.clauses, [wired[place] for place in self._order])
        return old, _taken(self._new.clauses, wired)

    def observe(self, inputs: Sequence[_Input]) -> list[_Seen]:
        """What both answer, as far as their processes last."""
        before = _observed(self._old, [each.old for each in inputs])
        after = _observed(self._new, [each.new for each in inputs])
        return list(zip(inputs, before, after, strict=False))

    def kind(self, seen: _Seen) -> str:
        """How two answers differ, in a word or two that are the same for differences of a kind; empty if they do not."""
        each, before, after = seen
        if self._unanswered(each, before, after):
            return ""
        labels = _label(before), _label(after)
        if labels[0] != labels[1]:
            return " -> ".join(labels)
        if before.outcome == "lost":
            return ""
        if before.outcome == "returned" and not same(self._value(before), self._value(after)):
            return "another value"
        if not same(self._calls(before), self._calls(after)):
            return "other calls"
        return "another argument left behind" if self._left(before, old=True) != self._left(after) else ""

    def smallest(self, seen: _Seen, kind: str) -> _Seen:
        """A smaller input on which they differ in the same way, as long as one is found."""
        if "lost" in kind:
            return seen  # each of these costs a process
        for _ in range(_ROUNDS):
            for attempts in self._attempts(seen[0].wired):
                better = next((each for each in self.observe(attempts) if self.kind(each) == kind), None)
                if better is not None:
                    seen = better
                    break
            else:
                break
        return seen

    def _attempts(self, wired: Wired) -> Iterator[list[_Input]]:
        """Inputs that are smaller, a batch at a time, the smallest first."""
        now = weight(wired)
        single = (
            [*wired[:place], each, *wired[place + 1 :]]
            for place, argument in enumerate(wired)
            for each in smaller(argument)
        )
        found = {json.dumps(each): each for each in (*single, *together(wired)) if weight(each) < now}
        ordered = sorted(found.values(), key=weight)
        for start in range(0, len(ordered), _MOST_AT_ONCE):
            read = map(self.read, ordered[start : start + _MOST_AT_ONCE])
            yield [each for each in read if each is not None]

    def told(self, seen: _Seen) -> Difference:
        """The difference in words."""
        each, before, after = seen
        clauses = self._new.clauses
        params = zip(clauses.contract.params, each.new, strict=True)
        return Difference(
            call=clauses.text(each.new, after),
            given={param.name: clauses.types.encode(param.type, value) for param, value in params},
            before=self._happened(self._old, before, after, old=True),
            after=self._happened(self._new, after, before, old=False),
        )

    def _happened(self, side: Side, seen: Observation, other: Observation, *, old: bool) -> str:
        text = side.clauses.happened(seen)
        if seen.outcome == "lost":
            text = f"never answered: it {seen.error}"
        elif seen.outcome == other.outcome == "returned" and same(self._value(seen), self._value(other)):
            text = "returned the same"
        if not same(self._calls(seen), self._calls(other)):
            text += f", having asked for {show_calls(self._calls(seen))}"
        left = self._left(seen, old=old)
        if left != self._left(other, old=not old):
            changed = show(tuple(self._decoded(json.loads(left)))) if left else "its arguments as they were"
            text += f", and left {changed}"
        return text

    def _unanswered(self, each: _Input, before: Observation, after: Observation) -> bool:
        """Whether one of them asked for something that the other one's inputs have no answer to."""
        sides = ((self._old, each.old, before), (self._new, each.new, after))
        return any(
            seen.outcome == "lost" and Heard(side.clauses.stage(arguments), seen.asked).refused
            for side, arguments, seen in sides
        )

    def _value(self, seen: Observation) -> Any:
        """The returned value, of the type that is promised now where it fits it: a whole number may be a float."""
        value = self._decoded(seen.value)
        clauses = self._new.clauses
        try:
            return clauses.types.conform(clauses.contract.returns, value)
        except ValuesError:
            return value

    def _decoded(self, wired: Any) -> Any:
        for side in (self._new, self._old):
            try:
                value = wire.decode(wired, side.clauses.types.classes)
            except wire.WireError:
                continue
            return f"<{value.type_name}>" if isinstance(value, wire.Opaque) else value
        return None

    def _calls(self, seen: Observation) -> list[tuple[Any, ...]]:
        return [(asked.method, *map(self._decoded, asked.arguments)) for asked in seen.asked]

    def _left(self, seen: Observation, *, old: bool = False) -> str | None:
        """The arguments after the call, in the order of the new ones; None if they are as they were."""
        after = seen.arguments_after
        if after is None:
            return None
        places = sorted(zip(self._order, after, strict=False)) if old else enumerate(after)
        return json.dumps([argument for _, argument in places], sort_keys=True)


def _drawn(side: Side) -> Iterator[Arguments]:
    """The inputs of one contract: its cases, and what its candidates are tried on."""
    yield from (trial.arguments for trial in case_trials(side.clauses))
    if not side.clauses.contract.params:
        yield ()
        return
    for purpose in ("working", "landing"):
        drawn = generated_trials(side.clauses, purpose, THOROUGH.generated, side.recording)
        yield from (trial.arguments for trial in drawn)


def _at_edges(side: Side, hints: Sequence[str]) -> list[Arguments]:
    """Inputs drawn as if the contract spoke of what the code compares with. Hints are read, never evaluated."""
    clauses = side.clauses
    if not hints or not clauses.contract.params:
        return []
    rules = (*clauses.contract.ensures, *(Rule(rule=hint) for hint in hints[:_MOST_RULES]))
    hinted = clauses.contract.model_copy(update={"ensures": rules})
    drawn = corpus(hinted, clauses.types, allowed=clauses.allowed, seed_number=len(hints), count=_AT_EDGES)
    names = [param.name for param in clauses.contract.params]
    texts = [rule.rule for rule in rules]
    met = [met_equalities(texts, names, base) for base in drawn[:1]]
    more = [each for base in (*met, *drawn[:_VARIED]) for each in at_boundaries(texts, names, [base])]
    return [*drawn, *met, *more]


def _taken(clauses: Clauses, wired: Wired) -> Arguments | None:
    """Arguments if a contract takes them: of the types, and such as its preconditions let through."""
    found = []
    try:
        for param, each in zip(clauses.contract.params, wired, strict=True):
            value = unwire_argument(each, clauses.types)
            if isinstance(value, Script) is not (param.name in clauses.contract.port_params):
                return None
            if isinstance(value, Script) and not all(value.replies.values()):
                return None
            if isinstance(value, Script):
                _conform_answers(clauses, clauses.contract.port_params[param.name], value)
            else:
                clauses.types.conform(param.type, value)
            found.append(value)
    except (wire.WireError, ValuesError):
        return None
    return tuple(found) if clauses.allowed(tuple(found)) else None


def _conform_answers(clauses: Clauses, port: Port, script: Script) -> None:
    """Raises ValuesError where a port answers what is not of the type that it answers with."""
    for name, replies in script.replies.items():
        method = port.method(name)
        for reply in replies:
            if method is not None and reply is not None and reply.raises is None:
                clauses.types.conform(method.returns, reply.value)


def _observed(side: Side, inputs: Sequence[Arguments]) -> list[Observation]:
    """What one version answers, each lost process replaced by a new one for what comes after, a few times."""
    calls = [side.clauses.call(arguments) for arguments in inputs]
    found: list[Observation] = []
    for _ in range(_MOST_LOST):
        if len(found) == len(calls):
            break
        seen = side.observe(calls[len(found) :])
        lost = next((place for place, each in enumerate(seen) if each.outcome == "lost"), None)
        found += seen if lost is None else seen[: lost + 1]
        if lost is not None:
            side.restart()
    return found


def _label(seen: Observation) -> str:
    return f"raised {seen.error}" if seen.outcome == "raised" else seen.outcome
