"""What was found wrong, in the forms that code scanning and GitHub's workflow runner read."""

import json
import os
import re
from pathlib import Path

import jsonschema
import pytest
from servers import RIGHT, SMALL, ModelServer, Project

from pipeline import problems
from pipeline.errors import SettingsError
from pipeline.outcome import Outcome
from pipeline.records import Finding, Place
from pipeline.reports import Attempt, FlowReport, FunctionReport, Report

SPEC = Place(path="specs/s.yaml", line=3, column=5)
MIXED = Outcome(
    Report(
        findings=(Finding(place=SPEC, message="unknown type 'Emial'"),),
        functions=(
            FunctionReport(function="s.a", action="stale", place=SPEC, reasons=("it is new",)),
            FunctionReport(function="s.b", action="edited", reasons=("generated/s/b.py: edited by hand",)),
            FunctionReport(
                function="s.c", action="failed", attempts=(Attempt(model="m", reason="ensures[0]: no"),)
            ),
            FunctionReport(function="s.d", action="fresh"),
        ),
        flows=(FlowReport(flow="s.f", action="failed", reasons=("stuck",), counterexample="steps: []"),),
        strangers=("generated/s/my file.py: move it elsewhere", "generated/s/x.py: not written by drystone"),
        notes=("specs/s.yaml:7:3: 'undo' asks nothing",),
    ),
    SettingsError("100% wrong"),
)


def heard(log: str) -> list[tuple[str, dict[str, str], str]]:
    """The commands GitHub's runner takes from a log, read as its `ActionCommand` does."""
    found, silence = [], None
    for line in log.split("\n"):
        if silence is not None:
            silence = None if line.strip() == f"::{silence}::" else silence
            continue
        match = re.match(r"\s*::(?P<name>[\w-]+) ?(?P<properties>.*?)::(?P<text>.*)", line)
        if match is None:
            assert "##[" not in line
            continue
        if match["name"] == "stop-commands":
            silence = match["text"]
            continue
        pairs = [each.partition("=") for each in match["properties"].split(",") if each]
        found.append(
            (match["name"], {key: _plain(text, ":,") for key, _, text in pairs}, _plain(match["text"]))
        )
    assert silence is None
    return found


def _plain(text: str, more: str = "") -> str:
    for each in f"\r\n{more}%":
        text = text.replace(f"%{ord(each):02X}", each)
    return text


def test_every_problem_has_its_rule_and_its_place() -> None:
    """Findings, stale, edited and failed functions, flows, strangers, notes, and what broke the run."""
    found = [
        (each.rule, str(each.place) if each.place else "", each.level) for each in problems.problems(MIXED)
    ]
    assert found == [
        ("finding", "specs/s.yaml:3:5", "error"),
        ("stale", "specs/s.yaml:3:5", "error"),
        ("edited", "generated/s/b.py:1:1", "error"),
        ("failed", "generated/s/c.py:1:1", "error"),
        ("failed", "", "error"),
        ("stranger", "", "error"),
        ("stranger", "generated/s/x.py:1:1", "error"),
        ("note", "specs/s.yaml:7:3", "note"),
        ("broken", "", "error"),
    ]
    assert {each.rule for each in problems.problems(MIXED)} == set(problems.RULES)


def test_sarif_says_where_in_the_repository() -> None:
    """A region of line and column in a file named from the repository's root, as a URI."""
    document = json.loads(problems.render_sarif(MIXED, "tools/dry stones/"))
    (run,) = document["runs"]
    first = run["results"][0]["locations"][0]["physicalLocation"]
    assert first["artifactLocation"] == {
        "uri": "tools/dry%20stones/specs/s.yaml",
        "uriBaseId": "%SRCROOT%",
    }
    assert first["region"] == {"startLine": 3, "startColumn": 5}
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(
        rule["help"]["text"] == problems.RULES[rule["id"]][1] for rule in run["tool"]["driver"]["rules"]
    )
    assert [rules[each["ruleIndex"]] for each in run["results"]] == [
        each["ruleId"] for each in run["results"]
    ]
    assert run["invocations"] == [{"executionSuccessful": False, "exitCode": 2}]


