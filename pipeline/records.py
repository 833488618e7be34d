"""Every record that flows through a run, in the order it flows. All are frozen; none knows a stage."""

from typing import Any, Literal

from pydantic import Field

from pipeline.definitions import Param, Port, Record, TypeDefinition
from pipeline.flows.records import Flow

Origin = Literal["spec", "architect"]
"""Who said it: a person, or the architect model."""


# -- what a person wrote -----------------------------------------------------------------------------------


class Place(Record):
    """A position in a file a person wrote. Line and column count from 1."""

    path: str
    """Relative to the project's root, with `/`."""
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class Finding(Record):
    """One complaint about a spec or a contract, at the place a person must look at."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class Rule(Record):
    """A Python expression of the rule language."""

    rule: str
    origin: Origin = "spec"
    constraint: str | None = None
    """The constraint of the spec this rule comes from, if it does."""


class Raise(Record):
    """An error the function may raise. With `when`, exactly when it holds; without, only examples say when."""

    error: str
    when: str | None = None
    origin: Origin = "spec"


class PortCall(Record):
    """One call of a port's method, with its arguments by name, as JSON."""

    method: str
    """`mailer.send`: the parameter that holds the port, and the method."""
    arguments: dict[str, Any] = Field(default_factory=dict)


class Case(Record):
    """One call and what must come of it: `returns` or `raises`, values as JSON.

    A port's value in `given` is a script: method -> list of answers, each `{"returns": value}` or
    `{"raises": "Error"}`, one for each call in order.
    """

    name: str
    given: dict[str, Any]
    returns: Any = None
    raises: str | None = None
    """Name of the error; None when the call returns."""
    calls: tuple[PortCall, ...] | None = None
    """What it must ask of its ports, in order; None if that is not said."""
    origin: Origin = "spec"
    shown: bool = True
    """False: held back from the implementer."""


class Constraint(Record):
    """Something said once for many functions."""

    name: str
    text: str


class Decision(Record):
    """A question with one answer for every function it covers."""

    name: str
    question: str
    choice: str
    """Empty as long as nobody has chosen."""
    meaning: str
    reason: str | None = None
    """Why the architect chose so; None where a person did."""


class Callee(Record):
    """A function this one may call: what its contract says, never its body."""

    function: str
    """Its name; `spec.function` if another spec has it."""
    signature: str
    summary: str
    requires: tuple[str, ...] = ()
    raises: tuple[str, ...] = ()
    ensures: tuple[str, ...] = ()


class Bounds(Record):
    """What a function's text may hold beside the rules for all; checked without running it."""

    forbidden_imports: tuple[str, ...] = ()
    """Modules it may not import, of those every function may."""
    forbidden_names: tuple[str, ...] = ()
    max_lines: int = 60
    """Ceiling of the function's body, in lines as formatted."""


class Contract(Record):
    """What one function must keep. Self-contained: the implementer gets nothing else."""

    contract: Literal[1] = 1
    """Version of this format."""
    spec: str
    """The spec it comes from."""
    function: str
    """The name of the function."""
    summary: str
    """What the function is for."""
    params: tuple[Param, ...]
    """Its parameters, in order."""
    returns: str
    """The annotation of what it returns."""
    types: dict[str, TypeDefinition] = Field(default_factory=dict)
    """Every type of the spec that the signature reaches."""
    errors: dict[str, str] = Field(default_factory=dict)
    """Name -> meaning, of the spec's own errors that it or its ports may raise."""
    ports: dict[str, Port] = Field(default_factory=dict)
    """The ports among the types of its parameters."""
    homes: dict[str, str] = Field(default_factory=dict)
    """Type, error or port -> the spec that defines it, where that is another one."""
    is_async: bool = False
    """Whether it must be awaited."""
    calls: tuple[str, ...] = ()
    """What it may ask of its ports: `mailer.send`."""
    handles: tuple[str, ...] = ()
    """Errors of its callees and ports that it deals with itself."""
    requires: tuple[Rule, ...] = ()
    """Rules that hold for every call."""
    raises: tuple[Raise, ...] = ()
    """Errors it raises; conditions are tried in order."""
    ensures: tuple[Rule, ...] = ()
    """Rules that hold for every value it returns."""
    mutates: tuple[str, ...] = ()
    """Parameters the function may change in place."""
    cases: tuple[Case, ...] = ()
    """Calls with known outcomes."""
    constraints: tuple[Constraint, ...] = ()
    """What was said once for many functions and covers this one."""
    decisions: tuple[Decision, ...] = ()
    """The answers it must agree with."""
    assumes: dict[str, str] = Field(default_factory=dict)
    """Decision -> the answer that it takes for granted."""
    uses: tuple[Callee, ...] = ()
    """The functions it may call."""
    bounds: Bounds = Bounds()
    """What its text may not hold."""
    approach: str | None = None
    """How the architect would go about it; advice, not a promise."""
    derived_from: str = ""
    """Digest of what the spec alone gives for this function, its callees included; empty before it lands."""
    seal: str = ""
    """Digest of this contract as it was written; a hand edit breaks it."""

    @property
    def id(self) -> str:
        return f"{self.spec}.{self.function}"

    @property
    def callee_ids(self) -> tuple[str, ...]:
        """`spec.function` of every function it may call."""
        return tuple(
            callee.function if "." in callee.function else f"{self.spec}.{callee.function}"
            for callee in self.uses
        )

    @property
    def clauses(self) -> tuple[str, ...]:
        """Every clause a candidate is judged by, in the order in which they are reported."""
        return (
            "bounds",
            *(f"examples[{case.name}]" for case in self.cases),
            "returns",
            "raises",
            *(f"raises[{item.error}]" for item in self.raises if item.when is not None),
            *(f"ensures[{number}]" for number in range(len(self.ensures))),
            *(("ports",) if self.ports else ()),
            "unmodified",
            "repeatable",
            "limits",
        )

    @property
    def port_params(self) -> dict[str, Port]:
        """Parameter -> the port that is passed in by it."""
        return {param.name: self.ports[param.type] for param in self.params if param.type in self.ports}


