"""The `flows` section of a spec: from its written form to `Flow` records whose every name leads somewhere."""

import keyword
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import timedelta

from pipeline.definitions import TypeAlias, TypeDefinition, TypeEnum, TypeRecord
from pipeline.flows.records import Flow, Timeout, Transition
from pipeline.flows.shape import port_variables, shape_of, variable_of
from pipeline.records import Finding, Place, SpecFlow, SpecFunction
from pipeline.rules import CONSTANTS, FUNCTIONS, MODULES
from pipeline.specs.complaints import suggest
from pipeline.specs.draft import Draft, check_known
from pipeline.specs.flow_checks import check_graph
from pipeline.specs.flow_draft import FlowDraft
from pipeline.specs.flow_steps import check_steps
from pipeline.specs.scenarios import read_scenarios
from pipeline.values import Types, ValuesError

_MEMBERS = frozenset({"settle", "since", "done", "undoing", "due_at"})
"""What every runner of a flow has beside its events."""
_LOCALS = frozenset(
    {"run", "resume", "start", "owed", "now", "cls", "self", "due", "enter", "undo", "record", "flow"}
)
"""What a runner needs for itself, besides."""
_LONGEST = timedelta(days=365_000)


def read_flows(
    draft: Draft, derived: Mapping[str, SpecFunction]
) -> tuple[tuple[SpecFlow, ...], list[Finding]]:
    """Every flow whose names lead somewhere, values in canonical JSON, and every finding about the flows.

    `derived` holds the functions of the spec that have no finding. A flow that needs another one is left out.
    """
    definitions: dict[str, TypeDefinition] = {}
    for function in derived.values():
        definitions |= function.contract.types
    types = Types({**definitions, **draft.types})
    flows: list[SpecFlow] = []
    findings = [*_check_names(draft)]
    for name, form in draft.file.flows.items():
        written = FlowDraft(draft, derived, name, form, types)
        flow, found = _read_flow(written)
        findings += found
        if flow is not None:
            place = draft.document.key("flows", name)
            flows.append(SpecFlow(flow=flow, place=place, places=_places(written, flow)))
    return tuple(flows), findings


def _read_flow(written: FlowDraft) -> tuple[Flow | None, list[Finding]]:
    machine, findings = _read_machine(written)
    if machine is None:
        return None, findings
    record, field, states = machine
    findings = [*_check_states(written, states), *_check_functions(written)]
    timeouts, found = _read_timeouts(written)
    findings += found
    form = written.form
    called = {step.call for step in form.transitions} | {form.start, *(wait.call for wait in form.timeouts)}
    called |= {*form.compensate, *form.compensate.values()}
    if findings or not (called - {None}) <= set(written.derived):
        return None, findings
    flow = Flow(
        name=written.name,
        summary=(form.summary or "").strip(),
        record=record,
        field=field,
        states=states,
        start=form.start,
        initial=form.initial,
        terminal=tuple(form.terminal),
        transitions=tuple(
            Transition(sources=_listed(step.sources), call=step.call, targets=_listed(step.to))
            for step in form.transitions
        ),
        timeouts=timeouts,
        compensate=form.compensate,
        savepoints=tuple(form.savepoints),
        endless={state: why.strip() for state, why in form.endless.items()},
        invariants=tuple(rule.strip() for rule in form.invariants),
    )
    findings += [*check_steps(written, flow), *check_graph(written, flow)]
    clashes = [*_check_variables(written, flow)]
    if clashes:
        return flow, [*findings, *clashes]
    findings += written.check_rules(flow, form.invariants, "invariants")
    scenarios, found = read_scenarios(written, flow)
    return flow.model_copy(update={"scenarios": scenarios}), [*findings, *found]


def _listed(written: str | list[str]) -> tuple[str, ...]:
    return (written,) if isinstance(written, str) else tuple(written)


