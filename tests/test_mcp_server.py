"""`drystone mcp`, driven by the official client over standard input and output, as a coding agent drives it."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from servers import DOUBLE, DRYSTONE, LIMIT, QUADRUPLE, SMALL, ModelServer, Project, python

mcp = pytest.importorskip("mcp", reason="needs the extra: pip install 'drystone[mcp]'")

Call = Callable[..., Awaitable[Any]]
WRONG = python("def double(n):\n    return n + 1\n")
BOOKING = """\
spec: booking
summary: A seat.
types:
  State: {enum: [open, held, done]}
  Seat: {fields: {state: State}}
functions:
  hold:
    summary: Hold it.
    params: {seat: Seat}
    returns: Seat
    ensures: ["result.state == 'held'"]
    examples: [{name: a, given: {seat: {state: open}}, returns: {state: held}}]
  finish:
    summary: Finish it.
    params: {seat: Seat}
    returns: Seat
    ensures: ["result.state == 'done'"]
    examples: [{name: a, given: {seat: {state: held}}, returns: {state: done}}]
flows:
  book:
    state: Seat.state
    initial: open
    terminal: [done]
    transitions:
      - {from: open, call: hold, to: held}
      - {from: held, call: finish, to: done}
    timeouts:
      - {state: open, after: 1h, to: done}
      - {state: held, after: 1h, to: done}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path, ModelServer())
    made.server.close()  # nobody may be asked
    made.configure()
    made.write_spec("small", SMALL)
    return made


def served(project: Project, scene: Callable[[Call], Awaitable[None]], *arguments: str) -> None:
    """Play a scene with a client of a server that was started for it. A call gives JSON, text, or `refused: ...`."""

    async def play() -> None:
        server = mcp.StdioServerParameters(
            command=DRYSTONE, args=["mcp", *arguments], cwd=project.root, env=project.environ(None)
        )
        async with mcp.Client(server) as client:

            async def call(tool: str, **given: str) -> Any:
                done = await client.call_tool(tool, given)
                if done.is_error:
                    return f"refused: {done.content[0].text.partition(f'{tool}: ')[2]}"
                content = done.structured_content
                return content.get("result", content)

            assert {tool.name for tool in (await client.list_tools()).tools} == {
                "list_contracts", "read_contract", "submit_candidate", "read_verdict",
            }  # fmt: skip
            await scene(call)

    asyncio.run(asyncio.wait_for(play(), 120))


def files(project: Project) -> set[str]:
    return {path.relative_to(project.root).as_posix() for path in project.root.rglob("*") if path.is_file()}


def test_an_agent_implements_a_project_callees_first(project: Project) -> None:
    """What it hands in lands by the rules of every run, recorded as `mcp`; then everything is fresh."""

    async def scene(call: Call) -> None:
        listed = {task["function"]: task["state"] for task in await call("list_contracts")}
        assert listed == {"small.double": "open", "small.quadruple": "blocked", "small.limit": "open"}
        contract = await call("read_contract", function="small.quadruple")
        assert contract.startswith(
            "refused: small.quadruple: it uses small.double, which must be accepted first"
        )
        assert "def double(n: Count) -> int" in await call("read_contract", function="small.double")
        for function, reply in {"double": DOUBLE, "quadruple": QUADRUPLE, "limit": LIMIT}.items():
            done = await call("submit_candidate", function=f"small.{function}", reply=reply)
            assert (done["accepted"], done["landed"]) == (True, True), done
        verdict = await call("read_verdict", function="small.quadruple")
        assert (verdict["fresh"], verdict["landed"]["model"]) == (True, "mcp")
        assert await call("list_contracts") == []
        again = await call("submit_candidate", function="small.double", reply=DOUBLE)
        assert again.startswith("refused: small.double needs no function")

    served(project, scene, "--land")
    run = project.run("check", "--json")
    assert (run.code, [each["model"] for each in run.report["functions"]]) == (0, ["mcp"] * 3)


def test_without_leave_nothing_is_written(project: Project) -> None:
    """A candidate that keeps its contract, and one to a caller of it, get their verdicts and nothing else."""
    before = files(project)

    async def scene(call: Call) -> None:
        for function, reply in {"double": DOUBLE, "quadruple": QUADRUPLE}.items():
            done = await call("submit_candidate", function=f"small.{function}", reply=reply)
            assert (done["accepted"], done["landed"]) == (True, False)
            assert "ensures[0]" in done["clauses"]
        states = {task["function"]: task["state"] for task in await call("list_contracts")}
        assert states == {"small.double": "accepted", "small.quadruple": "accepted", "small.limit": "open"}

    served(project, scene)
    assert files(project) == before


def test_a_refused_candidate_is_told_what_a_model_is_told(project: Project) -> None:
    """One counterexample that may be shown, never a value that is held back; a few candidates and no more."""
    spec = SMALL.replace("{n: 2}, returns: 4}", "{n: 321}, returns: 642}")
    project.write_spec("small", spec.replace("result == n * 2", "result >= n"))

    async def scene(call: Call) -> None:
        contract = await call("read_contract", function="small.double")
        assert [number for number in (321, 0, 999) if f"double({number})" not in contract] == [321]
        done = await call("submit_candidate", function="small.double", reply=WRONG)
        assert (done["accepted"], done["candidates_left"]) == (False, 2)
        assert "breaks its contract" in done["told"]
        assert await call("submit_candidate", function="small.double", reply=WRONG) == done
        secret = python("def double(n):\n    return 1000 if n == 321 else n * 2\n")
        done = await call("submit_candidate", function="small.double", reply=secret)
        assert not done["accepted"]
        assert "on an input that is not shown" in done["told"]
        assert not {"321", "642"} & set(re.findall(r"\d+", done["told"]))
        done = await call("submit_candidate", function="small.double", reply="import os\n")
        assert "No further candidate is taken." in done["told"]
        done = await call("submit_candidate", function="small.double", reply=DOUBLE)
        assert done.startswith("refused: small.double: 3 candidates were handed in")
        assert (await call("read_verdict", function="small.double"))["last"]["accepted"] is False

    served(project, scene, "--land")
    assert not project.generated.exists()


