"""Spec function -> Contract. The spec decides; a model may propose what the person left out.

Every proposal is held against what the person said before it enters the contract, and marked with its origin.
"""

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import prompts
from pipeline.annotations import items_of, parse_annotation
from pipeline.definitions import TypeAlias, TypeDefinition, TypeEnum, TypeRecord
from pipeline.digest import digest_json
from pipeline.llm.port import Message, Request
from pipeline.records import Case, Contract, Rule
from pipeline.stages.port import Ask
from pipeline.structured import object_schema, parse_reply

MAX_TOKENS = 8192
"""Of one reply, a reasoning model's thoughts included."""
MOST_PROPOSALS = 4
MOST_APPROACH = 600

Admit = Callable[
    [Contract, Sequence[Case], Sequence[str]], tuple[tuple[Case, ...], tuple[Rule, ...], tuple[str, ...]]
]


@dataclass(frozen=True, slots=True)
class Planned:
    """A contract ready for the implementer, and the proposals that did not enter it, each with the reason."""

    contract: Contract
    refused: tuple[str, ...] = ()


def first_messages(contract: Contract, *, independent: bool) -> tuple[str, str]:
    """System and user text of the request for a contract: what `show-prompt` shows."""
    system = prompts.render_prompt(
        "architect.system.md.j2", most=MOST_PROPOSALS, independent=independent, cases=not contract.ports
    )
    return system, prompts.render_architect(contract)


def first_request(contract: Contract, *, model: str, independent: bool) -> Request:
    """The one request for a contract."""
    system, prompt = first_messages(contract, independent=independent)
    return Request(
        model=model,
        system=system,
        messages=(Message("user", prompt),),
        max_tokens=MAX_TOKENS,
        schema=reply_schema(contract, independent=independent),
        temperature=0.0,
        seed=1,
    )


def plan(contract: Contract, *, model: str, independent: bool, ask: Ask, admit: Admit) -> Planned:
    """Have a model propose cases, rules and an approach for a derived contract, and admit what stands.

    `independent`: no implementer is the same model. Of an architect that examines its own work, only what the
    spec's rules settle can be admitted, so it is asked for one case and no rules.
    """
    request = first_request(contract, model=model, independent=independent)
    schema = reply_schema(contract, independent=independent)
    reply = ask(request)
    if reply.stop != "end":
        why = "it is cut off" if reply.stop == "length" else "the model refused"
        return Planned(contract, (f"the whole reply, the contract is what the spec says: {why}",))
    try:
        proposal = parse_reply(reply.text, schema)
    except ValueError as error:
        return Planned(contract, (f"the whole reply, the contract is what the spec says: {error}",))
    proposed = [proposal["case"]] if "case" in proposal else proposal.get("cases", [])[:MOST_PROPOSALS]
    readable, unread = _cases(contract, proposed)
    cases, rules, refused = admit(contract, readable, proposal.get("rules", [])[:MOST_PROPOSALS])
    surplus = tuple(
        f"{kind} beyond the first {MOST_PROPOSALS}: {len(proposal[kind]) - MOST_PROPOSALS}"
        for kind in ("cases", "rules")
        if len(proposal.get(kind, [])) > MOST_PROPOSALS
    )
    approach = " ".join(str(proposal["approach"]).split())[:MOST_APPROACH] or None
    planned = contract.model_copy(
        update={"cases": contract.cases + cases, "ensures": contract.ensures + rules, "approach": approach}
    )
    return Planned(planned, unread + refused + surplus)


def hold_back(contract: Contract) -> Contract:
    """Hide a third of the cases from the implementer, an architect's before a person's.

    At least two stay shown, one of them for every error that is raised; which ones go is fixed by their content.
    """
    wanted = len(contract.cases) // 3
    order = sorted(contract.cases, key=lambda case: (case.origin == "spec", digest_json(case.given)))
    hidden: set[str] = set()
    for case in order:
        rest = [other for other in contract.cases if other.name not in hidden | {case.name}]
        if len(hidden) < wanted and len(rest) >= 2 and case.raises in {other.raises for other in rest}:
            hidden.add(case.name)
    cases = tuple(case.model_copy(update={"shown": case.name not in hidden}) for case in contract.cases)
    return contract.model_copy(update={"cases": cases})


def reply_schema(contract: Contract, *, independent: bool) -> dict[str, Any]:
    """JSON Schema of a proposal, in the subset every provider takes: all required, no maps, no constraints.

    With ports it asks for no case: that would be a script of their answers and every call that uses it up, which
    no rule of the spec could settle.
    """
    approach = {"type": "string"}
    rules = {"type": "array", "items": {"type": "string"}}
    if contract.ports:
        return object_schema({"approach": approach, **({"rules": rules} if independent else {})})
    returns = object_schema({"returns": _value_schema(contract.returns, contract.types)})
    errors = sorted({item.error for item in contract.raises})
    outcomes = [returns, *([object_schema({"raises": {"type": "string", "enum": errors}})] if errors else [])]
    given = object_schema(
        {param.name: _value_schema(param.type, contract.types) for param in contract.params}
    )
    outcome = outcomes[0] if len(outcomes) == 1 else {"anyOf": outcomes}
    case = object_schema({"name": {"type": "string"}, "given": given, "outcome": outcome})
    if not independent:
        return object_schema({"approach": approach, "case": case})
    return object_schema({"approach": approach, "cases": {"type": "array", "items": case}, "rules": rules})


