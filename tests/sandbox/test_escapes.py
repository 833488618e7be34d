"""What code under test cannot do at kernel level: every attempt of the hostile list is made, and none gets through.

Those that may be made safely are made once more where only limits hold, and get through there: no attempt is
refused because it is a broken one.
"""

import json
import os
import platform
import re
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hostile import ESCAPES, POISONS, SEARCHES, Escape, Poison
from subjects import broken, contract, kernel_sandbox

from pipeline.bounds.names import DEFAULT_IMPORTS
from pipeline.decider.client import Decider
from pipeline.records import Effort
from pipeline.sandbox import landlock, wire
from pipeline.sandbox.children import bare_environment
from pipeline.sandbox.forked import ForkSandbox
from pipeline.sandbox.port import Call, Limits, Observation, Program
from pipeline.stages.judge import Judge

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these attempts are made of Linux's calls")

ROOT = Path(__file__).parents[2]
VARIABLE, SECRET = "DRYSTONE_TEST_KEY", f"sk-{secrets.token_hex(8)}"
HONEST = Program({"f": "def f(x):\n    return x + x\n"})
RARE = Program({"f": "import codecs\ndef f(x):\n    return x + x\n"})
"""The same, for a server with every codec."""
HERE = [escape for escape in ESCAPES if escape.only_on in {"", platform.machine()}]
UNLOCKED = [escape for escape in HERE if escape.unlocked != "nobody"]
REFUSALS = {"OSError", "PermissionError", "FileNotFoundError", "BlockingIOError"}
"""How a machine may refuse an attempt on grounds of its own."""
NOBODY = 65534
"""The user without rights."""

TRY_IN_SANDBOX = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pipeline.sandbox.forked import ForkSandbox
from pipeline.sandbox.port import Call, Limits, Program
asked = json.loads(sys.stdin.readline())
sandbox = ForkSandbox("kernel")
sandbox.start(1)
planted = {**asked["planted"], "parent": sandbox._servers[1]._process.pid}
for name, source, limits in asked["escapes"]:
    session = sandbox.open(Program({"f": source}, Limits(**limits)), hash_seed=1)
    (observation,) = session.observe([Call("f", ({"$": "dict", "v": list(planted.items())},))])
    session.close()
    print(json.dumps([name, observation.value or observation.error, observation.message]), flush=True)
sandbox.close()
"""
"""Makes attempts in a sandbox of its own, with nothing but the standard library."""

TRY_AS_DECIDER = """
import json, os, resource, sys
sys.path.insert(0, sys.argv[1])
from pipeline.sandbox import locks
from pipeline.sandbox.forked import readable_paths
asked = json.loads(sys.stdin.readline())
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
locks.lock_decider(readable=readable_paths(), writable=[os.getcwd()])
for name, source, _ in asked["escapes"]:
    tried = {}
    try:
        exec(source, tried)
        found = tried["f"](asked["planted"])
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    print(json.dumps([name, found, ""], default=str), flush=True)
"""
"""Makes attempts in a process that is locked as the decider's is."""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What there is to be had: a home directory with a key, servers that listen, a variable with a secret."""
    home = tmp_path_factory.mktemp("home")
    key = home / ".ssh" / "id_ed25519"
    key.parent.mkdir()
    key.write_text(SECRET, "utf-8")
    (home / "link").symlink_to(key)
    with ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        listener, hidden = (stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2))
        folder = tmp_path_factory.mktemp("l")
        listener.bind(str(folder / "l"))
        hidden.bind(f"\0drystone-{os.getpid()}")
        for each in (listener, hidden):
            each.listen(100)
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        environment.setenv(VARIABLE, SECRET)
        yield {
            "home": str(home),
            "key": str(key),
            "link": str(home / "link"),
            "draft": str(home / "draft"),
            "repository": str(ROOT / "pyproject.toml"),
            "python": sys.executable,
            "variable": VARIABLE,
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "listener": str(folder / "l"),
            "abstract": f"drystone-{os.getpid()}",
            "tests": os.getpid(),
        }
    shutil.rmtree(home)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def kernel(planted: dict[str, Any]) -> Iterator[ForkSandbox]:
    """One warm sandbox for all attempts; at the end it is as it was."""
    sandbox = kernel_sandbox()
    works(sandbox)
    works(sandbox, RARE)
    before = [descriptors(server(sandbox)), len(children(server(sandbox)))]
    yield sandbox
    after = [descriptors(server(sandbox)), len(children(server(sandbox)))]
    folder, said = sandbox._servers[1]._folder.name, sandbox._servers[1]._stderr
    left = [[*Path(folder).iterdir()], os.fstat(said.fileno()).st_size]
    sandbox.close()
    assert (before, [[], 0]) == (after, left)