def _places(written: FlowDraft, flow: Flow) -> dict[str, Place]:
    places = {f"transitions[{i}]": written.place("transitions", i) for i in range(len(flow.transitions))}
    waits = [
        written.place("timeouts", index, "state", number)
        for index, wait in enumerate(written.form.timeouts)
        for number in range(len(_listed(wait.state)))
    ]
    places |= {f"timeouts[{i}]": place for i, place in enumerate(waits)}
    places |= {f"invariants[{i}]": written.place("invariants", i) for i in range(len(flow.invariants))}
    places |= {f"compensate[{step}]": written.place_of("compensate", step) for step in flow.compensate}
    for index, scenario in enumerate(flow.scenarios):
        places[f"scenarios[{scenario.name}]"] = written.place("scenarios", index)
    return places


# -- names ---------------------------------------------------------------------------------------------------


def _check_names(draft: Draft) -> Iterable[Finding]:
    sections = ("types", "errors", "ports", "functions")
    taken = {name: section for section in sections for name in draft.names(section)}
    classes: dict[str, str] = {}
    made_by: dict[str, str] = {}
    for name, form in draft.file.flows.items():
        made = Flow.model_construct(name=name, compensate=form.compensate)
        first = classes.setdefault(made.class_name.lower(), name)
        others = [each for each in made.classes if made_by.setdefault(each, name) != name]
        doubles = [each for each in made.classes if made.classes.count(each) > 1]
        if keyword.iskeyword(name):
            message = f"'{name}' is a Python keyword; choose another name"
        elif name in taken:
            message = f"'{name}' is already the name of one of the {taken[name]}"
        elif first != name:
            message = f"'{name}' and '{first}' would give one class and one file; choose another name"
        elif clash := next((each for each in _own_classes(made, taken) if each in taken), None):
            message = f"the flow makes a class '{clash}', which is the name of one of the {taken[clash]}"
        elif others:
            message = f"the flow makes a class '{others[0]}', and so does '{made_by[others[0]]}'; rename one"
        elif doubles:
            message = (
                f"the flow makes two classes '{doubles[0]}'; rename it, or the function that is compensated"
            )
        else:
            continue
        yield draft.key("flows", name, message=message)


def _own_classes(flow: Flow, taken: Mapping[str, str]) -> tuple[str, ...]:
    """The classes of a runner; it is called `OrderFlow` where the spec has a type `Order`."""
    if taken.get(flow.class_name) == "types":
        return (f"{flow.class_name}Flow", *flow.classes[1:])
    return flow.classes


def _check_variables(written: FlowDraft, flow: Flow) -> Iterable[Finding]:
    """Findings about what rules and the runner call the record, the ports and the events."""
    names = {"initial": "the first record", variable_of(flow.record): "the record"}
    if len(names) == 1:
        yield written.at(
            "state", message=f"'initial' is the first record; '{flow.record}' needs another name"
        )
    taken = {*FUNCTIONS, *CONSTANTS, *MODULES, *keyword.kwlist, *_MEMBERS, *_LOCALS}
    for type_name in (flow.record, *port_variables(written.contracts(flow)).values()):
        variable = variable_of(type_name)
        if variable in taken or variable == type_name:
            message = (
                f"a flow calls its {type_name} '{variable}', which is taken; choose another name for the type"
            )
            yield written.at("state", message=message)
    types: dict[str, str] = {}
    for contract in written.contracts(flow):
        for type_name in contract.ports:
            variable = variable_of(type_name)
            other = types.setdefault(variable, type_name)
            what = names.get(variable) or (f"the port {other}" if other != type_name else None)
            if what:
                message = (
                    f"a flow calls the port {type_name} '{variable}', as it calls {what}; rename one of them"
                )
                yield written.at("state", message=message)
    ports = {variable_of(kind) for contract in written.contracts(flow) for kind in contract.ports}
    for contract in written.contracts(flow):
        events = shape_of(contract, flow).events
        for param in events:
            if contract.function == flow.start and param.name in ports:
                message = (
                    f"a flow passes something else as '{param.name}'; choose another name for the parameter"
                )
                yield written.draft.key("functions", contract.function, "params", param.name, message=message)
    reserved = {*_MEMBERS, variable_of(flow.record)}
    for index, step in enumerate(flow.transitions):
        if step.call in reserved:
            message = f"'{step.call}' is reserved in a flow; choose another name for the function"
            yield written.at("transitions", index, "call", message=message)


# -- the machine ---------------------------------------------------------------------------------------------


