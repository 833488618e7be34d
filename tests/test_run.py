"""A run from end to end, through the command and a real server: what it leaves, and what it leaves alone."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from servers import (
    DOUBLE,
    DRYSTONE,
    LIMIT,
    QUADRUPLE,
    RIGHT,
    SMALL,
    Answer,
    ModelServer,
    Project,
    interrupt,
    python,
)

from pipeline import landed
from pipeline.digest import digest_text
from pipeline.records import Clause, Judgement, Spec
from pipeline.render import render_types
from pipeline.reports import Accepted
from pipeline.specs import parse_spec
from pipeline.stages import architect, land


@pytest.fixture(scope="module")
def finished(server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose every function has landed; to be copied."""
    server.answers = {**RIGHT, "double": [Answer(DOUBLE, delay_seconds=0.5)]}
    made = Project(tmp_path_factory.mktemp("finished"), server)
    made.configure()
    made.write_spec("small", SMALL)
    assert made.run("generate", "--json").code == 0
    (made.root / "asked").write_text(" ".join(server.functions()))
    return made.root


@pytest.fixture
def project(finished: Path, server: ModelServer, tmp_path: Path) -> Project:
    """A copy of the finished project; nothing has been asked yet."""
    shutil.copytree(finished, tmp_path / "project", symlinks=True)
    shutil.rmtree(tmp_path / "project" / ".drystone", ignore_errors=True)
    server.reset()
    server.answers = dict(RIGHT)
    return Project(tmp_path / "project", server)


@pytest.fixture
def empty(server: ModelServer, tmp_path: Path) -> Project:
    """A project in which nothing has been generated."""
    return Project.begun(tmp_path, server, "small", SMALL, RIGHT)


def land_another_spec(project: Project, server: ModelServer) -> None:
    """A second spec, so that the first is not the last one there is."""
    start, end = SMALL.index("  double:"), SMALL.index("  limit:")
    head = SMALL[: SMALL.index("functions:")].replace("spec: small", "spec: other")
    project.write_spec("other", head + "functions:\n" + SMALL[start:end])
    assert project.run("generate", "other").code == 0
    server.reset()


def assert_sound(project: Project) -> None:
    """No verdict speaks of other files than its own, and no file is half written."""
    for path in project.generated.rglob("*.verdict.json"):
        verdict = json.loads(path.read_text())
        stem = path.name.removesuffix(".verdict.json")
        for suffix, key in ((".py", "source_digest"), (".contract.json", "contract_digest")):
            assert verdict[key] == digest_text((path.parent / f"{stem}{suffix}").read_text()), path


def assert_clean(project: Project) -> None:
    """Everything is fresh, and nothing of an earlier run is left."""
    assert_sound(project)
    done = project.run("check", "--no-judge", "--json")
    assert done.code == 0, done
    assert not [path for path in project.generated.rglob("*") if path.name.startswith(".drystone-")]


# -- what is fresh -------------------------------------------------------------------------------------------


def test_a_second_run_asks_nobody_and_writes_no_byte(project: Project, server: ModelServer) -> None:
    """Times of files included; check and plan leave everything as it is, too."""
    before = project.tree()
    for command in (["generate"], ["generate", "--plan"], ["check"], ["generate", "--diff"]):
        assert project.run(*command).code == 0
    assert before == project.tree()
    assert server.asked == []


def test_plan_asks_nobody(empty: Project, server: ModelServer) -> None:
    """It lists what would be regenerated and why, and writes nothing."""
    run = empty.run("generate", "--plan", "--json")
    assert run.actions() == {
        "small.double": "planned",
        "small.quadruple": "planned",
        "small.limit": "planned",
    }
    assert run.report["notes"] == ["generated/small/types.py would be written"]
    assert run.report["functions"][0]["prompt_tokens_estimate"] > 100
    assert server.asked == []
    assert not empty.generated.exists()


