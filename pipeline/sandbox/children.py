"""Child processes: what they may know of their surroundings, and how they end."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable
from typing import Any


def bare_environment(hash_seed: int) -> dict[str, str]:
    """The whole environment of a child: no key, no home, no path of the user's.

    Another hash seed comes with another time zone, so that an answer that hangs on either differs.
    """
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    zone = "UTC" if hash_seed < 2 else "JST-9"
    return {**kept, "PYTHONHASHSEED": str(hash_seed), "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "TZ": zone}


def keep_on(core: int, processes: Iterable[int]) -> None:
    """Have processes, and whatever they will start, use one core alone.

    Of processes that hand their work to one another only one computes at a time: on one core the next one finds it
    awake, and its caches warm.
    """
    if hasattr(os, "sched_setaffinity"):
        for process in processes:
            with contextlib.suppress(OSError):  # it has ended, or the system does not let us
                os.sched_setaffinity(process, {core})


def kill(process: subprocess.Popen[Any]) -> None:
    """Kill a child that leads its own session, and whatever it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except AttributeError:  # Windows
        process.kill()
    except (ProcessLookupError, PermissionError):
        pass
