"""Processor time of this process and of everything it started, without waiting for any of it to end. Linux only."""

import os
import resource
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds() -> float:
    """User and system time of the process tree so far.

    Living descendants are read from their own clocks, to the nanosecond; the children that they have waited for are
    in their accounts to a tick, which is 10 ms a process.
    """
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        total += used.ru_utime + used.ru_stime
    return total + sum(map(_spent, _descendants(os.getpid())))


def _descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        inner = children.get(waiting.pop(), [])
        found += inner
        waiting += inner
    return found


def _spent(pid: int) -> float:
    fields = _fields(pid)
    if not fields:
        return 0.0
    waited_for = (int(fields[13]) + int(fields[14])) / _TICKS
    try:
        return waited_for + time.clock_gettime(
            (~pid << 3) | 2
        )  # clock_getcpuclockid(3), which Python has not
    except OSError:
        return 0.0


def _fields(pid: int) -> list[str]:
    """What stands in /proc/PID/stat behind the name: state, parent, ...; nothing of a process that has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []
