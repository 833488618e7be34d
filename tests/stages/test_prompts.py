"""What models are told about a contract, and what they are not."""

from pipeline import prompts
from pipeline.records import Contract, Spec
from pipeline.specs import parse_spec
from pipeline.stages import architect, implement

SPEC = """\
spec: shop
summary: A shop.
constraints:
  narrow:
    text: Screens are laid out for a 360 px wide phone.
    applies_to: [show]
decisions:
  session:
    question: Where does progress live?
    options: {token: a signed token, server: a row the server keeps}
    choose: token
    applies_to: [show]
types:
  Size: {enum: [small, large]}
  Item: {fields: {name: str, size: Size}}
  Unused: {type: str, max_length: 3}
errors:
  TooDear: The price is too high.
functions:
  price:
    summary: The price of a size.
    params: {size: Size}
    returns: int
    ensures: ["result > 0"]
    examples:
      - {name: s, given: {size: small}, returns: 1}
      - {name: l, given: {size: large}, returns: 2}
  show:
    summary: What a customer sees.
    params: {item: Item, limit: int}
    returns: str
    requires: ["limit > 0"]
    raises: {TooDear: limit > 1000}
    ensures: ["len(result) <= limit", "result == item.name[:limit]"]
    uses: [price]
    examples:
      - {name: a, given: {item: {name: x, size: small}, limit: 5}, returns: x}
      - {name: b, given: {item: {name: "it's {{ 7*7 }} {% if %}", size: small}, limit: 100}, returns: "it's {{ 7*7 }} {% if %}"}
      - {name: c, given: {item: {name: hidden_name, size: large}, limit: 11}, returns: hidden_name}
      - {name: d, given: {item: {name: x, size: large}, limit: 5000}, raises: TooDear}
"""


def contract_of(name: str) -> Contract:
    spec = parse_spec("specs/shop.yaml", SPEC)
    assert isinstance(spec, Spec), spec
    return next(f.contract for f in spec.functions if f.contract.function == name)


def test_an_implementer_is_told_the_whole_contract() -> None:
    """Signature, types it reaches, rules, errors, constraints, decisions, callees, examples, approach."""
    contract = contract_of("show").model_copy(update={"approach": "Cut it."})
    system, prompt = implement.first_messages(contract)
    for text in (
        "def show(item: Item, limit: int) -> str:",
        "What a customer sees.",
        "class Item:",
        "class Size(",
        "limit > 0",
        "TooDear exactly when limit > 1000",
        "len(result) <= limit",
        "Screens are laid out for a 360 px wide phone.",
        "Where does progress live? token: a signed token",
        "price(size: Size) -> int",
        "The price of a size. Ensures result > 0.",
        "show(Item(name='x', size=",
        "# raises TooDear",
        "A way to do it: Cut it.",
        "it's {{ 7*7 }} {% if %}",
    ):
        assert text in prompt, text
    assert prompt.endswith("Write the function show.\n")
    assert "contract insufficient:" in system


def test_an_implementer_is_told_nothing_else() -> None:
    """No case that is held back, no type it cannot reach, no word of other functions."""
    contract = contract_of("show")
    cases = tuple(case.model_copy(update={"shown": case.name != "c"}) for case in contract.cases)
    prompt = prompts.render_implementer(contract.model_copy(update={"cases": cases}))
    for text in ("hidden_name", "Unused", "return price", "A shop."):
        assert text not in prompt, text
    plain = prompts.render_implementer(contract_of("price"))
    for text in ("360 px", "session", "show", "Item"):
        assert text not in plain, text


def test_the_system_prompt_is_the_same_for_every_function() -> None:
    """So that a provider can cache it."""
    assert (
        implement.first_messages(contract_of("show"))[0] == implement.first_messages(contract_of("price"))[0]
    )
    shown, price = (
        architect.first_messages(contract_of(name), independent=True) for name in ("show", "price")
    )
    assert shown[0] == price[0]


def test_an_architect_sees_every_case_of_the_spec() -> None:
    """It proposes what they leave out; rules only if it is another model than the implementer."""
    system, prompt = architect.first_messages(contract_of("show"), independent=True)
    assert "hidden_name" in prompt
    assert "`rules`" in system
    assert prompt.endswith("Reply with the JSON for show.\n")
    system, _ = architect.first_messages(contract_of("show"), independent=False)
    assert "`rules`" not in system


def test_a_prompt_is_as_long_as_its_contract() -> None:
    """Not as its spec: other functions add nothing to it."""
    spec = parse_spec("specs/shop.yaml", SPEC)
    assert isinstance(spec, Spec)
    more = SPEC + "".join(
        f"""\
  other{n}:
    summary: Another.
    params: {{n: int}}
    returns: int
    ensures: ["result == n"]
    examples: [{{name: a, given: {{n: 1}}, returns: 1}}, {{name: b, given: {{n: 2}}, returns: 2}}]
"""
        for n in range(30)
    )
    larger = parse_spec("specs/shop.yaml", more)
    assert isinstance(larger, Spec)
    pairs = [
        (f.contract, next(g.contract for g in larger.functions if g.contract.id == f.contract.id))
        for f in spec.functions
    ]
    for small, large in pairs:
        assert implement.first_messages(small) == implement.first_messages(large)
