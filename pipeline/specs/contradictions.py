"""Parts of a spec that cannot all hold: rules against rules, types, errors and the steps of flows.

Only what certainly excludes each other is refused; every finding names the other place.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from pipeline.definitions import TypeAlias, TypeDefinition, TypeEnum, TypeRecord
from pipeline.flows.shape import shape_of
from pipeline.records import Finding, Place, SpecFlow, SpecFunction
from pipeline.specs.draft import Draft
from pipeline.specs.facts import Fact, exclude, facts_of, negated

_LIMITS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


@dataclass(frozen=True, slots=True)
class _Claim:
    fact: Fact
    why: str
    """Who says so, and where."""
    rule: int = -1
    """Number of the rule it comes from."""


def check_contradictions(
    draft: Draft, derived: Mapping[str, SpecFunction], flows: Sequence[SpecFlow] = ()
) -> list[Finding]:
    """A finding for every pair of clauses of which one rules out the other."""
    findings: list[Finding] = []
    for function in derived.values():
        claims = _Claims(draft, function)
        findings += [*_check_rules(claims), *_check_errors(claims)]
        findings += [
            finding
            for flow in flows
            if function.contract.function in flow.flow.functions
            for finding in _check_steps(draft, flow, claims)
        ]
    return findings


class _Claims:
    """What the clauses of one function say for certain."""

    def __init__(self, draft: Draft, function: SpecFunction) -> None:
        self.function = function
        self.contract = function.contract
        self.types = function.contract.types
        self._draft = draft
        self._scope = {param.name: param.type for param in self.contract.params}
        self._scope["result"] = self.contract.returns
        self.requires = self._of_rules("requires", [rule.rule for rule in self.contract.requires])
        self.ensures = self._of_rules("ensures", [rule.rule for rule in self.contract.ensures])
        self.raises = {
            each.error: facts_of(each.when, self.types) for each in self.contract.raises if each.when
        }
        self.returning = [*self._of_errors()]
        """What holds when it returns, since it would have raised an error otherwise."""

    def place(self, clause: str) -> Place:
        return self.function.places.get(clause, self.function.place)

    def _of_rules(self, clause: str, rules: Sequence[str]) -> list[_Claim]:
        return [
            _Claim(fact, f"`{rule}` at {self.place(f'{clause}[{number}]')}", number)
            for number, rule in enumerate(rules)
            for fact in facts_of(rule, self.types)[0]
        ]

    def _of_errors(self) -> Iterator[_Claim]:
        for each in self.contract.raises:
            facts, whole = self.raises.get(each.error, ([], False))
            if whole and len(facts) == 1 and (opposite := negated(facts[0])):
                why = f"{each.error}, raised when `{each.when}` at {self.place(f'raises[{each.error}]')}"
                yield _Claim(opposite, why)

    def unchanged(self, claims: Iterable[_Claim]) -> list[_Claim]:
        """The claims that the function cannot make untrue by changing its arguments."""
        mutated = set(self.contract.mutates)
        return [claim for claim in claims if not _names(claim.fact.subject) & mutated]

    def clash(self, claim: _Claim, others: Iterable[_Claim]) -> _Claim | None:
        """The first of the others, or the limit of a type, that rules the claim out."""
        type_name, limits = self._limits(claim.fact.subject)
        whole = type_name == "int"
        every = [*others, *limits]
        return next((o for o in every if exclude(claim.fact, o.fact, whole_numbers=whole)), None)

    def _limits(self, subject: str) -> tuple[str, list[_Claim]]:
        """The plain type of an expression such as `result.width` or `len(names)`, and what its types allow."""
        if " ~ " in subject:
            return "", []
        node = ast.parse(subject, mode="eval").body
        size = isinstance(node, ast.Call) and ast.unparse(node.func) == "len" and len(node.args) == 1
        annotation = self._type_of(node.args[0] if size and isinstance(node, ast.Call) else node)
        claims = []
        while isinstance(definition := self.types.get(annotation), TypeAlias):
            keys = {"min_length": ">=", "max_length": "<="} if size else _LIMITS
            for key, relation in keys.items():
                if (limit := getattr(definition, key)) is not None:
                    why = f"`{key}: {limit}` of {annotation} at {self._place_of_type(annotation, key)}"
                    claims.append(_Claim(Fact(subject, relation, (_number(str(limit)),)), why))
            annotation = definition.type
        if isinstance(definition, TypeEnum) and not size:
            why = f"the values of {annotation} at {self._place_of_type(annotation, 'enum')}"
            claims.append(_Claim(Fact(subject, "in", definition.values), why))
        return "int" if size else annotation, claims

    def _type_of(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return self._scope.get(node.id, "")
        if not isinstance(node, ast.Attribute):
            return ""
        definition = _unaliased(self._type_of(node.value), self.types)
        fields = definition.fields if isinstance(definition, TypeRecord) else ()
        return next((field.type for field in fields if field.name == node.attr), "")

    def _place_of_type(self, name: str, key: str) -> str:
        if name in self._draft.file.types:
            return str(self._draft.document.at("types", name, key))
        return f"specs/{self.contract.homes.get(name, self.contract.spec)}.yaml"


def _unaliased(annotation: str, types: Mapping[str, TypeDefinition]) -> TypeDefinition | None:
    definition = types.get(annotation)
    while isinstance(definition, TypeAlias):
        definition = types.get(definition.type)
    return definition


def _number(text: str) -> Decimal | int:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number


def _names(subject: str) -> set[str]:
    trees = (ast.parse(part, mode="eval") for part in subject.split(" ~ "))
    return {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}


# -- functions -----------------------------------------------------------------------------------------------


def _check_rules(claims: _Claims) -> Iterator[Finding]:
    contract = claims.contract
    for number, rule in enumerate(contract.requires):
        own = [claim for claim in claims.requires if claim.rule == number]
        earlier = [claim for claim in claims.requires if claim.rule < number]
        if other := _first_clash(claims, own, earlier):
            message = f"no call is allowed: `{rule.rule}` contradicts {_named(other, own)}"
            yield Finding(place=claims.place(f"requires[{number}]"), message=message)
    before = claims.unchanged([*claims.requires, *claims.returning])
    covering = {number for number, rule in enumerate(contract.ensures) if rule.constraint is not None}
    for number, rule in enumerate(contract.ensures):
        own = [claim for claim in claims.ensures if claim.rule == number]
        others = [
            claim
            for claim in claims.ensures
            if (claim.rule < number and (number not in covering or claim.rule in covering))
            or (claim.rule in covering and number not in covering)
        ]
        if other := _first_clash(claims, own, [*others, *before]):
            covered = f" (covering '{contract.function}')" if number in covering else ""
            message = f"`{rule.rule}` contradicts {_named(other, own)}{covered}"
            yield Finding(place=claims.place(f"ensures[{number}]"), message=message)


def _first_clash(claims: _Claims, own: Sequence[_Claim], others: Sequence[_Claim]) -> _Claim | None:
    """What rules out one of a rule's own claims: another one of them, one of the others, or a type."""
    for position, claim in enumerate(own):
        if other := claims.clash(claim, [*own[:position], *others]):
            return other
    return None


