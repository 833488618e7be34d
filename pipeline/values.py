"""Values of a spec: decoded, encoded and checked by pydantic under annotations over the spec's own types."""

import ast
import dataclasses
import enum
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, ForwardRef, Literal, Union
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    Strict,
    TypeAdapter,
    ValidationError,
    WrapSerializer,
)

from pipeline.annotations import BUILTIN_TYPES as BUILTIN_TYPES  # noqa: PLC0414
from pipeline.annotations import CONTAINERS, SCALARS, is_ellipsis, items_of, member_names, parse_annotation
from pipeline.annotations import annotation_names as annotation_names  # noqa: PLC0414
from pipeline.annotations import check_annotation as check_annotation  # noqa: PLC0414
from pipeline.definitions import Port, TypeAlias, TypeDefinition, TypeEnum, TypeRecord
from pipeline.patterns import Pattern
from pipeline.scripts import read_script, write_script

_SHORT_DURATION = re.compile(r"(\d+)\s*([smhd])")
_DURATION_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class ValuesError(ValueError):
    """A value that does not fit its type. `problems` holds a path into the value and a message for each."""

    def __init__(self, problems: tuple[tuple[tuple[str | int, ...], str], ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(message for _, message in problems))


# -- lenient readers: what a person may write in YAML for a type ---------------------------------------------


def _refuse(kinds: tuple[type, ...], what: str) -> Callable[[Any], Any]:
    """A validator that lets only `kinds` through; a bool is never a number."""

    def check(value: Any) -> Any:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ValueError(f"{_show(value)} is not {what}")
        return value

    return check


def _read_text(value: Any) -> Any:
    text = _refuse((str,), "text; quote it")(value)
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"{_show(value)} holds half a character, which no file can")
    return text


def _one_of(options: list[Any]) -> Callable[[Any], Any]:
    """A validator that tells 1 from True, which are equal."""

    def check(value: Any) -> Any:
        if not any(type(value) is type(option) and value == option for option in options):
            raise ValueError(f"{_show(value)} is not one of {', '.join(map(repr, options))}")
        return value

    return check


def _read_float(value: Any) -> float:
    number = _refuse((int, float, Decimal), "a number")(value)
    try:
        return float(number)
    except OverflowError:
        raise ValueError(f"{_show(value)} is too large for a float") from None


def _read_duration(value: Any) -> Any:
    if isinstance(value, str) and (match := _SHORT_DURATION.fullmatch(value.strip())):
        try:
            return timedelta(**{_DURATION_UNITS[match[2]]: int(match[1])})
        except OverflowError:
            raise ValueError(f"{_show(value)} is too long a duration") from None
    return _refuse((str, timedelta), "a duration such as '24h' or 'PT24H'")(value)


def _read_key(value: Any) -> Any:
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d+", value) else value


def _show(value: Any) -> str:
    text = repr(str(value)) if isinstance(value, str | Decimal) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


_READERS: dict[str, Any] = {
    "str": Annotated[str, BeforeValidator(_read_text)],
    "int": Annotated[int, BeforeValidator(_refuse((int,), "a whole number"))],
    "float": Annotated[float, Field(allow_inf_nan=False), BeforeValidator(_read_float)],
    "bool": Annotated[bool, Strict()],
    "Decimal": Annotated[Decimal, BeforeValidator(_refuse((int, str, Decimal), "a decimal number"))],
    "datetime": Annotated[AwareDatetime, BeforeValidator(_refuse((str, datetime), "a date and time"))],
    "date": Annotated[date, BeforeValidator(_refuse((str, date), "a date"))],
    "time": Annotated[time, BeforeValidator(_refuse((str, time), "a time of day"))],
    "timedelta": Annotated[timedelta, BeforeValidator(_read_duration)],
    "UUID": Annotated[UUID, BeforeValidator(_refuse((str, UUID), "a UUID"))],
}


@functools.lru_cache(maxsize=1024)
def _plain_adapter(annotation: str) -> TypeAdapter[Any]:
    """The adapter of an annotation without a name of the spec's own: the same for all specs."""
    return TypeAdapter(Types({})._resolve(parse_annotation(annotation), forward=False))  # noqa: SLF001 - of this module


def _sorted_list(values: Any, write: SerializerFunctionWrapHandler) -> list[Any]:
    return sorted(write(values), key=repr)


