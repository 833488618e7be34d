"""Runs over functions that belong together: specs with flows, specs that use one another, decisions, shared types."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from servers import ModelServer, Project, python

LAMP = """\
spec: lamp
summary: A lamp that is switched on and off, and burns out.
decisions:
  colour:
    question: What light does it give?
    options: {warm: like a candle, cold: like the moon}
    choose: warm
    applies_to: [label]
types:
  State: {enum: [dark, lit, burnt]}
  Lamp: {fields: {state: State, switched: int}}
functions:
  switch_on:
    summary: Light the lamp and count it.
    params: {lamp: Lamp}
    returns: Lamp
    requires: ["lamp.state == 'dark'"]
    ensures: ["result == Lamp(state=State.LIT, switched=lamp.switched + 1)"]
    examples:
      - {name: first, given: {lamp: {state: dark, switched: 0}}, returns: {state: lit, switched: 1}}
  switch_off:
    summary: Put the lamp out.
    params: {lamp: Lamp}
    returns: Lamp
    requires: ["lamp.state == 'lit'"]
    ensures: ["result == Lamp(state=State.DARK, switched=lamp.switched)"]
    examples:
      - {name: first, given: {lamp: {state: lit, switched: 1}}, returns: {state: dark, switched: 1}}
  label:
    summary: How often the lamp was lit, as text.
    params: {lamp: Lamp}
    returns: str
    ensures: ["result == 'lit ' + str(lamp.switched)"]
    examples:
      - {name: once, given: {lamp: {state: lit, switched: 1}}, returns: lit 1}
      - {name: twice, given: {lamp: {state: lit, switched: 2}}, returns: lit 2}
flows:
  burn:
    state: Lamp.state
    initial: dark
    terminal: [burnt]
    transitions:
      - {from: dark, call: switch_on, to: lit}
      - {from: lit, call: switch_off, to: dark}
    timeouts: [{state: lit, after: 1000h, to: burnt}]
    endless: {dark: nobody needs light}
    invariants: ["lamp.switched >= initial.switched"]
"""

ON = python("def switch_on(lamp):\n    return Lamp(State.LIT, lamp.switched + 1)\n")
OFF = python("def switch_off(lamp):\n    return Lamp(State.DARK, lamp.switched)\n")
LABEL = python('def label(lamp):\n    return f"lit {lamp.switched}"\n')
WRONG = python("def switch_off(lamp):\n    return Lamp(State.LIT, lamp.switched)\n")
RIGHT = {"switch_on": [ON], "switch_off": [OFF], "label": [LABEL]}


@pytest.fixture
def project(server: ModelServer, tmp_path: Path) -> Project:
    """The lamp's spec, of which nothing has been generated."""
    return Project.begun(tmp_path, server, "lamp", LAMP, RIGHT)


def flows(project: Project, *command: str) -> dict[str, str]:
    """What a run did about each flow."""
    return {item["flow"]: item["action"] for item in project.run(*command, "--json").report["flows"]}


def test_a_spec_with_a_flow_lands_whole(project: Project, server: ModelServer) -> None:
    """Functions, evidence and runner; a second run asks nobody and writes nothing, and check is clean."""
    assert flows(project, "generate") == {"lamp.burn": "landed"}
    landed = {path.name for path in (project.generated / "lamp").iterdir()}
    assert {"flows.py", "burn.flow.json", "switch_on.py", "label.py", "decisions.json"} <= landed
    before = project.tree()
    server.reset()
    assert flows(project, "generate") == {"lamp.burn": "fresh"}
    assert (project.tree(), server.asked) == (before, [])
    assert project.run("check").code == 0


