"""Two contracts of a function -> what changed, clause by clause, in words, and whether callers may rely on less.

What follows from what is decided by the facts that rules certainly state; where these do not tell, it is "changed".
"""

import ast
import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pipeline.definitions import TypeDefinition
from pipeline.records import Case, Contract, Decision, Origin, Raise, Rule
from pipeline.render import signature
from pipeline.review.changes import ClauseChange, Edit, Effect
from pipeline.review.limits import compare_types
from pipeline.specs.facts import Fact, exclude, facts_of, negated

_ALIKE = 0.7
"""How alike two rules are of which one is taken for the other one reworded."""
_ORDER = {"loosened": 0, "changed": 1, "tightened": 2}


def compare_contracts(old: Contract, new: Contract) -> tuple[ClauseChange, ...]:
    """Every clause that was added, removed or changed; those that were loosened first.

    Prose (`summary`, `approach`) is no clause; places are left out.
    """
    found = [
        *_signature(old, new),
        *_rules("requires", old, new),
        *_raises(old, new),
        *_rules("ensures", old, new),
        *_examples(old, new),
        *compare_types(old, new),
        *_ports(old, new),
        *_names(old, new),
        *_texts("constraints", old, new),
        *_decisions(old, new),
        *_callees(old, new),
    ]
    return tuple(sorted(found, key=lambda each: _ORDER[each.effect]))


def implies(one: str, other: str, types: Mapping[str, TypeDefinition]) -> bool:
    """Whether a rule certainly holds whenever another one does: `x < 5` implies `x <= 6`."""
    known, _ = facts_of(one, types)
    for way in _disjuncts(other):
        wanted, whole = facts_of(way, types)
        if whole and all(any(_follows(fact, each) for fact in known) for each in wanted):
            return True
    return False


def _follows(fact: Fact, wanted: Fact) -> bool:
    opposite = negated(wanted)
    if opposite is None or fact.subject != wanted.subject:
        return fact == wanted
    return exclude(fact, opposite, whole_numbers=fact.subject.startswith("len("))


def _disjuncts(rule: str) -> list[str]:
    node = ast.parse(rule.strip(), mode="eval").body
    either = isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or)
    values = node.values if either and isinstance(node, ast.BoolOp) else []
    return [rule, *map(ast.unparse, values)]


def _normal(rule: str) -> str:
    return ast.unparse(ast.parse(rule.strip(), mode="eval"))


def _signature(old: Contract, new: Contract) -> Iterator[ClauseChange]:
    before, after = signature(old).rstrip(":"), signature(new).rstrip(":")
    if before != after:
        yield ClauseChange(
            clause="signature",
            edit="changed",
            effect=_effect_of_types(old, new),
            words=f"its signature changed: `{before}` became `{after}`",
            before=before,
            after=after,
        )


def _effect_of_types(old: Contract, new: Contract) -> Effect:
    """`int | None` for `int`: of a result it promises less, of a parameter it accepts more."""
    same = old.is_async == new.is_async and [p.name for p in old.params] == [p.name for p in new.params]
    pairs = [
        (_options(new.returns), _options(old.returns)),
        *((_options(p.type), _options(q.type)) for p, q in zip(old.params, new.params, strict=False)),
    ]
    less, more = (all(one >= other for one, other in pairs), all(one <= other for one, other in pairs))
    if not same or less == more:
        return "changed"
    return "loosened" if less else "tightened"


def _options(annotation: str) -> set[str]:
    """What a value of a type may be: `A | None` is one of two."""

    def parts(node: ast.expr) -> Iterator[str]:
        match node:
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                yield from (*parts(left), *parts(right))
            case _:
                yield ast.unparse(node)

    return set(parts(ast.parse(annotation, mode="eval").body))


# -- rules ---------------------------------------------------------------------------------------------------


def _rules(kind: str, old: Contract, new: Contract) -> Iterator[ClauseChange]:
    before, after = _by_text(getattr(old, kind)), _by_text(getattr(new, kind))
    gone = {text: each for text, each in before.items() if text not in after}
    come = {text: each for text, each in after.items() if text not in before}
    types = {**old.types, **new.types}
    for text, (number, rule) in gone.items():
        other = _reworded(text, list(come), types)
        if other is None:
            yield _rule_change(kind, number, rule, None, effect=_effect(kind, less=True))
            continue
        place, changed = come.pop(other)
        weaker, stronger = implies(text, other, types), implies(other, text, types)
        effect = "changed" if weaker == stronger else _effect(kind, less=weaker)
        yield _rule_change(kind, place, rule, changed, effect=effect)
    for number, rule in come.values():
        yield _rule_change(kind, number, None, rule, effect=_effect(kind, less=False))


def _by_text(rules: Sequence[Rule]) -> dict[str, tuple[int, Rule]]:
    return {_normal(rule.rule): (number, rule) for number, rule in enumerate(rules)}