def test_diff_writes_nothing_and_git_can_apply_it(project: Project, server: ModelServer) -> None:
    """A changed function, a new one and a removed one, as one unified diff."""
    changed = SMALL.replace(
        "{name: none, given: {n: 0}, returns: 0}", "{name: one, given: {n: 1}, returns: 2}", 1
    )
    changed = changed.replace("  limit:\n", "  bound:\n")
    project.write_spec("small", changed)
    server.answers = {**RIGHT, "bound": [LIMIT.replace("limit", "bound")]}
    before = project.tree()
    run = project.run("generate", "--diff")
    assert run.code == 0
    assert before == project.tree()
    patch = project.root / "patch"
    patch.write_text(run.out, encoding="utf-8")
    git = ["git", "-c", "core.autocrlf=false"]
    subprocess.run([*git, "apply", "--check", "patch"], cwd=project.root, check=True)
    subprocess.run([*git, "apply", "patch"], cwd=project.root, check=True)
    again = project.run("check", "--no-judge", "--json")
    assert again.actions() == {"small.double": "fresh", "small.quadruple": "fresh", "small.bound": "fresh"}
    assert not (project.generated / "small" / "limit.py").exists()
    assert again.code == 0


HUNDRED = "spec: hundred\nsummary: Many functions.\nfunctions:\n" + "".join(
    f"""\
  f{number}:
    summary: Adds {number}.
    params: {{n: int}}
    returns: int
    ensures: ["result == n + {number}"]
    examples:
      - {{name: one, given: {{n: 1}}, returns: {1 + number}}}
      - {{name: two, given: {{n: 2}}, returns: {2 + number}}}
"""
    for number in range(1, 101)
)


def _land_unjudged(project: Project, spec: Spec, sources: dict[str, str]) -> None:
    """Put functions into place as a run would, without the time a judge takes."""
    from pipeline import bounds, render

    digests = landed.derived_digests([spec])
    for function in spec.functions:
        name = function.contract.function
        contract, text = land.seal_contract(
            architect.hold_back(function.contract), digests[function.contract.id]
        )
        found = bounds.check_reply(sources[name], contract)
        assert isinstance(found, bounds.FunctionText), found
        judgement = Judgement(clauses=(Clause(clause="bounds", passed=True),))
        source = render.render_function(contract, found)
        made = Accepted(contract=contract, source=source, judgement=judgement, model="fake:m1")
        land.write(land.render_landing(made, text, folder=project.generated / spec.name, sandbox="process"))
    for folder in (project.generated, project.generated / spec.name):
        (folder / "__init__.py").touch()
    types = render_types(spec.name, spec.types, spec.errors)
    if types:
        (project.generated / spec.name / "types.py").write_text(types)


def test_one_edited_example_of_a_hundred_functions_regenerates_one(
    server: ModelServer, tmp_path: Path
) -> None:
    """Three files change, no other byte; the model is asked once."""
    server.reset()
    project = Project(tmp_path, server)
    project.configure()
    project.write_spec("hundred", HUNDRED)
    spec = parse_spec("specs/hundred.yaml", HUNDRED)
    assert isinstance(spec, Spec)
    sources = {f"f{n}": python(f"def f{n}(n):\n    return n + {n}\n") for n in range(1, 101)}
    _land_unjudged(project, spec, sources)
    assert {"fresh"} == set(project.run("check", "--no-judge", "--json").actions().values())
    before = project.tree()
    edited = HUNDRED.replace(
        "{name: two, given: {n: 2}, returns: 44}", "{name: two, given: {n: 3}, returns: 45}"
    )
    assert edited != HUNDRED
    project.write_spec("hundred", edited)
    server.answers = {"f42": [sources["f42"].replace("n + 42", "42 + n")]}
    run = project.run("generate", "--json")
    assert run.code == 0
    assert server.functions() == ["f42"]
    after = project.tree()
    changed = {name for name in after if after[name] != before.get(name)}
    assert {f"hundred/f42{suffix}" for suffix in (".py", ".contract.json", ".verdict.json")} == changed
    assert set(before) == set(after)
    report = next(f for f in run.report["functions"] if f["action"] == "landed")
    assert (
        report["function"],
        report["reasons"],
        report["calls"],
    ) == ("hundred.f42", ["its spec changed: cases"], 1)


# -- what a person did to the files --------------------------------------------------------------------------


def _edit_source(folder: Path) -> None:
    path = folder / "double.py"
    path.write_text(path.read_text().replace("n * 2", "n + n"))


def _foreign(folder: Path) -> None:
    (folder / "double.py").write_text("def double(n): return 2 * n\n")


def _edit_types(folder: Path) -> None:
    with (folder / "types.py").open("a") as file:
        file.write("# mine\n")


def _edit_orphan(folder: Path) -> None:
    text = (folder / "double.py").read_text()
    (folder / "gone.py").write_text(text.replace("n * 2", "n + n"))


def _other_name(folder: Path) -> None:
    path = folder / "double.contract.json"
    path.write_text(path.read_text().replace('"function": "double"', '"function": "../../evil"'))


IN_THE_WAY = {
    _edit_source: "generated/small/double.py: edited by hand",
    _foreign: "generated/small/double.py: not written by drystone",
    _edit_types: "generated/small/types.py: edited by hand",
    _edit_orphan: "generated/small/gone.py: its function is gone from the specs, but it was edited by hand",
    _other_name: "generated/small/double.contract.json: edited by hand, but function must be as in the spec",
}


@pytest.mark.parametrize("meddle", IN_THE_WAY, ids=lambda meddle: meddle.__name__.strip("_"))
def test_what_a_person_changed_is_never_overwritten(project: Project, server: ModelServer, meddle) -> None:
    """Check exits 3 and names the file; generate refuses, writes nothing and asks nobody."""
    project.write_spec("small", SMALL.replace("The number, unless", "Same number, unless"))
    meddle(project.generated / "small")
    before = project.tree()
    check = project.run("check", "--no-judge")
    assert check.code == 3
    assert IN_THE_WAY[meddle] in check.out
    generate = project.run("generate", "--json")
    assert generate.code == 3
    assert IN_THE_WAY[meddle] in generate.report["error"]["message"]
    assert server.asked == []
    assert before == project.tree()


def test_an_edited_contract_is_respected_until_its_function_changes(
    project: Project, server: ModelServer
) -> None:
    """The edit is kept byte for byte and judged; when the spec changes too, the file is named as a conflict."""
    path = project.generated / "small" / "double.contract.json"
    document = json.loads(path.read_text())
    document["ensures"].append({"origin": "spec", "rule": "result >= n"})
    path.write_text(json.dumps(document))
    text = path.read_text()
    stale = project.run("check", "--no-judge", "--json")
    assert (stale.code, stale.actions()["small.double"]) == (3, "stale")
    run = project.run("generate", "--json")
    assert run.actions() == {"small.double": "landed", "small.quadruple": "fresh", "small.limit": "fresh"}
    assert text == path.read_text()
    assert "result >= n" in server.asked[0].last
    assert_clean(project)
    project.write_spec("small", SMALL.replace("Twice the number.", "Two times the number."))
    run = project.run("generate")
    assert run.code == 3
    assert "generated/small/double.contract.json: edited by hand, and its function in the spec has" in run.err
    assert text == path.read_text()


def test_an_edited_contract_that_contradicts_itself_is_a_finding(
    project: Project, server: ModelServer
) -> None:
    """The finding names the contract file; nobody is asked, and the plan has no traceback for it."""
    path = project.generated / "small" / "double.contract.json"
    path.write_text(path.read_text().replace('"returns": 1998', '"returns": "many"'))
    run = project.run("generate")
    assert run.code == 1
    assert "generated/small/double.contract.json:1:1: examples[many]" in run.out
    assert project.run("generate", "--plan", "--json").code in {0, 3}
    assert server.asked == []


def test_what_is_gone_from_the_specs_is_removed(project: Project, server: ModelServer) -> None:
    """A function's three files go with it, a spec's folder with the spec; strangers stay and are reported."""
    land_another_spec(project, server)
    stranger = project.generated / "small" / "notes.txt"
    stranger.write_text("mine")
    raw = project.generated / "small" / "data.py"
    raw.write_bytes(b"\xff\x00")
    project.write_spec("small", SMALL[: SMALL.index("  limit:")])
    check = project.run("check", "--no-judge")
    assert check.code == 3
    assert (
        "generated/small/limit.py: its function is gone from the specs; drystone generate removes"
        in check.out
    )
    assert "generated/small/notes.txt: not written by drystone" in check.out
    run = project.run("generate")
    assert run.code == 0
    assert "left alone generated/small/notes.txt: not written by drystone" in run.out
    assert not list((project.generated / "small").glob("limit*"))
    (project.root / "specs" / "small.yaml").unlink()
    assert project.run("generate").code == 0
    package = project.generated / "small" / "__init__.py"
    assert [package, raw, stranger] == sorted((project.generated / "small").iterdir())
    stranger.unlink()
    raw.unlink()
    assert server.asked == []