def _value_schema(annotation: str, types: dict[str, TypeDefinition], depth: int = 0) -> dict[str, Any]:
    return _node_schema(parse_annotation(annotation), types, depth)


def _node_schema(node: ast.expr, types: dict[str, TypeDefinition], depth: int) -> dict[str, Any]:
    match node:
        case _ if depth > 6:  # a record inside itself: the reader checks what the schema no longer can
            return {"type": "string"}
        case ast.Constant(value=None):
            return {"type": "null"}
        case ast.BinOp(left=left, right=right):
            return {"anyOf": [_node_schema(left, types, depth), _node_schema(right, types, depth)]}
        case ast.Name(id=name) if name in types:
            return _named_schema(types[name], types, depth + 1)
        case ast.Name(id=name):
            return {"type": {"int": "integer", "float": "number", "bool": "boolean"}.get(name, "string")}
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            values = [item.value for item in items_of(inner) if isinstance(item, ast.Constant)]
            kinds = {bool: "boolean", int: "integer", str: "string"}
            enums = [
                {"type": kind, "enum": [value for value in values if type(value) is python]}
                for python, kind in kinds.items()
                if any(type(value) is python for value in values)
            ]
            return enums[0] if len(enums) == 1 else {"anyOf": enums}
        case ast.Subscript(value=ast.Name(id="dict"), slice=inner):
            key, value = items_of(inner)
            pair = object_schema(
                {"key": _node_schema(key, types, depth), "value": _node_schema(value, types, depth)}
            )
            return {"type": "array", "items": pair}
        case ast.Subscript(slice=inner):
            each = [_node_schema(item, types, depth) for item in items_of(inner) if not _is_dots(item)]
            items = each[0] if all(kind == each[0] for kind in each) else {"anyOf": each}
            return {"type": "array", "items": items}
    return {"type": "string"}


def _is_dots(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _named_schema(definition: TypeDefinition, types: dict[str, TypeDefinition], depth: int) -> dict[str, Any]:
    match definition:
        case TypeAlias(type=annotation):
            return _value_schema(annotation, types, depth)
        case TypeEnum(values=values):
            return {"type": "string", "enum": list(values)}
        case TypeRecord(fields=fields):
            return object_schema({field.name: _value_schema(field.type, types, depth) for field in fields})


def _cases(contract: Contract, proposed: list[dict[str, Any]]) -> tuple[list[Case], tuple[str, ...]]:
    """Proposed cases under names of their own; a name says what the case is about and nothing else."""
    taken = {case.name for case in contract.cases}
    cases, refused = [], []
    for item in proposed:
        words = re.sub(r"[^\w .,'-]+", " ", item["name"]).split()
        stem = " ".join(words)[:60].strip() or "edge"
        name, count = stem, 2
        while name in taken:
            name, count = f"{stem} {count}", count + 1
        taken.add(name)
        outcome = item["outcome"]
        try:
            given = {p.name: _unpair(item["given"][p.name], p.type, contract.types) for p in contract.params}
            returns = _unpair(outcome.get("returns"), contract.returns, contract.types)
        except (KeyError, TypeError, ValueError) as error:
            refused.append(f"case '{name}': its values cannot be read ({error})")
            continue
        cases.append(
            Case(name=name, given=given, returns=returns, raises=outcome.get("raises"), origin="architect")
        )
    return cases, tuple(refused)


def _unpair(value: Any, annotation: str, types: dict[str, TypeDefinition]) -> Any:
    """A value of the reply with its lists of key and value turned back into maps."""
    return _unpair_node(value, parse_annotation(annotation), types)


def _unpair_node(value: Any, node: ast.expr, types: dict[str, TypeDefinition]) -> Any:
    match node:
        case ast.Name(id=name) if isinstance(alias := types.get(name), TypeAlias):
            return _unpair(value, alias.type, types)
        case ast.Name(id=name) if isinstance(record := types.get(name), TypeRecord) and isinstance(
            value, dict
        ):
            kinds = {field.name: field.type for field in record.fields}
            return {key: _unpair(item, kinds[key], types) for key, item in value.items()}
        case ast.BinOp(left=left, right=right):
            return value if value is None else _unpair_node(value, right if _is_none(left) else left, types)
        case ast.Subscript(value=ast.Name(id="dict"), slice=inner) if isinstance(value, list):
            key, kind = items_of(inner)
            pairs = [
                (_unpair_node(i["key"], key, types), _unpair_node(i["value"], kind, types)) for i in value
            ]
            return dict(pairs)
        case ast.Subscript(value=ast.Name(id="list" | "set" | "frozenset" | "tuple"), slice=inner):
            kinds_ = items_of(inner)
            return [_unpair_node(item, kinds_[0], types) for item in value] if len(kinds_) == 1 else value
    return value


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