class Types:
    """The types of one spec or contract, as Python types and as what pydantic needs of them; its ports as scripts."""

    def __init__(
        self, definitions: Mapping[str, TypeDefinition], ports: Mapping[str, Port] | None = None
    ) -> None:
        self.definitions = dict(definitions)
        self.ports = dict(ports or {})
        """A value of such a type is a `Script`."""
        self.classes: dict[str, type] = {}
        """Enums and records by name: frozen dataclasses and StrEnums."""
        self._adapters: dict[str, TypeAdapter[Any]] = {}
        for name, definition in self.definitions.items():
            if isinstance(definition, TypeEnum):
                members = member_names(definition.values)
                made: Any = enum.StrEnum(name, [(members[v], v) for v in definition.values])  # type: ignore[misc]
                self.classes[name] = made
        for name, definition in self.definitions.items():
            if isinstance(definition, TypeRecord):
                self._add_record(name, definition)

    def _add_record(self, name: str, definition: TypeRecord) -> None:
        fields = [
            (field.name, self._resolve(parse_annotation(field.type), forward=True))
            for field in definition.fields
        ]
        made = dataclasses.make_dataclass(name, fields, frozen=True)
        made.__pydantic_config__ = ConfigDict(revalidate_instances="always", extra="forbid")  # type: ignore[attr-defined]
        self.classes[name] = made

    def adapter(self, annotation: str) -> TypeAdapter[Any]:
        """Reads and writes values of `annotation`."""
        if annotation not in self._adapters and not annotation_names(annotation):
            self._adapters[annotation] = _plain_adapter(annotation)
        if annotation not in self._adapters:
            resolved = self._resolve(parse_annotation(annotation), forward=False)
            plain = getattr(resolved, "__origin__", resolved)  # a record may stand behind an alias
            deferred = None if dataclasses.is_dataclass(plain) else ConfigDict(defer_build=True)
            adapter: TypeAdapter[Any] = TypeAdapter(resolved, config=deferred)
            adapter.rebuild(raise_errors=True, _types_namespace=dict(self.classes))
            self._adapters[annotation] = adapter
        return self._adapters[annotation]

    def decode(self, annotation: str, value: Any) -> Any:
        """A value as written in YAML or JSON, as Python; raises ValuesError with every problem."""
        if annotation in self.ports:
            script, problems = read_script(self.ports[annotation], value, self.decode)
            if script is None:
                raise ValuesError(tuple(problems))
            return script
        try:
            return self.adapter(annotation).validate_python(value)
        except ValidationError as error:
            raise ValuesError(tuple(_problem(item) for item in error.errors(include_url=False))) from None

    def encode(self, annotation: str, value: Any) -> Any:
        """A Python value in its canonical JSON form, which `decode` takes back."""
        if annotation in self.ports:
            return write_script(self.ports[annotation], value, self.encode)
        return self.adapter(annotation).dump_python(value, mode="json")

    def conform(self, annotation: str, value: Any) -> Any:
        """`value` if it is exactly of the type and keeps its constraints (a whole number passes for a float).

        Raises ValuesError otherwise.
        """
        complaint = self._mismatch(parse_annotation(annotation), value)
        if complaint:
            raise ValuesError((((), complaint),))
        return self.decode(annotation, value)

    def resolve_alias(self, node: ast.expr) -> tuple[ast.expr, list[TypeAlias]]:
        """An annotation without its outer aliases, and those aliases from the outside in."""
        aliases: list[TypeAlias] = []
        while isinstance(node, ast.Name) and isinstance(alias := self.definitions.get(node.id), TypeAlias):
            aliases.append(alias)
            node = parse_annotation(alias.type)
        return node, aliases

    def _resolve(self, node: ast.expr, *, forward: bool, key: bool = False) -> Any:
        match node:
            case ast.Constant(value=None):
                return None
            case ast.Name(id=name) if isinstance(alias := self.definitions.get(name), TypeAlias):
                inner = self._resolve(parse_annotation(alias.type), forward=forward, key=key)
                return Annotated[inner, *_constraints(alias)]
            case ast.Name(id=name) if isinstance(self.definitions.get(name), TypeRecord):
                return ForwardRef(name) if forward else self.classes[name]
            case ast.Name(id=name) if name in self.classes:
                return self.classes[name]
            case ast.Name(id="int") if key:
                return Annotated[int, Strict(), BeforeValidator(_read_key)]
            case ast.Name(id=name):
                return _READERS[name]
            case ast.BinOp():
                members = sorted(
                    _union(node), key=self._is_float
                )  # floats take other numbers too: ask them last
                return Union[*(self._resolve(member, forward=forward) for member in members)]
            case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
                options = [item.value for item in items_of(inner) if isinstance(item, ast.Constant)]
                return Annotated[Literal[*options], BeforeValidator(_one_of(options))]
            case ast.Subscript(value=ast.Name(id=name), slice=inner):
                return self._resolve_container(name, items_of(inner), forward=forward)
        raise ValueError(f"'{ast.unparse(node)}' is not a type annotation")

    def _is_float(self, node: ast.expr) -> bool:
        plain, _ = self.resolve_alias(node)
        return isinstance(plain, ast.Name) and plain.id == "float"

    def _resolve_container(self, name: str, items: list[ast.expr], *, forward: bool) -> Any:
        if name == "tuple" and is_ellipsis(items[-1]):
            member: Any = self._resolve(items[0], forward=forward)
            return tuple[member, ...]
        inner = tuple(
            self._resolve(item, forward=forward, key=name == "dict" and position == 0)
            for position, item in enumerate(items)
        )
        container = CONTAINERS[name][0][inner]  # type: ignore[index]
        if name in {"set", "frozenset"}:
            return Annotated[container, WrapSerializer(_sorted_list, when_used="json")]
        return container

    def _mismatch(self, node: ast.expr, value: Any) -> str | None:
        """Why `value` is not exactly of the annotation's type, constraints aside."""
        node, _ = self.resolve_alias(node)
        match node:
            case ast.Constant(value=None):
                fits = value is None
            case ast.BinOp(left=left, right=right):
                fits = self._mismatch(left, value) is None or self._mismatch(right, value) is None
            case ast.Name(id=name) if isinstance(record := self.definitions.get(name), TypeRecord):
                if type(value) is self.classes[name]:
                    return next(filter(None, self._field_mismatches(record, value)), None)
                fits = False
            case ast.Name(id="float"):
                fits = type(value) in {float, int}
            case ast.Name(id=name):
                fits = type(value) is (self.classes.get(name) or SCALARS[name])
            case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
                options = [item.value for item in items_of(inner) if isinstance(item, ast.Constant)]
                fits = any(type(value) is type(option) and value == option for option in options)
            case ast.Subscript(value=ast.Name(id=name), slice=inner):
                if type(value) is CONTAINERS[name][0]:
                    if name in {"list", "set", "frozenset"} and self._all_plain(inner, value):
                        return None
                    return next(filter(None, self._item_mismatches(name, items_of(inner), value)), None)
                fits = False
            case _:
                fits = False
        return None if fits else f"{_show(value)} is not {_article(ast.unparse(node))}"

    def _all_plain(self, member: ast.expr, values: Any) -> bool:
        """Whether a container's members are all of one plain type; quick, and False says nothing."""
        if not isinstance(member, ast.Name) or member.id in self.definitions:
            return False
        return set(map(type, values)) <= {SCALARS[member.id]}

    def _field_mismatches(self, record: TypeRecord, value: Any) -> Iterator[str | None]:
        for field in record.fields:
            complaint = self._mismatch(parse_annotation(field.type), getattr(value, field.name))
            yield complaint and f"{field.name}: {complaint}"

    def _item_mismatches(self, name: str, items: list[ast.expr], value: Any) -> Iterator[str | None]:
        if name == "dict":
            for key, inner in value.items():
                yield self._mismatch(items[0], key) or self._mismatch(items[1], inner)
        elif name == "tuple" and not is_ellipsis(items[-1]):
            if len(value) != len(items):
                yield f"{_show(value)} holds {len(value)} values, not {len(items)}"
            for item, inner in zip(items, value, strict=False):
                yield self._mismatch(item, inner)
        else:
            for inner in value:
                yield self._mismatch(items[0], inner)


