"""The strongest sandbox this machine has, found out by trying it; and what to do where that is not enough."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import SandboxError
from pipeline.sandbox import escapes
from pipeline.sandbox.forked import ForkSandbox
from pipeline.sandbox.port import Call, Level, Limits, Program, Sandbox
from pipeline.sandbox.process import ProcessSandbox

HASH_SEEDS = (1, 2)
"""Of the two processes a candidate is observed in."""
_ATTEMPTS = Program({"attempts": Path(escapes.__file__).read_text("utf-8")}, Limits(batch_wall_seconds=20.0))


def start(at_most: Level, preload: Sequence[str]) -> Sandbox:
    """Start a sandbox of a level without waiting for it to be ready."""
    if not hasattr(os, "fork"):
        return ProcessSandbox()
    sandbox = ForkSandbox(at_most, preload)
    for seed in HASH_SEEDS:
        sandbox.start(seed)
    return sandbox


def choose(started: Sandbox, preload: Sequence[str]) -> tuple[Sandbox, str]:
    """The sandbox that was started if it isolates as its level says, else a weaker one, and why it is one."""
    if started.level == "process":
        return started, "" if hasattr(os, "fork") else f"there is no kernel isolation for {sys.platform} here"
    try:
        trouble = try_out(started)
    except SandboxError as error:
        trouble = str(error)
    if trouble is None:
        return started, ""
    started.close()
    return start("process", preload), trouble


def try_out(sandbox: Sandbox) -> str | None:
    """What unread code could do in this sandbox and must not, or None. Raises SandboxError if it does not start."""
    session = sandbox.open(_ATTEMPTS, hash_seed=HASH_SEEDS[0])
    (observation,) = session.observe([Call("attempts", ())])
    session.close()
    if observation.outcome != "returned" or not isinstance(observation.value, list):
        return f"the sandbox could not be tried out: {observation.error} {observation.message}"
    return f"unread code could still {', '.join(map(str, observation.value))}" if observation.value else None


def remedy(trouble: str) -> str:
    """What a person can do who needs kernel isolation and does not have it here."""
    if sys.platform == "win32":
        return "Windows has none that drystone knows: judge in WSL 2 or a Linux runner"
    if sys.platform == "darwin":
        return "run drystone outside of other sandboxes (an editor's, a build's), or in a Linux container"
    if "seccomp" in trouble:
        return (
            "the kernel or the container refuses seccomp filters: start the container with a seccomp profile that "
            "allows prctl(PR_SET_SECCOMP), as docker's default does, and a kernel with CONFIG_SECCOMP_FILTER"
        )
    return "run it on Linux (x86_64 or aarch64, kernel 4.14 or later); neither root nor user namespaces are needed"
