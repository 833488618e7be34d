"""Which moves are worth trying from a position of a flow, and which positions are worth going on from."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from pipeline.decider.machine import Called, Machine, Move, Played, Position
from pipeline.decider.walks import TICK, datetimes
from pipeline.decider.worlds import Heard, Replies
from pipeline.flows.shape import later, variable_of
from pipeline.rules import durations
from pipeline.scripts import Reply

_MOST_ENDS = 8
"""Moments besides deadlines that are waited for at one position."""


class Moves:
    """The moves of one flow."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.flow = machine.flow

    def events(self, position: Position) -> list[str]:
        """The functions that may be called in a state."""
        state = self.machine.state(position.record)
        return list(dict.fromkeys(step.call for step in self.flow.transitions if state in step.sources))

    def waits(self, position: Position) -> list[Move]:
        """To wait until just before a moment at which something may change, exactly to it, and just beyond it.

        Such are the ends of the waits of the state, and what is as far from a moment of the record, or from when the
        state was entered, as a rule of a function says that may be called.
        """
        ends = [deadline for deadline, _, _ in self.machine.deadlines(position)]
        bases = [*datetimes(position.record), position.since]
        spans = {span for function in self.events(position) for span in self._spans(function)}
        ends += [later(base, span) for span in sorted(spans) for base in bases][:_MOST_ENDS]
        waits = [end + offset - position.now for end in ends for offset in (-TICK, timedelta(0), TICK)]
        return [Move(wait) for wait in dict.fromkeys(waits) if wait >= timedelta(0)]

    def _spans(self, function: str) -> Iterator[timedelta]:
        """The durations that rules name which a function goes by."""
        contract = self.machine.contracts[function]
        rules = [rule.rule for rule in (*contract.requires, *contract.ensures)]
        for rule in (*rules, *(item.when for item in contract.raises if item.when)):
            yield from durations(rule)

    def failing(self, move: Move, played: Played, within: Callable[[Called], bool]) -> list[Move]:
        """The same move with every call of a port that went well going wrong, once, and every time."""
        found = []
        place: dict[tuple[str, str], list[Reply]] = {}
        for called in played.called:
            for heard in called.heard:
                before = place.setdefault((heard.port, heard.method.name), [])
                if heard.succeeded and within(called):
                    for error in heard.method.raises:
                        ports = _scripted(move.ports, heard, (*before, Reply(raises=error)))
                        found.append(replace(move, ports=ports))
                        if not before and move.always is None:
                            always = (heard.port, heard.method.name, error)
                            found.append(replace(move, always=always))
                before.append(heard.reply)
        return found

    def answering(self, move: Move, played: Played) -> list[Move]:
        """The same move with other answers of ports that have no model."""
        found = []
        place: dict[tuple[str, str], list[Reply]] = {}
        for heard in played.heard:
            before = place.setdefault((heard.port, heard.method.name), [])
            others = self.machine.world.variants(heard.port, heard.method)[1:5]
            found += [replace(move, ports=_scripted(move.ports, heard, (*before, Reply(v)))) for v in others]
            before.append(heard.reply)
        return found

    def explicit(self, move: Move, played: Played) -> Move:
        """The same move with every answer written out that the doubles would not give by themselves."""
        ports: dict[str, dict[str, tuple[Reply, ...]]] = {}
        models: dict[tuple[str, str], bool] = {}
        for heard in played.heard:
            key = (heard.port, heard.method.name)
            ports.setdefault(heard.port, {}).setdefault(heard.method.name, ())
            ports[heard.port][heard.method.name] += (heard.reply,)
            own = bool(self.machine.world.variants(heard.port, heard.method))
            models[key] = models.get(key, True) and heard.succeeded and not own
        written = {
            port: {method: replies for method, replies in methods.items() if not models[port, method]}
            for port, methods in ports.items()
        }
        return replace(
            move, ports={port: methods for port, methods in written.items() if methods}, always=None
        )

    def shape(self, position: Position) -> str:
        """A position as text, moments aside: what is worth going on from only once.

        What has become possible or impossible by waiting makes it another one.
        """
        memory = {variable_of(port): dict(parts) for port, parts in position.memory.items()}
        owed = [each.call for each in position.done]
        possible = [
            truth
            for function in self.events(position)
            for truth in self.machine.conditions(function, position.record, position.now, {})
        ]
        text = self.machine.key([position.record, owed, position.undoing, memory, possible])
        return re.sub(r'"\$": "datetime", "v": "[^"]*"', "", text)


def _scripted(ports: Replies, heard: Heard, replies: Sequence[Reply]) -> Replies:
    methods: Mapping[str, tuple[Reply, ...]] = ports.get(heard.port, {})
    return {**ports, heard.port: {**methods, heard.method.name: tuple(replies)}}