class SpecFunction(Record):
    """One function of a spec: its contract as the spec alone gives it, and where a person wrote it."""

    contract: Contract
    """Derived by rule: every item has the origin `spec`."""
    place: Place
    places: dict[str, Place] = Field(default_factory=dict)
    """Where each clause was written: `examples[fresh link]`, `requires[0]`, `raises[TokenExpired]`, `ensures[0]`,
    `assumes[session]`."""


class SpecFlow(Record):
    """One flow of a spec, and where a person wrote it."""

    flow: Flow
    place: Place
    places: dict[str, Place] = Field(default_factory=dict)
    """Where each part was written: `transitions[0]`, `timeouts[0]`, `invariants[0]`, `scenarios[all goes well]`,
    `compensate[complete_profile]`."""


class DecisionRecord(Record):
    """A decision with all that could have been chosen."""

    name: str
    question: str
    options: dict[str, str]
    """Answer -> what it means."""
    choice: str | None = None
    """None: the architect chooses, once for the whole spec."""
    place: Place
    home: str
    """The spec that asks it; `_shared` for one that many specs import."""


class Spec(Record):
    """One file of `specs/`, without a finding."""

    name: str
    path: str
    summary: str
    types: dict[str, TypeDefinition] = Field(default_factory=dict)
    """The types it defines itself."""
    errors: dict[str, str] = Field(default_factory=dict)
    ports: dict[str, Port] = Field(default_factory=dict)
    shared: tuple[str, ...] = ()
    """Types that its own types and ports use and `_shared` defines."""
    decisions: tuple[DecisionRecord, ...] = ()
    """Those it asks and those it imports."""
    flows: tuple[SpecFlow, ...] = ()
    functions: tuple[SpecFunction, ...]
    """Callees before callers; otherwise as written."""


# -- what the judge says -----------------------------------------------------------------------------------


class Clause(Record):
    """One promise of a contract and whether a candidate kept it."""

    clause: str
    """`bounds`, `examples[fresh link]`, `returns`, `raises`, `raises[TokenExpired]`, `ensures[0]`, `ports`,
    `unmodified`, `repeatable`, `limits`."""
    passed: bool
    message: str | None = None
    """For a person: what happened instead, on the smallest input found. None when the clause was kept."""
    hidden: bool = False
    """True: the failing input must not reach the implementer."""


class Isolation(Record):
    """How far unread code is kept apart on this machine, as far as that was found out by trying."""

    level: str
    """`process`: a limited child with a bare environment; `kernel`: the kernel refuses it all but computing."""
    layers: tuple[str, ...] = ()
    """The locks in force, by name."""
    trouble: str = ""
    """Why it is no more."""
    remedy: str = ""
    """What a person can do about that."""


class Effort(Record):
    """How much a judgement is worth to whoever asks for it. What lands has had all of it."""

    generated: int = 100
    """Generated inputs, besides the cases."""
    landing: bool = True
    """As many again that no model ever sees, and everything once more in a second process."""
    counterexample: bool = True
    """Look for a small input for what was broken; otherwise go no further than the cases if these break a clause."""


class Judgement(Record):
    """What the judge found out about one candidate."""

    clauses: tuple[Clause, ...]
    inputs: int = 0
    """How many different inputs it was called with."""
    fingerprint: str = ""
    """Digest of all it answered; equal for candidates that behave alike on every input tried."""

    @property
    def passed(self) -> bool:
        return bool(self.clauses) and all(clause.passed for clause in self.clauses)

    @property
    def failures(self) -> tuple[Clause, ...]:
        return tuple(clause for clause in self.clauses if not clause.passed)


class Difference(Record):
    """One input on which a function answers differently than it did before."""

    call: str
    """The call as Python text."""
    given: dict[str, Any] = Field(default_factory=dict)
    """Its arguments as a spec writes them, to be pasted as an example."""
    before: str
    """`returned 3`, `raised TooMany`, and what was asked of ports where that is what differs."""
    after: str


class Behaviour(Record):
    """What is known of how a function as it was and as it is behave on the same inputs."""

    inputs: int = 0
    """How many different inputs both were called with."""
    differing: int = 0
    """On how many of them they differ."""
    differences: tuple[Difference, ...] = ()
    """One for each way in which they differ, on a small input."""
    skipped: int = 0
    """Inputs that only one of them takes."""
    note: str = ""
    """Why nothing, or not everything, could be compared."""


class Verdict(Record):
    """The evidence that lands beside a function: what it rests on, and the digests that tie it to its files."""

    verdict: Literal[1] = 1
    """Version of this format."""
    spec: str
    function: str
    contract_digest: str
    """Of the contract file's text."""
    source_digest: str
    """Of the function file's text."""
    clauses: tuple[str, ...]
    """Every clause that was judged; all of them were kept."""
    inputs: int
    sandbox: str
    """Level of isolation the judge reached."""
    model: str
    """Who wrote the function: `provider:model`; `manual` where a person did."""
    tool: str
    """Version of drystone that judged it."""
    seal: str = ""
    """Digest of this verdict as it was written; a hand edit breaks it."""
