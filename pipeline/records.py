"""Every record that flows through a run, in the order it flows. All are frozen; none knows a stage."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Origin = Literal["spec", "architect"]
"""Who said it: a person, or the architect model."""


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


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


class TypeAlias(Record):
    """A type of the spec that narrows an annotation."""

    kind: Literal["alias"] = "alias"
    type: str
    """A Python annotation over built-in names and the spec's own."""
    pattern: str | None = None
    """Regular expression the whole text must match (`re.fullmatch`)."""
    min_length: int | None = None
    max_length: int | None = None
    ge: str | None = None
    """Smallest value allowed, as written: `0`, `0.01`."""
    gt: str | None = None
    le: str | None = None
    lt: str | None = None
    decimal_places: int | None = None


class TypeEnum(Record):
    """A type of the spec with named values; a `StrEnum`, so a rule may compare it with text."""

    kind: Literal["enum"] = "enum"
    values: tuple[str, ...]


class Param(Record):
    """A parameter of a function, or a field of a record: its name and its annotation."""

    name: str
    type: str


class TypeRecord(Record):
    """A type of the spec with fields; a frozen dataclass."""

    kind: Literal["record"] = "record"
    fields: tuple[Param, ...]
    """In the order of the constructor."""


TypeDefinition = TypeAlias | TypeEnum | TypeRecord


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


class Case(Record):
    """One call and what must come of it: `returns` or `raises`, values as JSON."""

    name: str
    given: dict[str, Any]
    returns: Any = None
    raises: str | None = None
    """Name of the error; None when the call returns."""
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
    meaning: str


class Callee(Record):
    """A function this one may call: what its contract says, never its body."""

    function: str
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
    function: str
    summary: str
    params: tuple[Param, ...]
    returns: str
    types: dict[str, TypeDefinition] = Field(default_factory=dict)
    """Every type of the spec that the signature reaches."""
    errors: dict[str, str] = Field(default_factory=dict)
    """Name -> meaning, of the spec's own errors under `raises`."""
    requires: tuple[Rule, ...] = ()
    raises: tuple[Raise, ...] = ()
    ensures: tuple[Rule, ...] = ()
    mutates: tuple[str, ...] = ()
    """Parameters the function may change in place."""
    cases: tuple[Case, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    decisions: tuple[Decision, ...] = ()
    uses: tuple[Callee, ...] = ()
    bounds: Bounds = Bounds()
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
    def clauses(self) -> tuple[str, ...]:
        """Every clause a candidate is judged by, in the order in which they are reported."""
        return (
            "bounds",
            *(f"examples[{case.name}]" for case in self.cases),
            "returns",
            "raises",
            *(f"raises[{item.error}]" for item in self.raises if item.when is not None),
            *(f"ensures[{number}]" for number in range(len(self.ensures))),
            "unmodified",
            "repeatable",
            "limits",
        )


class SpecFunction(Record):
    """One function of a spec: its contract as the spec alone gives it, and where a person wrote it."""

    contract: Contract
    """Derived by rule: every item has the origin `spec`."""
    place: Place
    places: dict[str, Place] = Field(default_factory=dict)
    """Where each clause was written: `examples[fresh link]`, `requires[0]`, `raises[TokenExpired]`, `ensures[0]`."""


class Spec(Record):
    """One file of `specs/`, without a finding."""

    name: str
    path: str
    summary: str
    types: dict[str, TypeDefinition] = Field(default_factory=dict)
    errors: dict[str, str] = Field(default_factory=dict)
    functions: tuple[SpecFunction, ...]
    """Callees before callers; otherwise as written."""


# -- what the judge says -----------------------------------------------------------------------------------


class Clause(Record):
    """One promise of a contract and whether a candidate kept it."""

    clause: str
    """`bounds`, `examples[fresh link]`, `returns`, `raises`, `raises[TokenExpired]`, `ensures[0]`, `unmodified`,
    `repeatable`, `limits`."""
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
    """Who wrote the function: `provider:model`."""
    tool: str
    """Version of drystone that judged it."""
    seal: str = ""
    """Digest of this verdict as it was written; a hand edit breaks it."""


# -- what a run does about it ------------------------------------------------------------------------------


class Rung(Record):
    """One step of the ladder: a model and how many independent samples it may give."""

    entry: str
    """`provider:model`."""
    samples: int = 1


class Attempt(Record):
    """One candidate that did not make it, and why, in one line."""

    model: str
    reason: str


class Accepted(Record):
    """A candidate that keeps its contract, as it will land."""

    contract: Contract
    source: str
    judgement: Judgement
    model: str
    attempts: tuple[Attempt, ...] = ()
    """What was refused before it."""


class Rejected(Record):
    """The ladder of models is used up, or the contract was called insufficient."""

    contract: Contract
    attempts: tuple[Attempt, ...]


Action = Literal["fresh", "stale", "edited", "planned", "landed", "changed", "failed", "blocked"]
"""`changed`: accepted but not written, because only the difference was asked for. `blocked`: a callee failed.
`edited`: a person's change, or a file that is not drystone's, is in the way."""


class FunctionReport(Record):
    """What a run did about one function."""

    function: str
    """`spec.function`."""
    action: Action
    reasons: tuple[str, ...] = ()
    """Why it was not fresh, or what it waits for."""
    model: str | None = None
    attempts: tuple[Attempt, ...] = ()
    refused_proposals: tuple[str, ...] = ()
    """What the architect proposed and the person's words did not bear out."""
    calls: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    prompt_tokens_estimate: int | None = None
    """Of the first implementer prompt, when only the plan was asked for."""


class Report(Record):
    """What a run found and did, whole."""

    functions: tuple[FunctionReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    """Files written or removed beside the functions, and whatever else a person may want to know."""
    strangers: tuple[str, ...] = ()
    """Files in `generated/` that belong to no function of the specs, each with what to do about it."""
    models: tuple[str, ...] = ()
    """Who would be asked, when only the plan was asked for; empty if everything is fresh."""
    diff: str = ""
    """Unified diff of what would be written, when only that was asked for."""
    sandbox: Isolation | None = None
    """What unread code was kept in; None if nothing was judged."""