def test_an_emptied_folder_goes_too(project: Project, server: ModelServer) -> None:
    """The caches Python left in it do not keep it, nor does its empty `__init__.py`."""
    land_another_spec(project, server)
    cache = project.generated / "small" / "__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "double.cpython-311.pyc").write_bytes(b"")
    (project.root / "specs" / "small.yaml").unlink()
    assert project.run("generate").code == 0
    assert sorted(path.name for path in project.generated.iterdir()) == ["__init__.py", "other"]


def test_without_any_spec_nothing_is_removed(project: Project) -> None:
    """Specs that went missing all at once are an accident before they are a wish."""
    (project.root / "specs" / "small.yaml").unlink()
    before = project.tree()
    run = project.run("generate")
    assert (run.code, project.tree()) == (3, before)
    assert "specs/ holds no spec" in run.err


def test_folders_are_packages_and_a_package_file_of_ones_own_stays(project: Project) -> None:
    """`types.py` is no standard module to a type checker, and what a person put into `__init__.py` is theirs."""
    assert (project.generated / "__init__.py").read_text() == ""
    package = project.generated / "small" / "__init__.py"
    assert package.read_text() == ""
    package.write_text("from .double import double\n")
    assert project.run("generate", "--fresh").code == 0
    assert package.read_text() == "from .double import double\n"
    assert project.run("check", "--no-judge").code == 0


# -- what fails ----------------------------------------------------------------------------------------------


def test_the_last_good_function_stays(project: Project, server: ModelServer) -> None:
    """Others still land; a caller of what failed is blocked and says by whom."""
    changed = SMALL.replace(
        "{name: none, given: {n: 0}, returns: 0}", "{name: one, given: {n: 1}, returns: 2}", 1
    )
    project.write_spec("small", changed.replace("The number, unless", "Same number, unless"))
    server.answers = {**RIGHT, "double": [python("def double(n):\n    return n\n")]}
    before = project.tree()
    run = project.run("generate", "--json")
    assert run.code == 4
    assert run.actions() == {"small.double": "failed", "small.quadruple": "blocked", "small.limit": "landed"}
    blocked = next(f for f in run.report["functions"] if f["action"] == "blocked")
    assert blocked["reasons"] == ["it uses small.double, which did not land"]
    after = project.tree()
    assert {"small/limit.py", "small/limit.contract.json", "small/limit.verdict.json"} == {
        name for name in after if after[name] != before[name]
    }
    assert "quadruple" not in server.functions()
    server.answers = dict(RIGHT)
    server.asked.clear()
    assert project.run("generate").code == 0
    assert server.functions() == ["double", "quadruple"]  # what was refused is not used again
    assert_clean(project)


def test_types_change_together_with_the_functions_that_need_them(empty: Project, server: ModelServer) -> None:
    """Where no function lands under the new types, the last good ones keep the old types."""
    one = SMALL[: SMALL.index("  quadruple:")]
    empty.write_spec("small", one)
    assert empty.run("generate").code == 0
    types = (empty.generated / "small" / "types.py").read_text()
    empty.write_spec("small", one.replace("le: 1000", "le: 999"))
    server.answers = {"double": ["no"]}
    assert empty.run("generate").code == 4
    assert (empty.generated / "small" / "types.py").read_text() == types
    server.answers = dict(RIGHT)
    assert empty.run("generate").code == 0
    assert "<= 999" in (empty.generated / "small" / "types.py").read_text()
    assert_clean(empty)


def test_callees_are_asked_for_before_their_callers(finished: Path) -> None:
    """A caller waits for its callee, though others are asked meanwhile."""
    asked = (finished / "asked").read_text().split()
    assert sorted(asked) == ["double", "limit", "quadruple"]
    assert asked[-1] == "quadruple"


