"""The `types` section of a spec: from its written form to definitions that are known to be sound."""

import ast
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from pipeline.annotations import annotation_names, check_annotation, check_use, items_of, parse_annotation
from pipeline.definitions import Param, TypeAlias, TypeDefinition, TypeEnum, TypeRecord
from pipeline.records import Finding
from pipeline.specs.format import AliasFile, EnumFile, RecordFile
from pipeline.specs.yaml_source import Document

_SIZED = frozenset({"str", "list", "dict", "set", "frozenset", "tuple"})
_NUMBERS = frozenset({"int", "float", "Decimal"})
_FITS = {
    "pattern": frozenset({"str"}),
    **dict.fromkeys(("min_length", "max_length"), _SIZED),
    **dict.fromkeys(("ge", "gt", "le", "lt"), _NUMBERS),
    "decimal_places": frozenset({"Decimal"}),
}
_Definitions = Mapping[str, TypeDefinition]


@dataclass(frozen=True, slots=True)
class Known:
    """The names of a spec that an annotation may hold, and those it may not though they exist."""

    types: Collection[str]
    ports: Collection[str] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """What the shared definitions hold and this spec does not import, and their file."""

    def complaint(self, annotation: str) -> str | None:
        """What is wrong with an annotation over these names, or None."""
        for name in sorted(annotation_names(annotation) - set(self.types)):
            if name in self.ports:
                return f"'{name}' is a port; only a parameter of a function can be one, and nothing else than one"
            if name in self.elsewhere:
                return not_imported(name, self.elsewhere[name])
        return check_annotation(annotation, self.types)


def not_imported(name: str, path: str) -> str:
    """What to say of a name that only the shared definitions hold."""
    return f"'{name}' is defined in {path}; add it to 'imports'"


def define_types(
    document: Document,
    written: Mapping[str, str | AliasFile | EnumFile | RecordFile],
    *,
    imported: Mapping[str, TypeDefinition],
    known: Known,
) -> tuple[dict[str, TypeDefinition], list[Finding]]:
    """The sound types among those written, in their order, then those imported, and the findings about the others.

    A type is sound when nothing it reaches has a finding. Types that are known but neither written nor imported
    are refused already.
    """
    own = {name: _define(form) for name, form in written.items()}
    every = {**own, **{name: each for name, each in imported.items() if name not in own}}
    findings: list[Finding] = []
    sound: dict[str, TypeDefinition] = every
    unsound = set(known.types) - every.keys()
    for check in (_check_alone, _check_circles, _check_members):
        for name in own.keys() & sound.keys():
            for path, message, offset in check(name, own[name], sound, known):
                written_at = () if path == ("type",) and isinstance(written[name], str) else path
                place = document.within("types", name, *written_at, offset=offset)
                findings.append(Finding(place=place, message=message))
                unsound.add(name)
        sound = _sound(every, unsound)
    return sound, findings


def reached_types(annotations: Iterable[str], definitions: _Definitions) -> set[str]:
    """Names of the spec's types that the annotations mention, and those these mention in turn.

    Names without a definition are among them.
    """
    reached: set[str] = set()
    waiting = [name for text in annotations for name in annotation_names(text)]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _mentioned(definitions[name]) if name in definitions else ()
    return reached


def mentioned_types(definitions: Iterable[TypeDefinition]) -> set[str]:
    """Names of the spec's types that definitions mention themselves."""
    return {name for definition in definitions for name in _mentioned(definition)}


def _define(form: str | AliasFile | EnumFile | RecordFile) -> TypeDefinition:
    match form:
        case str():
            return TypeAlias(type=form.strip())
        case EnumFile():
            return TypeEnum(values=tuple(form.enum))
        case RecordFile():
            return TypeRecord(fields=tuple(Param(name=n, type=t.strip()) for n, t in form.fields.items()))
    return TypeAlias.model_validate({**form.model_dump(), "type": form.type.strip()})


def _mentioned(definition: TypeDefinition) -> set[str]:
    match definition:
        case TypeAlias():
            return annotation_names(definition.type)
        case TypeRecord():
            return {name for each in definition.fields for name in annotation_names(each.type)}
    return set()


def _sound(every: _Definitions, unsound: Collection[str]) -> dict[str, TypeDefinition]:
    bad = {name for name in every if name in unsound or reached_types([name], every) & set(unsound)}
    return {name: definition for name, definition in every.items() if name not in bad}


# -- checks of one definition; each may rely on those before it ------------------------------------------------


_Complaints = Iterable[tuple[tuple[str | int, ...], str, int]]
"""A path into the definition, a message, and an offset into the text at the path."""


