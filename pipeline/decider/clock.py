"""The processor time of one rule, kept by the kernel: a rule that takes more than its share ends this process.

A computation inside the interpreter (`9 ** 9 ** 9`) cannot be interrupted from Python; the process can be ended.
"""

import faulthandler
import signal
from typing import Any

FRAME = "rule: "
"""What the file name of a rule's code begins with; the rule follows, so that a traceback tells it."""

_set_timer: Any = getattr(signal, "setitimer", None)  # Windows has none
_seconds = 0.0


def limit_rules(seconds: float) -> None:
    """From here on a rule may take so much processor time.

    When it is over, the rule is written to standard error; a second later the process ends.
    """
    global _seconds  # noqa: PLW0603 - a process has one such clock
    if _set_timer is not None:
        _seconds = seconds
        faulthandler.register(signal.SIGVTALRM)


def start() -> None:
    """A rule begins."""
    if _seconds:
        _set_timer(signal.ITIMER_VIRTUAL, _seconds)
        _set_timer(signal.ITIMER_PROF, _seconds + 1)


def stop() -> None:
    """A rule has ended."""
    if _seconds:
        _set_timer(signal.ITIMER_VIRTUAL, 0.0)
        _set_timer(signal.ITIMER_PROF, 0.0)
