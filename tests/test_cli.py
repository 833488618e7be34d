"""The command as a person meets it: exit codes, messages, JSON, prompts, a terminal."""

import contextlib
import json
import os
import pty
import re
import shutil
import subprocess

import pytest
from servers import DRYSTONE, LIMIT, RIGHT, SMALL, Answer, ModelServer, Project, Run, python
from subjects import kernel_sandbox, refusing_filters

from pipeline import contract_file

ONE = SMALL[: SMALL.index("  quadruple:")]


# -- what is wrong before anything is done -------------------------------------------------------------------


def test_a_missing_key_is_named_before_any_work(project: Project, server: ModelServer) -> None:
    """Exit 5; nothing is written, nobody is asked, even where only the last model of the ladder lacks its key."""
    project.configure(implementer=["fake:m1", "openai:gpt-x"])
    run = project.run("generate", "--json")
    assert (run.code, run.report["error"]["type"]) == (5, "CredentialsError")
    assert "OPENAI_API_KEY" in run.err
    assert "checking" not in run.err
    assert not project.generated.exists()
    assert server.asked == []


def test_a_key_is_sent_and_never_stored(project: Project, server: ModelServer) -> None:
    """The address of a built-in provider comes from the environment as well."""
    project.write_spec("small", ONE)
    project.configure(implementer=["openai:m1"])
    environ = {"OPENAI_API_KEY": "sk-very-secret-1", "OPENAI_BASE_URL": f"{server.url}/v1"}
    assert project.run("generate", "--json", environ=environ).code == 0
    assert {"sk-very-secret-1"} == {asked.key for asked in server.asked}
    texts = [path.read_bytes() for path in project.root.rglob("*") if path.is_file()]
    assert not any(b"sk-very-secret" in text for text in texts)