@pytest.fixture(scope="module")
def unlocked(planted: dict[str, Any]) -> Iterator[ForkSandbox]:
    """The same where only limits hold."""
    sandbox = ForkSandbox("process", DEFAULT_IMPORTS)
    works(sandbox)
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    opened = Judge(at_least="kernel")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def decided(planted: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What came of the attempts in a process that is locked as the decider's is."""
    command = [sys.executable, "-s", "-B", "-P", "-c", TRY_AS_DECIDER, str(ROOT)]
    mine = [escape for escape in HERE if escape.decider]
    own = str(tmp_path_factory.mktemp("own"))
    return tried(command, mine, prepared(planted, os.getpid()), cwd=own, env=bare_environment(0))


def server(sandbox: ForkSandbox) -> int:
    """The process id of the fork server that attempts are made in a child of."""
    sandbox.start(1)
    return sandbox._servers[1]._process.pid


def prepared(planted: dict[str, Any], parent: int) -> dict[str, Any]:
    """What is planted, made good after an attempt that got through."""
    home = Path(planted["home"])
    for left in {*home.iterdir(), *home.glob(".ssh/*")} - {
        home / ".ssh",
        home / "link",
        Path(planted["key"]),
    }:
        left.rmdir() if left.is_dir() else left.unlink()
    Path(planted["draft"]).write_text("draft", "utf-8")
    return {**planted, "parent": parent}


def attempted(sandbox: ForkSandbox, escape: Escape, planted: dict[str, Any]) -> Observation:
    """What one attempt in a fresh child came to."""
    there = wire.encode(prepared(planted, server(sandbox)), {})
    session = sandbox.open(Program({"f": escape.source}, escape.limits), hash_seed=1)
    (observation,) = session.observe([Call("f", (there,))])
    session.close()
    return observation


def works(sandbox: ForkSandbox, honest: Program = HONEST) -> bool:
    """Whether an honest candidate is observed as ever."""
    session = sandbox.open(honest, hash_seed=1)
    observations = session.observe([Call("f", (21,))])
    return session.close() and observations == [Observation("returned", value=42)]


def is_refused(escape: Escape, value: object, error: str) -> bool:
    return bool(re.search(escape.ends, error)) if escape.ends else value == "refused"


def tried(
    command: list[str], escapes: list[Escape], planted: dict[str, Any], **options: Any
) -> dict[str, str]:
    """Name -> what came of it, of attempts that another process makes."""
    asked = {
        "planted": planted,
        "escapes": [[escape.name, escape.source, asdict(escape.limits)] for escape in escapes],
    }
    ran = subprocess.run(
        command,
        input=json.dumps(asked) + "\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **options,
    )
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    return {"": ran.stderr, **{name: value for name, value, _ in found}}


def descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def children(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text("utf-8").rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if int(fields[1]) == pid:
            found.append(int(status.parent.name))
    return found


# -- the attempts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("escape", HERE, ids=lambda escape: escape.name)
def test_no_attempt_gets_through(kernel: ForkSandbox, planted: dict[str, Any], escape: Escape) -> None:
    """Each is told that it may not, or ended; and the one after it is an honest candidate that works."""
    observation = attempted(kernel, escape, planted)
    assert is_refused(escape, observation.value, observation.error), observation
    assert works(kernel)


@pytest.mark.parametrize("escape", UNLOCKED, ids=lambda escape: escape.name)
def test_the_attempt_is_a_real_one(unlocked: ForkSandbox, planted: dict[str, Any], escape: Escape) -> None:
    """Where only limits hold, it gets through."""
    if escape.unlocked == "root" and os.geteuid() != 0:
        pytest.skip("a limit holds everybody but root")
    observation = attempted(unlocked, escape, planted)
    refused = observation.value == "refused" or observation.error in REFUSALS
    if escape.unlocked == "perhaps" and refused:
        pytest.skip(f"this machine refuses it as well: {observation.error} {observation.message}")
    assert (observation.outcome, observation.value != "refused") == ("returned", True), observation


def test_there_are_many_attempts() -> None:
    """The list is long, and says each claim once."""
    names = [attempt.name for attempt in (*ESCAPES, *SEARCHES, *POISONS)]
    assert len(names) >= 45
    assert len(names) == len({*names})


# -- what is in its own process --------------------------------------------------------------------------------


def halves() -> tuple[str, dict[str, str]]:
    """A secret, and how it is told to someone who must not have it."""
    first, second = secrets.token_hex(12), secrets.token_hex(12)
    return first + second, {"first": first, "second": second}


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.name)
def test_a_search_finds_what_is_there(kernel: ForkSandbox, search: Escape) -> None:
    """What a candidate is told it finds again."""
    secret, told = halves()
    session = kernel.open(Program({"f": search.source}), hash_seed=1)
    (observation,) = session.observe([Call("f", (wire.encode({**told, "whole": secret}, {}),))])
    session.close()
    assert observation.value == secret, observation


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.name)
def test_no_other_candidate_is_found(kernel: ForkSandbox, search: Escape) -> None:
    """Neither the source of the one before, nor that of one beside it in another child of the same server."""
    secret, told = halves()
    holding = Program({"f": f"SECRET = {secret!r}\ndef f(x):\n    return SECRET\n"})
    before, beside = (kernel.open(holding, hash_seed=1) for _ in range(2))
    known = [session.observe([Call("f", (secret,))])[0].value for session in (before, beside)]
    before.close()
    session = kernel.open(Program({"f": search.source}), hash_seed=1)
    (observation,) = session.observe([Call("f", (wire.encode(told, {}),))])
    session.close()
    beside.close()
    assert (known, observation.value) == ([secret, secret], "refused"), observation


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.name)
def test_no_expected_value_and_no_rule_is_found(judge: Judge, search: Escape) -> None:
    """The only way to keep this contract without working for it is to read it; that does not succeed."""
    secret, told = halves()
    promised = contract(
        {"planted": "dict[str, str]"},
        "str",
        cases=[({"planted": told}, secret)],
        ensures=[f"{secret!r} != ''"],
    )
    quick = Effort(generated=0, landing=False, counterexample=False)
    source = "def f(planted):\n    return planted['first'] + planted['second']\n"
    assert judge.judge_program(promised, Program({"types": "", "f": source}), quick).passed
    judgement = judge.judge_program(promised, Program({"types": "", "f": search.source}), quick)
    assert broken(judgement) == ["examples[case 0]"]
    assert "returned 'refused'" in str(judgement.failures[0].message)