def _effect(kind: str, *, less: bool) -> Effect:
    """A rule less under `ensures` is a promise less; under `requires` it is one more input that is taken."""
    return "loosened" if less == (kind == "ensures") else "tightened"


def _reworded(text: str, others: Sequence[str], types: Mapping[str, TypeDefinition]) -> str | None:
    """Which of the new rules stands for one that is gone; None if there is none."""
    for other in others:
        if implies(text, other, types) or implies(other, text, types):
            return other
    subjects = {fact.subject for fact in facts_of(text, types)[0]}
    for other in others:
        if subjects and subjects == {fact.subject for fact in facts_of(other, types)[0]}:
            return other
    scored = [(difflib.SequenceMatcher(None, text, other).ratio(), other) for other in others]
    best = max(scored, default=(0.0, ""))
    return best[1] if best[0] >= _ALIKE else None


def _rule_change(
    kind: str, number: int, before: Rule | None, after: Rule | None, *, effect: Effect
) -> ClauseChange:
    rule = after or before
    assert rule is not None
    one, other = (f"`{each.rule}`" if each else "" for each in (before, after))
    edit: Edit = "changed" if before and after else "removed" if before else "added"
    words = {
        ("ensures", "removed"): f"no longer promised: {one}",
        ("ensures", "added"): f"now promised: {other}",
        ("requires", "removed"): f"accepts more: {one} need not hold any more",
        ("requires", "added"): f"accepts less: {other} must hold now",
    }.get((kind, edit))
    if words is None:
        verb = "promises" if kind == "ensures" else "accepts"
        more = {"loosened": f"{verb} less", "tightened": f"{verb} more", "changed": f"{verb} something else"}
        words = f"{more[effect]}: {one} became {other}"
    if rule.constraint:
        words += f" (constraint {rule.constraint})"
    return ClauseChange(
        clause=f"{kind}[{number}]",
        edit=edit,
        effect=effect,
        words=words,
        origin=rule.origin,
        before=before.rule if before else "",
        after=after.rule if after else "",
    )


# -- errors --------------------------------------------------------------------------------------------------


def _raises(old: Contract, new: Contract) -> Iterator[ClauseChange]:
    before, after = ({each.error: each for each in one.raises} for one in (old, new))
    types = {**old.types, **new.types}
    for error in dict.fromkeys((*before, *after)):
        was, now = before.get(error), after.get(error)
        if was is None or now is None or _condition(was) != _condition(now):
            effect, words = _raise_change(error, was, now, types)
            edit: Edit = "added" if was is None else "removed" if now is None else "changed"
            yield ClauseChange(
                clause=f"raises[{error}]",
                edit=edit,
                effect=effect,
                words=words,
                origin=(now or was or Raise(error=error)).origin,
                before="" if was is None else was.when or "any time",
                after="" if now is None else now.when or "any time",
            )
    order = [[error for error in one if error in before and error in after] for one in (before, after)]
    if order[0] != order[1]:
        tried = ", ".join(order[1])
        yield ClauseChange(
            clause="raises", edit="changed", effect="changed", words=f"errors are tried in another order: {tried}"
        )  # fmt: skip


def _condition(item: Raise) -> str | None:
    return None if item.when is None else _normal(item.when)


def _raise_change(
    error: str, was: Raise | None, now: Raise | None, types: Mapping[str, TypeDefinition]
) -> tuple[Effect, str]:
    """In which cases an error is to be expected now."""
    match was and (was.when or ""), now and (now.when or ""):
        case None, "":
            return "loosened", f"may raise {error} now, any time"
        case None, str(when):
            return "changed", f"raises {error} now when `{when}`"
        case "", None:
            return "tightened", f"never raises {error} any more"
        case str(when), None:
            return "loosened", f"no longer raises {error}, which it did when `{when}`"
        case str(when), "":
            return "loosened", f"may raise {error} any time now, not exactly when `{when}`"
        case "", str(when):
            return "tightened", f"raises {error} exactly when `{when}` now, not any time"
        case str(one), str(other):
            fewer, more = implies(other, one, types), implies(one, other, types)
            how = "in other cases" if fewer == more else "in fewer cases" if fewer else "in more cases"
            return "changed", f"raises {error} {how}: when `{one}` became when `{other}`"
    raise AssertionError(error)


# -- examples, ports, names ----------------------------------------------------------------------------------


def _examples(old: Contract, new: Contract) -> Iterator[ClauseChange]:
    def told(case: Case) -> str:
        outcome = f"raises {case.raises}" if case.raises else f"returns {_json(case.returns)}"
        calls = "" if case.calls is None else f", asking for {_json([c.model_dump() for c in case.calls])}"
        return f"{_json(case.given)} {outcome}{calls}"

    before, after = ({case.name: (told(case), case.origin) for case in one.cases} for one in (old, new))
    gone = {text: name for name, (text, _) in before.items() if name not in after}
    for name, (text, origin) in list(after.items()):
        if name not in before and text in gone:
            other = gone.pop(text)
            words = f"example '{other}' is now called '{name}'"
            yield ClauseChange(
                clause=f"examples[{name}]", edit="renamed", effect="changed", words=words, origin=origin,
                before=other, after=name,
            )  # fmt: skip
            del before[other], after[name]
    yield from _compared("examples", before, after, lambda name: f"example '{name}'")


