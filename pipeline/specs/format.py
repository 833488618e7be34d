"""A file of `specs/` as a person writes it: its keys and their shapes, and nothing about what they mean.

The JSON Schema that editors use is rendered from these models, so each field says here what it is for.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
"""A Python identifier that travels: ASCII letters, digits and `_`, a letter first."""
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
"""Name of a constraint, a decision or an option."""
Line = Annotated[str, Field(pattern=r"^\S([^\r\n]*\S)?$")]
"""Text on one line."""
Text = Annotated[str, Field(pattern=r"\S")]
"""Text that says something."""
Annotation = Annotated[str, Field(pattern=r"\S", max_length=200)]
"""A type, as in Python."""
Size = Annotated[int, Field(ge=0)]


def _written_number(value: Any) -> str:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return format(Decimal(value), "f")
    raise PydanticCustomError("number_type", "expected a number")


Number = Annotated[str, BeforeValidator(_written_number), WithJsonSchema({"type": "number"})]
"""A number, kept as it is written."""


class _FileModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class ForbidsFile(_FileModel):
    """What the code of a covered function may not hold."""

    imports: list[Text] = []
    """Modules of the standard library that may not be imported."""
    names: list[Name] = []
    """Names that may not occur, such as `float` or `sorted`."""


class ConstraintFile(_FileModel):
    """Something said once and carried into the contract of every function it covers."""

    text: Text
    """The constraint in plain words; the implementer reads it."""
    applies_to: Annotated[list[Text], Field(min_length=1)] = ["*"]
    """Names of functions, with `*` and `?`; every function unless given."""
    ensures: list[Text] = []
    """Rules every covered function keeps: Python expressions over its parameters and `result`."""
    forbids: ForbidsFile = ForbidsFile()
    """What the code of a covered function may not hold; checked without running it."""


class DecisionFile(_FileModel):
    """A question that must have one answer for every function it covers."""

    question: Text
    """What is to be decided, in plain words."""
    options: Annotated[dict[Label, Text], Field(min_length=1)]
    """Name of each possible answer, and what it means."""
    choose: str | None = None
    """The name of the answer that holds. Left out: the architect chooses once for the whole spec, and says why."""
    applies_to: Annotated[list[Text], Field(min_length=1)] = ["*"]
    """Names of functions, with `*` and `?`; every function unless given."""


class AliasFile(_FileModel):
    """A type that narrows another one."""

    type: Annotation
    """A Python annotation over built-in types and the spec's own: `str`, `list[Email]`, `Step | None`."""
    pattern: str | None = None
    """Regular expression that the whole text must match."""
    min_length: Size | None = None
    """Fewest characters or members."""
    max_length: Size | None = None
    """Most characters or members."""
    ge: Number | None = None
    """Smallest value allowed."""
    gt: Number | None = None
    """Values are greater than this."""
    le: Number | None = None
    """Largest value allowed."""
    lt: Number | None = None
    """Values are less than this."""
    decimal_places: Size | None = None
    """Most digits after the point of a `Decimal`."""


class EnumFile(_FileModel):
    """A type with named values."""

    enum: Annotated[list[Line], Field(min_length=1)]
    """The values, as text."""


class RecordFile(_FileModel):
    """A type with fields; a frozen dataclass in the generated code."""

    fields: Annotated[dict[Name, Annotation], Field(min_length=1)]
    """Name of each field and its type, in the order of the constructor."""


def _type_form(value: Any) -> str:
    if not isinstance(value, dict):
        return "(text)"
    if "enum" in value:
        return "(enum)"
    return "(record)" if "fields" in value else "(alias)"


def _raises_form(value: Any) -> str:
    return "(names)" if isinstance(value, list) else "(conditions)"


def _number_form(value: Any) -> str:
    return "(several)" if isinstance(value, list) else "(one)"


TypeFile = Annotated[
    Annotated[Annotation, Tag("(text)")]
    | Annotated[AliasFile, Tag("(alias)")]
    | Annotated[EnumFile, Tag("(enum)")]
    | Annotated[RecordFile, Tag("(record)")],
    Discriminator(_type_form),
]
RaisesFile = Annotated[
    Annotated[list[Text], Tag("(names)")] | Annotated[dict[Name, Text | None], Tag("(conditions)")],
    Discriminator(_raises_form),
]
StatesFile = Annotated[
    Annotated[Text, Tag("(one)")] | Annotated[list[Text], Field(min_length=1), Tag("(several)")],
    Discriminator(_number_form),
]
FORMS = frozenset({
    "(text)", "(alias)", "(enum)", "(record)", "(names)", "(conditions)", "(one)", "(several)",
})  # fmt: skip
"""Parts that pydantic adds to the place of an error; no file holds them."""