def test_one_failing_function_keeps_its_whole_spec_from_landing(
    project: Project, server: ModelServer
) -> None:
    """Nothing is written; the next run asks for the failing function alone."""
    server.answers = {**RIGHT, "switch_off": [WRONG]}
    run = project.run("generate", "--json")
    assert (run.code, run.actions()) == (
        4, {"lamp.switch_on": "held", "lamp.switch_off": "failed", "lamp.label": "held"}
    )  # fmt: skip
    assert not project.generated.exists() or not list(project.generated.rglob("*.py"))
    server.reset()
    server.answers = dict(RIGHT)
    again = project.run("generate", "--json")
    assert (again.code, set(again.actions().values())) == (0, {"landed"})
    assert server.functions() == ["switch_off"]


def test_a_changed_flow_is_judged_again_and_asks_nobody(project: Project, server: ModelServer) -> None:
    """Functions stay as they are; a flow that they break fails, and its old evidence stays stale."""
    assert project.run("generate").code == 0
    server.reset()
    project.write_spec("lamp", LAMP.replace("after: 1000h", "after: 2000h"))
    assert flows(project, "check", "--no-judge") == {"lamp.burn": "stale"}
    assert flows(project, "generate") == {"lamp.burn": "landed"}
    project.write_spec(
        "lamp", LAMP.replace("lamp.switched >= initial.switched", "lamp.switched == initial.switched")
    )
    run = project.run("generate", "--json")
    assert (run.code, run.report["flows"][0]["action"]) == (4, "failed")
    assert "call: switch_on" in run.report["flows"][0]["counterexample"]
    assert server.asked == []
    assert flows(project, "check", "--no-judge") == {"lamp.burn": "stale"}


def test_a_changed_decision_makes_exactly_the_contracts_under_it_stale(project: Project) -> None:
    """The one function that the decision covers; what is decided is written where people review it."""
    assert project.run("generate").code == 0
    project.write_spec("lamp", LAMP.replace("choose: warm", "choose: cold"))
    assert project.run("generate", "--plan", "--json").actions() == {
        "lamp.switch_on": "fresh", "lamp.switch_off": "fresh", "lamp.label": "planned",
    }  # fmt: skip
    assert project.run("generate").code == 0
    document = json.loads((project.generated / "lamp" / "decisions.json").read_text())
    assert "cold" in json.dumps(document)


def test_pytest_judges_a_flow_whose_functions_use_one_another(project: Project, server: ModelServer) -> None:
    """One item a clause, though the callee's name comes after its caller's."""
    worn = "  wear:\n    summary: One more.\n    params: {n: int}\n    returns: int\n    ensures: [result == n + 1]\n"
    worn += "    examples: [{name: one, given: {n: 1}, returns: 2}]\nflows:"
    spec = LAMP.replace("flows:", worn, 1).replace(
        '    ensures: ["result == Lamp(state=State.LIT',
        '    uses: [wear]\n    ensures: ["result == Lamp(state=State.LIT',
    )
    project.write_spec("lamp", spec)
    on = python("def switch_on(lamp):\n    return Lamp(State.LIT, wear(lamp.switched))\n")
    server.answers = {**RIGHT, "switch_on": [on], "wear": [python("def wear(n):\n    return n + 1\n")]}
    assert project.run("generate").code == 0
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "generated/lamp/burn.flow.json",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    clauses = json.loads((project.generated / "lamp" / "burn.flow.json").read_text())["clauses"]
    assert f"{len(clauses) + 1} passed" in done.stdout


def test_an_unusable_answer_to_an_open_decision_is_not_kept(project: Project, server: ModelServer) -> None:
    """The next run asks again."""
    project.configure(architect="fake:big")
    project.write_spec("lamp", OPEN)
    server.answers = {"architect:colour": [json.dumps({"colour": {"reason": "So.", "choice": "green"}})]}
    assert project.run("generate").code == 1
    asked = len(server.asked)
    assert project.run("generate").code == 1
    assert len(server.asked) == 2 * asked


