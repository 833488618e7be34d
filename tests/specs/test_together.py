"""Specs together -> contracts that hold what they have of one another, and of the shared definitions."""

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import Contract, PortCall, SpecFunction
from pipeline.specs import Loaded, load_specs
from pipeline.specs.order import callees_first
from pipeline.specs.together import Together

TOGETHER = Path(__file__).parents[1] / "cases" / "together"


def loaded(root: Path = TOGETHER, *selection: str) -> Loaded:
    found = load_specs(root, selection or None)
    assert [str(finding) for finding in found.findings] == []
    return found


def place() -> SpecFunction:
    (shop,) = [spec for spec in loaded().specs if spec.name == "shop"]
    return shop.functions[0]


def edited(tmp_path: Path, file: str, *, old: str, new: str) -> Path:
    if not (tmp_path / "specs").exists():
        shutil.copytree(TOGETHER, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "specs" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return tmp_path


def contract_of(root: Path, id_: str) -> Contract:
    every = [f.contract for spec in loaded(root).specs for f in spec.functions]
    return next(contract for contract in every if contract.id == id_)


# -- which specs ---------------------------------------------------------------------------------------------


def test_callee_specs_come_before_caller_specs(tmp_path: Path) -> None:
    """Whatever their names are; shared definitions are none of them."""
    assert [spec.name for spec in loaded().specs] == ["money", "shop"]
    root = edited(tmp_path, "shop.yaml", old="money.taxed", new="zoo.taxed")
    money = (root / "specs" / "money.yaml").read_text(encoding="utf-8")
    (root / "specs" / "zoo.yaml").write_text(money.replace("spec: money", "spec: zoo"), encoding="utf-8")
    assert [spec.name for spec in loaded(root).specs] == ["money", "zoo", "shop"]


def test_what_a_selection_uses_is_read_beside_it() -> None:
    """It can be told apart, and what is not used is left out."""
    shop, money = loaded(TOGETHER, "shop"), loaded(TOGETHER, "money")
    assert ([s.name for s in shop.specs], [s.name for s in shop.context]) == (["shop"], ["money"])
    assert ([s.name for s in money.specs], [s.name for s in money.context]) == (["money"], [])
    assert loaded().specs[1] == shop.specs[0]


def test_a_selection_is_not_held_up_by_what_it_does_not_use(tmp_path: Path) -> None:
    """Findings of another spec count only where it is used or asked for."""
    root = edited(tmp_path, "shop.yaml", old="Places an order.", new="''")
    assert load_specs(root, ["money"]).findings == ()
    root = edited(tmp_path, "money.yaml", old="With tax.", new="''")
    found = load_specs(root, ["shop"])
    assert found.specs == found.context == ()
    assert {"specs/money.yaml", "specs/shop.yaml"} == {finding.place.path for finding in found.findings}


def test_shared_definitions_are_a_spec_without_functions() -> None:
    """With everything that can be imported, whoever does."""
    shared = loaded().shared
    assert shared is not None
    assert (shared.name, shared.path, shared.functions) == ("_shared", "specs/_shared.yaml", ())
    assert list(shared.types) == ["Email", "Account"]
    assert (list(shared.errors), list(shared.ports)) == (["MailerDown"], ["Mailer"])
    assert [decision.name for decision in shared.decisions] == ["session", "clock"]


def test_a_broken_constraint_of_all_is_found_where_it_is_written(tmp_path: Path) -> None:
    """With the function that it does not fit."""
    root = edited(tmp_path, "_shared.yaml", old="result != ''", new="result.title != ''")
    assert [str(finding) for finding in load_specs(root).findings] == [
        "specs/_shared.yaml:6:16: a rule cannot read '.title' (covering 'shop.place')"
    ]


def test_an_order_is_as_given_but_for_what_must_come_first() -> None:
    """Callees in the order in which they are listed; a circle hides nothing and never ends in a loop."""
    leads = {"a": ["d", "c"], "c": ["b"], "b": [], "d": ["g", "b"], "g": [], "e": ["f"], "f": ["e"]}
    order = callees_first(["a", "e"], lambda name: leads[name])
    assert order == ["g", "b", "d", "c", "a", "f", "e"]


# -- what contracts hold -------------------------------------------------------------------------------------


def test_a_contract_names_the_home_of_what_others_define() -> None:
    """Of shared names, those that come along included, and of its callees'."""
    contract = place().contract
    assert contract.homes == {
        "Account": "_shared",
        "Amount": "money",
        "Email": "_shared",
        "Mailer": "_shared",
        "MailerDown": "_shared",
        "TooMuch": "money",
    }
    assert {"Account", "Email", "Amount"} == set(contract.types)
    assert list(contract.ports) == ["Mailer", "Clock"]
    assert contract.errors["TooMuch"] == "It is more than there is."


def test_a_callee_of_another_spec_is_called_by_its_id(tmp_path: Path) -> None:
    """With its signature, awaited or not."""
    (callee,) = place().contract.uses
    assert (callee.function, callee.signature) == ("money.taxed", "def taxed(amount: Amount) -> Amount:")
    root = edited(tmp_path, "money.yaml", old="summary: With tax.", new="summary: With tax.\n    async: true")
    (callee,) = contract_of(root, "shop.place").uses
    assert callee.signature == "async def taxed(amount: Amount) -> Amount:"


def test_calls_are_complete_and_in_the_order_of_the_ports(tmp_path: Path) -> None:
    """Those named, or all that the ports offer."""
    assert place().contract.calls == ("mailer.send", "clock.read")
    root = edited(tmp_path, "shop.yaml", old="    calls: [clock.read, mailer.send]\n", new="")
    assert contract_of(root, "shop.place").calls == ("mailer.send", "mailer.count", "clock.read")


def test_scripts_and_expected_calls_are_canonical() -> None:
    """Arguments by name, values in one form, a list of answers a method."""
    (case,) = place().contract.cases
    assert case.given["mailer"] == {"send": [{"raises": "TimeoutError"}, {"returns": "id"}]}
    sent = PortCall(method="mailer.send", arguments={"account": {"email": "a@b", "name": "A"}, "body": "hi"})
    assert (PortCall(method="clock.read"), sent, sent) == case.calls


def test_a_method_without_an_answer_is_one_left_out(tmp_path: Path) -> None:
    """So that two ways to write one script are one."""
    root = edited(tmp_path, "shop.yaml", old="    calls: [clock.read, mailer.send]\n", new="")
    root = edited(root, "shop.yaml", old="mailer: {send:", new="mailer: {count: [], send:")
    assert place().contract.cases == contract_of(root, "shop.place").cases


def test_an_open_decision_has_no_choice_yet() -> None:
    """In the contract as in the spec, which holds all that could be chosen."""
    session, clock = place().contract.decisions
    assert ((session.choice, session.meaning), (clock.choice, clock.meaning)) == (("", ""), ("utc", "UTC"))
    records = {record.name: record for record in loaded().specs[1].decisions}
    assert (records["session"].choice, records["session"].home) == (None, "_shared")
    assert records["session"].options == {"token": "a signed token", "server": "a row"}
    assert place().contract.assumes == {"session": "token"}


@pytest.mark.parametrize(
    ("clause", "where"),
    [
        ("assumes[session]", "specs/shop.yaml:17:24"),
        ("decisions[session]", "specs/_shared.yaml:8:3"),
        ("decisions[clock]", "specs/_shared.yaml:14:13"),
        ("constraints[plain]", "specs/_shared.yaml:3:3"),
        ("ensures[2]", "specs/_shared.yaml:6:15"),
    ],
)
def test_what_is_shared_has_its_place_in_the_shared_file(clause: str, where: str) -> None:
    """Decisions where they are chosen, rules where they are written."""
    assert where == str(place().places[clause])


def test_a_spec_says_what_its_own_definitions_need_of_the_shared_ones(tmp_path: Path) -> None:
    """The types that its types and ports mention, for the imports of its `types.py`."""
    old, new = "errors: {Empty", "types:\n  Guest: {fields: {account: Account, at: datetime}}\nerrors: {Empty"
    root = edited(tmp_path, "shop.yaml", old=old, new=new)
    assert loaded(root).specs[1].shared == ("Account",)
    assert list(loaded(root).specs[1].types) == ["Guest"]


# -- anything else -------------------------------------------------------------------------------------------


TEXTS = {f"specs/{p.name}": p.read_text(encoding="utf-8") for p in sorted((TOGETHER / "specs").iterdir())}
SHARED = "specs/_shared.yaml"
WORDS = sorted({word for text in TEXTS.values() for word in re.findall(r"\w+|[^\w\s]", text)})


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_no_words_break_the_reader(data: st.DataObject) -> None:
    """Whatever stands in place of a few words of any file, there are all specs or findings inside the files."""
    texts = dict(TEXTS)
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(sorted(texts)))
        spans = [match.span() for match in re.finditer(r"\w+|[^\w\s]", texts[path])]
        start, end = data.draw(st.sampled_from(spans))
        texts[path] = texts[path][:start] + data.draw(st.sampled_from(["", *WORDS])) + texts[path][end:]
    specs = {path: text for path, text in texts.items() if path != SHARED}
    found = Together(specs, (SHARED, texts[SHARED])).load(["money", "shop"], whole=True)
    assert bool(found.findings) != (len(found.specs) == 2 and found.shared is not None)
    for finding in found.findings:
        assert 1 <= finding.place.line <= len(texts[finding.place.path].splitlines()) + 1
