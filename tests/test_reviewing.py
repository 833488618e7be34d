"""The review of a project, through the command: what is said of which change, in every form."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from repositories import git, start
from servers import ModelServer, Project, python

SPEC = """\
spec: shop
summary: A small shop.
decisions:
  tone:
    question: How are people addressed?
    options: {warm: by name, cool: not at all}
    choose: warm
types:
  Count: {type: int, ge: 0, le: 1000}
functions:
  label:
    summary: What stands on a parcel.
    params: {n: Count}
    returns: str
    ensures: ["str(n) in result"]
    examples:
      - {name: one, given: {n: 1}, returns: 1 piece}
      - {name: two, given: {n: 2}, returns: 2 pieces}
  sign:
    summary: A label in brackets.
    params: {n: Count}
    returns: str
    uses: [label]
    ensures: ["result[0] == '('"]
    examples: [{name: one, given: {n: 1}, returns: (1 piece)}, {name: two, given: {n: 2}, returns: (2 pieces)}]
  twice:
    summary: Twice the number.
    params: {n: Count}
    returns: int
    ensures: ["result <= 2 * n"]
    examples: [{name: two, given: {n: 2}, returns: 4}, {name: three, given: {n: 3}, returns: 6}]
"""
LABEL = 'def label(n):\n    return f"{n} piece" if n == 1 else f"{n} pieces"\n'
OTHER = 'def label(n):\n    return f"{n} pieces" if n in (0, 2) or n > 100 else f"{n} piece"\n'
ANSWERS = {
    "label": [python(LABEL)],
    "sign": [python('def sign(n):\n    return f"({label(n)})"\n')],
    "twice": [python("def twice(n):\n    return n * 2\n")],
}


@pytest.fixture(scope="module")
def landed(server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which everything has landed and is committed; to be copied."""
    server.answers = dict(ANSWERS)
    made = Project(tmp_path_factory.mktemp("landed"), server)
    made.configure()
    made.write_spec("shop", SPEC)
    assert made.run("generate").code == 0
    start(made.root)
    return made.root


@pytest.fixture
def project(landed: Path, server: ModelServer, tmp_path: Path) -> Project:
    shutil.copytree(landed, tmp_path / "project", symlinks=True)
    server.reset()
    server.answers = dict(ANSWERS)
    return Project(tmp_path / "project", server)


