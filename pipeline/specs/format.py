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
    choose: str
    """The name of the answer that holds."""
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
FORMS = frozenset({"(text)", "(alias)", "(enum)", "(record)", "(names)", "(conditions)"})
"""Parts that pydantic adds to the place of an error; no file holds them."""


class ExampleFile(_FileModel):
    """One call and what must come of it."""

    name: Line | None = None
    """Shown in reports; `example 1`, `example 2`, ... unless given."""
    given: dict[Name, Any]
    """A value for each parameter."""
    returns: Any = None
    """What the call returns. Give either this or `raises`."""
    raises: str | None = None
    """Name of the error the call raises. Give either this or `returns`."""


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
    """Functions of this spec that it may call."""
    mutates: list[Text] = []
    """Parameters it may change in place; none unless given."""
    max_lines: Annotated[int, Field(ge=1, le=200)] = 60
    """Most lines of the function's body."""
    implementation: Literal["generated"] = "generated"
    """Who writes the body."""


class SpecFile(_FileModel):
    """A drystone spec: the functions of one package, and all that is decided about them."""

    spec: Name
    """Name of the spec; the file's name without `.yaml`."""
    summary: Text
    """What the functions are for, in plain words."""
    constraints: dict[Label, ConstraintFile] = {}
    """What is said once for many functions."""
    decisions: dict[Label, DecisionFile] = {}
    """Questions with one answer for every function they cover."""
    types: dict[Name, TypeFile] = {}
    """The spec's own types."""
    errors: dict[Name, Text] = {}
    """The spec's own errors, and what each means."""
    functions: Annotated[dict[Name, FunctionFile], Field(json_schema_extra={"minProperties": 1})]
    """The functions."""