# -- the candidate after it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("poison", POISONS, ids=lambda poison: poison.name)
def test_nothing_is_left_for_the_next(kernel: ForkSandbox, poison: Poison) -> None:
    """What a candidate spoils is spoiled in its own process, and nowhere else: not beside it, not after it."""
    found = []
    spoiling = kernel.open(Program({"f": poison.source}), hash_seed=1)
    found += spoiling.observe([Call("f", (False,)), Call("f", (True,)), Call("f", (False,))])
    beside = kernel.open(Program({"f": poison.source}), hash_seed=1)
    found += beside.observe([Call("f", (False,))])
    beside.close()
    spoiling.close()
    after = kernel.open(Program({"f": poison.source}), hash_seed=1)
    found += after.observe([Call("f", (False,))])
    assert after.close()
    assert [each.value for each in found] == [False, True, True, False, False], found


def test_what_it_writes_reaches_nobody(kernel: ForkSandbox, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither the terminal of the tests nor the words of the fork server."""
    source = "import os\ndef f(x):\n    return [os.write(1, b'escaped'), os.write(2, b'escaped'), print('escaped')]\n"
    session = kernel.open(Program({"f": source}), hash_seed=1)
    (observation,) = session.observe([Call("f", (1,))])
    assert session.close()
    said = kernel._servers[1]._stderr
    assert (observation.outcome, capfd.readouterr(), os.fstat(said.fileno()).st_size) == (
        "returned",
        ("", ""),
        0,
    )


@pytest.mark.parametrize(
    "stays", ["lock = threading.Lock()\n    lock.acquire()\n    lock.acquire()", "while True:\n        pass"]
)
def test_nobody_outlives_his_run(kernel: ForkSandbox, stays: str) -> None:
    """Whether it waits or computes: once its session is closed, its process is gone."""
    source = f"import os, threading\ndef f(x):\n    if x:\n        return os.getpid()\n    {stays}\n"
    limits = Limits(call_cpu_seconds=0.3, batch_wall_seconds=3.0)
    session = kernel.open(Program({"f": source}, limits), hash_seed=1)
    (told,) = session.observe([Call("f", (1,))])
    (lost,) = session.observe([Call("f", (0,))])
    clean = session.close()
    assert (lost.outcome, clean) == ("lost", False)
    with pytest.raises(ProcessLookupError):
        os.kill(told.value, 0)


def test_a_crowded_starter_passes_no_descriptor_on(planted: dict[str, Any]) -> None:
    """Also where whoever starts the sandbox has more than a thousand files open."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1300:
        pytest.skip("so many files cannot be opened here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1300), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        sandbox = kernel_sandbox()
        finds = next(
            escape for escape in ESCAPES if escape.name == "finds a descriptor that is not its channel"
        )
        observation = attempted(sandbox, finds, planted)
        sandbox.close()
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert observation.value == "refused", observation


# -- other places ----------------------------------------------------------------------------------------------


def test_nothing_gets_through_without_rights(planted: dict[str, Any]) -> None:
    """As a user without any rights: neither the locks nor the attempts are root's."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else; whoever runs the other tests has no rights already")
    command = [sys.executable, "-B", "-c", TRY_IN_SANDBOX, str(ROOT)]
    somebody = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "cwd": "/"}
    try:
        subprocess.run([*command[:3], "import sys; sys.path.insert(0, sys.argv[1]); import pipeline.sandbox.forked", str(ROOT)],
            capture_output=True, check=True, **somebody,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this interpreter or this repository is closed to other users: {error}")
    found = tried(command, HERE, prepared(planted, 0), **somebody)
    breaches = {
        escape.name: found.get(escape.name, found[""])
        for escape in HERE
        if not is_refused(escape, found.get(escape.name), str(found.get(escape.name)))
    }
    assert breaches == {}


@pytest.mark.parametrize("escape", [each for each in HERE if each.decider], ids=lambda escape: escape.name)
def test_the_decider_cannot_either(decided: dict[str, str], kernel: ForkSandbox, escape: Escape) -> None:
    """The process that holds rules reads Python's own files and nobody else's, and reaches nobody."""
    found = decided.get(escape.name, decided[""])
    if found != "refused" and landlock.version() < 3:
        pytest.skip("this kernel's Landlock is too old to close every path")
    assert found == "refused"


def test_the_decider_can_do_its_work(tmp_path: Path, kernel: ForkSandbox) -> None:
    """Locked as it is, it imports what it needs and writes in its own folder."""
    works_still = Escape(
        "works",
        "import plistlib, subprocess\nopen('own', 'w').write('x')\nreturn open('own').read()",
    )
    command = [sys.executable, "-s", "-B", "-P", "-c", TRY_AS_DECIDER, str(ROOT)]
    found = tried(command, [works_still], {}, cwd=str(tmp_path), env=bare_environment(0))
    assert found == {"": "", "works": "x"}


def test_a_decider_is_locked(kernel: ForkSandbox) -> None:
    """The process that decides is one that locked itself: a filter, and no way to new rights."""
    decider = Decider("kernel")
    try:
        assert decider.isolation.level == "kernel"
        status = Path(f"/proc/{decider._process.pid}/status").read_text("utf-8")
        locks = dict(re.findall(r"^(Seccomp|NoNewPrivs):\s+(\d)$", status, re.MULTILINE))
    finally:
        decider.close()
    assert locks == {"Seccomp": "2", "NoNewPrivs": "1"}


def test_a_decider_that_is_left_alone_ends(kernel: ForkSandbox) -> None:
    """When whoever started it is gone, it goes as well, and its fork servers with it."""
    decider = Decider("kernel")
    try:
        assert decider.isolation.level == "kernel"
        servers = children(decider._process.pid)
        assert decider._process.stdin is not None
        decider._process.stdin.close()
        status = decider._process.wait(timeout=10)
    finally:
        decider.close()
    assert (status, len(servers), [server for server in servers if Path(f"/proc/{server}").exists()]) == (
        0,
        2,
        [],
    )


def test_a_decider_leaves_no_folder(kernel: ForkSandbox) -> None:
    """Once it is closed, neither its own folder nor those of its fork servers are there."""
    decider = Decider("kernel")
    try:
        assert decider.isolation.level == "kernel"
        ours = [decider._process.pid, *children(decider._process.pid)]
        folders = [Path(f"/proc/{pid}/cwd").readlink() for pid in ours]
    finally:
        decider.close()
    assert (len(folders), [folder for folder in folders if folder.exists()]) == (3, [])
