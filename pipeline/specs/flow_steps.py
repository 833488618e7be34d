"""Whether the functions of a flow fit its steps: what they take and return, what undoes them, how long they wait."""

import ast
from collections.abc import Hashable, Iterator

from pipeline.flows.records import Flow
from pipeline.flows.shape import CLOCK, commands_of, failures_of, is_settled, methods_of, shape_of
from pipeline.records import Contract, Finding
from pipeline.rules import durations
from pipeline.specs.complaints import suggest
from pipeline.specs.flow_checks import timeout_paths
from pipeline.specs.flow_draft import FlowDraft


def check_steps(written: FlowDraft, flow: Flow) -> Iterator[Finding]:
    """Every finding about signatures, compensations, effects that nothing undoes, and limits that are off by one."""
    yield from _check_start(written, flow)
    for index, step in enumerate(flow.transitions):
        yield from _check_function(written, flow, step.call, ("transitions", index, "call"))
    yield from _check_timeouts(written, flow)
    for undone, undo in flow.compensate.items():
        yield from _check_compensation(written, flow, undone, undo)
    yield from _check_effects(written, flow)
    yield from _check_edges(written, flow)


# -- signatures ----------------------------------------------------------------------------------------------


def _check_start(written: FlowDraft, flow: Flow) -> Iterator[Finding]:
    if flow.start is None:
        return
    contract = written.contract(flow.start)
    if any(param.type == flow.record for param in contract.params):
        message = f"'{flow.start}' makes the first {flow.record}, so that it cannot take one"
        yield written.at("start", message=message)
    yield from _check_returns(written, flow, contract, ("start",))
    yield from _check_names(written, flow, contract, ("start",))


def _check_function(
    written: FlowDraft, flow: Flow, function: str, path: tuple[Hashable, ...]
) -> Iterator[Finding]:
    contract = written.contract(function)
    yield from _check_record(written, flow, contract, path)
    yield from _check_returns(written, flow, contract, path)
    yield from _check_names(written, flow, contract, path)


def _check_record(
    written: FlowDraft, flow: Flow, contract: Contract, path: tuple[Hashable, ...]
) -> Iterator[Finding]:
    records = [param.name for param in contract.params if param.type == flow.record]
    if not records:
        message = f"'{contract.function}' takes no {flow.record}; give it a parameter of that type"
        yield written.at(*path, message=message)
    elif len(records) > 1:
        listed = " and ".join(f"'{name}'" for name in records)
        message = f"'{contract.function}' takes the {flow.record} as {listed}; a step of a flow takes it once"
        yield written.at(*path, message=message)


def _check_returns(
    written: FlowDraft, flow: Flow, contract: Contract, path: tuple[Hashable, ...]
) -> Iterator[Finding]:
    if contract.returns != flow.record:
        message = (
            f"'{contract.function}' returns {contract.returns}; a step of the flow returns {flow.record}"
        )
        yield written.at(*path, message=message)


def _check_names(
    written: FlowDraft, flow: Flow, contract: Contract, path: tuple[Hashable, ...]
) -> Iterator[Finding]:
    for param in shape_of(contract, flow).events:
        if param.name == CLOCK.name:
            message = f"'{param.name}' of '{contract.function}' is a {param.type}; in a flow it is the clock, a datetime"
            yield written.at(*path, message=message)
        elif param.name == "self":
            message = f"'self' of '{contract.function}' is reserved in a flow; choose another name"
            yield written.at(*path, message=message)


def _check_timeouts(written: FlowDraft, flow: Flow) -> Iterator[Finding]:
    definition = written.types.definitions[flow.record]
    fields = {field.name: field.type for field in getattr(definition, "fields", ())}
    moments = [name for name, type_name in fields.items() if type_name in {"datetime", "datetime | None"}]
    for index, wait in enumerate(written.form.timeouts):
        if wait.since is not None and wait.since not in fields:
            message = f"'{flow.record}' has no field '{wait.since}'{suggest(wait.since, moments)}"
            yield written.at("timeouts", index, "since", message=message)
        elif wait.since is not None and wait.since not in moments:
            message = (
                f"'{flow.record}.{wait.since}' is of type {fields[wait.since]}; a wait begins at a datetime"
            )
            yield written.at("timeouts", index, "since", message=message)
        if wait.call is None:
            continue
        path = ("timeouts", index, "call")
        contract = written.contract(wait.call)
        yield from _check_record(written, flow, contract, path)
        yield from _check_returns(written, flow, contract, path)
        if events := [p.name for p in shape_of(contract, flow).events if p.type != flow.record]:
            message = (
                f"'{wait.call}' takes '{events[0]}', which nobody gives when time runs out; "
                f"it may take the {flow.record}, 'now: datetime' and ports"
            )
            yield written.at(*path, message=message)