@pytest.fixture(scope="module")
def rewritten(landed: Path, server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same repository once another function has landed to the same spec, not committed; to be copied."""
    root = tmp_path_factory.mktemp("rewritten") / "project"
    shutil.copytree(landed, root, symlinks=True)
    server.reset()
    server.answers = dict(ANSWERS)
    regenerated(Project(root, server), SPEC, label=OTHER)
    return root


@pytest.fixture
def surprise(rewritten: Path, server: ModelServer, tmp_path: Path) -> Project:
    """A project that behaves differently although nobody asked for it."""
    shutil.copytree(rewritten, tmp_path / "project", symlinks=True)
    server.reset()
    return Project(tmp_path / "project", server)


def regenerated(project: Project, spec: str, *, label: str = LABEL) -> None:
    """The project once another spec, or another answer of the model, has landed."""
    project.server.answers["label"] = [python(label)]
    project.write_spec("shop", spec)
    assert project.run("generate", "--fresh").code == 0


def reviewed(project: Project, *arguments: str) -> dict[str, Any]:
    return project.run("review", "--json", *arguments).report


def functions(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["function"]: each for each in report["functions"]}


def test_nothing_changed_is_said_in_one_line(project: Project) -> None:
    """Exit 0; no function is run, no model asked, no file touched."""
    before = project.tree()
    run = project.run("review")
    assert (run.code, run.out.splitlines()[0]) == (
        0, "No behaviour was seen to change since HEAD without a clause of the spec",
    )  # fmt: skip
    assert (project.tree(), project.server.asked) == (before, [])


def test_files_of_whole_specs_that_were_edited_are_named_first(project: Project) -> None:
    """Types decide how functions behave: of an edit nothing calm is said."""
    types = project.generated / "shop" / "types.py"
    types.write_text(types.read_text("utf-8").replace("int", "str"), "utf-8")
    assert project.run("review").out.splitlines()[0] == (
        "Edited by hand, and not compared: generated/shop/types.py; "
        "no behaviour was seen to change without a clause of the spec"
    )


def test_what_cannot_be_put_together_is_not_compared(project: Project) -> None:
    """A contract that is gone is no change of behaviour, of its function or of one that calls it."""
    (project.generated / "shop" / "label.contract.json").unlink()
    report = reviewed(project)
    assert report["headline"] == (
        "No behaviour was seen to change without a clause of the spec; not compared whole: shop.sign, shop.label"
    )
    found = functions(report)
    assert found["shop.sign"]["why"] == ["shop.label, which it calls, is not whole in generated/"]
    assert found["shop.label"]["behaviour"]["note"] == "its contract is missing"


def test_a_contract_that_was_edited_is_told_where_it_stands(project: Project) -> None:
    """No line of the spec says what a person wrote into a contract."""
    path = project.generated / "shop" / "label.contract.json"
    path.write_text(path.read_text("utf-8").replace("str(n) in result", "len(result) > 0"), "utf-8")
    (clause, _) = functions(reviewed(project))["shop.label"]["clauses"]
    assert (clause["effect"], clause["place"]) == ("loosened", "generated/shop/label.contract.json")


@pytest.mark.parametrize("verb", ["review", "check", "generate"])
def test_a_link_in_the_place_of_a_function_is_not_followed(project: Project, verb: str) -> None:
    """It may lead out of the project, and what is there is nobody's to show."""
    path = project.generated / "shop" / "label.py"
    path.unlink()
    (project.root / "secret.txt").write_text("told to nobody", "utf-8")
    path.symlink_to(project.root / "secret.txt")
    run = project.run(verb)
    assert (run.code, "told to nobody" in run.out + run.err) == (3, False)
    assert "generated/shop/label.py: not a plain file" in run.err


def test_behaviour_that_nobody_asked_for_is_the_first_line(surprise: Project) -> None:
    """Every form begins with it, and a caller whose own code is the same is among them."""
    said = "Behaviour changed although no clause of the spec did: shop.label, shop.sign"
    assert surprise.run("review").out.splitlines()[0] == said
    assert surprise.run("review", "--format", "markdown").out.splitlines()[0] == f"**{said}**"
    report = reviewed(surprise)
    assert report["headline"] == said
    found = functions(report)
    assert found["shop.label"]["kinds"] == ["silent", "behaviour", "code"]
    (difference,) = found["shop.label"]["behaviour"]["differences"]
    assert (difference["given"], difference["before"], difference["after"]) == (
        {"n": 3}, "returned '3 pieces'", "returned '3 piece'",
    )  # fmt: skip
    assert found["shop.sign"]["why"] == ["nothing of its own changed, but what it calls did: shop.label"]


def test_a_changed_clause_is_no_surprise(project: Project) -> None:
    """It is told with its place, and the behaviour that comes of it is not the headline."""
    spec = SPEC.replace("{n: 1}, returns: 1 piece}", "{n: 1}, returns: 1 item}").replace(
        "2 pieces", "2 items"
    )
    project.server.answers["sign"] = [python('def sign(n):\n    return f"({label(n)})"\n')]
    regenerated(project, spec.replace("(1 piece)", "(1 item)"), label=LABEL.replace("piece", "item"))
    report = reviewed(project)
    assert report["headline"] == (
        "No behaviour was seen to change since HEAD without a clause of the spec; where one changed: "
        "shop.label, shop.sign"
    )
    found = functions(report)["shop.label"]
    assert found["kinds"] == ["contract", "behaviour", "code"]
    assert [(each["effect"], each["clause"], each["place"]) for each in found["clauses"]] == [
        ("changed", "examples[one]", "specs/shop.yaml:17:9"),
        ("changed", "examples[two]", "specs/shop.yaml:18:9"),
    ]
    assert found["why"] == [
        "specs/shop.yaml:17:9 -> examples[one] changed",
        "specs/shop.yaml:18:9 -> examples[two] changed",
    ]


def test_what_was_loosened_is_marked_before_code_is_written(project: Project) -> None:
    """A spec that changed is reviewed although nobody has generated anything."""
    project.write_spec("shop", SPEC.replace("result <= 2 * n", "result <= 2 * n + 1"))
    out = project.run("review").out
    assert "shop.twice: contract changed, not generated again yet" in out
    assert "LOOSENED" not in out  # nobody can tell of such a rule
    assert "No verdict covers it as it stands" in out
    project.write_spec("shop", SPEC.replace(", {name: three, given: {n: 3}, returns: 6}", ""))
    assert "LOOSENED: examples[three]: example 'three' is gone" in project.run("review").out


def test_new_and_removed_functions_are_named(project: Project) -> None:
    """With the place where they are, or were."""
    project.write_spec(
        "shop", SPEC.replace("  twice:", "  half:").replace("2 * n", "n").replace("returns: 4", "returns: 1")
    )
    found = functions(reviewed(project))
    assert {name: (each["kinds"], each["place"]) for name, each in found.items()} == {
        "shop.half": (["added"], "specs/shop.yaml:26:3"),
        "shop.twice": (["removed"], "HEAD:specs/shop.yaml:26:3"),
    }


def test_a_renamed_function_is_compared_with_what_it_was(project: Project) -> None:
    """Before anything is generated it has the same contract; then another code under the new name is a surprise."""
    spec = SPEC.replace("  twice:", "  double:")
    project.write_spec("shop", spec)
    (only,) = reviewed(project)["functions"]
    assert (only["function"], only["kinds"], only["was"]) == (
        "shop.double",
        ["renamed", "stale"],
        "shop.twice",
    )
    assert (only["clauses"], only["diff"]) == ([], "")
    project.server.answers["double"] = [python("def double(n):\n    return n * 2 if n < 500 else 0\n")]
    assert project.run("generate").code == 0
    report = reviewed(project)
    said = (
        "Behaviour changed although no clause of the spec did: shop.double (perhaps renamed from shop.twice)"
    )
    assert report["headline"] == said
    (only,) = report["functions"]
    assert only["kinds"] == ["silent", "renamed", "behaviour", "code"]
    assert only["why"] == ["perhaps renamed from shop.twice", "no clause changed: it was written anew"]
    assert [each["call"] for each in only["behaviour"]["differences"]] == ["double(500)"]


def test_a_renamed_function_of_the_same_code_is_no_surprise(project: Project) -> None:
    """Its clauses may have changed as well: of the same code it is the same function, and it is told what it promises."""
    project.write_spec("shop", SPEC.replace("  twice:", "  double:").replace("<= 2 * n", "== 2 * n"))
    project.server.answers["double"] = [python("def double(n):\n    return n * 2\n")]
    assert project.run("generate").code == 0
    report = reviewed(project)
    assert report["headline"] == "No behaviour was seen to change since HEAD without a clause of the spec"
    (only,) = report["functions"]
    assert (only["kinds"], only["behaviour"]["differing"]) == (["renamed", "contract"], 0)
    assert [each["clause"] for each in only["clauses"]] == ["ensures[0]"]
    assert "shop.double: perhaps renamed from shop.twice, contract changed" in project.run("review").out


def test_of_two_that_would_do_none_is_taken(project: Project) -> None:
    """One function became two of the same contract: which of them it is nobody can tell."""
    twice = SPEC[SPEC.index("  twice:") :]
    project.write_spec("shop", SPEC.replace("  twice:", "  double:") + twice.replace("twice", "duplicate"))
    kinds = {name: each["kinds"] for name, each in functions(reviewed(project)).items()}
    assert kinds == {"shop.twice": ["removed"], "shop.double": ["added"], "shop.duplicate": ["added"]}


def test_a_renamed_example_asks_for_nothing(surprise: Project) -> None:
    """It is told, and not marked; behaviour that changed with it is as unasked for as before."""
    surprise.write_spec(
        "shop",
        SPEC.replace(
            "{name: one, given: {n: 1}, returns: 1 piece}", "{name: a, given: {n: 1}, returns: 1 piece}"
        ),
    )
    surprise.server.answers["label"] = [python(OTHER)]
    surprise.server.answers["sign"] = ANSWERS["sign"]
    assert surprise.run("generate").code == 0
    run = surprise.run("review")
    assert "  changed: examples[a]: example 'one' is now called 'a'" in run.out
    assert "LOOSENED" not in run.out
    assert run.out.startswith("Behaviour changed although no clause of the spec did: shop.label, shop.sign\n")
    assert "  why: specs/shop.yaml:17:9 -> examples[a] renamed" in run.out


def test_an_adopted_edit_is_told_as_one(project: Project) -> None:
    """The verdict knows that a person wrote it, and so does the review."""
    path = project.generated / "shop" / "twice.py"
    path.write_text(path.read_text().replace("return n * 2", "return n * 2 if n < 500 else 0"))
    assert project.run("adopt", "shop.twice").out.startswith("shop.twice: landed, by a person (adopted) (")
    out = project.run("review").out
    assert "  why: no clause changed: a person edited the code and adopted it" in out
    assert "; written by a person (adopted)\n" in out
    assert ": written by a person (adopted), " in project.run("explain", "shop.twice").out


@pytest.fixture
def flowing(server: ModelServer, tmp_path: Path) -> Project:
    """A repository with this repository's own onboarding, landed and committed."""
    for folder in ("specs", "generated"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    server.reset()
    made = Project(tmp_path, server)
    made.configure()
    start(made.root)
    return made


ROOT = Path(__file__).parents[1]


def test_a_changed_flow_is_in_the_first_line(flowing: Project) -> None:
    """In words and with the durations of people, in every form; and that nothing has been generated since."""
    path = flowing.root / "specs" / "onboarding.yaml"
    path.write_text(path.read_text().replace("after: 15m, to: profile", "after: 26h, to: profile"))
    said = (
        "The flow onboarding.onboard waits 26 hours in `naming` where it waited 15 minutes (not generated again yet); "
        "no function was seen to behave differently since HEAD without a clause of the spec"
    )
    out = flowing.run("review", "onboarding").out
    assert out.splitlines()[0] == said
    assert ": 0 functions changed, 18 did not; 1 flow changed" in out.splitlines()[1]
    assert "  not generated again yet: its spec changed" in out.splitlines()
    markdown = flowing.run("review", "onboarding", "--format", "markdown").out
    assert markdown.splitlines()[0].replace("\\", "") == f"**{said}**"
    assert f"<h1>{said}</h1>" in flowing.run("review", "onboarding", "--format", "html").out
    report = reviewed(flowing, "onboarding")
    assert (report["headline"], report["flows"][0]["lag"]) == (said, "its spec changed")


def test_a_flow_whose_functions_moved_on_is_told_of(flowing: Project) -> None:
    """It is as it was, but nobody has judged it with what its functions promise now."""
    path = flowing.root / "specs" / "onboarding.yaml"
    path.write_text(
        path.read_text().replace("summary: Confirm the address with", "summary: Confirm an address with")
    )
    report = reviewed(flowing, "onboarding")
    assert (report["flows"], report["notes"]) == (
        [],
        ["the flow onboarding.onboard is not judged again yet: its spec changed"],
    )


def test_another_answer_to_a_decision_is_told(project: Project) -> None:
    """Of the spec, and of every function it covers."""
    project.write_spec("shop", SPEC.replace("choose: warm", "choose: cool"))
    report = reviewed(project)
    (decision,) = report["decisions"]
    assert (decision["decision"], decision["before"], decision["after"]) == ("shop.tone", "warm", "cool")
    assert {each["clauses"][0]["clause"] for each in report["functions"]} == {"decisions[tone]"}


def test_a_base_may_be_named(surprise: Project) -> None:
    """A tag, say; what was committed since is under review."""
    git(surprise.root, "tag", "v1")
    git(surprise.root, "add", "-A")
    git(surprise.root, "commit", "-qm", "second")
    assert reviewed(surprise)["functions"] == []
    assert list(functions(reviewed(surprise, "--base", "v1"))) == ["shop.label", "shop.sign"]


def test_old_code_is_as_untrusted_as_any(project: Project) -> None:
    """What is out of bounds is not run, and the report says so."""
    path = project.generated / "shop" / "twice.py"
    good = path.read_text()
    path.write_text(good.replace("return n * 2", "return __import__('os').getpid()"))
    git(project.root, "commit", "-qam", "bad")
    path.write_text(good)
    found = functions(reviewed(project))["shop.twice"]
    assert found["behaviour"]["inputs"] == 0
    assert "not run: shop.twice as it was is out of bounds" in found["behaviour"]["note"]


def test_a_report_goes_to_a_file(project: Project) -> None:
    """And only its name to standard output."""
    run = project.run("review", "--format", "json", "--output", "out/review.json")
    assert run.out == "wrote out/review.json\n"
    assert json.loads((project.root / "out" / "review.json").read_text())["functions"] == []


def test_without_git_there_is_nothing_to_compare_with(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 2 and what to do."""
    shutil.rmtree(project.root / ".git")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    run = project.run("review")
    assert (run.code, "no git repository" in run.err) == (2, True)
    broken = project.run("review", "--format", "json")
    assert (json.loads(broken.out)["exit_code"], broken.code) == (2, 2)


def test_an_explanation_is_asked_for_once_and_marked(surprise: Project) -> None:
    """From the code alone; the second review finds it in the store."""
    surprise.server.answers["do"] = ["It writes a number and a word."]
    report = reviewed(surprise, "--explainer", "fake:m2")
    assert functions(report)["shop.label"]["explanation"] == {
        "text": "It writes a number and a word.", "model": "fake:m2",
    }  # fmt: skip
    assert report["spending"]["total"]["calls"] == 2
    assert "What stands on a parcel" not in "".join(
        asked.last + asked.system for asked in surprise.server.asked
    )
    run = surprise.run("review", "--explainer", "fake:m2")
    assert "A model's words, written from the code alone; it has not seen the contract (fake:m2):" in run.out
    assert len(surprise.server.asked) == 2


def test_a_review_needs_no_model(surprise: Project) -> None:
    """Where the explainer cannot be asked there is a note, and everything else."""
    report = reviewed(surprise, "--explainer", "openai:gpt-x")
    assert list(functions(report)) == ["shop.label", "shop.sign"]
    assert {each["explanation"] for each in report["functions"]} == {None}
    (note,) = report["notes"]
    assert note.startswith("no function is explained: ")
    assert "OPENAI_API_KEY" in note


def test_an_explanation_is_held_to_the_budget(surprise: Project) -> None:
    """A ceiling that is reached is a note as well."""
    report = reviewed(surprise, "--explainer", "fake:m2", "--max-tokens", "10")
    assert surprise.server.asked == []
    assert "tokens" in report["notes"][0]


def test_a_base_that_cannot_be_read_is_said_to_be_so(project: Project) -> None:
    """Specs that had findings then, or none at all: everything is new, and why is a note."""
    project.write_spec("shop", SPEC.replace("returns: int", "returns: in"))
    git(project.root, "commit", "-qam", "broken")
    project.write_spec("shop", SPEC)
    report = reviewed(project)
    assert {tuple(each["kinds"]) for each in report["functions"]} == {("added",)}
    assert "its specs have findings, the first is specs/shop.yaml:29:14" in report["notes"][0]


def test_specs_with_findings_are_no_review(project: Project) -> None:
    """Exit 1 and the findings, as everywhere."""
    project.write_spec("shop", SPEC.replace("returns: int", "returns: in"))
    run = project.run("review")
    assert (run.code, run.out.partition(": ")[0]) == (1, "specs/shop.yaml:29:14")


def test_a_report_does_not_go_to_generated(project: Project) -> None:
    """Exit 2: that folder is drystone's."""
    assert project.run("review", "--output", "generated/review.txt").code == 2
    assert not (project.generated / "review.txt").exists()


def test_the_selected_specs_are_reviewed(project: Project) -> None:
    """A name selects as everywhere; what is elsewhere is not told of."""
    project.write_spec("other", SPEC.replace("spec: shop", "spec: other"))
    assert set(functions(reviewed(project, "other"))) == {"other.label", "other.sign", "other.twice"}
    assert functions(reviewed(project, "shop")) == {}


def test_a_summary_that_changed_is_what_a_person_asked_for(project: Project) -> None:
    """It is no clause, but behaviour that follows it is no surprise."""
    summary = next(line for line in SPEC.splitlines() if "summary: " in line and line.startswith("    "))
    before = reviewed(project)
    assert before["functions"] == []
    project.write_spec("shop", SPEC.replace(summary, summary + " Or so.", 1))
    (change,) = [
        each for each in reviewed(project)["functions"] if any("summary" in why for why in each["why"])
    ]
    assert any(why.endswith("-> its summary changed") for why in change["why"])