def _check_alone(_: str, definition: TypeDefinition, _definitions: _Definitions, known: Known) -> _Complaints:
    match definition:
        case TypeEnum():
            for index, value in enumerate(definition.values):
                if value in definition.values[:index]:
                    yield ("enum", index), f"'{value}' is listed twice", 0
        case TypeRecord():
            for each in definition.fields:
                if complaint := known.complaint(each.type):
                    yield ("fields", each.name), complaint, 0
        case TypeAlias():
            if complaint := known.complaint(definition.type):
                yield ("type",), complaint, 0
            if definition.pattern is not None and (problem := _bad_pattern(definition.pattern)):
                yield ("pattern",), *problem


def _check_circles(name: str, definition: TypeDefinition, definitions: _Definitions, _: Known) -> _Complaints:
    if isinstance(definition, TypeAlias):
        aliases = {key: value for key, value in definitions.items() if isinstance(value, TypeAlias)}
        if name in reached_types([definition.type], aliases):
            message = f"'{name}' is defined by itself; only a type with fields may hold its own kind"
            yield ("type",), message, 0
    elif name not in _finite(definitions):
        message = f"a value of '{name}' never ends; make one of its fields '... | None' or a list"
        yield ("fields",), message, 0


def _check_members(
    _: str, definition: TypeDefinition, definitions: _Definitions, _known: Known
) -> _Complaints:
    if isinstance(definition, TypeRecord):
        for each in definition.fields:
            if complaint := check_use(each.type, definitions):
                yield ("fields", each.name), complaint, 0
    elif isinstance(definition, TypeAlias):
        if complaint := check_use(definition.type, definitions):
            yield ("type",), complaint, 0
        yield from _check_limits(definition, definitions)


def _bad_pattern(pattern: str) -> tuple[str, int] | None:
    try:
        re.compile(pattern)
    except re.error as error:
        return f"not a regular expression: {error.msg}", error.pos or 0
    except (RecursionError, OverflowError):
        return "not a regular expression: too large", 0
    return None


def _check_limits(alias: TypeAlias, definitions: _Definitions) -> _Complaints:
    base = _base(parse_annotation(alias.type), definitions)
    for key, fits in _FITS.items():
        if getattr(alias, key) is not None and base not in fits:
            yield (key,), f"'{key}' does not go with {alias.type}; it goes with {', '.join(sorted(fits))}", 0
    for key in ("ge", "gt", "le", "lt"):
        bound = getattr(alias, key)
        if bound is not None and base == "int" and Decimal(bound) % 1:
            yield (key,), f"'{key}' of an int is a whole number, not {bound}", 0
    yield from _check_empty(alias)


def _check_empty(alias: TypeAlias) -> _Complaints:
    least, most = alias.min_length, alias.max_length
    if least is not None and most is not None and least > most:
        yield ("max_length",), f"no value fits: max_length {most} is below min_length {least}", 0
    low, high = alias.ge or alias.gt, alias.le or alias.lt
    if low is None or high is None:
        return
    strict = alias.gt is not None or alias.lt is not None
    if Decimal(low) > Decimal(high) or (strict and Decimal(low) == Decimal(high)):
        yield ("le" if alias.le else "lt",), f"no value fits: nothing lies between {low} and {high}", 0


def _base(node: ast.expr, definitions: _Definitions) -> str | None:
    """Name of the built-in type under an annotation's aliases; None where it is not one type."""
    if isinstance(node, ast.Subscript):
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    definition = definitions.get(node.id)
    if isinstance(definition, TypeAlias):
        return _base(parse_annotation(definition.type), definitions)
    return node.id if definition is None else None


def _finite(definitions: _Definitions) -> set[str]:
    """Types of which a value can be written down; the least fixed point."""
    finite: set[str] = set()
    while True:
        more = {name for name, definition in definitions.items() if _ends(definition, finite)}
        if more == finite:
            return finite
        finite = more


def _ends(definition: TypeDefinition, finite: set[str]) -> bool:
    match definition:
        case TypeRecord():
            return all(_annotation_ends(parse_annotation(each.type), finite) for each in definition.fields)
        case TypeAlias():
            return _annotation_ends(
                parse_annotation(definition.type), finite, filled=bool(definition.min_length)
            )
    return True


def _annotation_ends(node: ast.expr, finite: set[str], *, filled: bool = False) -> bool:
    match node:
        case ast.BinOp(left=left, right=right):
            return _annotation_ends(left, finite) or _annotation_ends(right, finite)
        case ast.Subscript(value=ast.Name(id="Literal")):
            return True
        case ast.Subscript(value=ast.Name(id=name), slice=inner):
            items = items_of(inner)
            open_ended = name != "tuple" or isinstance(items[-1], ast.Constant)
            return (open_ended and not filled) or all(_annotation_ends(item, finite) for item in items)
        case ast.Name(id=name):
            return name in finite or not annotation_names(name)
    return True
