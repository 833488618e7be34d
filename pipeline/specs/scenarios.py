"""The scenarios of a flow: from written walks to records whose values fit their types and whose steps are possible."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pipeline.flows.records import Flow, Scenario, ScenarioStep
from pipeline.flows.shape import shape_of
from pipeline.records import Finding
from pipeline.specs.complaints import suggest
from pipeline.specs.flow_checks import reachable
from pipeline.specs.flow_draft import FlowDraft
from pipeline.specs.format import ScenarioFile, StepFile
from pipeline.specs.scripts import read_answer
from pipeline.specs.yaml_source import Path


def read_scenarios(written: FlowDraft, flow: Flow) -> tuple[tuple[Scenario, ...], list[Finding]]:
    """The scenarios of a flow, values in canonical JSON, and every finding about them."""
    scenarios: list[Scenario] = []
    findings: list[Finding] = []
    names: dict[str, int] = {}
    for index, form in enumerate(written.form.scenarios):
        if names.setdefault(form.name, index) != index:
            first = written.place("scenarios", names[form.name], "name")
            message = f"the scenario at {first} is already called '{form.name}'"
            findings.append(written.at("scenarios", index, "name", message=message))
        reader = _Reader(written, flow)
        scenario = reader.scenario(form, ("scenarios", index))
        if not reader.findings:
            reader.findings += _check_way(written, flow, scenario, ("scenarios", index))
        findings += reader.findings
        scenarios.append(scenario)
    return tuple(scenarios), findings


class _Reader:
    """Reads one scenario; collects what does not fit."""

    def __init__(self, written: FlowDraft, flow: Flow) -> None:
        self.findings: list[Finding] = []
        self._written = written
        self._flow = flow
        self._ports = written.ports(flow)

    def scenario(self, form: ScenarioFile, at: Path) -> Scenario:
        if self._flow.start is None:
            given = self.value(self._flow.record, form.given, (*at, "given"))
        else:
            given = self._arguments(self._flow.start, form.given, (*at, "given"))
        return Scenario(
            name=form.name,
            given=given,
            at=None if form.at is None else self.value("datetime", form.at, (*at, "at")),
            memory={
                name: self._memory(name, values, (*at, "memory", name))
                for name, values in form.memory.items()
            },
            steps=tuple(self._step(step, (*at, "steps", index)) for index, step in enumerate(form.steps)),
        )

    def _step(self, form: StepFile, at: Path) -> ScenarioStep:
        wait = timedelta(0)
        if form.wait is not None:
            wait = self._wait(form.wait, (*at, "wait"))
        given: dict[str, Any] = {}
        if form.call is not None:
            given = self._call(form, form.call, at)
        elif form.given:
            self.complain_of_key(
                (*at, "with"), "nothing is called, so that nothing takes arguments; add 'call'"
            )
        elif form.wait is None:
            self.complain(at, "nothing happens; give a 'call', a 'wait' or both")
        ports = {
            name: self._scripts(name, methods, (*at, "ports", name)) for name, methods in form.ports.items()
        }
        if form.raises is not None:
            self._raises(form.raises, form.call, (*at, "raises"))
        if form.state is not None and form.state not in self._flow.states:
            hint = suggest(form.state, self._flow.states)
            self.complain((*at, "state"), f"unknown state '{form.state}'{hint}")
        self.findings += self._written.check_rules(self._flow, form.ensures, *at, "ensures")
        return ScenarioStep(
            wait=wait,
            call=form.call,
            given=given,
            ports=ports,
            raises=form.raises,
            state=form.state,
            ensures=tuple(rule.strip() for rule in form.ensures),
        )

    def _wait(self, text: str, at: Path) -> timedelta:
        encoded = self.value("timedelta", text, at)
        if encoded is None:
            return timedelta(0)
        wait: timedelta = self._written.types.decode("timedelta", encoded)
        if wait < timedelta(0):
            self.complain(at, f"time does not run backwards: {text}")
        return wait

    def _call(self, form: StepFile, function: str, at: Path) -> dict[str, Any]:
        events = list(dict.fromkeys(step.call for step in self._flow.transitions))
        if function in events:
            return self._arguments(function, form.given, (*at, "with"))
        hint = suggest(function, events) or f"; it calls {', '.join(events)}"
        self.complain((*at, "call"), f"no transition of the flow calls '{function}'{hint}")
        return {}

    def _arguments(self, function: str, given: Any, at: Path) -> dict[str, Any]:
        contract = self._written.contract(function)
        params = {param.name: param.type for param in shape_of(contract, self._flow).events}
        if not isinstance(given, dict):
            self.complain(at, f"expected the arguments of '{function}' by name")
            return {}
        for name in given:
            if name in {param.name for param in contract.params} - set(params):
                self.complain_of_key((*at, name), f"the flow itself passes '{name}'; leave it out")
            elif name not in params:
                message = f"unknown parameter '{name}' of '{function}'{suggest(name, params)}"
                self.complain_of_key((*at, name), message)
        if missing := ", ".join(f"'{name}'" for name in params if name not in given):
            self.complain_of_key(at, f"no value for {missing} of '{function}'")
        return {
            name: self.value(params[name], value, (*at, name))
            for name, value in given.items()
            if name in params
        }

    def _memory(self, variable: str, values: dict[str, Any], at: Path) -> dict[str, Any]:
        if variable not in self._ports:
            self._unknown_port(variable, at)
            return {}
        memory = {param.name: param.type for param in self._ports[variable].memory}
        for name in values:
            if name not in memory:
                message = f"'{variable}' remembers no '{name}'{suggest(name, memory)}"
                self.complain_of_key((*at, name), message)
        return {
            name: self.value(memory[name], value, (*at, name))
            for name, value in values.items()
            if name in memory
        }

    def _scripts(self, variable: str, methods: dict[str, list[Any]], at: Path) -> dict[str, Any]:
        if variable not in self._ports:
            self._unknown_port(variable, at)
            return {}
        port = self._ports[variable]
        scripts = {}
        for name, answers in methods.items():
            method = port.method(name)
            if method is None:
                hint = suggest(name, [each.name for each in port.methods])
                self.complain_of_key((*at, name), f"unknown method '{name}' of '{variable}'{hint}")
                continue
            scripts[name] = [
                read_answer(self, method, answer, (*at, name, number))
                for number, answer in enumerate(answers)
            ]
        return scripts

    def _raises(self, error: str, call: str | None, at: Path) -> None:
        called = [call, *(wait.call for wait in self._flow.timeouts), *self._flow.compensate.values()]
        known = {
            each.error
            for function in filter(None, called)
            if function in self._written.derived
            for each in self._written.contract(function).raises
        }
        if call is not None:
            known.add(self._flow.not_allowed)
        if error not in known:
            what = f"'{call}'" if call else "a timeout"
            hint = suggest(error, known) or (f"; it may raise {', '.join(sorted(known))}" if known else "")
            self.complain(at, f"{what} does not raise '{error}'{hint}")

    # -- complaints --------------------------------------------------------------------------------------

    def value(self, annotation: str, written: Any, at: Path) -> Any:
        """A value that is written at `at`; None, and a complaint, where it does not fit."""
        encoded, findings = self._written.read(annotation, written, *at)
        self.findings += findings
        return encoded

    def complain(self, at: Path, message: str) -> None:
        """Note what is wrong with the value at `at`."""
        self.findings.append(self._written.at(*at, message=message))

    def complain_of_key(self, at: Path, message: str) -> None:
        """Note what is wrong with the key at `at`."""
        self.findings.append(self._written.key(*at, message=message))

    def _unknown_port(self, variable: str, at: Path) -> None:
        message = f"no function of the flow takes a port '{variable}'{suggest(variable, self._ports)}"
        self.complain_of_key(at, message)


# -- ways ----------------------------------------------------------------------------------------------------


def _check_way(written: FlowDraft, flow: Flow, scenario: Scenario, at: Path) -> Iterator[Finding]:
    """One finding at the first step that no transition makes possible, if there is one."""
    timed: dict[str, set[str]] = {state: set() for state in flow.states}
    for wait in flow.timeouts:
        timed[wait.state].add(wait.target)
    now = {flow.initial if flow.start else scenario.given[flow.field]}
    been = set(now)
    failed = False
    for index, step in enumerate(scenario.steps):
        before = reachable(timed, now | been if failed else now)
        been |= before
        failed = (
            failed or step.raises is not None
        )  # It may lead back to any earlier state, now or at the next step.
        if step.raises is not None:
            now = set(been)
        elif step.call is not None:
            now = {
                target
                for transition in flow.transitions
                if transition.call == step.call and before & set(transition.sources)
                for target in transition.targets
            }
        else:
            now = before
        if not now:
            froms = _places_of(written, flow, step.call)
            message = f"'{step.call}' cannot be called in {_either(flow, before)}; its transitions: {froms}"
            yield written.at(*at, "steps", index, "call", message=message)
            return
        if step.state is not None and step.state not in now:
            why = f"; see {_places_of(written, flow, step.call)}" if step.call else ""
            message = f"this step leads to {_either(flow, now)}, not to '{step.state}'{why}"
            yield written.at(*at, "steps", index, "state", message=message)
            return
        now = now if step.state is None else {step.state}
        been |= now


def _either(flow: Flow, states: set[str]) -> str:
    return " or ".join(f"'{state}'" for state in flow.states if state in states)


def _places_of(written: FlowDraft, flow: Flow, call: str | None) -> str:
    places = [
        written.place("transitions", number, "from")
        for number, step in enumerate(flow.transitions)
        if step.call == call
    ]
    return ", ".join(map(str, places))
