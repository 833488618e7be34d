"""The graph of a flow: every state can be reached and can end, and every wait has an end or a reason."""

from collections.abc import Iterable, Iterator

from pipeline.flows.records import Flow
from pipeline.records import Finding
from pipeline.specs.flow_draft import FlowDraft


def check_graph(written: FlowDraft, flow: Flow) -> Iterator[Finding]:
    """Every finding about ends, ways and waits of a flow whose names are all known."""
    yield from _check_ends(written, flow)
    yield from _check_twice(written, flow)
    yield from _check_waits(written, flow)
    yield from _check_ways(written, flow)


def next_states(flow: Flow) -> dict[str, set[str]]:
    """State -> the states that a transition or a timeout leads to from there."""
    ahead: dict[str, set[str]] = {state: set() for state in flow.states}
    for step in flow.transitions:
        for source in step.sources:
            ahead[source].update(step.targets)
    for wait in flow.timeouts:
        ahead[wait.state].add(wait.target)
    return ahead


def reachable(ahead: dict[str, set[str]], states: Iterable[str]) -> set[str]:
    """The states, and all that can be reached from them."""
    waiting = [*states]
    seen = set(waiting)
    while waiting:
        more = ahead[waiting.pop()] - seen
        seen |= more
        waiting += more
    return seen


def _check_ends(written: FlowDraft, flow: Flow) -> Iterator[Finding]:
    ends = {state: written.place("terminal", number) for number, state in enumerate(flow.terminal)}
    for index, step in enumerate(flow.transitions):
        for number, state in enumerate(step.sources):
            if state in ends:
                message = f"'{state}' is terminal, see {ends[state]}; nothing leads on from there"
                yield written.at("transitions", index, "from", number, message=message)
    for path, wait in timeout_paths(written):
        if wait in ends:
            message = f"'{wait}' is terminal, see {ends[wait]}; it does not wait"
            yield written.at(*path, message=message)
    for state in flow.endless:
        if state in ends:
            message = f"'{state}' is terminal, see {ends[state]}; it does not wait"
            yield written.key("endless", state, message=message)
    for number, state in enumerate(flow.savepoints):
        if state in ends:
            message = f"'{state}' is terminal, see {ends[state]}; an end keeps what was done without being a savepoint"
            yield written.at("savepoints", number, message=message)
    if flow.initial in ends:
        message = f"'{flow.initial}' is terminal, see {ends[flow.initial]}; a flow begins before its end"
        yield written.at("initial", message=message)


def timeout_paths(written: FlowDraft) -> list[tuple[tuple[str, int, str, int], str]]:
    """Where each state that has a timeout is written, in the order of `flow.timeouts`."""
    return [
        (("timeouts", index, "state", number), state)
        for index, wait in enumerate(written.form.timeouts)
        for number, state in enumerate([wait.state] if isinstance(wait.state, str) else wait.state)
    ]


def _check_twice(written: FlowDraft, flow: Flow) -> Iterator[Finding]:
    steps: dict[tuple[str, str], tuple[str, int, str, int]] = {}
    for index, step in enumerate(flow.transitions):
        for number, state in enumerate(step.sources):
            path = ("transitions", index, "from", number)
            first = steps.setdefault((state, step.call), path)
            if first[1] != index:
                message = (
                    f"'{step.call}' in '{state}' has a transition at {written.place(*first)} already; "
                    "list all it may lead to in one 'to'"
                )
                yield written.at(*path, message=message)
    waits: dict[tuple[str, str | None], tuple[str, int, str, int]] = {}
    for (path, state), wait in zip(timeout_paths(written), flow.timeouts, strict=True):
        earlier = waits.setdefault((state, wait.since), path)
        if earlier[1] != path[1]:
            message = (
                f"'{state}' has a timeout at {written.place(*earlier)} already; two of one state "
                "begin at different moments: give them different fields under 'since'"
            )
            yield written.at(*path, message=message)


def _check_waits(written: FlowDraft, flow: Flow) -> Iterator[Finding]:
    timed = {state: path for path, state in reversed(timeout_paths(written))}
    for state in flow.endless:
        if state in timed and state not in flow.terminal:
            message = f"'{state}' may not last for ever: it has a timeout at {written.place(*timed[state])}"
            yield written.key("endless", state, message=message)
    for state in flow.states:
        if state in reachable(next_states(flow), [flow.initial]) - {*timed, *flow.terminal, *flow.endless}:
            message = (
                f"state '{state}' waits without a timeout; add `{{state: {state}, after: ..., to: ...}}` "
                "under 'timeouts', or say under 'endless' why it may wait for ever"
            )
            yield written.key("timeouts", message=message)


def _check_ways(written: FlowDraft, flow: Flow) -> Iterator[Finding]:
    ahead = next_states(flow)
    reached = reachable(ahead, [flow.initial])
    stuck = {state for state in reached if not ahead[state] and state not in flow.terminal}
    for state in flow.states:
        if state not in reached:
            message = (
                f"state '{state}' cannot be reached from '{flow.initial}'; add a transition or a timeout "
                "that leads to it"
            )
            yield written.key("transitions", message=message)
        elif state in stuck:
            message = (
                f"nothing leads on from state '{state}'; add a transition or a timeout, or make it terminal"
            )
            yield written.key("transitions", message=message)
        elif not reachable(ahead, [state]) & {*flow.terminal, *stuck}:
            message = f"no way from state '{state}' leads to an end; add a transition or a timeout"
            yield written.key("transitions", message=message)
