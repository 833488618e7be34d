"""The search for a walk that breaks a clause: breadth first, then at random, then the shortest that still does."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from pipeline.decider.clauses import Observe
from pipeline.decider.flow_clauses import Breach, FlowClauses
from pipeline.decider.machine import Called, Machine, Move, Played, Position
from pipeline.decider.moves import Moves
from pipeline.decider.walks import TICK, Pools, Start, Walk
from pipeline.flows.shape import methods_of

_MOST_CALLS = 6000
"""How many calls of functions the breadth-first search makes at most."""
_MOST_POSITIONS = 10
"""From how many positions of one state, with the same steps owed, it goes on."""
_DEEPEST = 14
_BEYOND = 4
"""How many moves it goes on from where a scenario ends, however long that is."""
_EVENTS = 8
"""With how many different arguments an event is tried at a position."""
_WALKS, _LONGEST = 80, 10
"""How many random walks there are, and of how many moves at most."""
_QUIET = settings(
    database=None, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    print_blob=False,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """A walk and the clause that its last move breaks."""

    breach: Breach
    walk: Walk

    @property
    def size(self) -> tuple[int, bool, int, int]:
        waits = sum(bool(move.wait) for move in self.walk.moves)
        start = self.walk.start
        troubles = sum(bool(move.ports or move.always) for move in self.walk.moves)
        troubles += bool(start.ports or start.always)
        return len(self.walk.moves), not start.said, waits + troubles, len(self.breach.message)


@dataclass(slots=True)
class Search:
    """What walks through one flow have found so far."""

    machine: Machine
    clauses: FlowClauses
    pools: Pools
    moves: Moves
    fresh: Callable[[], Observe]
    """Another process with the same program, for when one is lost."""
    walks: int = 0
    found: dict[str, Found] = field(default_factory=dict)
    """Clause -> the shortest walk that breaks it, so far."""
    covered: set[tuple[str, str, str]] = field(default_factory=set)
    """(state, function, state it led to) of every step that was made."""
    timeouts: set[int] = field(default_factory=set)
    """Numbers of the timeouts that were made."""
    reached: list[tuple[Walk, Position]] = field(default_factory=list)
    """Where the scenarios lead: the search goes on from there as well."""
    changed: set[str] = field(default_factory=set)
    """Fields of the record that a function has changed."""

    def start(self, start: Start) -> Played:
        """Begin a walk."""
        return self.machine.start(
            start.given, start.at, start.memory, Move(ports=start.ports, always=start.always)
        )

    def begin(self, start: Start, played: Played | None = None) -> Position | None:
        """Where a walk begins; None if it cannot."""
        played = played or self.start(start)
        self.note(Walk(start), None, played)
        broken = played.stopped or played.position is None
        if broken or (not start.said and any(self.clauses.breaches(played))):
            return None
        return played.position

    def note(self, walk: Walk, before: Position | None, played: Played) -> list[Breach]:
        """Take in what came of the last move of a walk."""
        for called in played.called:
            self._cover(called)
        if before is None and not walk.start.said and self.machine.flow.start is None:
            return []
        breaches = self._breaches(walk, played)
        for breach in breaches:
            self.add(Found(breach, walk))
        if self.machine.lost and "limits" not in self.found:
            self.machine.observe, self.machine.lost = self.fresh(), False
        return breaches

    def _breaches(self, walk: Walk, played: Played) -> list[Breach]:
        """What the last move of a walk broke, for all that is known of where it began."""
        return [each for each in self.clauses.breaches(played) if not self._supposed(walk, each, played)]

    def add(self, found: Found) -> None:
        if self.machine.lost and "limits" in self.found:
            return
        clause = found.breach.clause
        if clause not in self.found or found.size < self.found[clause].size:
            self.found[clause] = found

    def _cover(self, called: Called) -> None:
        if called.outcome != "returned" or called.misfit or called.before is None:
            return
        shape = self.machine.shapes.get(called.function)
        before = called.given.get(str(shape.record)) if shape else None
        if before is not None and type(called.value) is type(before):
            names = type(before).__dataclass_fields__
            self.changed |= {name for name in names if getattr(called.value, name) != getattr(before, name)}
        if called.timeout is not None:
            self.timeouts.add(called.timeout)
        elif called.role == "step":
            states = (self.machine.state(record) for record in (called.before.record, called.value))
            source, target = states
            self.covered.add((source, called.function, target))

    def _supposed(self, walk: Walk, breach: Breach, played: Played) -> bool:
        """Whether the first record may be to blame, since nobody said that a run begins like this.

        It was taken from a case, or varied. A double may have no answer for it, and a precondition not hold for want
        of something that no step could have established: the first record would not do either, in the same state.
        """
        if walk.start.said or self.machine.flow.start is not None or not played.called:
            return False
        called = played.called[-1]
        if breach.clause != "requires" or called.before is None:
            return breach.clause == "requires" or called.refused
        state = self.machine.state(called.before.record)
        first = self.machine.in_state(called.before.initial, state)
        shape = self.machine.shapes[called.function]
        return self.machine.unmet(called.function, {**called.given, str(shape.record): first}) is not None

    def play(self, walk: Walk, position: Position, move: Move) -> Played:
        """Make a move at the end of a walk and take in what comes of it."""
        self.walks += 1
        played = self.machine.play(position, move)
        self.note(walk.then(move), position, played)
        return played

    # -- breadth first --------------------------------------------------------------------------------------

    def systematic(self) -> None:
        """Every step, every deadline and every failing port from every kind of position that can be reached."""
        waiting: deque[tuple[Walk, Position, int]] = deque()
        seen: set[str] = set()
        crowds: dict[str, int] = {}
        most = self.machine.observed + _MOST_CALLS

        def reach(
            walk: Walk, position: Position | None, *, left: int = _DEEPEST, welcome: bool = False
        ) -> None:
            """Go on from a position, for so many moves, unless enough of its kind were or it is welcome all the same."""
            if position is None or left < 0:
                return
            shape = self.moves.shape(position)
            owed = [each.call for each in position.done]
            crowd = f"{self.machine.state(position.record)} {owed} {position.undoing}"
            if shape in seen or (crowds.get(crowd, 0) >= _MOST_POSITIONS and not welcome):
                return
            seen.add(shape)
            crowds[crowd] = crowds.get(crowd, 0) + (not welcome)
            waiting.append((walk, position, left))

        for starts in (
            self.pools.starts,
            lambda: self.pools.variations(self.changed),
            lambda: self.pools.elsewhere(self.changed),
        ):
            seen.clear()
            crowds.clear()
            for start in starts():
                for variant, played in self._begun(start):
                    self.walks += 1
                    reach(Walk(variant), self.begin(variant, played), welcome=start.said)
            told = {id(walk) for walk, _ in self.reached}
            for walk, position in self.reached:
                reach(walk, position, left=max(_BEYOND, _DEEPEST - len(walk.moves)), welcome=True)
            while waiting and self.machine.observed < most and not self.machine.lost:
                walk, position, left = waiting.popleft()
                for move, played in self._tried(walk, position):
                    if not played.stopped:
                        reach(walk.then(move), played.position, left=left - 1, welcome=id(walk) in told)
            self.reached.clear()

    def _begun(self, start: Start) -> Iterator[tuple[Start, Played]]:
        """A start, and the same with other answers of ports and with failing ones."""
        played = self.start(start)
        yield start, played
        plain = Move(ports=start.ports)
        for move in (
            *self.moves.answering(plain, played),
            *self.moves.failing(plain, played, lambda _: True),
        ):
            variant = replace(start, ports=move.ports, always=move.always)
            yield variant, self.start(variant)

    def _tried(self, walk: Walk, position: Position) -> Iterator[tuple[Move, Played]]:
        """Every move worth trying from a position, and what came of it."""
        if position.undoing:
            yield from self._with_failures(walk, position, Move())
        for wait in self.moves.waits(position):
            yield from self._with_failures(walk, position, wait)
        for deadline, _, timeout in self.machine.deadlines(position):
            if timeout.call is not None:
                self.agree(walk, position, Move(deadline + TICK - position.now))
        for function in self.moves.events(position):
            self._callable(walk, position, function)
            outcomes: dict[str, int] = {}
            for chosen in self.pools.telling(function, position.record, position.now, _EVENTS):
                move = Move(call=function, given=chosen)
                played = self.play(walk, position, move)
                yield move, played
                times = outcomes[played.raised] = outcomes.get(played.raised, 0) + 1
                if times <= 2 and not position.undoing:
                    self.agree(walk, position, move)
                    yield from self._variants(walk, position, move, played)

    def _callable(self, walk: Walk, position: Position, function: str) -> None:
        """Whether what a function requires of the record alone holds, even where nothing can be given to it."""
        shape = self.machine.shapes[function]
        known: dict[str, Any] = {str(shape.record): position.record, str(shape.clock): position.now}
        unmet = None if position.undoing else self.machine.unmet(function, known, of_events=False)
        if unmet is not None:
            memory = position.memory
            called = Called("step", function, known, memory, memory, "unmet", before=position, error=unmet)
            self.note(walk.then(Move(call=function)), position, Played(position, (called,), stopped=True))

    def _with_failures(self, walk: Walk, position: Position, move: Move) -> Iterator[tuple[Move, Played]]:
        played = self.play(walk, position, move)
        yield move, played
        yield from self._variants(walk, position, move, played)

    def _variants(
        self, walk: Walk, position: Position, move: Move, played: Played
    ) -> Iterator[tuple[Move, Played]]:
        for other in self.moves.answering(move, played):
            yield other, self.play(walk, position, other)
        for failing in self.moves.failing(move, played, lambda _: True):
            failed = self.play(walk, position, failing)
            yield failing, failed
            for worse in self.moves.failing(failing, failed, lambda called: called.role == "compensation"):
                yield worse, self.play(walk, position, worse)

    def agree(self, walk: Walk, position: Position, move: Move) -> list[Breach]:
        """Whether what a move may call and the flow agree on when the waits of the state are over."""
        breaches = self._disagreements(position, move)
        for breach in breaches:
            self.add(Found(breach, walk.then(move)))
        return breaches

    def _disagreements(self, position: Position, move: Move) -> list[Breach]:
        called: list[tuple[str, dict[str, Any]]] = [
            (wait.call, {}) for _, _, wait in self.machine.deadlines(position) if wait.call is not None
        ]
        if move.call in self.machine.shapes and _complete(self.machine, move):
            called.append((str(move.call), dict(move.given)))
        return [each for name, given in called for each in self.clauses.deadlines(position, name, given)]

    # -- at random ------------------------------------------------------------------------------------------

    def at_random(self) -> None:
        """Long walks with waits, arguments and failing ports as they come; the same ones in every process."""
        starts = [
            *self.pools.starts(),
            *self.pools.variations(self.changed),
            *self.pools.elsewhere(self.changed),
        ]
        number = st.integers(0, 2**16)
        choices = st.lists(st.tuples(number, number, number, number), min_size=1, max_size=_LONGEST)

        @seed(20260102)
        @settings(_QUIET, max_examples=_WALKS)
        @given(number, choices)
        def walk_on(first: int, picks: list[tuple[int, int, int, int]]) -> None:
            if self.found or self.machine.lost or not starts:
                return
            start = starts[first % len(starts)]
            walk, position = Walk(start), self.begin(start)
            for pick in picks:
                if position is None:
                    return
                move = self._pick(position, *pick)
                played = self.play(walk, position, move)
                walk, position = walk.then(move), None if played.stopped else played.position

        walk_on()

    def _pick(self, position: Position, when: int, what: int, which: int, trouble: int) -> Move:
        waits = [timedelta(0)] * 4 + [timedelta(seconds=1), timedelta(hours=1)]
        waits += [move.wait for move in self.moves.waits(position)]
        events = self.moves.events(position)
        calls: list[str | None] = [*events, *events, *events, None, self.machine.flow.transitions[0].call]
        call = calls[what % len(calls)]
        wait = waits[when % len(waits)]
        if call is None:
            return Move(wait)
        chosen = []
        for candidate in self.pools.candidates(call, position.record, position.now + wait):
            chosen.append(candidate)
            if len(chosen) > _EVENTS:
                break
        if not chosen:
            return Move(wait)
        move = Move(wait, call, chosen[which % len(chosen)])
        contract = self.machine.contracts[call]
        ways = [
            (param.type, method.name, error)
            for name, method in methods_of(contract).items()
            for param in contract.params if param.name == name.partition(".")[0]
            for error in method.raises
        ]  # fmt: skip
        return replace(move, always=ways[trouble % len(ways)]) if ways and trouble % 4 == 0 else move

    # -- the shortest ---------------------------------------------------------------------------------------

    def replay(self, walk: Walk, clause: str) -> Found | None:
        """The walk as far as the first move that breaks the clause; None if none does."""
        played = self.start(walk.start)
        position = played.position
        for breach in self.clauses.breaches(played):
            if breach.clause == clause:
                return Found(breach, Walk(walk.start))
        for number, move in enumerate(walk.moves):
            if position is None or played.stopped:
                return None
            before, played = position, self.machine.play(position, move)
            cut = replace(walk, moves=walk.moves[: number + 1])
            broken = [*self._breaches(cut, played), *self._disagreements(before, move)]
            for breach in broken:
                if breach.clause == clause:
                    return Found(breach, cut)
            position = played.position
        return None

    def shortest(self, found: Found) -> Found:
        """The walk without whatever is not needed to break the clause."""
        best = found
        again = True
        while again:
            again = False
            for smaller in _smaller(best.walk):
                replayed = self.replay(smaller, found.breach.clause)
                if replayed is not None and replayed.size < best.size:
                    best, again = replayed, True
                    break
        return best


def _complete(machine: Machine, move: Move) -> bool:
    return all(param.name in move.given for param in machine.shapes[str(move.call)].events)


def _smaller(walk: Walk) -> Iterator[Walk]:
    moves = walk.moves
    for place in range(len(moves)):
        yield replace(walk, moves=(*moves[:place], *moves[place + 1 :]))
    if walk.start.ports or walk.start.always:
        yield replace(walk, start=replace(walk.start, ports={}, always=None))
    for place, move in enumerate(moves):
        plain: list[Mapping[str, Any]] = []
        if move.wait:
            plain.append({"wait": timedelta(0)})
        if move.ports or move.always:
            plain.append({"ports": {}, "always": None})
        for change in plain:
            yield replace(walk, moves=(*moves[:place], replace(move, **change), *moves[place + 1 :]))