def _read_machine(written: FlowDraft) -> tuple[tuple[str, str, tuple[str, ...]] | None, list[Finding]]:
    """Record, field and states of a flow, or what is wrong with `state`; neither, if that was said already."""
    record, _, field = written.form.state.strip().partition(".")
    known = {name for name, kind in written.types.definitions.items() if isinstance(kind, TypeRecord)}
    definition = written.types.definitions.get(record)
    example = "the state of a flow is a field of a record, such as 'Progress.step'"
    if definition is None and record in written.draft.names("types"):
        return None, []
    if not field:
        message = f"write record and field; {example}"
    elif definition is None:
        message = f"unknown record '{record}'{suggest(record, known)}"
    elif not isinstance(definition, TypeRecord):
        message = f"'{record}' has no fields; {example}"
    elif (found := next((f for f in definition.fields if f.name == field), None)) is None:
        message = f"'{record}' has no field '{field}'{suggest(field, [f.name for f in definition.fields])}"
    elif (states := _states(written, found.type)) is None:
        message = f"'{record}.{field}' is no enum; the states of a flow are the values of one"
    else:
        return (record, field, states), []
    return None, [written.at("state", message=message)]


def _states(written: FlowDraft, type_name: str) -> tuple[str, ...] | None:
    definition = written.types.definitions.get(type_name)
    if isinstance(definition, TypeAlias):
        return _states(written, definition.type)
    return definition.values if isinstance(definition, TypeEnum) else None


def _check_states(written: FlowDraft, states: Sequence[str]) -> Iterable[Finding]:
    form = written.form
    lists: list[tuple[tuple[Hashable, ...], Sequence[str]]] = [
        (("initial",), [form.initial]),
        (("terminal",), form.terminal),
        (("savepoints",), form.savepoints),
    ]
    for index, step in enumerate(form.transitions):
        lists.append((("transitions", index, "from"), _listed(step.sources)))
        lists.append((("transitions", index, "to"), _listed(step.to)))
    for index, wait in enumerate(form.timeouts):
        lists.append((("timeouts", index, "state"), _listed(wait.state)))
        lists.append((("timeouts", index, "to"), [wait.to]))
    for path, names in lists:
        yield from check_known(
            written.draft, ("flows", written.name, *path), names, known=states, kind="state"
        )
    for state in form.endless:
        if state not in states:
            yield written.key("endless", state, message=f"unknown state '{state}'{suggest(state, states)}")


def _check_functions(written: FlowDraft) -> Iterable[Finding]:
    form = written.form
    called: list[tuple[tuple[Hashable, ...], str | None]] = [(("start",), form.start)]
    called += [(("transitions", i, "call"), step.call) for i, step in enumerate(form.transitions)]
    called += [(("timeouts", i, "call"), wait.call) for i, wait in enumerate(form.timeouts)]
    called += [(("compensate", step), undo) for step, undo in form.compensate.items()]
    known = written.draft.names("functions")
    for path, name in called:
        if name is not None and name not in known:
            yield written.at(*path, message=f"unknown function '{name}'{suggest(name, known)}")
    for name in form.compensate:
        if name not in known:
            message = f"unknown function '{name}'{suggest(name, known)}"
            yield written.key("compensate", name, message=message)


def _read_timeouts(written: FlowDraft) -> tuple[tuple[Timeout, ...], list[Finding]]:
    timeouts: list[Timeout] = []
    findings: list[Finding] = []
    for index, wait in enumerate(written.form.timeouts):
        try:
            after: timedelta = written.types.decode("timedelta", wait.after)
        except ValuesError as error:
            findings.append(written.at("timeouts", index, "after", message=str(error)))
            continue
        if after < timedelta(0) or (after == timedelta(0) and wait.since is None):
            message = f"a timeout is longer than nothing, not {wait.after}"
            findings.append(written.at("timeouts", index, "after", message=message))
        elif after > _LONGEST:
            message = f"no wait lasts for {wait.after}; list the state under 'endless', and say why"
            findings.append(written.at("timeouts", index, "after", message=message))
        timeouts += [
            Timeout(state=state, after=after, target=wait.to, since=wait.since, call=wait.call)
            for state in _listed(wait.state)
        ]
    return tuple(timeouts), findings
