"""Replies of every kind over both wire protocols: what is right lands, nothing else does, and it says why."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import Answer, ModelServer, Project, Run, python

FUNCTION = """\
  {name}:
    summary: Twice the number.
    params: {{n: Count}}
    returns: int
    ensures: ["result == n * 2"]
    examples:
      - {{name: two, given: {{n: 2}}, returns: 4}}
      - {{name: none, given: {{n: 0}}, returns: 0}}
      - {{name: many, given: {{n: 700}}, returns: 1400}}
      - {{name: odd, given: {{n: 77}}, returns: 154}}
"""
HEAD = """\
spec: many
summary: One function for each kind of reply.
types:
  Count: {type: int, ge: 0, le: 1000}
functions:
"""


def body(name: str, text: str) -> str:
    return python(f"def {name}(n):\n    {text}\n")


RIGHT = {
    "plain": ["{good}"],
    "talkative": ["Here it is:\n\n{good}\nIt doubles."],
    "unfenced": ["def unfenced(n):\n    return n + n\n"],
    "repaired": [python("def repaired(n):\n    return n + 2\n"), "{good}"],
    "completed": [Answer("```python\ndef comp", stop="length"), "{good}"],
    "second_repair": ["nothing", python("def second_repair(n):\n    return n\n"), "{good}"],
}
WRONG = {
    "wrong": ([body("wrong", "return n * 3")], "examples[", 2),
    "nearly": ([body("nearly", "return n * 2 if n != 13 else 27")], "ensures[0]: ", 2),
    "truncated": ([Answer("```python\ndef truncated(n):\n", stop="length")], "the reply is cut off", 2),
    "unended": (["```python\ndef unended(n):\n    return n * 2\n"], "its code block does not end", 2),
    "empty": ([""], "the reply is empty", 2),
    "blank": ([" \n\t"], "the reply is empty", 2),
    "refused": ([Answer("I cannot help.", stop="refusal")], "the model refused", 2),
    "halved": (["contract insufficient: \ud800"], "contract insufficient: ?", 1),
    "prose": (["Multiply by two."], "holds no fenced code block", 2),
    "pair": (
        [python("def pair(n):\n    return n * 2\n\n\ndef more(n):\n    return n\n")],
        "holds the function 'more' beside the function",
        2,
    ),
    "blocks": ([body("blocks", "return n * 2") * 2], "holds 2 code blocks", 2),
    "other": ([body("another", "return n * 2")], "holds the function 'another'", 2),
    "classy": ([python("class classy:\n    pass\n")], "holds the class 'classy'", 2),
    "opens": ([body("opens", "return open('/etc/passwd').read()")], "uses 'open'", 2),
    "shells": ([python("import os\n\ndef shells(n):\n    return os.system('id')\n")], "imports 'os'", 2),
    "evals": ([body("evals", "return eval('n * 2')")], "uses 'eval'", 2),
    "dunder": ([body("dunder", "return (0).__class__.__bases__")], "reaches the private attribute", 2),
    "syntax": ([body("syntax", "return n *")], "line 2: invalid syntax", 2),
    "stub": ([body("stub", "...")], "is a stub", 2),
    "loops": ([body("loops", "while True: pass")], "limits: ", 2),
    "raises": ([body("raises", "raise ValueError(n)")], "but raised ValueError", 2),
    "insufficient": (
        ["contract insufficient: is zero a number?"],
        "contract insufficient: is zero a number?",
        1,
    ),
}


def _good(name: str, answers: list[str | Answer]) -> list[str | Answer]:
    good = body(name, "return n * 2")
    return [item.replace("{good}", good) if isinstance(item, str) else item for item in answers]


class Wire:
    def __init__(self, protocol: str, folder: Path) -> None:
        self.server = ModelServer()
        self.server.answers = {name: _good(name, answers) for name, answers in RIGHT.items()}
        self.wrong = {name: case for name, case in WRONG.items() if name != "loops" or protocol == "openai"}
        self.server.answers |= {name: answers for name, (answers, _, _) in self.wrong.items()}
        self.project = Project(folder, self.server)
        self.project.configure(protocol=protocol)
        self.project.write_spec(
            "many", HEAD + "".join(FUNCTION.format(name=n) for n in [*RIGHT, *self.wrong])
        )
        self.run: Run = self.project.run("generate", "--json")

    def reported(self, name: str) -> dict[str, object]:
        return next(f for f in self.run.report["functions"] if f["function"] == f"many.{name}")


@pytest.fixture(scope="module", params=["openai", "anthropic"])
def wire(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    made = Wire(request.param, tmp_path_factory.mktemp(request.param))
    yield made
    made.server.close()


def test_only_what_is_right_lands(wire: Wire) -> None:
    """The three files of every right function, the types and the package files; no byte of any other."""
    expected = {"__init__.py", "many/__init__.py", "many/types.py"}
    for name in RIGHT:
        expected |= {f"many/{name}{suffix}" for suffix in (".py", ".contract.json", ".verdict.json")}
    assert expected == set(wire.project.tree())
    assert wire.run.code == 4


def test_each_refusal_says_why_in_one_line(wire: Wire) -> None:
    """The first reason names what was wrong with the reply."""
    for name, (_, why, _) in wire.wrong.items():
        report = wire.reported(name)
        assert report["action"] == "failed", name
        reasons = [attempt["reason"] for attempt in report["attempts"]]
        assert why in reasons[0], (name, reasons[0])
        assert all(reason and "\n" not in reason for reason in reasons), name


def test_an_answer_that_comes_again_ends_the_rung(wire: Wire) -> None:
    """At most two repairs, and none after the same answer; a complaint about the contract ends it at once."""
    expected = {name: calls for name, (_, _, calls) in wire.wrong.items()}
    assert expected == {name: wire.server.functions().count(name) for name in wire.wrong}


def test_repairs_are_asked_for_in_the_same_conversation(wire: Wire) -> None:
    """The refused reply and one complaint follow the first message; a second repair replaces the first."""
    for name, turns in (("plain", 1), ("repaired", 2), ("completed", 2), ("second_repair", 3)):
        asked = [each for each in wire.server.asked if each.function == name]
        assert turns == len(asked), name
        assert all([role for role, _ in each.messages] == ["user", "assistant", "user"] for each in asked[1:])
        assert len({each.messages[0] for each in asked}) == 1
        assert turns == len(wire.reported(name)["attempts"]) + 1, name


def test_no_message_holds_what_is_held_back(wire: Wire) -> None:
    """Four examples: three are in the prompt, and nothing of the fourth is in any message."""
    contract = (wire.project.generated / "many" / "repaired.contract.json").read_text()
    for given, returns in (("2", "4"), ("0", "0"), ("700", "1400"), ("77", "154")):
        call = f"repaired({given}) == {returns}"
        messages = [text for a in wire.server.asked if a.function == "repaired" for _, text in a.messages]
        if any(call in text for text in messages):
            continue
        assert '"shown": false' in contract
        if len(given) > 1:
            assert not any(given in text or returns in text for text in messages)
        break
    else:
        pytest.fail("every example was shown")