@pytest.mark.parametrize("outcome", [Outcome(Report()), MIXED], ids=["nothing", "everything"])
def test_sarif_is_valid(outcome: Outcome) -> None:
    """Against the schema of the standard, where `SARIF_SCHEMA` names a copy of it."""
    if "SARIF_SCHEMA" not in os.environ:
        pytest.skip("set SARIF_SCHEMA to a copy of sarif-schema-2.1.0.json")
    schema = json.loads(Path(os.environ["SARIF_SCHEMA"]).read_text("utf-8"))
    document = json.loads(problems.render_sarif(outcome))
    errors = list(jsonschema.validators.validator_for(schema)(schema).iter_errors(document))
    assert errors == []


HOSTILE = "100% of\r\n::error file=x::forged\n::add-mask::a, b: c ##[error]forged"


def test_annotations_are_read_back_as_they_were_said() -> None:
    """Whatever is in a path or a message, the runner hears that one problem at that one place and nothing else."""
    place = Place(path="specs/a,b:c%.yaml", line=2, column=9)
    outcome = Outcome(Report(findings=(Finding(place=place, message=HOSTILE),)))
    log = problems.render_annotations(outcome, [HOSTILE], "sub/")
    assert heard(log) == [
        (
            "error",
            {"file": "sub/specs/a,b:c%.yaml", "line": "2", "col": "9", "title": "drystone: finding"},
            HOSTILE,
        )
    ]
    assert HOSTILE in log


def test_more_problems_than_are_shown_are_counted() -> None:
    """GitHub drops what is above ten of a level; the tenth says how many there are in the log."""
    findings = tuple(
        Finding(place=Place(path="specs/s.yaml", line=number), message="x") for number in range(1, 13)
    )
    told = heard(problems.render_annotations(Outcome(Report(findings=findings)), []))
    assert len(told) == problems.MOST
    assert told[-1] == ("error", {"title": "drystone"}, "3 more; the log of this step has them all")
    ten = heard(problems.render_annotations(Outcome(Report(findings=findings[:10])), []))
    assert [each[1]["line"] for each in ten] == [str(number) for number in range(1, 11)]


def test_a_project_in_a_repository_is_named_from_its_root(tmp_path: Path) -> None:
    """Where there is no repository, from its own."""
    inner = tmp_path / "tools" / "stones"
    inner.mkdir(parents=True)
    assert problems.prefix_of(inner) == ""
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    assert problems.prefix_of(inner) == "tools/stones/"
    assert problems.prefix_of(tmp_path) == ""


def test_lint_and_check_speak_both_forms(tmp_path: Path) -> None:
    """With the exit codes they have anyway, also where the configuration is broken."""
    server = ModelServer(answers=dict(RIGHT))
    project = Project(tmp_path, server)
    try:
        project.configure()
        project.write_spec("small", SMALL[: SMALL.index("  quadruple:")])
        run = project.run("check", "--format", "github")
        told, missing = heard(run.out)
        assert (run.code, told[:2]) == (
            3,
            ("error", {"file": "specs/small.yaml", "line": "8", "col": "3", "title": "drystone: stale"}),
        )
        assert missing[1]["file"] == "generated/small/types.py"
        assert project.run("generate").code == 0
        assert json.loads(project.run("check", "--format", "sarif").out)["runs"][0]["results"] == []
        project.write_spec("small", SMALL.replace("{n: Count}", "{n: Cuont}"))
        run = project.run("lint", "--format", "sarif")
        results = json.loads(run.out)["runs"][0]["results"]
        assert (run.code, len(results), results[0]["ruleId"]) == (1, 3, "finding")
        project.configure(more="sandbx = 1")
        run = project.run("lint", "--format", "github")
        assert (run.code, [each[0] for each in heard(run.out)]) == (2, ["error"])
    finally:
        server.close()