def _union(node: ast.expr) -> list[ast.expr]:
    return [*_union(node.left), *_union(node.right)] if isinstance(node, ast.BinOp) else [node]


def _constraints(alias: TypeAlias) -> list[Any]:
    bounds = {
        key: _exact(text) for key in ("ge", "gt", "le", "lt") if (text := getattr(alias, key)) is not None
    }
    sizes = {key: size for key in ("min_length", "max_length") if (size := getattr(alias, key)) is not None}
    if alias.decimal_places is not None:
        bounds["decimal_places"] = alias.decimal_places
    constraints: list[Any] = [Field(**{**bounds, **sizes})]
    if alias.pattern is not None:
        constraints.append(AfterValidator(Pattern(alias.pattern)))
    return constraints


def _exact(text: str) -> Decimal | int:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(f"{text} is no bound")
    return int(number) if number == number.to_integral_value() else number


def _article(annotation: str) -> str:
    return (
        annotation
        if annotation == "None"
        else f"{'an' if annotation[0] in 'aeiouAEIOU' else 'a'} {annotation}"
    )


def _problem(item: Any) -> tuple[tuple[str | int, ...], str]:
    """A pydantic error as a path into the value and a sentence."""
    path = tuple(
        part
        for part in item["loc"]
        if isinstance(part, int) or not re.search(r"[\[\]()]|function-", str(part))
    )
    message = item["msg"].removeprefix("Value error, ")
    match item["type"]:
        case "value_error":
            return path, message
        case "missing":
            return path[:-1], f"the field '{path[-1]}' is missing"
        case "unexpected_keyword_argument":
            return path, f"unknown field '{path[-1]}'"
        case "time_delta_parsing":
            return (
                path,
                f"{_show(item['input'])} is no duration; write 90s, 15m, 24h or 7d, or ISO 8601 as PT1H30M",
            )
    return path, f"{_show(item['input'])}: {message[0].lower()}{message[1:]}"