def _check_compensation(written: FlowDraft, flow: Flow, step: str, undo: str) -> Iterator[Finding]:
    at = ("compensate", step)
    if step not in {transition.call for transition in flow.transitions}:
        message = f"no transition calls '{step}', so that there is nothing to undo"
        yield written.key(*at, message=message)
        return
    if undo == step:
        yield written.at(*at, message=f"'{step}' cannot undo itself")
        return
    if undo in flow.compensate:
        message = f"'{undo}' undoes '{step}' and is itself undone, by '{flow.compensate[undo]}' at "
        yield written.at(*at, message=message + str(written.place_of("compensate", undo)))
    contract = written.contract(undo)
    if contract.returns not in {flow.record, "None"}:
        message = f"'{undo}' returns {contract.returns}; what undoes a step returns {flow.record} or None"
        yield written.at(*at, message=message)
    known = shape_of(written.contract(step), flow).events
    for param in shape_of(contract, flow).events:
        if param.type == flow.record:
            yield from _check_record(written, flow, contract, at)
        elif param not in known:
            given = [*(f"'{each.name}: {each.type}'" for each in known), f"the {flow.record}"]
            message = (
                f"'{undo}' takes '{param.name}: {param.type}', which '{step}' is not given; "
                f"it may take {', '.join(given)}, 'now: datetime' and ports"
            )
            yield written.at(*at, message=message)


# -- effects -------------------------------------------------------------------------------------------------


def _check_effects(written: FlowDraft, flow: Flow) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, step in enumerate(flow.transitions):
        commands = commands_of(written.contract(step.call))
        if not commands or step.call in flow.compensate or step.call in seen:
            continue
        if any(is_settled(flow, state) for state in step.targets):
            continue  # it may be asked for on the way there alone: the walks tell
        failing = _failing_after(written, flow, step.targets)
        if failing is None:
            continue
        seen.add(step.call)
        state, later = failing
        contract = written.contract(later)
        failures = failures_of(contract)
        call, error = next(
            (call, error)
            for call, method in methods_of(contract).items()
            for error in method.raises
            if error in failures
        )
        when = "it is called again and" if later == step.call else f"'{later}' later"
        message = (
            f"'{step.call}' calls {commands[0]}, and nothing undoes that when {when} fails with {error} "
            f"of {call}; add `{step.call}: <the function that undoes it>` under 'compensate', or list '{state}' "
            "under 'savepoints'"
        )
        yield written.at("transitions", index, "call", message=message)


def _failing_after(written: FlowDraft, flow: Flow, states: tuple[str, ...]) -> tuple[str, str] | None:
    """The nearest function that may fail from one of the states on, and the state it is called in."""
    waiting = [state for state in states if not is_settled(flow, state)]
    for state in waiting:
        leaving = [step for step in flow.transitions if state in step.sources]
        for step in leaving:
            if failures_of(written.contract(step.call)):
                return state, step.call
        ahead = (target for step in leaving for target in step.targets)
        waiting += [
            target
            for target in dict.fromkeys(ahead)
            if target not in waiting and not is_settled(flow, target)
        ]
    return None


# -- limits --------------------------------------------------------------------------------------------------


def _check_edges(written: FlowDraft, flow: Flow) -> Iterator[Finding]:
    """Findings about errors that are raised at the very moment at which the flow still waits."""
    waits = {
        (step.call, wait.after): (wait.state, written.place(*path[:2], "after"))
        for (path, _), wait in zip(timeout_paths(written), flow.timeouts, strict=True)
        for step in flow.transitions
        if wait.state in step.sources
    }
    for (function, after), (state, place) in waits.items():
        raises = written.draft.file.functions[function].raises
        for error, when in raises.items() if isinstance(raises, dict) else ():
            for offset, length in _reached(when or "None"):
                if length == after:
                    message = (
                        f"raises {error} when '{state}' has lasted exactly as long as its timeout at {place} "
                        "allows, and the flow's wait is over only after that; write '>', not '>='"
                    )
                    path = ("functions", function, "raises", error)
                    yield Finding(place=written.draft.document.within(*path, offset=offset), message=message)


def _reached(rule: str) -> Iterator[tuple[int, object]]:
    """Where a rule says `now - x >= timedelta(...)` or `timedelta(...) <= now - x`, and the duration."""
    spaces = len(rule) - len(rule.lstrip())
    for node in ast.walk(ast.parse(rule.strip(), mode="eval")):
        match node:
            case ast.Compare(left=elapsed, ops=[ast.GtE()], comparators=[limit]):
                pass
            case ast.Compare(left=limit, ops=[ast.LtE()], comparators=[elapsed]):
                pass
            case _:
                continue
        match elapsed:
            case ast.BinOp(left=ast.Name(id=CLOCK.name), op=ast.Sub()) if isinstance(limit, ast.Call):
                yield from ((spaces + node.col_offset, length) for length in durations(ast.unparse(limit)))
