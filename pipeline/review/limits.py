"""The types of two contracts compared: which became wider or narrower, and what that means for whoever calls."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from pipeline.annotations import annotation_names
from pipeline.definitions import TypeAlias, TypeDefinition, TypeEnum, TypeRecord
from pipeline.records import Contract
from pipeline.review.changes import ClauseChange, Edit, Effect

_LEAST, _MOST = ("ge", "gt", "min_length"), ("le", "lt", "max_length", "decimal_places")


def compare_types(old: Contract, new: Contract) -> Iterator[ClauseChange]:
    """Every type of both that is not what it was.

    A wider type of a result, or a narrower one of a parameter, leaves callers with less to rely on.
    """
    given = _reached(
        [*(p.type for p in old.params), *(p.type for p in new.params)], {**old.types, **new.types}
    )
    made = _reached([old.returns, new.returns], {**old.types, **new.types})
    for name in dict.fromkeys((*old.types, *new.types)):
        before, after = old.types.get(name), new.types.get(name)
        if before is None or after is None:
            edit: Edit = "added" if before is None else "removed"
            words = f"the type {name} is {'new' if before is None else 'no longer used'}"
            yield ClauseChange(clause=f"types[{name}]", edit=edit, effect="changed", words=words)
        elif before != after:
            wider, narrower = _widened(before, after), _widened(after, before)
            less = (wider and name in made) or (narrower and name in given)
            more = not less and (wider or narrower)
            effect: Effect = "loosened" if less else "tightened" if more else "changed"
            how = _how(wider=wider, narrower=narrower, given=name in given, made=name in made)
            one, other = told_type(before), told_type(after)
            yield ClauseChange(
                clause=f"types[{name}]",
                edit="changed",
                effect=effect,
                words=f"{how} the type {name}: {one} became {other}",
                before=one,
                after=other,
            )


def told_type(kind: TypeDefinition) -> str:
    """A type in a few words: `Decimal, ge 0, le 100`."""
    match kind:
        case TypeEnum(values=values):
            return f"one of {', '.join(values)}"
        case TypeRecord(fields=fields):
            return f"fields {', '.join(f'{field.name}: {field.type}' for field in fields)}"
        case TypeAlias():
            limits = kind.model_dump(exclude={"kind", "type"}, exclude_none=True)
            return ", ".join([kind.type, *(f"{key} {limit}" for key, limit in limits.items())])


def _how(*, wider: bool, narrower: bool, given: bool, made: bool) -> str:
    if wider is narrower:
        return "another form of"
    if given is made:
        return "more values of" if wider else "fewer values of"
    if given:
        return "accepts more of" if wider else "accepts less of"
    return "promises less of" if wider else "promises more of"


def _reached(annotations: list[str], types: Mapping[str, TypeDefinition]) -> set[str]:
    """Names of all types that values of these annotations may hold."""
    reached: set[str] = set()
    waiting = [name for text in annotations for name in annotation_names(text)]
    while waiting:
        name = waiting.pop()
        if name in reached or name not in types:
            continue
        reached.add(name)
        kind = types[name]
        inner = [kind.type] if isinstance(kind, TypeAlias) else []
        inner += [field.type for field in kind.fields] if isinstance(kind, TypeRecord) else []
        waiting += [other for text in inner for other in annotation_names(text)]
    return reached


def _widened(before: TypeDefinition, after: TypeDefinition) -> bool:
    """Whether every value of the one is certainly one of the other."""
    if isinstance(before, TypeEnum) and isinstance(after, TypeEnum):
        return set(before.values) < set(after.values)
    if not (isinstance(before, TypeAlias) and isinstance(after, TypeAlias)) or before.type != after.type:
        return False
    if after.pattern not in {None, before.pattern}:
        return False
    return all(
        _looser(getattr(before, key), getattr(after, key), sign)
        for keys, sign in ((_LEAST, 1), (_MOST, -1))
        for key in keys
    )


def _looser(before: str | int | None, after: str | int | None, sign: int) -> bool:
    if after is None:
        return True
    return before is not None and sign * Decimal(str(after)) <= sign * Decimal(str(before))