def _ports(old: Contract, new: Contract) -> Iterator[ClauseChange]:
    def methods(contract: Contract) -> dict[str, tuple[str, Origin]]:
        return {
            f"{name}.{method.name}": (_json(method.model_dump(exclude_defaults=True)), "spec")
            for name, port in contract.ports.items()
            for method in port.methods
        }

    for change in _compared("ports", methods(old), methods(new), lambda name: f"the port's method {name}"):
        yield change.model_copy(update={"effect": "changed"})


def _names(old: Contract, new: Contract) -> Iterator[ClauseChange]:
    """Lists of names: what it may ask, change, deal with itself, and what its code must not hold."""
    lists: list[tuple[str, str, str, Callable[[Contract], Iterable[str]], bool | None]] = [
        ("calls", "may ask for", "may no longer ask for", lambda c: c.calls, True),
        ("mutates", "may change its argument", "must leave its argument", lambda c: c.mutates, True),
        ("handles", "deals itself with", "no longer deals itself with", lambda c: c.handles, None),
        ("bounds", "must not use", "may use", lambda c: c.bounds.forbidden_names, False),
        ("bounds", "must not import", "may import", lambda c: c.bounds.forbidden_imports, False),
    ]
    for clause, with_it, without_it, names, freer in lists:
        before, after = tuple(names(old)), tuple(names(new))
        for name in dict.fromkeys((*before, *after)):
            if (name in before) is not (name in after):
                added = name in after
                loosened = freer is added
                yield ClauseChange(
                    clause=f"{clause}[{name}]",
                    edit="added" if added else "removed",
                    effect="changed" if freer is None else "loosened" if loosened else "tightened",
                    words=f"{with_it if added else without_it} {name}",
                )


def _texts(kind: str, old: Contract, new: Contract) -> Iterator[ClauseChange]:
    before, after = ({each.name: (each.text, _SPEC) for each in getattr(one, kind)} for one in (old, new))
    yield from _compared(kind, before, after, lambda name: f"the constraint {name}")


def _decisions(old: Contract, new: Contract) -> Iterator[ClauseChange]:
    def told(decision: Decision) -> tuple[str, Origin]:
        answer = f"{decision.choice}: {decision.meaning}" if decision.choice else "open"
        return answer, "architect" if decision.reason else "spec"

    before, after = ({each.name: told(each) for each in one.decisions} for one in (old, new))
    for change in _compared("decisions", before, after, lambda name: f"the decision {name}"):
        yield change.model_copy(update={"effect": "changed"})
    taken, takes = ({name: (text, _SPEC) for name, text in one.assumes.items()} for one in (old, new))
    yield from _compared("assumes", taken, takes, lambda name: f"the assumption about {name}")


def _callees(old: Contract, new: Contract) -> Iterator[ClauseChange]:
    before, after = (
        {each.function: (_json(each.model_dump(exclude={"summary"})), _SPEC) for each in one.uses}
        for one in (old, new)
    )
    for change in _compared("uses", before, after, str):
        name = change.clause.removeprefix("uses[").removesuffix("]")
        words = {"added": f"may call {name} now", "removed": f"no longer calls {name}"}
        told = words.get(change.edit, f"{name}, which it calls, promises something else")
        yield change.model_copy(update={"effect": "changed", "words": told, "before": "", "after": ""})


_SPEC: Origin = "spec"
_Told = Mapping[str, tuple[str, Origin]]


def _compared(clause: str, old: _Told, new: _Told, named: Callable[[str], str]) -> Iterator[ClauseChange]:
    """Items by name: one less binds the function less, one more binds it more."""
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        if before and after and before[0] == after[0]:
            continue
        edit: Edit = "changed" if before and after else "removed" if before else "added"
        text = {
            "changed": f"{named(name)} changed: {(before or after or ('', ''))[0]} became {(after or before or ('', ''))[0]}",
            "removed": f"{named(name)} is gone: {(before or ('', ''))[0]}",
            "added": f"{named(name)} is new: {(after or ('', ''))[0]}",
        }[edit]
        effects: dict[Edit, Effect] = {"changed": "changed", "removed": "loosened", "added": "tightened"}
        yield ClauseChange(
            clause=f"{clause}[{name}]",
            edit=edit,
            effect=effects[edit],
            words=text,
            origin=(after or before or ("", _SPEC))[1],
            before=before[0] if before else "",
            after=after[0] if after else "",
        )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