def _named(other: _Claim, own: Sequence[_Claim]) -> str:
    return "itself" if other in own else other.why


def _check_errors(claims: _Claims) -> Iterator[Finding]:
    conditions = [each for each in claims.contract.raises if each.when is not None]
    for each in conditions:
        place = claims.place(f"raises[{each.error}]")
        own = [_Claim(fact, str(each.when)) for fact in claims.raises[each.error][0]]
        if other := _first_clash(claims, own, claims.requires):
            message = f"{each.error} can never be raised: its condition contradicts {_named(other, own)}"
            yield Finding(place=place, message=message)
    for first, second in combinations(conditions, 2):
        if _implies(claims, second.error, first.error) or _same(first.when, second.when):
            message = (
                f"{second.error} can never be raised: {first.error} is, before it, when `{first.when}` at "
                f"{claims.place(f'raises[{first.error}]')}"
            )
            yield Finding(place=claims.place(f"raises[{second.error}]"), message=message)


def _same(one: str | None, other: str | None) -> bool:
    return ast.dump(ast.parse(one or "", mode="eval")) == ast.dump(ast.parse(other or "", mode="eval"))


def _implies(claims: _Claims, error: str, first: str) -> bool:
    """Whether the condition of one error holds only if that of the first does."""
    facts, whole = claims.raises[first]
    opposite = negated(facts[0]) if whole and len(facts) == 1 else None
    if opposite is None:
        return False
    return any(exclude(fact, opposite) for fact in claims.raises[error][0])


# -- steps of flows ------------------------------------------------------------------------------------------


def _check_steps(draft: Draft, placed: SpecFlow, claims: _Claims) -> Iterator[Finding]:
    flow, name = placed.flow, claims.contract.function
    at = ("flows", flow.name)
    record = shape_of(claims.contract, flow).record
    before, after = f"{record}.{flow.field}", f"result.{flow.field}"
    allowed = [claim for claim in (*claims.requires, *claims.returning) if claim.fact.subject == before]
    made = [claim for claim in claims.ensures if claim.fact.subject == after]
    kept = " ~ ".join(sorted((before, after)))
    keeping = [c for c in claims.ensures if c.fact.subject == kept and c.fact.constants == (0,)]
    for path, sources, targets in _steps(draft, placed, name):
        for key, state in sources:
            if other := next((claim for claim in allowed if not claim.fact.allows(state)), None):
                message = f"'{name}' never succeeds in '{state}', because of {other.why}"
                yield draft.at(*at, *path, *key, message=message)
        for key, state in targets:
            other = next((claim for claim in made if not claim.fact.allows(state)), None)
            if other is None and sources and state not in [source for _, source in sources]:
                other = next(iter(keeping), None)
            if other:
                message = f"'{name}' never leads to '{state}', because of {other.why}"
                yield draft.at(*at, *path, *key, message=message)


_Written = list[tuple[tuple[str | int, ...], str]]


def _steps(
    draft: Draft, placed: SpecFlow, function: str
) -> Iterator[tuple[tuple[str | int, ...], _Written, _Written]]:
    """Where a flow calls a function, from which states and to which, each with its path."""
    flow, form = placed.flow, draft.file.flows[placed.flow.name]
    if flow.start == function:
        yield (), [], [(("initial",), flow.initial)]
    for index, step in enumerate(flow.transitions):
        if step.call == function:
            sources: _Written = [(("from", number), state) for number, state in enumerate(step.sources)]
            targets: _Written = [(("to", number), state) for number, state in enumerate(step.targets)]
            yield ("transitions", index), sources, targets
    for step_name, undo in flow.compensate.items():
        if undo == function:
            undone = [step for step in flow.transitions if step.call == step_name]
            after: _Written = [((), state) for step in undone for state in step.targets]
            before: _Written = [((), state) for step in undone for state in step.sources]
            yield ("compensate", step_name), after, before
    for index, wait in enumerate(form.timeouts):
        if wait.call == function:
            states = [wait.state] if isinstance(wait.state, str) else wait.state
            sources = [(("state", number), state) for number, state in enumerate(states)]
            yield ("timeouts", index), sources, [(("to",), wait.to)]
