"""What a model proposes for a contract, and what of it gets in. The decider is the real one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pipeline import contract_file
from pipeline.definitions import Method, Param, Port
from pipeline.digest import render_json
from pipeline.llm.port import Reply, Request
from pipeline.records import Case, Contract, Rule, Spec
from pipeline.specs import parse_spec
from pipeline.stages import architect, land
from pipeline.stages.judge import Judge

SPEC = """\
spec: shop
summary: A shop.
types:
  Size: {enum: [small, large]}
  Price: {type: int, ge: 0, le: 1000}
  Item: {fields: {name: str, size: Size, tags: "dict[str, int]"}}
errors:
  TooDear: The price is too high.
functions:
  cost:
    summary: The price of so many, which must stay below a hundred.
    params: {price: Price, count: Price}
    returns: int
    raises: {TooDear: price * count > 100}
    ensures: ["result == price * count"]
    examples:
      - {name: one, given: {price: 2, count: 1}, returns: 2}
      - {name: some, given: {price: 2, count: 5}, returns: 10}
      - {name: dear, given: {price: 99, count: 5}, raises: TooDear}
  label:
    summary: The label of an item.
    params: {item: Item, mark: "Literal['a', 'b', 1]", pair: "tuple[int, str]", more: "list[Item] | None"}
    returns: "dict[str, int]"
    ensures: ["result == item.tags"]
    examples:
      - {name: bare, given: {item: {name: x, size: small, tags: {}}, mark: a, pair: [1, b], more: null}, returns: {}}
      - {name: tags, given: {item: {name: x, size: large, tags: {t: 2}}, mark: 1, pair: [1, b], more: []}, returns: {t: 2}}