def test_the_ladder_goes_on_and_samples_are_independent(empty: Project, server: ModelServer) -> None:
    """`x3` asks three times without a conversation; the next model is asked when all have failed."""
    empty.configure(implementer=["fake:weak", "fake:some x3", "fake:strong"])
    wrong = [python(f"def double(n):\n    return n + {number}\n") for number in range(2, 6)]
    server.answers = {
        "weak:double": [wrong[0]],
        "some:double": wrong[1:],
        "double": [DOUBLE],
        "quadruple": [QUADRUPLE],
        "limit": [LIMIT],
    }
    run = empty.run("generate", "--json")
    assert run.code == 0
    asked = [(each.model, len(each.messages)) for each in server.asked if each.function == "double"]
    assert asked == [("weak", 1), ("weak", 3), ("some", 1), ("some", 1), ("some", 1), ("strong", 1)]
    double = run.report["functions"][0]
    assert (double["action"], double["model"], double["calls"]) == ("landed", "fake:strong", 6)
    assert [attempt["model"] for attempt in double["attempts"]] == [
        "fake:weak",
        "fake:weak",
        "fake:some",
        "fake:some",
        "fake:some",
    ]


TROUBLE = {
    "key": Answer("bad key", status=401),
    "model": Answer("no such model", status=404),
    "limit": Answer("slow down", status=429, headers={"retry-after": "3600"}),
    "server": Answer("oops", status=500),
    "body": Answer(body="<html>not json"),
}


def test_provider_trouble_ends_the_run(empty: Project, server: ModelServer) -> None:
    """Exit 5 and one line; what landed before stays and is used, nothing lands by half."""
    empty.configure(more="jobs = 1")
    for name, answer in TROUBLE.items():
        server.answers = {**RIGHT, "quadruple": [answer]}
        run = empty.run("generate", "--json")
        assert run.code == 5, name
        message = run.report["error"]["message"]
        assert message.startswith("small.quadruple: fake:m1: "), name
        assert "\n" not in message
        assert run.actions()["small.double"] in {"landed", "fresh"}
        assert not list(empty.generated.glob("small/quadruple*"))
        assert_sound(empty)
    assert server.functions().count("double") == 1
    server.answers = dict(RIGHT)
    assert empty.run("generate").code == 0
    assert_clean(empty)


def test_a_refused_connection_and_a_first_call_that_fails_write_nothing(empty: Project) -> None:
    """Not even the types: there is no function that needs them."""
    closed = ModelServer()
    closed.close()
    pyproject = empty.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace(empty.server.url, closed.url))
    run = empty.run("generate", "--json")
    assert run.code == 5
    assert "cannot connect" in run.report["error"]["message"]
    assert not empty.generated.exists()
    assert run.report["notes"] == ["not reached: 3 of 3; the next run goes on with them"]


# -- being stopped -------------------------------------------------------------------------------------------


