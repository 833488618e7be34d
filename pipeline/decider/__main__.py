"""The decider's process: takes jobs as lines of JSON, observes candidates in its sandbox, answers with what it decided.

It holds rules and expected values and has no key, no network and no unread code: that runs in children of fork
servers, which are started before this process locks itself.
"""

import importlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pipeline.decider import clock
from pipeline.errors import SandboxError
from pipeline.sandbox import locks, strongest, wire
from pipeline.sandbox.children import keep_on
from pipeline.sandbox.forked import readable_paths
from pipeline.sandbox.port import Level

MEMORY_BYTES = 2 << 30


class Channel:
    """Frames to and from the parent; nothing else may write where frames go."""

    def __init__(self) -> None:
        self._in = os.fdopen(os.dup(0), "rb")
        self._out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)

    def say(self, frame: dict[str, Any]) -> None:
        self._out.write(wire.dump_frame(frame))
        self._out.flush()

    def hear(self) -> Any:
        line = self._in.readline()
        return wire.load_own_frame(line) if line else None

    def note(self, clause: str) -> None:
        """Say which clause is being worked on."""
        self.say({"at": clause})


def main() -> None:
    """Serve jobs until standard input ends.

    Arguments: the level at most, a rule's seconds, modules to preload, and the core to stay on or nothing.
    """
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    at_most: Level = "kernel" if sys.argv[2] == "kernel" else "process"
    channel = Channel()
    preload = sys.argv[4].split(",")
    sandbox = strongest.start(at_most, preload)
    _limit_memory()
    jobs = importlib.import_module("pipeline.decider.jobs")  # a second's work, while the sandbox gets ready
    sandbox, trouble = strongest.choose(sandbox, preload)
    if sys.argv[5]:
        keep_on(int(sys.argv[5]), [os.getpid(), *sandbox.processes])
    if sandbox.level == "kernel":
        locks.lock_decider(readable=readable_paths(), writable=[str(Path.cwd())])
    clock.limit_rules(float(sys.argv[3]))
    _hide_own_modules()
    remedy = strongest.remedy(trouble) if trouble else ""
    channel.say({"level": sandbox.level, "layers": sandbox.layers, "trouble": trouble, "remedy": remedy})
    while (job := channel.hear()) is not None:
        try:
            channel.say(jobs.serve(job, sandbox, channel.note))
        except MemoryError:
            channel.say({"failed": "needs more memory than a rule may take"})
        except RecursionError:
            channel.say({"failed": "nests deeper than a rule may"})
        except SandboxError as error:
            channel.say({"unsafe": str(error)})
    sandbox.close()


def _end_with(parent: int) -> None:
    """End when the parent has: nobody would hear what becomes of a job. The servers end with this process."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _limit_memory() -> None:
    try:
        resource: Any = importlib.import_module("resource")
    except ImportError:  # Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_BYTES if most == resource.RLIM_INFINITY else min(MEMORY_BYTES, most)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _hide_own_modules() -> None:
    """Hypothesis draws from the constants of modules that are not installed; ours must not colour the inputs."""
    for name, module in list(sys.modules.items()):
        if name == "__main__" or name.split(".")[0] == "pipeline":
            module.__file__ = None


if __name__ == "__main__":
    main()
