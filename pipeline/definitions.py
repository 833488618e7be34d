"""What a spec defines for its functions to speak of: types, and ports with their methods. All are frozen."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


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


class Method(Record):
    """What a function may ask of a port, and how a double of the port answers."""

    name: str
    params: tuple[Param, ...] = ()
    returns: str = "None"
    raises: tuple[str, ...] = ()
    """Names of the errors by which it may fail."""
    summary: str = ""
    is_async: bool = False
    query: bool = False
    """It asks and changes nothing; any other method has an effect."""
    idempotent: bool = False
    """To call it twice is to call it once."""
    gives: str | None = None
    """Rule over its parameters and the port's memory: what a double returns. None: any value of the type."""
    sets: dict[str, str] = Field(default_factory=dict)
    """Part of the port's memory -> rule over parameters and memory: what becomes of it in a double."""


class Port(Record):
    """A collaborator with effects, passed in as an argument; a `Protocol` in the generated code."""

    methods: tuple[Method, ...]
    memory: tuple[Param, ...] = ()
    """What a double of it remembers from one call to the next; empty at first."""
    summary: str = ""

    def method(self, name: str) -> Method | None:
        return next((method for method in self.methods if method.name == name), None)