BROKEN = {
    "unknown provider": (["generate", "--implementer", "opnai:m"], 2, "did you mean 'openai'?"),
    "unknown option": (["generate", "--plann"], 2, "--plan"),
    "unknown command": (["generat"], 2, "generat"),
    "unknown spec": (["generate", "smal"], 2, "no spec 'smal' in specs/; did you mean 'small'?"),
    "unknown function": (["show-prompt", "small.doubl"], 2, "did you mean 'small.double'?"),
    "no function": (["show-prompt", "small"], 2, "SPEC.FUNCTION"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_wrong_command_line_says_what_was_meant(project: Project, name: str) -> None:
    """Exit 2 and one message."""
    arguments, code, message = BROKEN[name]
    run = project.run(*arguments)
    assert (run.code, run.out) == (code, "")
    assert message in run.err


def test_json_is_one_document_whatever_happens(project: Project) -> None:
    """Usage, configuration, findings, files in the way: each with its exit code and its message."""
    project.write_spec("small", ONE)
    found = {}

    def see(name: str, *arguments: str) -> None:
        run = project.run(*arguments, "--json")
        found[name] = run.code
        assert run.report["error"] or run.report["findings"] or run.report["strangers"], name

    see("usage", "generate", "--jobs", "0")
    project.configure(more='sandbx = "process"')
    see("configuration", "check")
    (project.root / "pyproject.toml").write_bytes(b"\xff[")
    see("broken pyproject", "generate")
    project.configure()
    (project.generated / "small").mkdir(parents=True)
    (project.generated / "small" / "double.py").write_text("mine\n")
    see("in the way", "generate")
    project.write_spec("bad", "spec: bad\n")
    see("findings", "generate")
    (project.root / "specs" / "bad.yaml").write_bytes(b"\x00\xff\xfe")
    see("binary spec", "lint")
    shutil.rmtree(project.root / "specs")
    see("no specs", "lint")
    (project.root / "specs").write_text("a file")
    see("specs is a file", "generate")
    assert found == {
        "usage": 2, "configuration": 2, "broken pyproject": 2, "in the way": 3, "findings": 1,
        "binary spec": 1, "no specs": 2, "specs is a file": 2,
    }  # fmt: skip


DEMANDS = {
    "configuration": ('sandbox = "kernel"', {}, []),
    "environment": ("", {"DRYSTONE_SANDBOX": "kernel"}, []),
    "option": ('sandbox = "process"', {"DRYSTONE_SANDBOX": "process"}, ["--sandbox", "kernel"]),
}


def run_where_filters_are_refused(project: Project, *arguments: str, environ: dict[str, str]) -> Run:
    """The command in a process that cannot have kernel isolation."""
    command = refusing_filters([DRYSTONE, *arguments])
    done = subprocess.run(
        command, cwd=project.root, env=project.environ(environ), capture_output=True, text=True, check=False
    )
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("demand", DEMANDS)
def test_isolation_that_is_not_to_be_had_is_told_before_anyone_is_asked(
    project: Project, server: ModelServer, demand: str
) -> None:
    """Exit 6 with what stands in the way and what to do, wherever it is demanded; nothing is written."""
    more, environ, arguments = DEMANDS[demand]
    project.configure(more=more)
    run = run_where_filters_are_refused(project, "generate", "--json", *arguments, environ=environ)
    assert (run.code, run.report["error"]["type"]) == (6, "SandboxError")
    for told in ("seccomp: Operation not permitted", "prctl(PR_SET_SECCOMP)", 'sandbox = "process"'):
        assert told in run.report["error"]["message"]
    assert (server.asked, project.generated.exists()) == ([], False)


def test_isolation_that_is_not_demanded_is_reported(project: Project) -> None:
    """Functions land all the same; the report and their verdicts say how far unread code was kept apart."""
    project.write_spec("small", ONE)
    run = run_where_filters_are_refused(project, "generate", "--json", environ={})
    assert run.code == 0
    isolation = run.report["sandbox"]
    assert (isolation["level"], isolation["layers"]) == ("process", [])
    assert "seccomp: Operation not permitted" in isolation["trouble"]
    assert "prctl(PR_SET_SECCOMP)" in isolation["remedy"]
    verdict = json.loads((project.generated / "small" / "double.verdict.json").read_text())
    assert verdict["sandbox"] == "process"


def test_the_strongest_isolation_is_used_without_being_asked_for(project: Project) -> None:
    """Where the kernel isolates, what lands has been judged so, and the verdict says it."""
    kernel_sandbox().close()
    project.write_spec("small", ONE)
    run = project.run("generate", "--json")
    assert (run.code, run.report["sandbox"]["level"], run.report["sandbox"]["trouble"]) == (0, "kernel", "")
    verdict = json.loads((project.generated / "small" / "double.verdict.json").read_text())
    assert verdict["sandbox"] == "kernel"
    assert re.search(r"sandbox: kernel \(.*\)$", project.run("check").out, re.MULTILINE)


def test_every_finding_is_printed_with_its_place(project: Project, server: ModelServer) -> None:
    """Those that reading finds, and those that only evaluating the rules can find."""
    project.write_spec("bad", SMALL.replace("spec: small", "spec: bad").replace("{n: Count}", "{n: Cuont}"))
    run = project.run("generate")
    lines = run.out.splitlines()
    assert run.code == 1
    assert lines[-1] == "3 findings"
    assert all(re.match(r"specs/bad\.yaml:\d+:\d+: .*did you mean 'Count'\?", line) for line in lines[:-1])
    project.write_spec("bad", SMALL.replace("spec: small", "spec: bad").replace("returns: 4}", "returns: 5}"))
    for command in ("lint", "generate"):
        run = project.run(command)
        assert run.code == 1
        assert re.match(r"specs/bad\.yaml:14:\d+: double, examples\[two\]: it promises 5, but", run.out)
    assert project.run("show-prompt", "bad.double").code == 0
    project.write_spec("bad", "spec: bad\n")
    assert project.run("show-prompt", "bad.double").code == 1
    assert server.asked == []


def test_help_says_what_each_exit_code_means(project: Project) -> None:
    """Every command has help, and it needs no project."""
    for arguments in ([], ["generate"], ["check"], ["lint"], ["show-prompt"], ["schema"], ["model"]):
        run = project.run(*arguments, "--help")
        assert run.code == 0
        assert "Usage: drystone" in run.out
    assert "3 stale or edited files" in project.run("check", "-h").out


def test_a_reader_that_goes_away_is_no_bug(project: Project) -> None:
    """`drystone generate --plan | true` ends quietly."""
    process = subprocess.Popen(
        [DRYSTONE, "generate", "--plan"], cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.wait(timeout=20)
    assert b"bug" not in err
    assert b"Traceback" not in err


# -- what a run prints ---------------------------------------------------------------------------------------


def on_a_terminal(project: Project, *words: str, **environ: str) -> str:
    """What a run that ends well writes to a terminal."""
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [DRYSTONE, *words],
        cwd=project.root,
        env={**project.environ(None), "TERM": "xterm", "COLUMNS": "120", **environ},
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    seen = b""
    with contextlib.suppress(OSError):  # how Linux says that the other end was closed
        while chunk := os.read(main, 65536):
            seen += chunk
    os.close(main)
    assert process.wait(timeout=20) == 0
    return seen.decode()


def test_a_terminal_sees_what_is_going_on(project: Project, server: ModelServer) -> None:
    """Done functions stay on the screen, refused attempts say why, a name in brackets is no markup."""
    project.write_spec("small", ONE)
    server.answers = {"double": [python("def double(n):\n    return [n]\n"), RIGHT["double"][0]]}
    seen = on_a_terminal(project, "generate")
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)
    assert "small.double: refused: " in text
    assert "[1/1] small.double: landed, by fake:m1 at attempt 2, 20 tokens" in text
    assert "small.double: landed, by fake:m1 at attempt 2 (it is new)" in text
    assert "\x1b[?25h" in seen


def test_a_diff_has_colours_on_a_terminal_alone(project: Project) -> None:
    """Lines that come are green; not in a pipe, and not where NO_COLOR is set."""
    project.write_spec("small", ONE)
    green = "\x1b[32m+    return n * 2\x1b[0m"
    assert green in on_a_terminal(project, "generate", "--diff")
    plain = on_a_terminal(project, "generate", "--diff", NO_COLOR="1")
    piped = project.run("generate", "--diff").out
    assert ["\x1b[3" in each or "+    return n * 2" not in each for each in (plain, piped)] == [False] * 2


def test_a_log_gets_plain_lines(project: Project) -> None:
    """On standard error; what was done is on standard output."""
    project.write_spec("small", ONE)
    run = project.run("generate", environ={"CI": "true"})
    assert "\x1b" not in run.err + run.out
    assert re.search(
        r"^ +\d+\.\d s  \[1/1\] small\.double: landed, by fake:m1 at attempt 1", run.err, re.MULTILINE
    )
    assert run.out.splitlines()[:2] == [
        "small.double: landed, by fake:m1 at attempt 1 (it is new)",
        "wrote generated/small/types.py",
    ]


# -- architect and prompts -----------------------------------------------------------------------------------


def _proposal(*cases: tuple[str, int, int], rules: tuple[str, ...] = ()) -> str:
    items = [{"name": name, "given": {"n": n}, "outcome": {"returns": returns}} for name, n, returns in cases]
    return json.dumps({"approach": "Keep it short.", "cases": items, "rules": list(rules)})


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_an_architect_proposes_and_show_prompt_shows_what_was_sent(
    project: Project, server: ModelServer, protocol: str
) -> None:
    """Admitted proposals land with their origin, refused ones are reported; an unusable reply adds nothing."""
    project.configure(architect="fake:big", protocol=protocol)
    server.answers = {
        **RIGHT,
        "architect:double": [_proposal(("one", 1, 2), ("wrong", 3, 7), rules=("result >= n", "result > 4"))],
        "architect:quadruple": [Answer(_proposal(("one", 1, 4)), stop="length")],
        "architect:limit": ['{"approach": "x", "cases": [{}], "rules": []}'],
    }
    shown = project.run("show-prompt", "small.double", "--role", "architect").out
    run = project.run("generate", "--json")
    assert run.code == 0
    asked = {(each.role, each.function): each for each in server.asked}
    assert all((each.schema is not None) == (role == "architect") for (role, _), each in asked.items())
    architect = asked["architect", "double"]
    assert shown == f"{architect.system}\n{architect.last}"
    reports = {item["function"]: item for item in run.report["functions"]}
    refused = reports["small.double"]["refused_proposals"]
    assert [text.partition(":")[0] for text in refused] == ["case 'wrong'", "rule 'result > 4'"]
    assert "cut off" in reports["small.quadruple"]["refused_proposals"][0]
    assert "cases/0" in reports["small.limit"]["refused_proposals"][0]
    for name, cases in (("double", ["spec"] * 3 + ["architect"]), ("quadruple", ["spec"] * 2)):
        text = (project.generated / "small" / f"{name}.contract.json").read_text()
        contract = contract_file.parse_contract(name, text)
        assert cases == [case.origin for case in contract.cases]
    for name in ("double", "quadruple", "limit"):
        sent = asked["implementer", name]
        assert project.run("show-prompt", f"small.{name}").out == f"{sent.system}\n{sent.last}"
    assert "Keep it short." in asked["implementer", "double"].last
    assert project.run("check", "--no-judge").code == 0


def test_without_an_architect_the_spec_alone_speaks(project: Project, server: ModelServer) -> None:
    """`--architect none` wins over the configuration; the prompt can be shown before anything is asked."""
    project.write_spec("small", ONE)
    project.configure(architect="fake:big")
    shown = project.run("show-prompt", "small.double").out
    assert project.run("generate", "--architect", "none").code == 0
    (asked,) = server.asked
    assert asked.role == "implementer"
    assert shown == f"{asked.system}\n{asked.last}"


def test_check_judges_what_landed_again(project: Project) -> None:
    """A function forged with every seal and digest renewed passes `--no-judge`; judged again, it fails."""
    from pipeline.digest import digest_text
    from pipeline.landed import render_verdict
    from pipeline.records import Verdict
    from pipeline.seals import seal

    project.write_spec("small", ONE)
    assert project.run("generate").code == 0
    source = project.generated / "small" / "double.py"
    verdict = project.generated / "small" / "double.verdict.json"
    source.write_text(seal(source.read_text().replace("n * 2", "n * 3")))
    assert project.run("check", "--no-judge").code == 3
    forged = Verdict.model_validate_json(verdict.read_text())
    digest = digest_text(source.read_text())
    verdict.write_text(render_verdict(forged.model_copy(update={"source_digest": digest})))
    assert project.run("check", "--no-judge").code == 0
    run = project.run("check")
    assert run.code == 4
    assert "double(" in run.out


def test_fresh_asks_anew_and_keeps_the_last_good_function(project: Project, server: ModelServer) -> None:
    """A function that cannot be had again stays, and its callers build on it."""
    assert project.run("generate").code == 0
    server.answers = {**RIGHT, "double": ["no"], "limit": [LIMIT.replace("n > 10", "10 < n")]}
    server.asked.clear()
    before = project.tree()
    run = project.run("generate", "--fresh", "--json")
    assert run.code == 4
    assert run.actions() == {"small.double": "failed", "small.quadruple": "landed", "small.limit": "landed"}
    assert {"double", "quadruple", "limit"} == set(server.functions())
    after = project.tree()
    assert before["small/double.py"] == after["small/double.py"]
    assert before["small/limit.py"] != after["small/limit.py"]
    assert project.run("check", "--no-judge").code == 0


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_show_prompt_shows_the_bytes_that_leave(protocol: str, project: Project, server: ModelServer) -> None:
    """With --wire, what the server is sent to the last byte, for either role; and no key is needed for it."""
    roles = {"architect": "double", "implementer": "double"}
    project.configure(architect="fake:a1", protocol=protocol, provider='api_key_env = "FAKE_KEY"')
    shown = {
        role: project.run("show-prompt", f"small.{name}", "--role", role, "--wire").out.encode()
        for role, name in roles.items()
    }
    proposal = json.dumps({"cases": [], "rules": [], "approach": ""})
    server.answers = {**RIGHT, **{f"architect:{name}": [proposal] for name in RIGHT}}

    assert project.run("generate", environ={"FAKE_KEY": "secret-enough"}).code == 0

    for role, name in roles.items():
        sent = [asked.body for asked in server.asked if (asked.role, asked.function) == (role, name)]
        assert shown[role] == sent[0], role


def test_show_prompt_shows_what_people_and_the_embedded_model_get(project: Project) -> None:
    """The text of the file that is handed over; the embedded model's request, without its weights."""
    handed = project.run("generate", "--implementer", "handoff", "--architect", "none", "--no-wait")
    assert handed.code == 5
    (prompt,) = (project.root / ".drystone" / "handoff").glob("small.double-*.prompt.md")
    project.configure(implementer=["handoff"])
    assert project.run("show-prompt", "small.double", "--wire").out == prompt.read_text()
    project.configure(implementer=["local"])
    shown = project.run(
        "show-prompt", "small.double", "--wire", environ={"DRYSTONE_CACHE": str(project.root)}
    )
    sent = json.loads(shown.out)
    assert (sent["cache_prompt"], sent["messages"][0]["role"]) == (True, "system")