class ExampleFile(_FileModel):
    """One call and what must come of it."""

    name: Line | None = None
    """Shown in reports; `example 1`, `example 2`, ... unless given."""
    given: dict[Name, Any]
    """A value for each parameter. A port's is a script, an answer for each call in order:
    `mailer: {send: [{returns: id-1}, {raises: MailerDown}]}`."""
    returns: Any = None
    """What the call returns. Give either this or `raises`."""
    raises: str | None = None
    """Name of the error the call raises. Give either this or `returns`."""
    calls: list[dict[str, Any]] | None = None
    """What it asks of its ports, in order, each as `mailer.send: {to: a@b.c, body: Hello}` or with a list of the
    arguments. Left out: not said."""


class MethodFile(_FileModel):
    """A method of a port."""

    summary: Text | None = None
    """What it does, in plain words."""
    params: dict[Name, Annotation] = {}
    """Name of each parameter and its type, in order."""
    returns: Annotation = "None"
    """Type of what it returns."""
    raises: list[Text] = []
    """Errors by which it may fail."""
    is_async: Annotated[bool, Field(alias="async")] = False
    """Whether it must be awaited."""
    query: bool = False
    """It asks and changes nothing. Any other method has an effect, which may have to be undone."""
    idempotent: bool = False
    """To call it twice is to call it once."""
    gives: Text | None = None
    """What a double of it returns in a walk: a Python expression over its parameters and the port's memory."""
    sets: dict[Name, Text] = {}
    """What becomes of the memory of a double: its name, and a Python expression over parameters and memory."""


class PortFile(_FileModel):
    """A collaborator with effects: its methods by name. A `Protocol` in the generated code, passed as an argument."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"propertyNames": {"pattern": r"^[A-Za-z][A-Za-z0-9_]*$"}}
    )
    __pydantic_extra__: dict[Name, MethodFile]

    memory: dict[Name, Annotation] = {}
    """What a double of it remembers from one call to the next, such as `rows: dict[str, Order]`; empty at first."""


class FunctionFile(_FileModel):
    """One function: what goes in, what comes out, and how to tell that it is right."""

    summary: Text
    """What the function is for, in plain words."""
    params: dict[Name, Annotation] = {}
    """Name of each parameter and its type, in order."""
    returns: Annotation
    """Type of what it returns; `None` if it returns nothing."""
    requires: list[Text] = []
    """Rules that hold for every call: Python expressions over the parameters."""
    raises: RaisesFile = {}
    """Errors it raises: a list of names, or name -> the condition under which it is raised.

    With a condition, it is raised exactly when the condition holds; conditions are tried in order. Without,
    only examples say when.
    """
    ensures: list[Text] = []
    """Rules that hold for every value it returns: Python expressions over the parameters and `result`."""
    examples: list[ExampleFile] = []
    """Calls with known outcomes."""
    uses: list[Text] = []
    """Functions it may call: of this spec by name, of another one as `spec.function`."""
    is_async: Annotated[bool, Field(alias="async")] = False
    """Whether it must be awaited, as a function is that calls such a function or port."""
    calls: list[Text] | None = None
    """What it may ask of its ports, as `mailer.send`; everything they offer unless given."""
    handles: list[Text] = []
    """Errors of its ports and of the functions it uses that it deals with itself; the others are under `raises`.

    One that it deals with in one place and lets through in another stands under both.
    """
    assumes: dict[Label, str] = {}
    """Decisions whose answer it takes for granted: their names, and the answer."""
    mutates: list[Text] = []
    """Parameters it may change in place; none unless given."""
    max_lines: Annotated[int, Field(ge=1, le=200)] = 60
    """Most lines of the function's body."""
    implementation: Literal["generated"] = "generated"
    """Who writes the body."""


class TransitionFile(_FileModel):
    """A step of a flow."""

    sources: Annotated[StatesFile, Field(alias="from")]
    """The state it starts from, or several."""
    call: Name
    """The function that makes it: takes the record and returns what becomes of it."""
    to: StatesFile
    """The state it leads to; several where the function decides."""


