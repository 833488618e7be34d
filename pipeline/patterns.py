"""Regular expressions that people write in specs: matched whole, by Python's own `re`, within a time limit."""

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 2
"""How long a text may take to be matched; a pattern that backtracks for ever is no pattern."""


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raises TimeoutError in the block, where this thread may set an alarm and the system has one."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def expire(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Pattern:
    """The whole text matches; Python's own `re`, as the generated code and the rules use it."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._seconds = float(SECONDS)

    def __call__(self, value: str) -> str:
        try:
            with _time_limit(self._seconds):
                matched = re.fullmatch(self.pattern, value)
        except TimeoutError:
            self._seconds = 0.1  # there may be hundreds of such values; one was enough to know
            raise ValueError(
                f"the pattern {self.pattern} takes more than {SECONDS} s on {value[:80]!r}; "
                "it repeats what repeats already"
            ) from None
        if matched is None:
            raise ValueError(f"{value[:80]!r} does not match the pattern {self.pattern}")
        return value