def test_a_credential_is_no_candidate_and_is_not_told(project: Project) -> None:
    """Neither the report nor any file has it."""
    key = "ghp_" + "a1B2c3D4e5" * 4

    async def scene(call: Call) -> None:
        reply = python(f"def double(n):\n    key = '{key}'\n    return n * 2\n")
        done = await call("submit_candidate", function="small.double", reply=reply)
        assert (done["accepted"], "credential" in done["told"]) == (False, True)
        assert key not in json.dumps(done)

    served(project, scene, "--land")
    assert not project.generated.exists()


def test_a_spec_with_flows_lands_when_it_is_whole(project: Project) -> None:
    """The first function is held; the last one brings all of them and the evidence of the flow."""
    (project.root / "specs" / "small.yaml").unlink()
    project.write_spec("booking", BOOKING)

    async def scene(call: Call) -> None:
        hold = python("def hold(seat):\n    return Seat(State.HELD)\n")
        done = await call("submit_candidate", function="booking.hold", reply=hold)
        assert (done["accepted"], done["landed"]) == (True, False)
        assert "It lands with its whole spec" in done["told"]
        assert not (project.generated / "booking" / "hold.py").exists()
        finish = python("def finish(seat):\n    return Seat(State.DONE)\n")
        done = await call("submit_candidate", function="booking.finish", reply=finish)
        assert (done["accepted"], done["landed"]) == (True, True), done

    served(project, scene, "--land")
    assert (project.generated / "booking" / "book.flow.json").exists()
    assert project.run("check").code == 0


def test_functions_that_do_not_fit_together_do_not_land(project: Project) -> None:
    """The agent is told the walk that shows it; a better candidate for one of them brings them all."""
    (project.root / "specs" / "small.yaml").unlink()
    spec = BOOKING.replace("{state: State}", "{state: State, place: str, n: int}")
    spec = spec.replace("{state: open}", "{state: open, place: Rome, n: 1}")
    spec = spec.replace("returns: {state: held}", "returns: {state: held, place: Rome, n: 2}")
    spec = spec.replace("seat: {state: held}", "seat: {state: held, place: Rome, n: 1}")
    spec = spec.replace("returns: {state: done}", "returns: {state: done, place: Rome, n: 2}")
    spec = spec.replace("""'held'"]""", """'held'", "result.n == seat.n + 1"]""")
    spec = spec.replace("""'done'"]""", """'done'", "result.n == seat.n + 1"]""")
    project.write_spec("booking", spec + """    invariants: ["seat.place == initial.place"]\n""")

    def step(name: str, place: str) -> str:
        state = {"hold": "HELD", "finish": "DONE"}[name]
        return python(f"def {name}(seat):\n    return Seat(State.{state}, {place}, seat.n + 1)\n")

    async def scene(call: Call) -> None:
        for name in ("hold", "finish"):
            done = await call("submit_candidate", function=f"booking.{name}", reply=step(name, "'Rome'"))
            assert (done["accepted"], done["landed"]) == (True, False)
        assert "do not fit together" in done["told"]
        assert "steps:" in done["told"]
        assert not (project.generated / "booking").exists()
        for name in ("hold", "finish"):
            done = await call("submit_candidate", function=f"booking.{name}", reply=step(name, "seat.place"))
        assert (done["landed"], done["candidates_left"]) == (True, 1)

    served(project, scene, "--land")
    assert project.run("check").code == 0


def test_the_sdk_is_an_extra(project: Project) -> None:
    """Without it the command says how to have it."""
    (project.root / "mcp.py").write_text("raise ImportError\n")
    run = project.run("mcp", environ={"PYTHONPATH": str(project.root)})
    assert (run.code, "pip install 'drystone[mcp]'" in run.err) == (2, True)


def test_what_stands_in_the_way_is_told(project: Project) -> None:
    """An unknown function, a broken spec: for the client to read, and the server goes on."""

    async def scene(call: Call) -> None:
        assert "did you mean 'small.double'" in await call("read_contract", function="small.doubl")
        project.write_spec("small", SMALL.replace("{n: Count}", "{n: Cuont}"))
        assert "specs/small.yaml:10:" in await call("list_contracts")
        project.write_spec("small", SMALL.replace("returns: 4}", "returns: 5}"))
        assert "it promises 5" in await call("read_contract", function="small.double")
        project.write_spec("small", SMALL)
        assert len(await call("list_contracts")) == 3

    served(project, scene)


def test_mcp_is_no_model_that_can_be_asked(project: Project) -> None:
    """As an implementer of a run it is refused with what it is."""
    run = project.run("generate", "--implementer", "mcp")
    assert run.code == 2
    assert "a coding agent that hands in candidates to drystone mcp" in run.err