class TimeoutFile(_FileModel):
    """What happens when a state lasts too long."""

    state: StatesFile
    """The state that waits, or several."""
    after: Text
    """How long it may wait: `24h`, `15m`, `PT1H30M`. The wait is over when more than this has passed."""
    since: Name | None = None
    """Field of the record that says when the wait began; when the state was entered, unless given."""
    to: Text
    """The state it leads to."""
    call: Name | None = None
    """The function that makes the step, from the record, the clock `now` and ports; without it the state alone
    changes."""


class StepFile(_FileModel):
    """One step of a scenario: time passes, then something is called."""

    wait: Text | None = None
    """How much time passes first: `1h`."""
    call: Name | None = None
    """The function that is called; left out, only time passes."""
    given: Annotated[dict[Name, Any], Field(alias="with")] = {}
    """Its arguments, without the record, the clock `now` and ports."""
    ports: dict[Name, dict[Name, list[Any]]] = {}
    """How ports answer, where not as their doubles do: `store: {save: [{raises: StoreDown}]}`."""
    raises: str | None = None
    """The error that comes of it."""
    state: Text | None = None
    """The state it leads to."""
    ensures: list[Text] = []
    """Rules that hold afterwards: over the record, `initial` and the memory of ports (`store.rows`)."""


class ScenarioFile(_FileModel):
    """A walk through a flow and what must come of it."""

    name: Line
    """Shown in reports."""
    given: Any
    """The first record; for a flow with `start`, the arguments of that function."""
    at: Any = None
    """When it begins; at the latest moment that `given` mentions, unless given."""
    memory: dict[Name, dict[Name, Any]] = {}
    """What the doubles of ports remember at first."""
    steps: Annotated[list[StepFile], Field(min_length=1)]
    """What happens, in order."""


class FlowFile(_FileModel):
    """A state machine: which function may be called when, how long each state may last, and how steps are undone."""

    summary: Text | None = None
    """What the flow is for."""
    state: Text
    """Record and field that hold the state, such as `Progress.step`."""
    start: Name | None = None
    """The function that makes the first record, if one does."""
    initial: Text
    """The state it begins in."""
    terminal: Annotated[list[Text], Field(min_length=1)]
    """The states it may end in."""
    transitions: Annotated[list[TransitionFile], Field(min_length=1)]
    """The steps."""
    timeouts: list[TimeoutFile] = []
    """How long states may last. Every state that is not terminal needs one."""
    compensate: dict[Name, Name] = {}
    """Function -> the function that undoes it when a port fails in a later step; the last step is undone first."""
    savepoints: list[Text] = []
    """States in which what was done is kept: a later failure undoes only what came after."""
    endless: dict[Name, Text] = {}
    """States that may last for ever, and why."""
    invariants: list[Text] = []
    """Rules that hold after every step: over the record (in small letters: `progress`), `initial` and the memory of
    ports (`store.rows`)."""
    scenarios: list[ScenarioFile] = []
    """Walks with a known outcome."""


class SharedFile(_FileModel):
    """`specs/_shared.yaml`: what many specs share. Constraints cover all of them, the rest is imported by name."""

    summary: Text | None = None
    """What is shared, in plain words."""
    constraints: dict[Label, ConstraintFile] = {}
    """What is said once for the functions of every spec."""
    decisions: dict[Label, DecisionFile] = {}
    """Questions with one answer for every spec that imports them."""
    types: dict[Name, TypeFile] = {}
    """Types, for every spec that imports them."""
    errors: dict[Name, Text] = {}
    """Errors, for every spec that imports them."""
    ports: dict[Name, PortFile] = {}
    """Ports, for every spec that imports them."""


class SpecFile(_FileModel):
    """A drystone spec: the functions of one package, and all that is decided about them."""

    spec: Name
    """Name of the spec; the file's name without `.yaml`."""
    summary: Text
    """What the functions are for, in plain words."""
    imports: list[Label] = []
    """Types, errors, ports and decisions of `specs/_shared.yaml` that this spec uses, by name."""
    constraints: dict[Label, ConstraintFile] = {}
    """What is said once for many functions."""
    decisions: dict[Label, DecisionFile] = {}
    """Questions with one answer for every function they cover."""
    types: dict[Name, TypeFile] = {}
    """The spec's own types."""
    errors: dict[Name, Text] = {}
    """The spec's own errors, and what each means."""
    ports: dict[Name, PortFile] = {}
    """Collaborators with effects, by name: a mailer, a store, a payment service."""
    functions: Annotated[dict[Name, FunctionFile], Field(json_schema_extra={"minProperties": 1})]
    """The functions."""
    flows: dict[Name, FlowFile] = {}
    """State machines that the functions make together."""