"""
SCHEMA = Path(__file__).parents[2] / "pipeline" / "schemas" / "contract.schema.json"


def contract_of(name: str) -> Contract:
    spec = parse_spec("specs/shop.yaml", SPEC)
    assert isinstance(spec, Spec), spec
    return next(f.contract for f in spec.functions if f.contract.function == name)


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    made = Judge()
    yield made
    made.close()


def plan(
    judge: Judge, proposal: Any, *, function: str = "cost", independent: bool = True, stop="end"
) -> tuple[architect.Planned, Request]:
    requests: list[Request] = []

    def ask(request: Request) -> Reply:
        requests.append(request)
        text = proposal if isinstance(proposal, str) else json.dumps(proposal)
        return Reply(text=text, stop=stop, tokens_in=1, tokens_cached=0, tokens_out=1)

    planned = architect.plan(
        contract_of(function),
        model="a:m",
        independent=independent,
        ask=ask,
        admit=lambda contract, cases, rules: judge.admit(
            contract, cases=cases, rules=rules, independent=independent
        ),
    )
    return planned, requests[0]


def case(name: str, price: int, count: int, **outcome: Any) -> dict[str, Any]:
    return {"name": name, "given": {"price": price, "count": count}, "outcome": outcome}


def proposal(
    *cases: dict[str, Any], rules: tuple[str, ...] = (), approach: str = "Multiply."
) -> dict[str, Any]:
    return {"approach": approach, "cases": list(cases), "rules": list(rules)}


def test_what_follows_from_the_spec_is_admitted(judge: Judge) -> None:
    """Every item keeps its origin; what a person said stays first and as it was."""
    planned, _ = plan(
        judge,
        proposal(
            case("none", 7, 0, returns=0), case("far", 999, 9, raises="TooDear"), rules=("result >= 0",)
        ),
    )
    assert planned.refused == ()
    derived = contract_of("cost")
    assert derived.cases == planned.contract.cases[:3]
    assert [case.name for case in planned.contract.cases[3:]] == ["none", "far"]
    assert [case.origin for case in planned.contract.cases] == ["spec"] * 3 + ["architect"] * 2
    assert [(rule.rule, rule.origin) for rule in planned.contract.ensures] == [
        ("result == price * count", "spec"),
        ("result >= 0", "architect"),
    ]
    assert planned.contract.approach == "Multiply."


def test_what_contradicts_the_spec_is_refused_with_the_reason(judge: Judge) -> None:
    """One line for each; the contract is what the spec says."""
    planned, _ = plan(
        judge,
        proposal(
            case("wrong", 2, 2, returns=5),
            case("again", 2, 1, returns=2),
            case("outside", 1001, 0, returns=0),
            case("not dear", 10, 10, raises="TooDear"),
            rules=("result > 5", "result == price * count", "open('x')", "True"),
        ),
    )
    assert contract_of("cost").model_copy(update={"approach": "Multiply."}) == planned.contract
    expected = [
        "case 'wrong': ",
        "case 'outside': ",
        "case 'not dear': ",
    ]  # of 'again' there is nothing to tell
    expected += [
        "rule 'result > 5': ",
        "rule 'result == price * count': ",
        "rule 'open('x')': ",
        "rule 'True': ",
    ]
    assert len(expected) == len(planned.refused)
    for start, refused in zip(expected, planned.refused, strict=True):
        assert refused.startswith(start)
        assert len(refused) > len(start)
        assert "\n" not in refused


def test_more_than_was_asked_for_is_left_out_and_said(judge: Judge) -> None:
    """The first four of each are looked at."""
    many = [case(f"c{n}", 1, n + 2, returns=n + 2) for n in range(6)]
    planned, _ = plan(judge, proposal(*many))
    assert len(planned.contract.cases) == 3 + architect.MOST_PROPOSALS
    assert planned.refused == ("cases beyond the first 4: 2",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("I would suggest more cases.", "not JSON"),
        ("{}", "the reply: 'approach' is a required property"),
        ('{"approach": "x", "cases": [{}], "rules": []}', "cases/0: 'name' is a required property"),
        ('{"approach": "x", "cases": [], "rules": [], "code": "import os"}', "Additional properties"),
        ('{"approach": NaN, "cases": [], "rules": []}', "not JSON"),
        ('{"approach": 1e999, "cases": [], "rules": []}', "not JSON"),
        ('{"approach": "\\ud800", "cases": [], "rules": []}', "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "is not of type 'object'"),
    ],
)
def test_a_reply_that_is_no_proposal_leaves_the_spec_alone(judge: Judge, text: str, why: str) -> None:
    """The contract is what the spec says, and there is a notice."""
    planned, _ = plan(judge, text)
    assert contract_of("cost") == planned.contract
    (notice,) = planned.refused
    assert notice.startswith("the whole reply, the contract is what the spec says: ")
    assert why in notice
    assert "\n" not in notice


@pytest.mark.parametrize(
    ("stop", "why"), [("length", "cut off"), ("refusal", "refused"), ("secret", "credential")]
)
def test_a_reply_that_stopped_early_is_not_read(judge: Judge, stop: str, why: str) -> None:
    """Even if what there is of it would do."""
    planned, _ = plan(judge, proposal(case("none", 7, 0, returns=0)), stop=stop)
    assert contract_of("cost") == planned.contract
    assert why in planned.refused[0]


def test_fences_around_the_reply_are_taken_off(judge: Judge) -> None:
    """A fence inside it is text."""
    text = json.dumps(proposal(case("none", 7, 0, returns=0), approach="Use ```python\nx\n``` here."))
    for wrapped in (text, f"```json\n{text}\n```", f"Here:\n```\n{text}\n```\n"):
        planned, _ = plan(judge, wrapped)
        assert planned.refused == ()
        assert planned.contract.approach == "Use ```python x ``` here."


def test_names_say_nothing_but_what_a_case_is_about(judge: Judge) -> None:
    """A name that is taken gets a number; lines and marks are dropped."""
    planned, _ = plan(judge, proposal(case("one", 3, 0, returns=0), case("a\n## b`c`", 4, 0, returns=0)))
    assert [case.name for case in planned.contract.cases[3:]] == ["one 2", "a b c"]


def test_maps_travel_as_pairs(judge: Judge) -> None:
    """Providers take no schema with free keys; what arrives is a map again."""
    given = {
        "item": {"name": "y", "size": "small", "tags": [{"key": "k", "value": 3}]},
        "mark": "b",
        "pair": [1, "x"],
        "more": None,
    }
    outcome = {"returns": [{"key": "k", "value": 3}]}
    planned, request = plan(
        judge, proposal({"name": "pairs", "given": given, "outcome": outcome}), function="label"
    )
    assert planned.refused == ()
    assert planned.contract.cases[-1].returns == {"k": 3}
    assert planned.contract.cases[-1].given["item"]["tags"] == {"k": 3}
    _assert_strict(request.schema)


def _assert_strict(schema: Any) -> None:
    """The subset every provider takes: objects are closed and whole, every leaf has a type."""
    if schema.get("type") == "object":
        assert schema["additionalProperties"] is False
        assert list(schema["properties"]) == schema["required"]
    assert "type" in schema or "anyOf" in schema
    for inner in [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]:
        _assert_strict(inner)
    if "items" in schema:
        _assert_strict(schema["items"])


def test_an_architect_that_examines_itself_is_asked_for_less(judge: Judge) -> None:
    """One case that the spec's rules settle, and no rules."""
    good = {"approach": "Multiply.", "case": case("none", 7, 0, returns=0)}
    planned, request = plan(judge, good, independent=False)
    assert request.schema is not None
    assert request.schema["required"] == ["approach", "case"]
    assert [case.name for case in planned.contract.cases[3:]] == ["none"]
    refused, _ = plan(judge, proposal(), independent=False)
    assert "required property" in refused.refused[0]