def test_an_edited_flow_file_is_an_error_that_names_it(project: Project) -> None:
    """Neither the evidence nor the runner is overwritten."""
    assert project.run("generate").code == 0
    for name in ("burn.flow.json", "flows.py"):
        path = project.generated / "lamp" / name
        text = path.read_text()
        path.write_text(text.replace("switch_on", "switch_off", 1))
        check, generate = project.run("check", "--no-judge"), project.run("generate")
        assert (check.code, generate.code) == (3, 3)
        assert f"generated/lamp/{name}" in check.out
        path.write_text(text)
    assert project.run("check", "--no-judge").code == 0


PRICES = """\
spec: prices
summary: Prices.
functions:
  net:
    summary: The price with a fee.
    params: {cents: int}
    returns: int
    requires: ["0 <= cents <= 1000"]
    ensures: ["result > cents"]
    examples:
      - {name: five, given: {cents: 5}, returns: 6}
      - {name: six, given: {cents: 6}, returns: 7}
"""
BASKET = """\
spec: basket
summary: Baskets.
imports: [Pair]
functions:
  total:
    summary: What a pair of prices comes to.
    params: {pair: Pair}
    returns: int
    uses: [prices.net]
    requires: ["0 <= pair.first <= 1000", "0 <= pair.second <= 1000"]
    ensures: ["pair.first + pair.second < result <= pair.first + pair.second + 4"]
    examples:
      - {name: five and six, given: {pair: {first: 5, second: 6}}, returns: 13}
      - {name: two fives, given: {pair: {first: 5, second: 5}}, returns: 12}
"""
SHARED = "types:\n  Pair: {fields: {first: int, second: int}}\n"
NET = python("def net(cents):\n    return cents + 1\n")
TOTAL = python("def total(pair):\n    return net(pair.first) + net(pair.second)\n")


@pytest.fixture
def shop(server: ModelServer, tmp_path: Path) -> Project:
    """Two specs, one of which uses the other, and a shared type."""
    server.reset()
    server.answers = {"net": [NET], "total": [TOTAL]}
    made = Project(tmp_path, server)
    made.configure()
    for name, text in (("_shared", SHARED), ("basket", BASKET), ("prices", PRICES)):
        made.write_spec(name, text)
    return made


def test_specs_that_use_one_another_are_generated_from_the_bottom_up(
    shop: Project, server: ModelServer
) -> None:
    """The callee first, though its file comes last; the caller's model sees its contract and never its body."""
    assert shop.run("generate").code == 0
    assert server.functions() == ["net", "total"]
    prompt = server.asked[1].last
    assert "def net(cents: int) -> int" in prompt
    assert "return cents + 1" not in prompt
    source = (shop.generated / "basket" / "total.py").read_text()
    assert "from .._shared.types import Pair" in source
    assert "from ..prices.net import net" in source
    assert shop.run("check").code == 0


def test_a_changed_callee_contract_makes_its_callers_stale(shop: Project) -> None:
    """Across specs; a decision about the callee alone does not."""
    assert shop.run("generate").code == 0
    shop.write_spec("prices", PRICES.replace("result > cents", "result == cents + 1"))
    planned = shop.run("generate", "--plan", "--json").actions()
    assert planned == {"prices.net": "planned", "basket.total": "planned"}
    decided = "decisions:\n  odd: {question: Odd?, options: {y: yes, n: no}, choose: n}\nfunctions:"
    shop.write_spec("prices", PRICES.replace("functions:", decided))
    planned = shop.run("generate", "--plan", "--json").actions()
    assert planned == {"prices.net": "planned", "basket.total": "fresh"}


@pytest.mark.parametrize(("fee", "code", "total"), [(2, 0, "fresh"), (5, 4, "failed")])
def test_a_caller_is_judged_again_when_its_callee_becomes_another(
    shop: Project, server: ModelServer, fee: int, code: int, total: str
) -> None:
    """The callee keeps its contract with other code: its caller stays as it is, or is asked for and fails."""
    assert shop.run("generate").code == 0
    server.reset()
    other = python(f"def net(cents):\n    return cents + 1 if cents < 7 else cents + {fee}\n")
    server.answers = {"net": [other], "total": [TOTAL]}
    shutil.rmtree(shop.root / ".drystone")
    shop.write_spec("prices", PRICES.replace("    params", "    max_lines: 50\n    params"))
    run = shop.run("generate", "--json")
    assert (run.code, run.actions()) == (code, {"prices.net": "landed", "basket.total": total})
    assert ("total" in server.functions()) == (total == "failed")
    assert shop.run("check").code == code