def _wait_for(condition, seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_interruption_is_prompt_and_keeps_what_landed(empty: Project, server: ModelServer) -> None:
    """Exit 130 without a traceback, with a report; the stored replies are used by the next run."""
    server.answers = {**RIGHT, "quadruple": [Answer(QUADRUPLE, delay_seconds=30)]}
    process = empty.start("generate", "--json")
    _wait_for(lambda: "quadruple" in server.functions())
    _wait_for((empty.generated / "small" / "limit.verdict.json").exists)
    begun = time.monotonic()
    code, out, err = interrupt(process)
    assert code == 130
    assert time.monotonic() - begun < 5
    assert "Traceback" not in err
    report = json.loads(out)
    assert (report["exit_code"], report["error"]["type"]) == (130, "Interrupted")
    assert "landed" in {function["action"] for function in report["functions"]}
    server.answers = dict(RIGHT)
    server.asked.clear()
    assert empty.run("generate").code == 0
    assert server.functions() == ["quadruple"]
    assert_clean(empty)


def _living_in(folder: Path) -> set[int]:
    """Processes whose working directory lies in a folder, as those of a judge do."""
    found = set()
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and (process / "cwd").readlink().is_relative_to(folder):
                found.add(int(process.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="processes cannot be looked up here")
@pytest.mark.parametrize("end", ["finished", "interrupted", "killed"])
def test_a_run_leaves_no_process(
    empty: Project, server: ModelServer, tmp_path_factory: pytest.TempPathFactory, end: str
) -> None:
    """Whatever it was judging, nothing goes on when a run is over; what ends by itself leaves no folder either."""
    folder = tmp_path_factory.mktemp("tmp")
    loops = python("def limit(n):\n    while True:\n        pass\n")
    server.answers = dict(RIGHT) if end == "finished" else {**RIGHT, "limit": [loops]}
    process = subprocess.Popen(
        [DRYSTONE, "generate"],
        cwd=empty.root,
        env=empty.environ({"TMPDIR": str(folder)}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        if end != "finished":
            _wait_for(lambda: "limit" in server.functions())
            time.sleep(0.5)
            process.send_signal(signal.SIGINT if end == "interrupted" else signal.SIGKILL)
        assert process.wait(timeout=20) == {"finished": 0, "interrupted": 130, "killed": -9}[end]
        _wait_for(lambda: not _living_in(folder), 30)
        assert end == "killed" or list(folder.iterdir()) == []
    finally:
        process.kill()
        for left in _living_in(folder):
            os.kill(left, signal.SIGKILL)


@pytest.mark.parametrize("moment", range(3))
def test_a_killed_run_leaves_nothing_wrong(empty: Project, server: ModelServer, moment: int) -> None:
    """`kill -9` at any moment; the next run ends clean, and stored replies are not paid for again."""
    server.answers = {name: [Answer(str(answers[0]), delay_seconds=0.1)] for name, answers in RIGHT.items()}
    process = empty.start("generate")
    if moment:
        _wait_for(lambda: len(server.asked) >= moment)
    time.sleep(random.Random(moment).uniform(0, 1.5))
    process.kill()
    process.communicate()
    assert_sound(empty)
    stored = len(list((empty.root / ".drystone").glob("replies/*.json")))
    (empty.root / ".drystone").mkdir(exist_ok=True)
    (empty.generated / "small").mkdir(parents=True, exist_ok=True)
    (empty.generated / "small" / ".drystone-left.tmp").write_text("half")
    server.asked.clear()
    assert empty.run("generate").code == 0
    assert_clean(empty)
    assert len(server.asked) == 3 - stored


LANDING = """
import itertools, sys
from pathlib import Path
from pipeline.stages import land
from pipeline.digest import digest_text
import json
folder = Path(sys.argv[1])
for number in itertools.count():
    for name in "abcdefgh":
        contract, source = f"{number}c" * 5000, f"{number}s" * 5000
        verdict = {"contract_digest": digest_text(contract), "source_digest": digest_text(source)}
        land.write({
            folder / f"{name}.contract.json": contract,
            folder / f"{name}.py": source,
            folder / f"{name}.verdict.json": json.dumps(verdict),
        })
    print(number, flush=True)
"""


def test_a_kill_in_the_middle_of_landing_blesses_nothing_false(empty: Project) -> None:
    """Many kills while files are written as fast as they can be: no verdict speaks of other files."""
    import sys

    clock = random.Random(0)
    for _ in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", LANDING, str(empty.generated / "small")], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(clock.uniform(0, 0.05))
        process.kill()
        process.communicate()
        assert_sound(empty)


def test_an_unwritable_place_is_told_before_anyone_is_asked(empty: Project, server: ModelServer) -> None:
    """A file where the folder must be; and a folder nobody may write to."""
    empty.generated.write_text("a file")
    run = empty.run("generate", "--json")
    assert (
        run.code,
        run.report["error"]["message"],
    ) == (3, "generated: not a folder; move it out of the way")
    assert empty.run("check", "--no-judge").code == 3
    empty.generated.unlink()
    empty.generated.mkdir()
    (empty.generated / "small").write_text("a file")
    assert "generated/small: not a folder" in empty.run("generate").err
    (empty.generated / "small").unlink()
    (empty.root / ".drystone").write_text("a file")
    assert ".drystone: not a folder" in empty.run("generate").err
    (empty.root / ".drystone").unlink()
    if os.geteuid() != 0:
        empty.generated.chmod(0o500)
        assert empty.run("generate").code == 3
        empty.generated.chmod(0o700)
    assert server.asked == []