def cases(*returns: int | None) -> tuple[Case, ...]:
    return tuple(
        Case(
            name=f"c{n}",
            given={"price": n, "count": 1},
            returns=value,
            raises=None if value is not None else "TooDear",
        )
        for n, value in enumerate(returns)
    )


@pytest.mark.parametrize("independent", [True, False])
def test_for_a_function_with_ports_no_case_is_proposed(*, independent: bool) -> None:
    """Rules and an approach are taken, rules from another model only; a reply with cases does not fit."""
    contract = contract_of("cost").model_copy(
        update={
            "params": (*contract_of("cost").params, Param(name="till", type="Till")),
            "ports": {"Till": Port(methods=(Method(name="open"),))},
            "calls": ("till.open",),
            "cases": (),
        }
    )
    admitted: list[tuple[Any, ...]] = []

    def admit(contract: Contract, cases: Any, rules: Any) -> Any:
        admitted.append((tuple(cases), tuple(rules)))
        return (), tuple(Rule(rule=rule, origin="architect") for rule in rules), ()

    def planned(reply: dict[str, Any]) -> architect.Planned:
        def ask(request: Request) -> Reply:
            return Reply(text=json.dumps(reply), stop="end", tokens_in=1, tokens_cached=0, tokens_out=1)

        return architect.plan(contract, model="a:m", independent=independent, ask=ask, admit=admit)

    wanted = {"approach": "Open it once.", **({"rules": ["result >= 0"]} if independent else {})}
    found = planned(wanted)
    assert found.refused == ()
    assert found.contract.approach == "Open it once."
    assert admitted == [((), ("result >= 0",) if independent else ())]
    assert [rule.rule for rule in found.contract.ensures[1:]] == (["result >= 0"] if independent else [])
    refused = planned({**wanted, "cases": []}).refused
    assert len(refused) == 1
    assert refused[0].startswith("the whole reply")


def test_a_third_is_held_back_and_every_kind_stays_shown() -> None:
    """At least two stay shown, one for each error; which ones go does not depend on their order."""
    contract = contract_of("cost")
    for returns, hidden in (
        ((1,), 0),
        ((1, 2), 0),
        ((1, 2, 3), 1),
        ((1, 2, None), 1),
        ((1, 2, 3, 4, 5, None), 2),
    ):
        held = architect.hold_back(contract.model_copy(update={"cases": cases(*returns)}))
        assert hidden == len([case for case in held.cases if not case.shown])
        assert {case.raises for case in held.cases} == {case.raises for case in held.cases if case.shown}
        turned = architect.hold_back(contract.model_copy(update={"cases": cases(*returns)[::-1]}))
        assert {c.name for c in held.cases if c.shown} == {c.name for c in turned.cases if c.shown}


def test_an_architects_cases_are_held_back_before_a_persons() -> None:
    """What a person wrote is worth showing."""
    contract = contract_of("cost")
    proposed = tuple(case.model_copy(update={"origin": "architect"}) for case in cases(0, 1))
    held = architect.hold_back(contract.model_copy(update={"cases": contract.cases[:2] + proposed}))
    assert [case.origin for case in held.cases if not case.shown] == ["architect"]


def test_the_landed_contract_says_who_said_what(judge: Judge) -> None:
    """Sorted, stable, valid by its schema, the same when read back; every item has an origin."""
    planned, _ = plan(judge, proposal(case("none", 7, 0, returns=0), rules=("result >= 0",)))
    contract, text = land.seal_contract(architect.hold_back(planned.contract), "sha256:0")
    document = json.loads(text)
    jsonschema.validate(document, json.loads(SCHEMA.read_text("utf-8")))
    assert text == render_json(document)
    assert contract == contract_file.parse_contract("x", text)
    assert text == land.seal_contract(contract, "sha256:0")[1]
    assert not contract_file.is_edited(text)
    for key in ("cases", "ensures", "raises"):
        assert {item["origin"] for item in document[key]} <= {"spec", "architect"}