def test_one_spec_alone_does_not_generate_what_it_uses(shop: Project, server: ModelServer) -> None:
    """Its caller is blocked and says what to do; nobody is asked."""
    run = shop.run("generate", "basket", "--json")
    assert (run.code, run.actions()) == (4, {"basket.total": "blocked"})
    assert "prices.net" in run.report["functions"][0]["reasons"][0]
    assert server.asked == []


# -- open decisions and the review of contracts --------------------------------------------------------------

OPEN = LAMP.replace("    choose: warm\n", "")
COLD = json.dumps({"colour": {"reason": "It is cheaper.", "choice": "cold"}})


def test_an_open_decision_is_made_once_and_recorded_with_its_reason(
    project: Project, server: ModelServer
) -> None:
    """Its answer is in the covered contract word for word; later runs ask nobody, until the options change."""
    project.configure(architect="fake:big")
    no_cases = json.dumps({"approach": "Do it.", "cases": [], "rules": []})
    server.answers = {**RIGHT, "architect:colour": [COLD]}
    server.answers |= {f"architect:{name}": [no_cases] for name in RIGHT}
    project.write_spec("lamp", OPEN)
    planned = project.run("generate", "--plan", "--json").report
    assert any("'colour' is open" in note for note in planned["notes"])
    assert project.run("generate").code == 0
    (label,) = [asked for asked in server.asked if asked.function == "label" and asked.role == "implementer"]
    assert "What light does it give? cold: like the moon" in label.last
    contract = json.loads((project.generated / "lamp" / "label.contract.json").read_text())
    assert contract["decisions"][0]["reason"] == "It is cheaper."
    document = json.loads((project.generated / "lamp" / "decisions.json").read_text())
    assert (
        document["choices"]["colour"] | {"by": "architect", "choice": "cold"} == document["choices"]["colour"]
    )
    server.reset()
    shutil.rmtree(project.root / ".drystone")
    assert project.run("generate").code == project.run("check", "--no-judge").code == 0
    assert server.asked == []
    project.write_spec("lamp", OPEN.replace("like the moon", "like snow"))
    assert project.run("check", "--no-judge", "--json").actions()["lamp.label"] == "stale"


def test_an_open_decision_needs_an_architect(project: Project, server: ModelServer) -> None:
    """Without one it is a finding at its place, and nobody is asked."""
    project.write_spec("lamp", OPEN)
    run = project.run("generate")
    assert run.code == 1
    assert "specs/lamp.yaml:4:3: 'colour' is open" in run.out
    assert server.asked == []


@pytest.mark.parametrize(("review", "code"), [("warn", 0), ("block", 1)])
def test_a_reviewer_names_two_contracts_with_quotations_that_are_there(
    project: Project, server: ModelServer, review: str, code: int
) -> None:
    """What it quotes wrongly does not count; the rest is told, or ends the run before any code is asked for."""
    project.configure(more=f'review = "{review}"')
    found = {
        "first": "switch_on", "first_quote": "Light the lamp and count it.",
        "second": "switch_off", "second_quote": "Put the lamp out.", "why": "One counts, one does not.",
    }  # fmt: skip
    invented = {**found, "second_quote": "Let the lamp burn."}
    server.answers = {**RIGHT, "architect:contracts": [json.dumps({"contradictions": [found, invented]})]}
    run = project.run("generate", "--reviewer", "fake:other")
    assert run.code == code
    assert "One counts, one does not." in run.out
    assert "switch_on" in run.out
    assert "the reviewer named 1 more" in run.out
    assert (server.functions() == ["contracts"]) == (review == "block")
