"""What a flow is: states, what leads from one to the next, how long each may wait, and how it is undone."""

from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from pipeline.definitions import Record


class Transition(Record):
    """One step: from any of `sources`, a call of a function leads to one of `targets`."""

    sources: tuple[str, ...]
    call: str
    targets: tuple[str, ...]


class Timeout(Record):
    """What happens when a state has lasted longer than `after`."""

    state: str
    after: timedelta
    """The wait is over once more than this has passed; at exactly this it is not."""
    target: str
    since: str | None = None
    """Field of the record that says when the wait began; None: when the state was entered."""
    call: str | None = None
    """Function that makes the step; None: the state alone changes."""


class ScenarioStep(Record):
    """Time passes, then something is called."""

    wait: timedelta = timedelta(0)
    call: str | None = None
    """None: only time passes."""
    given: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the call, but for the record, the clock and the ports."""
    ports: dict[str, Any] = Field(default_factory=dict)
    """Port -> script of its answers, where they are not those of its double."""
    raises: str | None = None
    """Name of the error that must come of it; None: none."""
    state: str | None = None
    """The state it must lead to."""
    ensures: tuple[str, ...] = ()
    """Rules that hold afterwards."""


class Scenario(Record):
    """A walk through a flow and what must come of it."""

    name: str
    given: Any
    """The first record; for a flow with `start`, the arguments of that function by name."""
    at: str | None = None
    """When it begins, in ISO 8601; None: at the latest moment that `given` mentions."""
    memory: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Port -> what its double remembers at first, where that is not nothing."""
    steps: tuple[ScenarioStep, ...] = ()


class Flow(Record):
    """A state machine over one field of a record; every step is a function of the spec."""

    name: str
    summary: str = ""
    record: str
    """Type of the value that is carried from step to step."""
    field: str
    """Field of it that holds the state, an enum."""
    states: tuple[str, ...]
    """Every value of that enum."""
    start: str | None = None
    """Function that makes the first record; None: it is given."""
    initial: str
    terminal: tuple[str, ...]
    transitions: tuple[Transition, ...]
    timeouts: tuple[Timeout, ...] = ()
    compensate: dict[str, str] = Field(default_factory=dict)
    """Function -> the one that undoes it, when a later step fails."""
    savepoints: tuple[str, ...] = ()
    """States in which what was done before is kept: a later failure undoes only what came after."""
    endless: dict[str, str] = Field(default_factory=dict)
    """State that may last for ever -> why."""
    invariants: tuple[str, ...] = ()
    scenarios: tuple[Scenario, ...] = ()

    @property
    def class_name(self) -> str:
        """What its runner is called: `take_order` -> `TakeOrder`."""
        return _camel(self.name)

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class that its runner consists of."""
        steps = (f"{self.class_name}{_camel(step)}" for step in self.compensate)
        return (self.class_name, self.not_allowed, f"{self.class_name}Run", *steps)

    @property
    def not_allowed(self) -> str:
        """The error of a call that is no step from the state a run is in."""
        return f"{self.class_name}NotAllowed"

    @property
    def functions(self) -> tuple[str, ...]:
        """Every function of the spec that it calls, in the order in which they are named."""
        called = [
            self.start,
            *(step.call for step in self.transitions),
            *(wait.call for wait in self.timeouts),
        ]
        return tuple(dict.fromkeys(filter(None, [*called, *self.compensate.values()])))

    @property
    def clauses(self) -> tuple[str, ...]:
        """Every clause the functions of a flow are judged by together, in the order in which they are reported."""
        return (
            *(f"scenarios[{scenario.name}]" for scenario in self.scenarios),
            "transitions",
            "requires",
            "contracts",
            "timeouts",
            "compensation",
            "failures",
            *(f"invariants[{number}]" for number in range(len(self.invariants))),
            "coverage",
            "limits",
        )


class FlowClause(Record):
    """One promise of a flow and whether its functions kept it together."""

    clause: str
    """`scenarios[all goes well]`, `transitions`, `requires`, `contracts`, `timeouts`, `compensation`, `failures`,
    `invariants[0]`, `coverage`, `limits`."""
    passed: bool
    message: str | None = None
    """For a person: what happened instead, and on which walk. None when the clause was kept."""


class FlowJudgement(Record):
    """What the judge found out about the functions of one flow together."""

    clauses: tuple[FlowClause, ...]
    walks: int = 0
    """How many walks were tried, the scenarios included."""
    counterexample: str | None = None
    """The shortest walk that breaks a clause, as an item of `scenarios:` in the spec's YAML."""

    @property
    def passed(self) -> bool:
        return bool(self.clauses) and all(clause.passed for clause in self.clauses)

    @property
    def failures(self) -> tuple[FlowClause, ...]:
        return tuple(clause for clause in self.clauses if not clause.passed)


class FlowVerdict(Record):
    """A flow, the evidence that its functions fit together, and the digests that tie it to their files."""

    flow_verdict: Literal[1] = 1
    """Version of this format."""
    spec: str
    flow: Flow
    flow_digest: str
    """Of the flow, and of what the specs give for every function it may come to call."""
    sources: dict[str, str]
    """`spec.function` -> digest of its file, of every function it may come to call."""
    clauses: tuple[str, ...]
    """Every clause that was judged; all of them were kept."""
    walks: int
    """How many walks were tried."""
    sandbox: str
    tool: str
    seal: str = ""


def _camel(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))
